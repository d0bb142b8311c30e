# SPDX-License-Identifier: MIT
# Everything scion needs from outside, found once. All of it is packaged in Debian 12.

find_package(PkgConfig REQUIRED)
pkg_check_modules(libelf REQUIRED IMPORTED_TARGET libelf)
pkg_check_modules(libdw REQUIRED IMPORTED_TARGET libdw)
pkg_check_modules(liblzma REQUIRED IMPORTED_TARGET liblzma)
pkg_check_modules(json-c REQUIRED IMPORTED_TARGET json-c)
pkg_check_modules(smartcols REQUIRED IMPORTED_TARGET smartcols)
pkg_check_modules(libseccomp REQUIRED IMPORTED_TARGET libseccomp)
# Debian's libzydis-dev has a CMake package and no .pc file.
find_package(Zydis REQUIRED CONFIG NAMES zydis Zydis)
if(SCION_TESTS)
	pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
endif()
find_file(UTHASH_H uthash.h REQUIRED)
mark_as_advanced(UTHASH_H)
