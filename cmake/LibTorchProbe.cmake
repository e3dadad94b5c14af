# What stands in a folder that may hold LibTorch, read from its files alone: nothing is loaded, no toolkit is needed.
#
# llmtrain_probe_libtorch(candidate prefix) sets, in the caller's scope:
#   <prefix>_STATE    ok | absent (no LibTorch there) | refused (a version that the project does not build against)
#   <prefix>_ROOT     the folder with include/ and lib/: the candidate, or two levels above for <root>/share/cmake
#   <prefix>_VERSION  e.g. 2.13.0
#   <prefix>_VARIANT  e.g. CPU, CUDA 13.0, ROCm
#   <prefix>_FAULT    unless ok: one line, without the candidate's name in front
#
# As a script, for scripts/setup.sh: cmake -D CANDIDATE=folder -P LibTorchProbe.cmake prints
# "-- state|root|version|variant|fault".
set(LLMTRAIN_LIBTORCH_FIRST 2.11)
set(LLMTRAIN_LIBTORCH_LAST 2.13)

function(llmtrain_probe_libtorch candidate prefix)
  set(state absent)
  set(version "")
  set(variant "")
  set(fault "no LibTorch, expected a folder with include/ATen and lib/libtorch_cpu.so")
  get_filename_component(root "${candidate}" ABSOLUTE BASE_DIR "${CMAKE_SOURCE_DIR}")
  string(REGEX REPLACE "/share/cmake(/Torch)?$" "" root "${root}")

  if(EXISTS "${root}/include/ATen/ATen.h" AND EXISTS "${root}/lib/libtorch_cpu.so" AND EXISTS "${root}/lib/libc10.so")
    llmtrain_read_libtorch_version("${root}" version variant)
    string(REGEX MATCH "^[0-9]+\\.[0-9]+" minor "${version}")
    if(version STREQUAL "")
      set(state refused)
      set(fault "LibTorch of unknown version, expected ${LLMTRAIN_LIBTORCH_FIRST} to ${LLMTRAIN_LIBTORCH_LAST}")
    elseif(minor VERSION_LESS LLMTRAIN_LIBTORCH_FIRST OR minor VERSION_GREATER LLMTRAIN_LIBTORCH_LAST)
      set(state refused)
      set(fault "LibTorch ${version}, expected ${LLMTRAIN_LIBTORCH_FIRST} to ${LLMTRAIN_LIBTORCH_LAST}")
    else()
      set(state ok)
      set(fault "")
    endif()
  endif()
  foreach(name STATE ROOT VERSION VARIANT FAULT)
    string(TOLOWER ${name} variable)
    set(${prefix}_${name} "${${variable}}" PARENT_SCOPE)
  endforeach()
endfunction()

# The headers decide, for they are what is compiled against; then a wheel's version.py, then a zip's build-version.
function(llmtrain_read_libtorch_version root version_variable variant_variable)
  set(version "")
  foreach(header torch/headeronly/version.h torch/csrc/api/include/torch/version.h torch/version.h)
    if(version STREQUAL "" AND EXISTS "${root}/include/${header}")
      file(STRINGS "${root}/include/${header}" lines REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) +[0-9]+")
      string(REGEX REPLACE "[^;0-9]+" "" numbers "${lines}")
      string(REPLACE ";" "." version "${numbers}")
    endif()
  endforeach()
  set(build "")
  if(EXISTS "${root}/version.py")
    file(STRINGS "${root}/version.py" build REGEX "^(__version__|cuda|hip)[ :]")
  elseif(EXISTS "${root}/build-version")
    file(STRINGS "${root}/build-version" build LIMIT_COUNT 1)
  endif()
  if(version STREQUAL "" AND build MATCHES "([0-9]+\\.[0-9]+\\.[0-9]+)")
    set(version ${CMAKE_MATCH_1})
  endif()

  set(variant CPU)
  if(build MATCHES "cuda[^;]*= '([0-9.]+)'")
    set(variant "CUDA ${CMAKE_MATCH_1}")
  elseif(build MATCHES "\\+cu([0-9]+)([0-9])")
    set(variant "CUDA ${CMAKE_MATCH_1}.${CMAKE_MATCH_2}")
  elseif(EXISTS "${root}/lib/libtorch_cuda.so")
    set(variant CUDA)
  elseif(EXISTS "${root}/lib/libtorch_hip.so")
    set(variant ROCm)
  endif()
  set(${version_variable} "${version}" PARENT_SCOPE)
  set(${variant_variable} "${variant}" PARENT_SCOPE)
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  llmtrain_probe_libtorch("${CANDIDATE}" found)
  message(STATUS "${found_STATE}|${found_ROOT}|${found_VERSION}|${found_VARIANT}|${found_FAULT}")
endif()
