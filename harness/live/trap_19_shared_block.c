/* SPDX-License-Identifier: MIT */
/*
 * Trap 19: the pages that payloads share must survive a fork: MADV_DONTFORK would make the child's
 * payload fault, MADV_WIPEONFORK would lose its counts. One counter adds up over all offspring; all
 * else is a private copy: code, slots, and the program's own data.
 */
#include <stdlib.h>

#include "inject/space.h"
#include "live/trap_steps.h"

#define DEPTH "3"

/* The flags of the mapping at `address` in /proc/PID/smaps, and its permissions. */
static void find_flags(pid_t pid, unsigned long long address, char perms[5], char flags[160])
{
	char path[64], line[512];
	bool here = false;
	FILE *smaps;

	perms[0] = flags[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	smaps = fopen(path, "re");
	CHECK(smaps != NULL);
	while (fgets(line, sizeof(line), smaps)) {
		unsigned long long start, end;
		char text[5];

		if (sscanf(line, "%llx-%llx %4s", &start, &end, text) == 3) {
			here = start <= address && address < end;
			if (here)
				memcpy(perms, text, 5);
		} else if (here && strncmp(line, "VmFlags:", 8) == 0) {
			snprintf(flags, 160, "%.150s", line + 8);
		}
	}
	fclose(smaps);
}

static void check_mapping(pid_t pid, uint64_t address, const char *expected)
{
	char perms[5], flags[160];

	find_flags(pid, address, perms, flags);
	CHECK_STR(perms, expected);
	CHECK_MSG(!strstr(flags, " dc") && !strstr(flags, " wf"), "flags: %s", flags);
}

static size_t looked;

static enum scion_verdict on_event(struct follow *f, const struct scion_event *event)
{
	const struct task *task = task_find(&f->session->tasks, event->tid);

	if (event->type != SCION_EVENT_CHILD || !task->space || task->space->state != SPACE_READY)
		return SCION_CONTINUE;
	looked++;
	check_mapping(event->tid, space_stub(task->space), "r-xp");
	check_mapping(event->tid, space_board(task->space), "rw-s");
	check_mapping(event->tid, space_frame(task->space, 0) - 1, "rw-p");
	return SCION_CONTINUE;
}

static const char *const mutatees[] = { "nested_forks", NULL };

static int run(void)
{
	struct follow f = { .skip_signals = true, .on_event = on_event };
	size_t births;

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "count");
	follow_mutatee(&f, "nested_forks", DEPTH); /* checks that its own data is private */
	births = follow_check(&f, true);
	CHECK_LT(8, births);
	CHECK_LT(0, looked);
	CHECK_EQ(follow_count(&f, SCION_EVENT_PAYLOAD), 2 * births);
	CHECK_EQ(scion_block_count(f.session), 2 * births);
	follow_close(&f);
	return 0;
}

const struct scion_test scion_test = {
	.name = "trap_19_shared_block", .trap = "19", .needs_mutatees = mutatees, .run = run
};
