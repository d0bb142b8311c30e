# SPDX-License-Identifier: MIT
# How our own code is compiled. Payloads and mutatees have flags of their own: nothing here may be
# global.
#
#   scion_warnings    GNU names and warnings
#   scion_flags       scion_warnings, plus sanitizers and coverage where they are asked for

add_library(scion_warnings INTERFACE)
# Empty on purpose: a source that says "#define _GNU_SOURCE" itself is then no redefinition.
target_compile_definitions(scion_warnings INTERFACE _GNU_SOURCE=)
target_compile_options(scion_warnings INTERFACE
	-Wall -Wextra -Wpedantic -Wshadow -Wconversion -fno-strict-aliasing
	$<$<BOOL:${SCION_WERROR}>:-Werror>)

add_library(scion_flags INTERFACE)
target_link_libraries(scion_flags INTERFACE scion_warnings)
if(SCION_SANITIZE)
	set(sanitize -fsanitize=${SCION_SANITIZE} -fno-omit-frame-pointer
		-fno-sanitize-recover=all)
	target_compile_options(scion_flags INTERFACE ${sanitize})
	target_link_options(scion_flags INTERFACE ${sanitize})
endif()
if(SCION_COVERAGE)
	target_compile_options(scion_flags INTERFACE --coverage -fprofile-update=atomic)
	target_link_options(scion_flags INTERFACE --coverage)
endif()
