/* SPDX-License-Identifier: MIT */
/* What a test needs and where things are. */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/internal.h"

/* Paths that were handed out. They must stay valid, and reachable for the leak checker. */
struct path {
	struct path *next;
	char text[];
};

static struct path *paths;

static const char *path_keep(const char *folder, const char *name)
{
	size_t size = strlen(folder) + strlen(name) + 2;
	struct path *path = malloc(sizeof(*path) + size);

	CHECK_MSG(path, "out of memory");
	snprintf(path->text, size, "%s%s%s", folder, *name ? "/" : "", name);
	path->next = paths;
	paths = path;
	return path->text;
}

const char *test_mutatee(const char *name)
{
	const char *folder = getenv("SCION_TESTPROGS");

	return path_keep(folder ? folder : SCION_TESTPROGS_DIR, name);
}

const char *test_scion(void)
{
	const char *program = getenv("SCION");

	return program ? path_keep(program, "") : path_keep(SCION_BIN_DIR, "scion");
}

bool test_have_program(const char *name)
{
	const char *folder = getenv("PATH");
	char path[PATH_MAX];

	while (folder && *folder) {
		int length = (int)strcspn(folder, ":");

		snprintf(path, sizeof(path), "%.*s/%s", length, folder, name);
		if (access(path, X_OK) == 0)
			return true;
		folder += length;
		folder += *folder == ':';
	}
	return false;
}

static bool kernel_at_least(const char *wanted, const char *release)
{
	unsigned want[2] = { 0 };
	unsigned have[2] = { 0 };

	if (sscanf(wanted, "%u.%u", &want[0], &want[1]) < 1)
		return false;
	if (sscanf(release, "%u.%u", &have[0], &have[1]) < 2)
		return false;
	return have[0] != want[0] ? have[0] > want[0] : have[1] >= want[1];
}

/* True if the word stands in the first "flags" line of /proc/cpuinfo. */
static bool cpu_has(const char *word)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	size_t word_length = strlen(word);
	bool found = false;
	char *line = NULL;
	size_t size = 0;

	while (file && getline(&line, &size, file) > 0) {
		const char *at = line;

		if (strncmp(line, "flags", 5) != 0)
			continue;
		while (!found && (at = strstr(at, word))) {
			const char *end = at + word_length;

			found = isspace((unsigned char)at[-1]) && isspace((unsigned char)*end);
			at = end;
		}
		break;
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}

static const char *cpu_missing(unsigned features)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {
		{ TEST_CPU_AVX, "avx" },         { TEST_CPU_AVX2, "avx2" },
		{ TEST_CPU_AVX512F, "avx512f" }, { TEST_CPU_PKU, "ospke" },
		{ TEST_CPU_AMX, "amx_tile" },    { TEST_CPU_SHSTK, "user_shstk" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (features & words[i].bit && !cpu_has(words[i].word))
			return words[i].word;
	}
	return NULL;
}

const char *needs_missing(const struct scion_test *test, char *reason, size_t size)
{
	const char *const *name;
	const char *missing = cpu_missing(test->cpu_features);
	struct utsname kernel;

	if (test->needs_root && geteuid() != 0) {
		snprintf(reason, size, "needs root");
		return reason;
	}
	if (test->min_kver && uname(&kernel) == 0 &&
	    !kernel_at_least(test->min_kver, kernel.release)) {
		snprintf(reason, size, "needs kernel %s, this is %.64s", test->min_kver,
			 kernel.release);
		return reason;
	}
	if (missing) {
		snprintf(reason, size, "needs a CPU with %s", missing);
		return reason;
	}
	for (name = test->needs_programs; name && *name; name++) {
		if (!test_have_program(*name)) {
			snprintf(reason, size, "needs the program %s", *name);
			return reason;
		}
	}
	for (name = test->needs_mutatees; name && *name; name++) {
		if (access(test_mutatee(*name), X_OK) != 0) {
			snprintf(reason, size, "needs the mutatee %s, which was not built", *name);
			return reason;
		}
	}
	return NULL;
}
