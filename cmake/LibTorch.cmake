# llmtrain::torch, the LibTorch found, as a target of our own, and llmtrain_use_torch() for the modules that need it.
#
# LibTorch's own package files are not read: those of a CUDA build stop without a CUDA toolkit, even where only the CPU
# part is wanted. Without LLMTRAIN_CUDA, libtorch.so is not linked either: it is an empty library that pulls in
# libtorch_cuda.so and with it every NVIDIA library.
include(${CMAKE_CURRENT_LIST_DIR}/LibTorchProbe.cmake)

option(LLMTRAIN_CUDA "Link LibTorch's CUDA part (needs a CUDA build of LibTorch)" OFF)
set(LLMTRAIN_LIBTORCH "" CACHE PATH "LibTorch to build with: a folder with include/ and lib/; empty: look for one")

# The first of: -D LLMTRAIN_LIBTORCH, env LIBTORCH, CMAKE_PREFIX_PATH (variable, then environment), what
# scripts/setup.sh found. What was named must fit; an entry of CMAKE_PREFIX_PATH without LibTorch is passed over.
function(llmtrain_find_libtorch)
  set(setup_file ${PROJECT_SOURCE_DIR}/.deps/libtorch_root)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${setup_file})
  set(candidates "")
  foreach(entry "LLMTRAIN_LIBTORCH=${LLMTRAIN_LIBTORCH}" "LIBTORCH=$ENV{LIBTORCH}")
    if(NOT entry MATCHES "=$")
      list(APPEND candidates "${entry}")
    endif()
  endforeach()
  string(REPLACE ":" ";" environment_paths "$ENV{CMAKE_PREFIX_PATH}")
  foreach(path ${CMAKE_PREFIX_PATH} ${environment_paths})
    list(APPEND candidates "CMAKE_PREFIX_PATH=${path}")
  endforeach()
  if(EXISTS ${setup_file})
    file(STRINGS ${setup_file} path LIMIT_COUNT 1)
    list(APPEND candidates "${setup_file}=${path}")
  endif()

  foreach(candidate ${candidates})
    string(REGEX MATCH "^([^=]*)=(.*)$" matched "${candidate}")
    set(origin "${CMAKE_MATCH_1}")
    set(path "${CMAKE_MATCH_2}")
    llmtrain_probe_libtorch("${path}" found)
    if(found_STATE STREQUAL ok)
      set(LLMTRAIN_LIBTORCH_ROOT "${found_ROOT}" PARENT_SCOPE)
      set(LLMTRAIN_LIBTORCH_VARIANT "${found_VARIANT}" PARENT_SCOPE)
      message(STATUS "LibTorch ${found_VERSION} (${found_VARIANT}): ${found_ROOT}, named by ${origin}")
      return()
    elseif(found_STATE STREQUAL refused OR NOT origin STREQUAL CMAKE_PREFIX_PATH)
      message(FATAL_ERROR "${origin}: ${path}: ${found_FAULT}; try scripts/setup.sh without it")
    endif()
  endforeach()
  message(FATAL_ERROR "no LibTorch named or found, expected ${LLMTRAIN_LIBTORCH_FIRST} to ${LLMTRAIN_LIBTORCH_LAST}; "
                      "try scripts/setup.sh")
endfunction()

llmtrain_find_libtorch()
set(LLMTRAIN_LIBTORCH_LIB ${LLMTRAIN_LIBTORCH_ROOT}/lib)

# One OpenMP runtime in the process: LibTorch brings its own libgomp, renamed in some builds. Compiling with -fopenmp
# and linking that very file, instead of linking with -fopenmp, keeps the compiler's copy out.
file(GLOB LLMTRAIN_LIBTORCH_OPENMP ${LLMTRAIN_LIBTORCH_LIB}/libgomp*.so*)
if(NOT LLMTRAIN_LIBTORCH_OPENMP)
  set(LLMTRAIN_LIBTORCH_OPENMP gomp)
endif()

# LibTorch's include folder also holds headers of packages that it was built with, {fmt} among them, which would hide the
# system's. So only its own are let in, by links.
set(LLMTRAIN_LIBTORCH_INCLUDE ${CMAKE_BINARY_DIR}/libtorch_include)
file(MAKE_DIRECTORY ${LLMTRAIN_LIBTORCH_INCLUDE})
foreach(name ATen c10 torch)
  file(CREATE_LINK ${LLMTRAIN_LIBTORCH_ROOT}/include/${name} ${LLMTRAIN_LIBTORCH_INCLUDE}/${name} SYMBOLIC)
endforeach()

