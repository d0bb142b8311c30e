/* SPDX-License-Identifier: MIT */
/*
 * Attach, inject, detach: the target's maps and descriptors are what they were. The same where loading
 * fails half-way: no address space left, no descriptor left, no shared memory to be had. The error
 * says what failed, and the program goes on.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/target.h"

struct picture {
	char maps[32768];
	char fds[4096];
};

static void look(pid_t pid, struct picture *picture)
{
	char path[320], link[256];
	struct dirent *entry;
	size_t length = 0;
	FILE *file;
	DIR *dir;

	memset(picture, 0, sizeof(*picture));
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	file = fopen(path, "re");
	CHECK(file);
	CHECK_LT(fread(picture->maps, 1, sizeof(picture->maps), file), sizeof(picture->maps));
	fclose(file);
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	CHECK(dir);
	while ((entry = readdir(dir))) {
		ssize_t got;

		snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid, entry->d_name);
		got = readlink(path, link, sizeof(link) - 1);
		link[got > 0 ? got : 0] = '\0';
		length += (size_t)snprintf(picture->fds + length, sizeof(picture->fds) - length,
					   "%s %s\n", entry->d_name, link);
		CHECK_LT(length, sizeof(picture->fds));
	}
	closedir(dir);
}

static void limit(pid_t pid, int resource, rlim_t soft)
{
	struct rlimit now;

	CHECK_CALL(prlimit(pid, (__rlimit_resource_t)resource, NULL, &now));
	now.rlim_cur = soft < now.rlim_max ? soft : now.rlim_max;
	CHECK_CALL(prlimit(pid, (__rlimit_resource_t)resource, &now, NULL));
}

/* `why` NULL: it works. */
static void visit(struct target *t, const char *why)
{
	static struct picture before, after;
	const struct scion_payload *payload;

	look(t->pid, &before);
	target_attach(t, NULL);
	payload = target_payload(t, "count");
	for (int i = 0; i < 2; i++) {
		const struct scion_event *event = target_inject(t, t->pid, payload);

		if (!why) {
			CHECK_MSG(event->error == SCION_OK, "%s", target_message(t));
			continue;
		}
		CHECK_NE(event->error, SCION_OK);
		CHECK_CONTAINS(target_message(t), why);
	}
	look(t->pid, &after);
	CHECK_EQ(strcmp(before.maps, after.maps) != 0, !why);
	target_detach(t);
	look(t->pid, &after);
	CHECK_STR(after.maps, before.maps);
	CHECK_STR(after.fds, before.fds);
}

static void visits(struct target *t)
{
	visit(t, NULL);
	visit(t, NULL);
	limit(t->pid, RLIMIT_NOFILE, 0);
	visit(t, "memfd_create");
	limit(t->pid, RLIMIT_NOFILE, 1024);
	limit(t->pid, RLIMIT_AS, 1 << 20);
	visit(t, "mmap");
	limit(t->pid, RLIMIT_AS, RLIM_INFINITY);
	visit(t, NULL);
}

static int run(void)
{
	struct target t;

	target_start(&t, (const char *const[]){ "regs_all", "1", "hold", NULL });
	visits(&t);
	target_release(&t);
	CHECK(target_end(&t));
	target_start(&t, (const char *const[]){ "sleep_read", "read", "hold", NULL });
	target_blocked(t.pid, SYS_read);
	visits(&t);
	target_release(&t);
	CHECK(target_end(&t));
	return 0;
}

static const char *const mutatees[] = { "regs_all", "sleep_read", NULL };

const struct scion_test scion_test = {
	.name = "inject_unload",
	.needs_mutatees = mutatees,
	.run = run,
};
