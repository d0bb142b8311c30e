/* SPDX-License-Identifier: MIT */
/* attach.c - scion attach: follows a process that runs, or a whole tree, until it is told to stop. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/follow.h"

struct attach {
	struct follow follow;
	pid_t pid;
};

/* Of the handler: signals carry no argument. NULL once the session is being freed. */
static struct scion_session *volatile attached;

static void on_stop(int sig)
{
	(void)sig;
	if (attached)
		scion_session_stop(attached);
}

static void handle_signals(struct scion_session *session)
{
	struct sigaction action = { .sa_handler = on_stop, .sa_flags = SA_RESTART };

	attached = session;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct attach *attach = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &attach->follow;
		return 0;
	case 'p':
		attach->pid = cli_parse_pid(arg);
		if (attach->pid < 0)
			exit(cli_complain(CLI_USAGE, arg, "not a process number",
					  "write -p PID; `ps -e` lists those that are there"));
		return 0;
	case ARGP_KEY_ARG:
		exit(cli_complain(CLI_USAGE, arg, "attach takes no argument",
				  "write scion attach -p PID; `scion run` starts a program"));
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void parse(int argc, char **argv, struct attach *attach)
{
	static const struct argp_option accepted[] = {
		{ "pid", 'p', "PID", 0, "The process; with --tree also its descendants", 0 },
		{ 0 },
	};
	static const struct argp_child children[] = { { &follow_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		.options = accepted,
		.parser = parse_option,
		.args_doc = "-p PID",
		.doc = "Follows a process that runs, with all its threads and offspring to come.\v"
		       "Ctrl-C, SIGTERM and SIGHUP let it go; then the report is written.",
		.children = children,
	};
	char name[] = "scion attach";

	argv[0] = name;
	argp_parse(&argp, argc, argv, 0, NULL, attach);
}

static int follow_all(struct attach *attach)
{
	struct follow *follow = &attach->follow;
	int code = CLI_OK, error;

	handle_signals(follow->session);
	if (scion_attach(follow->session, attach->pid, follow->tree ? SCION_ATTACH_TREE : 0))
		return cli_complain_session(CLI_FAILED, follow->session);
	code = follow_arm(follow, attach->pid);
	if (code)
		return code; /* closing the session lets all go */
	error = scion_session_run(follow->session);
	if (error == SCION_EBUSY)
		follow_let_go(follow);
	else if (error)
		code = cli_complain_session(CLI_FAILED, follow->session);
	return code ? code : follow_report(follow);
}

int cli_attach(int argc, char **argv)
{
	struct attach attach = { .pid = 0 };
	int code;

	parse(argc, argv, &attach);
	if (!attach.pid)
		return cli_complain(CLI_USAGE, "attach", "no process", "write scion attach -p PID");
	code = follow_open(&attach.follow);
	if (!code)
		code = follow_all(&attach);
	attached = NULL;
	follow_close(&attach.follow);
	return code;
}
