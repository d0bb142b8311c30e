/* SPDX-License-Identifier: MIT */
/* scion doctor: what this machine shows at each fork stop, and what scion can do here. */
#include "cli/doctor.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int cli_doctor(int argc, char **argv);

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
		argp_error(state, "doctor: unexpected argument \"%s\"; it takes none", arg);
		return EINVAL;
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

	if (!out) {
		fprintf(stderr, "scion: %s: %s; name a file that can be written\n", options->output,
			strerror(errno));
		return 125;
	}
	written = (options->json ? doctor_print_json : doctor_print_text)(facts, abilities, count,
									  out);
	if (out != stdout && fclose(out) != 0)
		written = false;
	if (!written) {
		fprintf(stderr, "scion: doctor: the report could not be written: %s\n",
			strerror(errno));
		return 125;
	}
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
	struct doctor_sample samples[DOCTOR_CALLS];
	struct doctor_facts facts = { .samples = NULL };
	int err;

	argp_err_exit_status = 2;
	if (argp_parse(&argp, argc, argv, 0, NULL, &options))
		return 2;
	err = examine(&facts, samples);
	if (err) {
		fprintf(stderr, "scion: doctor: %s; free some memory\n", strerror(-err));
		return 125;
	}
	return report(&facts, &options);
}
