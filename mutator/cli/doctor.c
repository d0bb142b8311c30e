/* SPDX-License-Identifier: MIT */
/* scion doctor: what this machine shows at each fork stop, and what scion can do here. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/doctor.h"

struct options {
	bool json;
	const char *output;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'j':
		options->json = true;
		return 0;
	case 'o':
		options->output = arg;
		return 0;
	case ARGP_KEY_ARG:
		exit(cli_complain(CLI_USAGE, arg, "doctor takes no argument",
				  "write scion doctor, or scion doctor --json"));
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int examine(struct doctor_facts *facts, struct doctor_sample samples[DOCTOR_CALLS])
{
	struct kernel *k = kernel_linux_new();

	if (!k)
		return -ENOMEM;
	doctor_look_around(&facts->machine);
	doctor_try_features(k, facts->feature);
	if (facts->feature[DOCTOR_SEIZE] == 0) {
		doctor_burn_pids();
		for (size_t i = 0; i < DOCTOR_CALLS; i++)
			doctor_probe(k, &doctor_calls[i], &samples[i]);
		facts->samples = samples;
		facts->sample_count = DOCTOR_CALLS;
	}
	kernel_free(k);
	return 0;
}

static int report(const struct doctor_facts *facts, const struct options *options)
{
	struct doctor_ability abilities[DOCTOR_ABILITIES];
	size_t count = doctor_abilities(facts, abilities);
	FILE *out = options->output ? fopen(options->output, "we") : stdout;
	bool written;

	if (!out)
		return cli_complain(CLI_FAILED, options->output, strerror(errno),
				    "name a file that can be written");
	written = (options->json ? doctor_print_json : doctor_print_text)(facts, abilities, count,
									  out);
	if (out != stdout && fclose(out) != 0)
		written = false;
	if (!written)
		return cli_complain(CLI_FAILED, options->output ? options->output : "stdout",
				    "the report could not be written in full", "make room there");
	return doctor_healthy(abilities, count) ? 0 : 1;
}

int cli_doctor(int argc, char **argv)
{
	static const struct argp_option accepted[] = {
		{ "json", 'j', NULL, 0, "Print JSON", 0 },
		{ "output", 'o', "FILE", 0, "Write to FILE", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = accepted,
		.parser = parse,
		.doc = "Shows what this machine's kernel exposes at each fork stop, what scion can "
		       "do here, and why.\vExits with 0 if scion can work rightly here, else 1.",
	};
	struct options options = { false, NULL };
	char name[] = "scion doctor";
	struct doctor_sample samples[DOCTOR_CALLS];
	struct doctor_facts facts = { .samples = NULL };
	int err;

	argv[0] = name;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	err = examine(&facts, samples);
	if (err)
		return cli_complain(CLI_FAILED, "doctor", strerror(-err), "free some memory");
	return report(&facts, &options);
}
