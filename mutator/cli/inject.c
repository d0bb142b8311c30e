/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

int cli_inject(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return CLI_FAILED;
}
