/* SPDX-License-Identifier: MIT */
#include "live/real/real.h"

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- files --- */

void real_folder_make(struct real_folder *folder)
{
	snprintf(folder->path, sizeof(folder->path), "/tmp/scion-real-XXXXXX");
	CHECK(mkdtemp(folder->path));
	/* servers give up root and must still get through */
	CHECK_CALL(chmod(folder->path, 0755));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

void real_folder_remove(const struct real_folder *folder)
{
	CHECK_CALL(nftw(folder->path, remove_one, 16, FTW_DEPTH | FTW_PHYS));
}

const char *real_path(const struct real_folder *folder, const char *name, char text[PATH_MAX])
{
	snprintf(text, PATH_MAX, "%s/%s", folder->path, name);
	return text;
}

const char *real_source(const char *name, char text[PATH_MAX])
{
	snprintf(text, PATH_MAX, "%s/harness/live/real/%s", SCION_SOURCE_DIR, name);
	return text;
}

void real_write(const struct real_folder *folder, const char *name, const char *mode,
		const char *format, ...)
{
	char path[PATH_MAX];
	FILE *file = fopen(real_path(folder, name, path), mode);
	va_list args;

	CHECK_MSG(file, "%s: %s", path, strerror(errno));
	va_start(args, format);
	CHECK_LE(0, vfprintf(file, format, args));
	va_end(args);
	CHECK_EQ(fclose(file), 0);
}

char *real_read(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	ssize_t length;

	if (!file)
		return NULL;
	length = getdelim(&text, &size, EOF, file);
	fclose(file);
	if (length >= 0)
		return text;
	free(text);
	return strdup("");
}

/* --- processes --- */

void real_adopt_orphans(void)
{
	CHECK_CALL(prctl(PR_SET_CHILD_SUBREAPER, 1));
}

void real_wait_all(void)
{
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
	CHECK_EQ(errno, ECHILD);
}

void real_check_none_left(void)
{
	pid_t got;

	while ((got = waitpid(-1, NULL, WNOHANG | __WALL)) > 0)
		;
	CHECK_MSG(got < 0 && errno == ECHILD, "scion has ended, and processes are left");
}

void real_until(const char *what, unsigned seconds, bool (*done)(void *arg), void *arg)
{
	static const struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };
	struct timespec now;
	time_t limit;

	clock_gettime(CLOCK_MONOTONIC, &now);
	limit = now.tv_sec + (time_t)seconds;
	while (!done(arg)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		CHECK_MSG(now.tv_sec <= limit, "%u s are over: %s", seconds, what);
		nanosleep(&pause, NULL);
	}
}

/* --- alone and followed --- */

void real_follow(const char *followed[REAL_ARGS], const char *report, const char *const argv[])
{
	const char *const front[] = {
		test_scion(), "run", "--json", "-o", report, "--at", "fork:both=whoami", "--",
	};
	size_t n = 0;

	for (; n < sizeof(front) / sizeof(front[0]); n++)
		followed[n] = front[n];
	for (size_t i = 0; argv[i]; i++) {
		CHECK_LT(n + 1, REAL_ARGS);
		followed[n++] = argv[i];
	}
	followed[n] = NULL;
}

void real_compare(const struct real_folder *folder, const char *const argv[], int code,
		  struct real_counts *counts)
{
	const char *followed[REAL_ARGS];
	struct test_output alone, traced;
	char report[PATH_MAX];
	char *own;

	real_adopt_orphans();
	test_run(&alone, argv);
	real_wait_all();
	CHECK_MSG(alone.code == code, "alone: exit code %d: %s%s", alone.code, alone.out,
		  alone.err);

	real_follow(followed, real_path(folder, "report", report), argv);
	test_run(&traced, followed);
	real_check_none_left();
	CHECK_MSG(traced.code == alone.code, "under scion: exit code %d: %s%s", traced.code,
		  traced.out, traced.err);
	CHECK_STR(traced.out, alone.out);
	real_report(report, counts);
	/* scion's one line says that a payload failed: of those that were killed */
	own = counts->killed ? strstr(traced.err, "scion: ") : NULL;
	if (own)
		*own = '\0';
	CHECK_STR(traced.err, alone.err);
	test_output_free(&alone);
	test_output_free(&traced);
}
