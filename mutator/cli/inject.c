/* SPDX-License-Identifier: MIT */
/* inject.c - scion inject: runs one payload in a process that runs, then leaves it as it was. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/inject_threads.h"
#include "cli/report.h"
#include "cli/target.h"

enum { KEY_TID = 1000, KEY_ALL, KEY_LIMIT };

struct inject {
	pid_t pid, tid;
	bool all, json;
	unsigned limit_ms;
	char **args; /* the payload's name and its arguments */
	struct word words[SCION_PAYLOAD_ARGS];
	size_t word_count;

	struct scion_session *session;
	struct scion_payload *payload;
	pid_t *tids; /* threads that are to run it, and have not yet */
	size_t wanted, done, failed;
	volatile sig_atomic_t interrupted;
};

/* Of the handler: signals carry no argument. Set while the session lives. */
static struct inject *injecting;

static void on_stop(int sig)
{
	(void)sig;
	injecting->interrupted = 1;
	scion_session_stop(injecting->session);
}

/* --- options --- */

static pid_t parse_pid(const char *arg)
{
	pid_t pid = cli_parse_pid(arg);

	if (pid < 0)
		exit(cli_complain(CLI_USAGE, arg, "not a process number",
				  "`ps -eL` lists processes and threads"));
	return pid;
}

