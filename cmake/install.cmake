# Install and export: one package, `braintrust`, with a target for each library that was built. Users reach it with
# find_package(braintrust CONFIG [COMPONENTS local otel]), or with `pkg-config braintrust`, `braintrust-eval-main` and
# `braintrust-local`.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/braintrust)
get_target_property(library_type braintrust TYPE)

# Until 1.0 each minor version may break programs, so the minor version is part of the shared library's name.
set_target_properties(braintrust PROPERTIES
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  DEFINE_SYMBOL "")  # every symbol is visible, so a shared build compiles as a static one does

install(TARGETS braintrust EXPORT braintrust_targets)
if(TARGET braintrust_curl_wrap)
  install(TARGETS braintrust_curl_wrap EXPORT braintrust_targets)
endif()
if(TARGET braintrust_eval_main)
  install(TARGETS braintrust_eval_main EXPORT braintrust_targets)
endif()
# Preloaded, never linked: it is no target of the package. The program braintrust-local finds it beside itself.
if(TARGET braintrust_auto)
  install(TARGETS braintrust_auto LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(EXPORT braintrust_targets NAMESPACE braintrust:: FILE braintrust-targets.cmake DESTINATION ${package_dir})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/braintrust DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h"
  PATTERN "local" EXCLUDE
  PATTERN "otel.h" EXCLUDE)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/braintrust-config.cmake.in
  ${PROJECT_BINARY_DIR}/braintrust-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/braintrust-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/braintrust-config.cmake ${PROJECT_BINARY_DIR}/braintrust-config-version.cmake
  DESTINATION ${package_dir})

# A .pc file says where the tree is relative to itself, so that an installed tree may be moved.
cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_LIBDIR BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX} OUTPUT_VARIABLE pc_dir)
cmake_path(APPEND pc_dir pkgconfig)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${pc_dir} OUTPUT_VARIABLE pc_prefix)
cmake_path(APPEND pc_includedir "\${prefix}" ${CMAKE_INSTALL_INCLUDEDIR})
cmake_path(APPEND pc_libdir "\${prefix}" ${CMAKE_INSTALL_LIBDIR})
function(install_pc name description requires requires_private)
  string(REPLACE "-" "_" library ${name})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/braintrust.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

set(pc_libraries "libcurl fmt")
if(ZLIB_FOUND)
  string(APPEND pc_libraries " zlib")
endif()
if(BRAINTRUST_BROTLI_FOUND)
  string(APPEND pc_libraries " libbrotlidec")
endif()
if(BRAINTRUST_ZSTD_FOUND)
  string(APPEND pc_libraries " libzstd")
endif()
# pkg-config does not know which kind of library it describes. With a static one the program itself must link what the
# library uses; with a shared one it must not.
if(library_type STREQUAL "SHARED_LIBRARY")
  install_pc(braintrust "${PROJECT_DESCRIPTION}" "nlohmann_json" "${pc_libraries}")
else()
  install_pc(braintrust "${PROJECT_DESCRIPTION}" "nlohmann_json ${pc_libraries}" "")
endif()

if(TARGET braintrust_eval_main)
  install_pc(braintrust-eval-main "Programs made of Braintrust evals" "braintrust = ${PROJECT_VERSION}" "")
endif()
if(TARGET braintrust_local)
  install(TARGETS braintrust_local EXPORT braintrust_local_targets)
  install(EXPORT braintrust_local_targets NAMESPACE braintrust:: FILE braintrust-local-targets.cmake
    DESTINATION ${package_dir})
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/FindCppHttplib.cmake DESTINATION ${package_dir})
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/braintrust/local DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/braintrust
    FILES_MATCHING PATTERN "*.h")
  install(TARGETS braintrust-local)
  # Where pkg-config knows no cpp-httplib it is a single header, compiled into the library.
  set(pc_local_requires "braintrust = ${PROJECT_VERSION} sqlite3 fmt")
  if(BRAINTRUST_HTTPLIB_FOUND)
    string(APPEND pc_local_requires " cpp-httplib")
  endif()
  install_pc(braintrust-local "Braintrust's backend on one's own machine" "${pc_local_requires}" "")
endif()
if(TARGET braintrust_otel)
  install(TARGETS braintrust_otel EXPORT braintrust_otel_targets)
  install(EXPORT braintrust_otel_targets NAMESPACE braintrust:: FILE braintrust-otel-targets.cmake DESTINATION ${package_dir})
  install(FILES ${PROJECT_SOURCE_DIR}/include/braintrust/otel.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/braintrust)
endif()
