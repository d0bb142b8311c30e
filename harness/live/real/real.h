/* SPDX-License-Identifier: MIT */
/*
 * real.h - for tests with real programs: run one alone, then under scion run with whoami in parent and
 * child at every fork, and compare. Every function fails the test if something is not as it must be.
 */
#ifndef SCION_HARNESS_REAL_H
#define SCION_HARNESS_REAL_H

#include <limits.h>

#include "lib/test.h"

/** A folder of its own below /tmp; the current directory is not changed. */
struct real_folder {
	char path[64];
};

void real_folder_make(struct real_folder *folder);
/** With all that is in it. Not called when the test fails: what is in there may tell why. */
void real_folder_remove(const struct real_folder *folder);

/** "<folder>/<name>" in text, which is returned. */
const char *real_path(const struct real_folder *folder, const char *name, char text[PATH_MAX]);

/** Path of a file beside this one, in text, which is returned. */
const char *real_source(const char *name, char text[PATH_MAX]);

/** Writes a file of a folder, or appends to it. */
void real_write(const struct real_folder *folder, const char *name, const char *mode,
		const char *format, ...) __attribute__((format(printf, 4, 5)));

/** Contents of a file, ended by a NUL; free() it. NULL if there is none. */
char *real_read(const char *path);

/** What the report of a run counted; each fork in it was checked. */
struct real_counts {
	size_t forks;   /* processes made */
	size_t vforks;  /* of these, where the parent waits */
	size_t threads; /* threads made */
	size_t killed;  /* forks of which parent or child was killed before all was known */
	size_t orphans; /* of these, where the parent was killed before it announced the child */
	size_t execs;
};

/**
 * Reads a report of `scion run --json --at fork:both=whoami` and checks it: at each fork the value is
 * the PID of the child, the child is known and its end too, whoami ran in both and found whom the
 * tracer believes. Only what SIGKILL has ended may lack any of it.
 */
void real_report(const char *path, struct real_counts *counts);

/** What argv becomes under scion, with the report in the file; room for REAL_ARGS words. */
#define REAL_ARGS 40
void real_follow(const char *followed[REAL_ARGS], const char *report, const char *const argv[]);

/**
 * Runs argv alone, which must exit with this code, and under scion. Exit code, stdout and stderr must
 * be the same, no process may be left, and the report must be right.
 */
void real_compare(const struct real_folder *folder, const char *const argv[], int code,
		  struct real_counts *counts);

/** The caller gets all orphans; call it before anything is started. */
void real_adopt_orphans(void);

/** Every process that the caller has started, or adopted, is gone: waits for it. */
void real_wait_all(void);

/** The same without waiting: scion has said that it saw all of them end. */
void real_check_none_left(void);

/** Calls done(arg) again and again until it returns true; fails the test after `seconds`. */
void real_until(const char *what, unsigned seconds, bool (*done)(void *arg), void *arg);

#endif
