# SPDX-License-Identifier: MIT
# scion_add_test(<source.c> LABEL <label> [NAME <name>] [TIMEOUT <seconds>] [LINK <target>...])
#
# One source file becomes one program in <build>/tests and one ctest test of the same name. Exit
# code 77 is a skip; the program prints its reason.

function(scion_add_test source)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL;NAME;TIMEOUT" "LINK")
	if(NOT arg_NAME)
		get_filename_component(arg_NAME ${source} NAME_WE)
	endif()
	if(NOT arg_TIMEOUT)
		set(arg_TIMEOUT 120)
	endif()
	set(target ${arg_LABEL}_${arg_NAME})
	add_executable(${target} ${source})
	target_link_libraries(${target} PRIVATE ${arg_LINK} scion_internal)
	target_link_options(${target} PRIVATE -Wl,--as-needed)
	# Checks are the test: assert() stays, whatever the build type.
	target_compile_options(${target} PRIVATE -UNDEBUG)
	set_target_properties(${target} PROPERTIES
		OUTPUT_NAME ${arg_NAME}
		RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
	add_test(NAME ${arg_LABEL}.${arg_NAME} COMMAND ${target})
	set_tests_properties(${arg_LABEL}.${arg_NAME} PROPERTIES
		LABELS ${arg_LABEL}
		SKIP_RETURN_CODE 77
		TIMEOUT ${arg_TIMEOUT})
endfunction()
