# cmake --install: both programs in bin, the libraries of LibTorch that they need in lib/llmtrain, found from there by a
# path relative to the program, so that the prefix can stand and be moved anywhere.
set(LLMTRAIN_PRIVATE_LIB lib/llmtrain)

install(TARGETS llmtrain RUNTIME DESTINATION bin)
# Made by the program itself, so that it is never older than the commands.
install(CODE "
  set(completions \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/bash-completion/completions\")
  file(MAKE_DIRECTORY \"\${completions}\")
  execute_process(COMMAND \"${CMAKE_BINARY_DIR}/llmtrain\" completion bash
                  OUTPUT_FILE \"\${completions}/llmtrain\" COMMAND_ERROR_IS_FATAL ANY)
  message(STATUS \"Installing: \${completions}/llmtrain\")")

if(TARGET llmtrain-engine)
  set_target_properties(llmtrain-engine PROPERTIES INSTALL_RPATH "$ORIGIN/../${LLMTRAIN_PRIVATE_LIB}")
  install(TARGETS llmtrain-engine RUNTIME DESTINATION bin)
  # What the engine loads, however deep, but for what the system's package manager keeps: libtorch_cpu, libc10 and their
  # OpenMP runtime, and for a CUDA build of LibTorch the NVIDIA libraries it needs.
  install(CODE "
    file(GET_RUNTIME_DEPENDENCIES EXECUTABLES \"${CMAKE_BINARY_DIR}/llmtrain-engine\"
         RESOLVED_DEPENDENCIES_VAR libraries UNRESOLVED_DEPENDENCIES_VAR missing
         POST_EXCLUDE_REGEXES \"^/(usr/)?lib(64)?(/[a-z0-9_]+-linux-gnu[a-z0-9]*)?/[^/]+$\")
    if(missing)
      message(FATAL_ERROR \"llmtrain-engine needs libraries that are not found: \${missing}\")
    endif()
    file(INSTALL \${libraries} DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${LLMTRAIN_PRIVATE_LIB}\"
         TYPE SHARED_LIBRARY FOLLOW_SYMLINK_CHAIN)")
endif()
