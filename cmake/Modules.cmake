# Packages, warnings, and llmtrain_module / llmtrain_test: one line a module in the top CMakeLists.txt.
include(GNUInstallDirs)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(pcre2 REQUIRED IMPORTED_TARGET libpcre2-8)

find_program(LLMTRAIN_CCACHE ccache)
if(LLMTRAIN_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${LLMTRAIN_CCACHE})
endif()

add_library(llmtrain_options INTERFACE)
target_include_directories(llmtrain_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(llmtrain_options INTERFACE SPDLOG_FMT_EXTERNAL)
target_compile_options(llmtrain_options INTERFACE -Wall -Wextra -Wshadow -Werror -fstack-protector-strong)
# GCC 12 sees overlaps in std::string that are not there (GCC bug 105651).
target_compile_options(llmtrain_options INTERFACE -Wno-restrict)
if(LLMTRAIN_SANITIZE)
  target_compile_options(llmtrain_options INTERFACE -fsanitize=${LLMTRAIN_SANITIZE} -fno-sanitize-recover=all
                                                    -fno-omit-frame-pointer)
  target_link_options(llmtrain_options INTERFACE -fsanitize=${LLMTRAIN_SANITIZE})
  # GCC 12 reports false maybe-uninitialized and stringop-overflow warnings in instrumented standard headers.
  target_compile_options(llmtrain_options INTERFACE -Wno-maybe-uninitialized -Wno-stringop-overflow)
endif()

# llmtrain_module(name [DEPS module...] [PACKAGES target...]): library llmtrain_<name> from lib/<name>/*.cpp and
# lib/<name>/cpu/*.cpp.
# DEPS are the rooms it may include; tests/house checks the same edges in the sources.
function(llmtrain_module name)
  cmake_parse_arguments(ARG "" "" "DEPS;PACKAGES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/lib/${name}/*.cpp ${PROJECT_SOURCE_DIR}/lib/${name}/cpu/*.cpp)
  list(TRANSFORM ARG_DEPS PREPEND llmtrain_)
  if(sources)
    add_library(llmtrain_${name} STATIC ${sources})
    target_link_libraries(llmtrain_${name} PUBLIC llmtrain_options ${ARG_DEPS} ${ARG_PACKAGES})
  else()
    add_library(llmtrain_${name} INTERFACE)
    target_link_libraries(llmtrain_${name} INTERFACE llmtrain_options ${ARG_DEPS} ${ARG_PACKAGES})
  endif()
endfunction()

function(llmtrain_compile_as_test target)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  # With -O1, GCC 12 warns of std::string's own copies, which are right (GCC bug 105329).
  target_compile_options(${target} PRIVATE -O1 -Wno-array-bounds -Wno-stringop-overflow)
endfunction()

# llmtrain_test(name [LIBS target...]): executable <name>_test from tests/<name>/*.cpp, each TEST a ctest of its own.
function(llmtrain_test name)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${name}/*.cpp)
  if(sources)
    add_executable(${name}_test ${sources})
    target_link_libraries(${name}_test PRIVATE ${ARG_LIBS} llmtrain_test_support)
    llmtrain_compile_as_test(${name}_test)
    target_precompile_headers(${name}_test REUSE_FROM llmtrain_test_headers)
    gtest_discover_tests(${name}_test TEST_PREFIX ${name}/ DISCOVERY_TIMEOUT 60 PROPERTIES LABELS ${name} TIMEOUT 300)
  endif()
endfunction()
