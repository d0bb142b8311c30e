/* SPDX-License-Identifier: MIT */
/*
 * Programs for the tests of symbols/: built with cc when a test runs, started, and asked where
 * their own functions are. A sample prints "NAME ADDRESS" lines, then "ready", and ends when its
 * stdin does.
 */
#ifndef SYMBOLS_SAMPLE_H
#define SYMBOLS_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "symbols/symbols.h"

struct sample {
	pid_t pid;
	FILE *in, *out; /* its stdin, its stdout */
	char *maps;
	size_t maps_len;
	char truth[4096]; /* what it printed */
	struct symbols *symbols;
	struct symbols_image *image;
	struct symbols_error error;
};

static inline ssize_t sample_read(void *data, uint64_t addr, void *buf, size_t len)
{
	struct iovec local = { buf, len }, remote = { (void *)(uintptr_t)addr, len };
	pid_t pid = *(pid_t *)data;

	return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

static inline char *sample_slurp(const char *path, size_t *len)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t room = 0, got = 0, n;

	if (!file)
		return NULL;
	do {
		room += 65536;
		text = realloc(text, room);
		n = fread(text + got, 1, room - got, file);
		got += n;
	} while (got == room);
	fclose(file);
	*len = got;
	return text;
}

/* A shell command in the test's directory; its exit code. */
static inline int sample_sh(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline int sample_sh(const char *format, ...)
{
	char *command;
	va_list args;
	int rc;

	va_start(args, format);
	rc = vasprintf(&command, format, args);
	va_end(args);
	if (rc < 0)
		return -1;
	rc = system(command);
	free(command);
	return rc;
}

static inline void sample_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* A directory of its own for the test program; skips where there is no compiler. */
static inline void sample_directory(char *template)
{
	if (system("cc --version >/dev/null 2>&1") || system("objcopy --version >/dev/null 2>&1")) {
		puts("skip: needs cc and objcopy");
		exit(77);
	}
	if (!mkdtemp(template) || chdir(template)) {
		perror("mkdtemp");
		exit(1);
	}
}

static inline void sample_exec(char *const argv[], const int to[2], const int from[2])
{
	dup2(to[0], 0);
	dup2(from[1], 1);
	close(to[0]);
	close(to[1]);
	close(from[0]);
	close(from[1]);
	execv(argv[0], argv);
	_exit(127);
}

/* Start it and wait until it says "ready". */
static inline void sample_start(struct sample *sample, char *const argv[])
{
	int to[2], from[2];
	size_t used = 0;

	*sample = (struct sample){ 0 };
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	sample->pid = fork();
	assert_true(sample->pid >= 0);
	if (!sample->pid)
		sample_exec(argv, to, from);
	close(to[0]);
	close(from[1]);
	sample->in = fdopen(to[1], "w");
	sample->out = fdopen(from[0], "r");
	while (used < sizeof(sample->truth) - 128 &&
	       fgets(sample->truth + used, (int)(sizeof(sample->truth) - used), sample->out)) {
		if (!strcmp(sample->truth + used, "ready\n"))
			return;
		used += strlen(sample->truth + used);
	}
	fail_msg("%s did not start", argv[0]);
}

static inline struct symbols_source sample_source(struct sample *sample)
{
	char path[64];

	free(sample->maps);
	snprintf(path, sizeof(path), "/proc/%d/maps", sample->pid);
	sample->maps = sample_slurp(path, &sample->maps_len);
	return (struct symbols_source){ .maps = sample->maps,
					.maps_len = sample->maps_len,
					.pid = sample->pid,
					.read = sample_read,
					.data = &sample->pid };
}

/* Its image, with a set of files of its own. */
static inline void sample_image(struct sample *sample)
{
	struct symbols_source source = sample_source(sample);

	sample->symbols = symbols_new();
	assert_non_null(sample->symbols);
	assert_int_equal(
		symbols_image_new(sample->symbols, &source, &sample->image, &sample->error), 0);
}

static inline void sample_stop(struct sample *sample)
{
	int status;

	symbols_image_free(sample->image);
	symbols_free(sample->symbols);
	free(sample->maps);
	fclose(sample->in);
	assert_int_equal(waitpid(sample->pid, &status, 0), sample->pid);
	assert_int_equal(status, 0);
	fclose(sample->out);
}

/* The address that the program gives for a name, 0 if it says nothing. */
static inline uint64_t sample_truth(const struct sample *sample, const char *name)
{
	size_t len = strlen(name);
	const char *line = sample->truth;

	while (line && *line) {
		if (!strncmp(line, name, len) && line[len] == ' ')
			return strtoull(line + len, NULL, 16);
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return 0;
}

/* The lookup of spec gives what the program says of name. */
static inline void sample_agrees(struct sample *sample, const char *spec, const char *name)
{
	struct symbols_symbol symbol;
	uint64_t truth = sample_truth(sample, name);
	int rc = symbols_lookup(sample->image, spec, &symbol, &sample->error);

	if (rc)
		fail_msg("%s: %d, %s", spec, rc, sample->error.text);
	assert_int_not_equal(truth, 0);
	if (symbol.addr != truth)
		fail_msg("%s: 0x%llx, the program says 0x%llx", spec,
			 (unsigned long long)symbol.addr, (unsigned long long)truth);
	assert_non_null(symbol.object);
}

static inline void sample_refused(struct sample *sample, const char *spec, int code,
				  const char *reason)
{
	struct symbols_symbol symbol;

	assert_int_equal(symbols_lookup(sample->image, spec, &symbol, &sample->error), code);
	assert_int_equal(sample->error.code, code);
	if (!strstr(sample->error.text, reason))
		fail_msg("%s: \"%s\" does not say \"%s\"", spec, sample->error.text, reason);
}

#endif
