# Compresses what Debian's policy wants compressed (12.1, 12.7) in the tree that becomes a .deb; CPack runs it on each tree.
if(CPACK_GENERATOR STREQUAL DEB)
  file(GLOB_RECURSE moesim_files ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/man1/moesim.1
       ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/CHANGELOG.md)
  foreach(file IN LISTS moesim_files)
    execute_process(COMMAND gzip -9n ${file} COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
endif()
