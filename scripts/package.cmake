# What `cmake --install` puts where, and the packages that CPack makes of it (scripts/package.sh).
include(GNUInstallDirs)
install(TARGETS moesim RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS moesim-f64 RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} OPTIONAL)  # scripts/quickstart.sh builds moesim alone
install(DIRECTORY experiments/ DESTINATION ${CMAKE_INSTALL_DATADIR}/moesim/experiments FILES_MATCHING PATTERN *.ini)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(FILES README.md CHANGELOG.md analysis/FORMAT.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${CMAKE_BINARY_DIR}/INSTALL DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)  # of the archive, by scripts/package.sh

# The program writes its manual page and completions when it is installed: they are those of the binary beside them, with its
# plug-ins, whichever targets were built.
set(moesim_reference ${CMAKE_BINARY_DIR}/reference)
install(CODE "
  file(MAKE_DIRECTORY \"${moesim_reference}\")
  foreach(page IN ITEMS man:moesim.1 bash:moesim zsh:_moesim fish:moesim.fish)
    string(REPLACE \":\" \";\" page \${page})
    list(GET page 0 kind)
    list(GET page 1 name)
    execute_process(COMMAND \"$<TARGET_FILE:moesim>\" reference \${kind} OUTPUT_FILE \"${moesim_reference}/\${name}\" RESULT_VARIABLE failed)
    if(failed)
      message(FATAL_ERROR \"moesim reference \${kind} failed (\${failed}); does this machine run what it builds?\")
    endif()
  endforeach()")
# Debian's zsh looks for completions of packages in a folder of its own.
set(moesim_zsh ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
if(CMAKE_INSTALL_PREFIX STREQUAL /usr AND EXISTS /etc/debian_version)
  set(moesim_zsh ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
endif()
install(FILES ${moesim_reference}/moesim.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${moesim_reference}/moesim DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${moesim_reference}/_moesim DESTINATION ${moesim_zsh})
install(FILES ${moesim_reference}/moesim.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_NAME moesim)
set(CPACK_PACKAGE_CONTACT "The moesim authors <authors@moesim.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "research simulator for Mixture-of-Experts routing")
set(CPACK_PACKAGE_DESCRIPTION "moesim trains small Mixture-of-Experts transformers with interchangeable
routers from one config file, on a laptop, and records what every router did:
expert utilisation, token drops, losses. Runs are reproducible to the bit on
any number of threads, and tables say what the seeds cannot tell apart.

This package is built for every processor of its architecture; matrix
products choose the instructions of the machine when they run.")
set(CPACK_SYSTEM_NAME ${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS gnuplot-nox)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "bash-completion, python3-h5py, python3-xarray")
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/scripts/compress.cmake)
include(CPack)
