# SPDX-License-Identifier: MIT
# Programs, libraries, headers, scion.pc, and a CMake package:
#
#	find_package(scion REQUIRED)
#	target_link_libraries(mine PRIVATE scion::scion)         # or scion::scion_static

include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/scion)

install(TARGETS scion_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS scion_shared EXPORT scion-shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
# An export of its own: the static library asks its user for libelf, libdw and Zydis.
install(TARGETS scion_static EXPORT scion-static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/mutator/include/scion
	DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

install(EXPORT scion-shared NAMESPACE scion:: DESTINATION ${package_folder})
install(EXPORT scion-static NAMESPACE scion:: DESTINATION ${package_folder})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/scion-config.cmake.in
	${PROJECT_BINARY_DIR}/scion-config.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/scion-config-version.cmake
	COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/scion-config.cmake
	${PROJECT_BINARY_DIR}/scion-config-version.cmake DESTINATION ${package_folder})

# Relative to where the .pc file lies, so that an installed tree may be moved.
file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${PROJECT_SOURCE_DIR}/cmake/scion.pc.in ${PROJECT_BINARY_DIR}/scion.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/scion.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
