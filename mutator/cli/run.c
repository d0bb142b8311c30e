/* SPDX-License-Identifier: MIT */
/* run.c - scion run: starts a program, follows it and its offspring until all are gone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/follow.h"

struct run {
	struct follow follow; /* first: follow_argp's input is this */
	char **argv;
};

/* Of the handlers: signals carry no argument. NULL once the session is being freed. */
static struct follow *volatile running;
static volatile sig_atomic_t interrupts;

/*
 * The terminal sends SIGINT and SIGQUIT to the program as well, which decides what they mean. Once it
 * is gone, twice Ctrl-C lets go of what is left of its offspring.
 */
static void on_interrupt(int sig)
{
	(void)sig;
	if (running && !running->launched && ++interrupts >= 2)
		scion_session_stop(running->session);
}

/* Meant for the program: scion was asked in its place. */
static void on_terminate(int sig)
{
	int saved = errno;

	if (running && running->launched)
		kill((pid_t)running->launched, sig);
	else if (running)
		scion_session_stop(running->session);
	errno = saved;
}

/* Left alone if scion was started with the signal ignored, as by nohup(1). */
static void handle(int sig, void (*handler)(int))
{
	struct sigaction now, wanted = { .sa_handler = handler, .sa_flags = SA_RESTART };

	sigemptyset(&wanted.sa_mask);
	if (sigaction(sig, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
		sigaction(sig, &wanted, NULL);
}

/* After scion_session_new: it has noted what the program is to find. */
static void handle_signals(struct follow *follow)
{
	running = follow;
	handle(SIGINT, on_interrupt);
	handle(SIGQUIT, on_interrupt);
	handle(SIGTERM, on_terminate);
	handle(SIGHUP, on_terminate);
	signal(SIGPIPE, SIG_IGN);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct run *run = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &run->follow;
		return 0;
	case ARGP_KEY_ARGS:
		run->argv = state->argv + state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void parse(int argc, char **argv, struct run *run)
{
	static const struct argp_child children[] = { { &follow_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		.parser = parse_option,
		.args_doc = "[--] CMD [ARG...]",
		.doc = "Starts a program, follows it and its offspring, and reports its forks.\v"
		       "Exits as the program did, 128+N if signal N ended it; 125 if scion failed, "
		       "126 if the program can't be executed, 127 if it was not found.",
		.children = children,
	};
	char name[] = "scion run";

	argv[0] = name;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, run);
}

static int launch(struct run *run)
{
	struct scion_launch launch = { .size = sizeof(launch), .argv = run->argv };
	sigset_t all, old;
	pid_t pid = 0;
	int error;

	/* a signal that comes now is forwarded as soon as it is known to whom */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	handle_signals(&run->follow);
	error = scion_launch(run->follow.session, &launch, &pid);
	if (!error) {
		run->follow.launched = (sig_atomic_t)pid;
		report_launched(run->follow.report, pid);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return error ? cli_complain_session(CLI_FAILED, run->follow.session) : CLI_OK;
}

static int not_started(const char *name, int error)
{
	if (error == ENOENT)
		return cli_complain(CLI_NOT_FOUND, name, "not found",
				    "give its path, or see whether it is installed");
	return cli_complain(CLI_NOT_EXECUTABLE, name, strerror(error), "name a program");
}

static int follow_all(struct run *run)
{
	struct follow *follow = &run->follow;
	pid_t pid;
	int code = launch(run), error;

	if (code)
		return code;
	pid = (pid_t)follow->launched;
	error = scion_session_run(follow->session);
	if (error == SCION_EBUSY)
		follow_let_go(follow);
	else if (error)
		return cli_complain_session(CLI_FAILED, follow->session);
	if (!follow->launched_execed && scion_launch_error(follow->session, pid))
		return not_started(run->argv[0], scion_launch_error(follow->session, pid));
	code = follow_report(follow);
	return code ? code : cli_exit_code(follow->launched_status);
}

int cli_run(int argc, char **argv)
{
	struct run run = { .argv = NULL };
	int code;

	parse(argc, argv, &run);
	if (!run.argv || !run.argv[0])
		return cli_complain(CLI_USAGE, "run", "no program",
				    "write scion run -- CMD [ARG...]");
	code = follow_open(&run.follow);
	if (!code)
		code = follow_arm(&run.follow, 0);
	if (!code)
		code = follow_all(&run);
	running = NULL;
	follow_close(&run.follow);
	return code;
}
