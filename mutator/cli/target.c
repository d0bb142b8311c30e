/* SPDX-License-Identifier: MIT */
#include "cli/target.h"

#include <errno.h>
#include <limits.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* Argument words of payloads/call, payloads/dlopen and payloads/syscall. */
enum {
	CALL_FUNCTION = 0,
	DLOPEN_FUNCTION = 0,
	DLOPEN_PATH = 1,
	DLOPEN_ERROR = 2,
	DLOPEN_FLAGS = 3
};
enum { ARG_ERRNO_LOCATION = 7, CALL_ARGS_MAX = 7 };

struct target {
	struct scion_session *session;
	pid_t pid;
	struct scion_payload *payload;
	const char *name;
	uint64_t args[SCION_PAYLOAD_ARGS];
	bool has_text;
};

int target_open(struct scion_session *session, const char *name, struct scion_payload **out)
{
	bool file = strchr(name, '/') ||
		    (strlen(name) > 2 && !strcmp(name + strlen(name) - 2, ".o"));
	int error = scion_payload_open(session, name, out);

	if (!error)
		return CLI_OK;
	return cli_complain_session(error == SCION_ENOENT && !file ? CLI_USAGE : CLI_FAILED,
				    session);
}

static int set_text(struct target *t, size_t index, const char *text)
{
	if (t->has_text)
		return cli_complain(CLI_USAGE, t->name, "more than one argument is text",
				    "only one can be put into the target");
	t->has_text = true;
	if (scion_payload_set_data(t->payload, (unsigned)index, text, strlen(text) + 1))
		return cli_complain(CLI_USAGE, t->name, "the text is longer than 4095 bytes",
				    "shorten it");
	return CLI_OK;
}

static int find(struct target *t, const char *name, uint64_t *address)
{
	if (!t->pid)
		return cli_complainf(
			CLI_USAGE,
			"%s: %s is no number, and there is no process yet to look it up in; "
			"use `scion attach` or `scion inject`",
			t->name, name);
	if (scion_symbol(t->session, t->pid, name, address))
		return cli_complain_session(CLI_FAILED, t->session);
	return CLI_OK;
}

/* Zero if the target has none: then there is no errno to keep. */
static void find_errno(struct target *t)
{
	uint64_t address = 0;

	if (t->pid && scion_symbol(t->session, t->pid, "__errno_location", &address) == 0)
		t->args[ARG_ERRNO_LOCATION] = address;
}

static int set_word(struct target *t, size_t index, const struct word *word)
{
	switch (word->kind) {
	case WORD_NUMBER:
		t->args[index] = word->number;
		return CLI_OK;
	case WORD_TEXT:
		return set_text(t, index, word->text);
	case WORD_NAME:
		break;
	}
	return find(t, word->text, &t->args[index]);
}

static int set_all(struct target *t, const struct word *words, size_t count)
{
	int code = CLI_OK;

	for (size_t i = 0; i < count && !code; i++)
		code = set_word(t, i, &words[i]);
	return code;
}

static int set_call(struct target *t, const struct word *words, size_t count)
{
	if (!count || words[0].kind == WORD_TEXT)
		return cli_complain(CLI_USAGE, "call", "no function",
				    "write call FUNCTION [up to 6 arguments]");
	if (count > CALL_ARGS_MAX)
		return cli_complain(CLI_USAGE, "call", "too many arguments",
				    "a function takes up to 6 here");
	find_errno(t);
	return set_all(t, words, count);
}

/* The library is opened by the target, whose working directory may be another one. */
static int set_path(struct target *t, const char *path)
{
	char full[PATH_MAX];

	if (strchr(path, '/') && *path != '/') {
		if (!realpath(path, full))
			return cli_complainf(CLI_FAILED,
					     "dlopen: %s: %s; name a library that is there", path,
					     strerror(errno));
		path = full;
	}
	return set_text(t, DLOPEN_PATH, path);
}

static int set_dlopen(struct target *t, const struct word *words, size_t count)
{
	int code;

	if (count < 1 || count > 2 || words[0].kind == WORD_NUMBER ||
	    (count == 2 && words[1].kind != WORD_NUMBER))
		return cli_complain(CLI_USAGE, "dlopen", "the arguments are wrong",
				    "write dlopen PATH [FLAGS]");
	if (!t->pid)
		return find(t, "dlopen", &t->args[DLOPEN_FUNCTION]);
	if (scion_symbol(t->session, t->pid, "dlopen", &t->args[DLOPEN_FUNCTION]) &&
	    scion_symbol(t->session, t->pid, "__libc_dlopen_mode", &t->args[DLOPEN_FUNCTION]))
		return cli_complainf(CLI_FAILED,
				     "%d: has no dlopen: a static program can't load libraries",
				     t->pid);
	if (scion_symbol(t->session, t->pid, "dlerror", &t->args[DLOPEN_ERROR]))
		t->args[DLOPEN_ERROR] = 0;
	t->args[DLOPEN_FLAGS] = count == 2 ? words[1].number : 0;
	find_errno(t);
	code = set_path(t, words[0].text);
	return code;
}

static int set_syscall(struct target *t, const struct word *words, size_t count)
{
	int number;

	if (!count || words[0].kind == WORD_TEXT || count > CALL_ARGS_MAX)
		return cli_complain(CLI_USAGE, "syscall",
				    count > CALL_ARGS_MAX ? "too many arguments" : "no call",
				    "write syscall NAME|NUMBER [up to 6 arguments]");
	if (words[0].kind == WORD_NUMBER)
		return set_all(t, words, count);
	number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, words[0].text);
	if (number < 0)
		return cli_complainf(CLI_USAGE,
				     "syscall: %s: no such call on x86-64; see syscalls(2)",
				     words[0].text);
	t->args[0] = (uint64_t)number;
	for (size_t i = 1; i < count; i++) {
		int code = set_word(t, i, &words[i]);

		if (code)
			return code;
	}
	return CLI_OK;
}

int target_set_words(struct scion_session *session, pid_t pid, struct scion_payload *payload,
		     const struct word *words, size_t count)
{
	struct target t = {
		.session = session,
		.pid = pid,
		.payload = payload,
		.name = scion_payload_name(payload),
	};
	int code;

	if (!strcmp(t.name, "call"))
		code = set_call(&t, words, count);
	else if (!strcmp(t.name, "dlopen"))
		code = set_dlopen(&t, words, count);
	else if (!strcmp(t.name, "syscall"))
		code = set_syscall(&t, words, count);
	else
		code = set_all(&t, words, count);
	if (!code && scion_payload_set_args(payload, t.args, SCION_PAYLOAD_ARGS))
		code = cli_complain_session(CLI_USAGE, session);
	return code;
}