add_library(llmtrain::torch INTERFACE IMPORTED GLOBAL)
target_include_directories(llmtrain::torch INTERFACE ${LLMTRAIN_LIBTORCH_INCLUDE}
                                                     ${LLMTRAIN_LIBTORCH_INCLUDE}/torch/csrc/api/include)
# Nothing reads errno or floating-point traps after arithmetic, and loops with sqrt vectorise only without them.
target_compile_options(llmtrain::torch INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:-fopenmp;-fno-math-errno;-fno-trapping-math>")
if(LLMTRAIN_CUDA)
  if(NOT EXISTS ${LLMTRAIN_LIBTORCH_LIB}/libtorch_cuda.so)
    message(FATAL_ERROR "LLMTRAIN_CUDA: ${LLMTRAIN_LIBTORCH_ROOT} is a ${LLMTRAIN_LIBTORCH_VARIANT} build of LibTorch, "
                        "expected a CUDA build; try LIBTORCH=<a CUDA build>")
  endif()
  target_compile_definitions(llmtrain::torch INTERFACE LLMTRAIN_CUDA)
  # libtorch_cuda registers its kernels when it is loaded; no symbol of it is called, so the linker would drop it.
  target_link_libraries(llmtrain::torch INTERFACE
    -Wl,--push-state,--no-as-needed ${LLMTRAIN_LIBTORCH_LIB}/libtorch_cuda.so ${LLMTRAIN_LIBTORCH_LIB}/libc10_cuda.so
    -Wl,--pop-state)
endif()
target_link_libraries(llmtrain::torch INTERFACE ${LLMTRAIN_LIBTORCH_LIB}/libtorch_cpu.so
                                                ${LLMTRAIN_LIBTORCH_LIB}/libc10.so ${LLMTRAIN_LIBTORCH_OPENMP})
# LibTorch's copy of MKL asks this function which kernels to take (lib/ops/mkl_switch.h). -u takes our answer out of the
# library of the room ops where a program links that, and exported from the program it comes before LibTorch's own.
target_link_options(llmtrain::torch INTERFACE -Wl,-u,mkl_serv_intel_cpu_true
                                              -Wl,--export-dynamic-symbol=mkl_serv_intel_cpu_true)
# A CUDA build of LibTorch from pip keeps the libraries that it needs in folders beside itself, where the linker does not
# look by itself.
file(GLOB nvidia_folders LIST_DIRECTORIES true ${LLMTRAIN_LIBTORCH_ROOT}/../nvidia/*/lib)
foreach(folder ${nvidia_folders})
  target_link_options(llmtrain::torch INTERFACE -Wl,-rpath-link,${folder})
endforeach()

# ATen's headers, compiled once. Linked as the modules are, so that flags and definitions agree; -Winvalid-pch is an
# error.
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/torch_headers.cpp CONTENT "")
add_library(llmtrain_torch_headers OBJECT EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/torch_headers.cpp)
target_link_libraries(llmtrain_torch_headers PRIVATE llmtrain_base llmtrain::torch)
target_precompile_headers(llmtrain_torch_headers PRIVATE <ATen/ATen.h>)

# llmtrain_use_torch(target): `target`, a library, may include ATen, and everything that links it links LibTorch.
function(llmtrain_use_torch target)
  target_link_libraries(${target} PUBLIC llmtrain::torch)
  target_precompile_headers(${target} REUSE_FROM llmtrain_torch_headers)
endfunction()

# llmtrain_torch_module(...): llmtrain_module for a room that may include ATen.
function(llmtrain_torch_module name)
  llmtrain_module(${name} ${ARGN})
  get_target_property(type llmtrain_${name} TYPE)
  if(type STREQUAL STATIC_LIBRARY)
    llmtrain_use_torch(llmtrain_${name})
  endif()
endfunction()

# llmtrain_torch_test(...): llmtrain_test whose sources may include ATen. They are compiled as a library is, so that the
# precompiled header fits.
function(llmtrain_torch_test name)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${name}/*.cpp)
  if(sources)
    add_library(${name}_test_objects OBJECT ${sources})
    target_link_libraries(${name}_test_objects PUBLIC ${ARG_LIBS} llmtrain_test_support)
    llmtrain_use_torch(${name}_test_objects)
    add_executable(${name}_test $<TARGET_OBJECTS:${name}_test_objects>)
    target_link_libraries(${name}_test PRIVATE ${ARG_LIBS} llmtrain_test_support llmtrain::torch)
    gtest_discover_tests(${name}_test TEST_PREFIX ${name}/ DISCOVERY_TIMEOUT 60 PROPERTIES LABELS ${name} TIMEOUT 300)
  endif()
endfunction()
