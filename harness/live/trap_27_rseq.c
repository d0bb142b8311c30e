/* SPDX-License-Identifier: MIT */
/*
 * Payloads in threads that are in restartable sequences nearly all the time: the per-CPU sums must be
 * exact. A sequence that is left for a payload goes on at its abort address; that this happened is
 * seen in where the program goes on, one address again and again.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/target.h"

enum { THREADS = 5, ROUNDS = 30 };

static const char where[] = "SCION_PAYLOAD_INFO(0);\n"
			    "int64_t scion_payload(struct scion_payload_ctx *ctx)\n"
			    "{ return (int64_t)ctx->regs.rip; }\n";

static size_t threads_of(pid_t pid, pid_t tids[THREADS])
{
	struct dirent *entry;
	char path[64];
	size_t count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	CHECK(dir);
	while ((entry = readdir(dir)) && count < THREADS)
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != pid)
			tids[count++] = atoi(entry->d_name);
	closedir(dir);
	return count;
}

static int run(void)
{
	static int64_t rips[THREADS * ROUNDS];
	const struct scion_payload *payload;
	size_t count, total = 0, most = 0;
	pid_t tids[THREADS];
	struct target t;

	target_start(&t, (const char *const[]){ "rseq", "hold", NULL });
	target_attach(&t, NULL);
	payload = target_payload(&t, where);
	count = threads_of(t.pid, tids);
	CHECK_EQ(count, 4);
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < count; i++) {
			const struct scion_event *event = target_inject(&t, tids[i], payload);

			CHECK_MSG(event->error == SCION_OK, "%s", target_message(&t));
			rips[total++] = event->payload_status;
		}
	target_detach(&t);
	target_release(&t);
	CHECK(target_end(&t));
	for (size_t i = 0; i < total; i++) {
		size_t same = 0;

		for (size_t k = 0; k < total; k++)
			same += rips[k] == rips[i];
		most = same > most ? same : most;
	}
	test_note("%zu of %zu payloads were put into a sequence", most, total);
	CHECK_LE(total / 4, most);
	return 0;
}

static const char *const mutatees[] = { "rseq", NULL };
static const char *const programs[] = { "cc", NULL };

const struct scion_test scion_test = {
	.name = "trap_27_rseq",
	.trap = "27",
	.needs_programs = programs,
	.needs_mutatees = mutatees,
	.run = run,
};
