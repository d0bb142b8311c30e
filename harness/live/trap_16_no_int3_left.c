/* SPDX-License-Identifier: MIT */
/*
 * Trap 16: an int3 in text that an untraced process runs kills it. scion uses none; what it writes
 * into the target's code to load payloads is put back, and after detaching nothing is left: text is
 * equal to the file's, the vdso to our own, the region is unmapped.
 */
#include <stdlib.h>
#include <sys/auxv.h>

#include "live/trap_steps.h"

struct mapping {
	unsigned long long start, end, offset;
	char perms[5], path[256];
};

static bool next_mapping(FILE *maps, struct mapping *m)
{
	char line[512];

	if (!fgets(line, sizeof(line), maps))
		return false;
	m->path[0] = '\0';
	return sscanf(line, "%llx-%llx %4s %llx %*s %*s %255s", &m->start, &m->end, m->perms,
		      &m->offset, m->path) >= 4;
}

static void *slurp(int fd, unsigned long long offset, size_t size)
{
	unsigned char *text = calloc(1, size);
	size_t done = 0;
	ssize_t got;

	CHECK(text != NULL);
	while (done < size &&
	       (got = pread(fd, text + done, size - done, (off_t)(offset + done))) > 0)
		done += (size_t)got;
	return text;
}

/* Returns 1 if this mapping is code, and was compared. */
static int compare(int mem, const struct mapping *m)
{
	size_t size = (size_t)(m->end - m->start);
	bool vdso = strcmp(m->path, "[vdso]") == 0;
	void *is, *should;
	int fd;

	if (m->perms[2] != 'x' || (m->path[0] != '/' && !vdso))
		return 0;
	is = slurp(mem, m->start, size);
	if (vdso) {
		CHECK_EQ(memcmp(is, (void *)(uintptr_t)getauxval(AT_SYSINFO_EHDR), size), 0);
	} else {
		fd = (int)CHECK_CALL(open(m->path, O_RDONLY | O_CLOEXEC));
		should = slurp(fd, m->offset, size);
		CHECK_MSG(memcmp(is, should, size) == 0, "%s is not what its file is", m->path);
		free(should);
		close(fd);
	}
	free(is);
	return 1;
}

/* The number of code mappings; *foreign: those that scion made. */
static int check_text(pid_t pid, bool equal, int *foreign)
{
	struct mapping m;
	char path[64];
	int count = 0, mem;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = (int)CHECK_CALL(open(path, O_RDONLY | O_CLOEXEC));
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	CHECK(maps != NULL);
	*foreign = 0;
	while (next_mapping(maps, &m)) {
		if (equal)
			count += compare(mem, &m);
		*foreign += strncmp(m.path, "/memfd:", 7) == 0;
	}
	fclose(maps);
	close(mem);
	return count;
}

static enum scion_verdict detach_after(struct follow *f, const struct scion_event *event)
{
	int foreign;

	if (event->type != SCION_EVENT_PAYLOAD)
		return SCION_CONTINUE;
	check_text(f->pid, false, &foreign);
	CHECK_EQ(foreign, 1); /* else there would be nothing to remove */
	CHECK_EQ(scion_detach(f->session), SCION_OK);
	return SCION_CONTINUE;
}

static void check_spin(void)
{
	const char *argv[] = { test_mutatee("spin"), NULL };
	struct follow f = { .on_event = detach_after };
	struct test_child child;
	char line[64];
	int foreign;

	test_spawn(&child, argv);
	CHECK_LT(0, test_read_line(child.out, line, sizeof(line)));
	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_ATTACH, 0, "whoami");
	steps_attach(&f, child.pid, 0);
	follow_run(&f);
	CHECK_EQ(follow_count(&f, SCION_EVENT_DETACH), 1);
	CHECK_LT(2, check_text(child.pid, true, &foreign));
	CHECK_EQ(foreign, 0);
	follow_close(&f);
	CHECK_CALL(kill(child.pid, SIGTERM));
	CHECK_EQ(test_wait(&child), 0);
}

/* One that forks on and on: its later children run untraced, in the text that was left behind. */
static enum scion_verdict detach_at_third(struct follow *f, const struct scion_event *event)
{
	if (event->type == SCION_EVENT_FORK && follow_count(f, SCION_EVENT_FORK) == 3)
		CHECK_EQ(scion_detach(f->session), SCION_OK);
	return SCION_CONTINUE;
}

static void check_forks(void)
{
	const char *argv[] = { test_mutatee("fork"), "10", NULL };
	struct follow f = { .on_event = detach_at_third, .skip_signals = true };

	follow_open(&f, NULL);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	follow_launch(&f, argv);
	follow_run(&f);
	CHECK_LT(0, follow_count(&f, SCION_EVENT_DETACH));
	follow_close(&f);
	CHECK_EQ(steps_end(f.pid), 0);
}

static const char *const mutatees[] = { "spin", "fork", NULL };

static int run(void)
{
	check_spin();
	check_forks();
	return 0;
}

const struct scion_test scion_test = {
	.name = "trap_16_no_int3_left", .trap = "16", .needs_mutatees = mutatees, .run = run
};
