/* SPDX-License-Identifier: MIT */
/* main.c - the scion command: a verb and its words. */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} verbs[] = {
	{ "run", cli_run, "start a program, follow it and its offspring, report its forks" },
	{ "attach", cli_attach, "the same for a process that runs" },
	{ "inject", cli_inject, "run a payload in a process, once" },
	{ "payload", cli_payload, "build, check and list payloads" },
	{ "doctor", cli_doctor, "what this machine shows at a fork, and what scion can do here" },
};

enum { VERBS = sizeof(verbs) / sizeof(*verbs) };

static void print_help(FILE *out)
{
	fputs("Usage: scion VERB [OPTION...]\n"
	      "Follows a program through its forks and runs payloads in its processes.\n\n",
	      out);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(out, "  %-8s %s\n", verbs[i].name, verbs[i].what);
	fputs("\n`scion VERB --help` tells the options of each; see also scion(1).\n", out);
}

int main(int argc, char **argv)
{
	const char *verb = argc >= 2 ? argv[1] : NULL;

	argp_err_exit_status = CLI_USAGE;
	if (!verb)
		return cli_complain(CLI_USAGE, "no verb", "nothing to do",
				    "`scion --help` lists the verbs");
	if (!strcmp(verb, "--version") || !strcmp(verb, "-V")) {
		printf("scion %s\n", scion_version());
		return CLI_OK;
	}
	if (!strcmp(verb, "--help") || !strcmp(verb, "-?") || !strcmp(verb, "help")) {
		print_help(stdout);
		return CLI_OK;
	}
	for (size_t i = 0; i < VERBS; i++)
		if (!strcmp(verb, verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	return cli_complain(CLI_USAGE, verb, "no such verb", "`scion --help` lists them");
}