static void parse_words(struct inject *inject, int count)
{
	for (int i = 1; i < count; i++) {
		const char *why;

		if (inject->word_count == SCION_PAYLOAD_ARGS)
			exit(cli_complainf(CLI_USAGE, "inject: too many arguments; %d are the most",
					   SCION_PAYLOAD_ARGS));
		why = word_parse(inject->args[i], &inject->words[inject->word_count++]);
		if (why)
			exit(cli_complain(CLI_USAGE, inject->args[i], why,
					  "write 12, 0x12, @text or a name"));
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct inject *inject = state->input;

	switch (key) {
	case 'p':
		inject->pid = parse_pid(arg);
		return 0;
	case KEY_TID:
		inject->tid = parse_pid(arg);
		return 0;
	case KEY_ALL:
		inject->all = true;
		return 0;
	case KEY_LIMIT:
		inject->limit_ms = (unsigned)parse_pid(arg);
		return 0;
	case 'j':
		inject->json = true;
		return 0;
	case ARGP_KEY_ARGS:
		inject->args = state->argv + state->next;
		parse_words(inject, state->argc - state->next);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void parse(int argc, char **argv, struct inject *inject)
{
	static const struct argp_option accepted[] = {
		{ "pid", 'p', "PID", 0, "The process", 0 },
		{ "tid", KEY_TID, "TID", 0, "In this thread of it (its first)", 0 },
		{ "all-threads", KEY_ALL, NULL, 0, "In each of its threads", 0 },
		{ "limit", KEY_LIMIT, "MS", 0, "Time limit of the payload (1000)", 0 },
		{ "json", 'j', NULL, 0, "Print JSON, one object per thread", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = accepted,
		.parser = parse_option,
		.args_doc = "-p PID PAYLOAD [ARG...]",
		.doc = "Runs a payload in a process that runs, once, and leaves it as it was.\v"
		       "An ARG is a number, @text, or the name of a function or object of the "
		       "target. Exits with 0 if the payload ran and ended well.",
	};
	char name[] = "scion inject";

	argv[0] = name;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, inject);
}

/* --- results --- */

static bool built_in(const struct report_payload *result, const char *name)
{
	return strcmp(result->name, name) == 0;
}

/* The text that dlerror gave, in the target. */
static void read_text(struct inject *inject, pid_t tid, uint64_t address, char *text, size_t size)
{
	for (size_t i = 0; i + 1 < size; i++) {
		text[i + 1] = '\0';
		if (scion_read(inject->session, tid, address + i, &text[i], 1)) {
			text[i] = '\0';
			return;
		}
		if (!text[i])
			return;
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
	}
}

/* Did it run, but say that what it was there for did not work? */
static bool ended_badly(struct inject *inject, const struct report_payload *result, char *why,
			size_t size)
{
	snprintf(why, size, "%s", result->message ? result->message : "");
	if (result->error)
		return true;
	if (built_in(result, "dlopen") && result->status < 0) {
		snprintf(why, size, "the library could not be loaded");
		if (result->result[1])
			read_text(inject, result->tid, result->result[1], why, size);
		return true;
	}
	if ((built_in(result, "count") || built_in(result, "ring")) && result->status < 0) {
		snprintf(why, size, "the block is damaged");
		return true;
	}
	return false;
}

static void print_text(const struct report_payload *result)
{
	const uint64_t *words = result->result;
	int64_t status = result->status;
	size_t last = SCION_PAYLOAD_RESULTS;

	printf("%d: %s: ", result->tid, result->name);
	if (built_in(result, "whoami")) {
		printf("pid %" PRId64 ", tid %" PRId64 ", ppid %" PRId64 "%s\n", (int64_t)words[0],
		       (int64_t)words[1], (int64_t)words[2],
		       result->verdict == REPORT_WRONG ? " WRONG" : "");
		return;
	}
	if (built_in(result, "dlopen")) {
		printf("loaded, handle %#" PRIx64 "\n", words[0]);
		return;
	}
	printf("%" PRId64 " (%#" PRIx64 ")", status, (uint64_t)status);
	if (built_in(result, "syscall") && status < 0 && status >= -4095)
		printf(" %s", strerrorname_np((int)-status) ? strerrorname_np((int)-status) : "");
	while (last && !words[last - 1])
		last--;
	for (size_t i = 0; i < last; i++)
		printf("%s%#" PRIx64 "%s", i ? " " : " [", words[i], i + 1 == last ? "]" : "");
	putchar('\n');
}

static void print_json(const struct report_payload *result, bool good, const char *why)
{
	struct json_object *item = report_payload_json(result);

	json_object_object_add(item, "pid", json_object_new_int(result->pid));
	json_object_object_add(item, "tid", json_object_new_int(result->tid));
	json_object_object_add(item, "ok", json_object_new_boolean(good));
	if (!good && !result->message)
		json_object_object_add(item, "message", json_object_new_string(why));
	puts(json_object_to_json_string_ext(item, JSON_C_TO_STRING_PLAIN |
							  JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(item);
}

static void report_result(struct inject *inject, const struct scion_event *event)
{
	struct report_payload *result = report_payload_new(event);
	char why[512];
	bool good;

	if (!result) {
		inject->failed++;
		return;
	}
	good = !ended_badly(inject, result, why, sizeof(why));
	inject->failed += !good;
	if (inject->json)
		print_json(result, good, why);
	else if (good)
		print_text(result);
	if (!good)
		cli_complainf(0, "%d: %s: %s", result->tid, result->name,
			      *why ? why : scion_error_name(result->error));
	report_payload_free(result);
}

static enum scion_verdict on_event(struct scion_session *session, const struct scion_event *event,
				   void *arg)
{
	struct inject *inject = arg;

	if (event->type != SCION_EVENT_PAYLOAD || event->at != SCION_AT_DEMAND)
		return SCION_CONTINUE;
	report_result(inject, event);
	if (++inject->done == inject->wanted)
		scion_session_stop(session);
	return SCION_CONTINUE;
}

/* --- the work --- */

static int open_session(struct inject *inject)
{
	struct scion_options options = {
		.size = sizeof(options),
		.on_event = on_event,
		.arg = inject,
		.payload_limit_ms = inject->limit_ms,
	};
	struct sigaction action = { .sa_handler = on_stop, .sa_flags = SA_RESTART };
	int error = scion_session_new(&options, &inject->session);

	if (error)
		return cli_complain(CLI_FAILED, "no session", scion_error_name(error),
				    "`scion doctor` tells what is missing");
	injecting = inject;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	return target_open(inject->session, inject->args[0], &inject->payload);
}

static int has_ended(const struct inject *inject)
{
	return cli_complainf(CLI_FAILED, "%d: has ended meanwhile; nothing was changed",
			     inject->pid);
}

static int choose_threads(struct inject *inject)
{
	int error = inject_threads(inject->pid, inject->tid, inject->all, &inject->tids,
				   &inject->wanted);

	if (!error)
		return CLI_OK;
	if (error == -ENOMEM)
		return cli_complain(CLI_FAILED, "inject", "out of memory", "free some memory");
	if (inject->tid)
		return cli_complainf(CLI_FAILED,
				     "%d: not a live thread of %d; `ps -L -p %d` lists "
				     "them",
				     inject->tid, inject->pid, inject->pid);
	return has_ended(inject);
}

static int ask(struct inject *inject)
{
	int code = target_set_words(inject->session, inject->pid, inject->payload, inject->words,
				    inject->word_count);

	for (size_t i = 0; i < inject->wanted && !code; i++) {
		int error = scion_inject(inject->session, inject->tids[i], inject->payload);

		/* with --all-threads one that has ended meanwhile is none of them any more */
		if (error == SCION_ESRCH && inject->all && inject->wanted > 1)
			inject->tids[i--] = inject->tids[--inject->wanted];
		else if (error == SCION_ESRCH)
			code = has_ended(inject);
		else if (error)
			code = cli_complain_session(CLI_FAILED, inject->session);
	}
	return code;
}

static int run(struct inject *inject)
{
	int error = scion_session_run(inject->session);

	if (error == SCION_EBUSY) {
		scion_detach(inject->session);
		scion_session_run(inject->session);
	} else if (error) {
		return cli_complain_session(CLI_FAILED, inject->session);
	}
	if (inject->done < inject->wanted && inject->interrupted)
		return cli_complainf(CLI_FAILED, "%d: interrupted before the payload ended",
				     inject->pid);
	if (inject->done < inject->wanted)
		return cli_complainf(CLI_FAILED, "%d: ended before the payload did", inject->pid);
	return inject->failed ? CLI_FAILED : CLI_OK;
}

static int inject_all(struct inject *inject)
{
	int code = open_session(inject);

	if (code)
		return code;
	if (scion_attach(inject->session, inject->pid, 0))
		return cli_complain_session(CLI_FAILED, inject->session);
	code = choose_threads(inject);
	if (!code)
		code = ask(inject);
	return code ? code : run(inject);
}

int cli_inject(int argc, char **argv)
{
	struct inject inject = { .pid = 0 };
	int code;

	parse(argc, argv, &inject);
	if (!inject.pid || !inject.args || !inject.args[0])
		return cli_complain(CLI_USAGE, "inject", inject.pid ? "no payload" : "no process",
				    "write scion inject -p PID PAYLOAD [ARG...]");
	code = inject_all(&inject);
	scion_session_free(inject.session);
	scion_payload_free(inject.payload);
	free(inject.tids);
	if (fflush(stdout) && !code)
		code = cli_complain(CLI_FAILED, "stdout", strerror(errno), NULL);
	return code;
}
