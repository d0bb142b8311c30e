/* SPDX-License-Identifier: MIT */
/*
 * fork_tracer.c - a little fork tracer: says what a program and its offspring start, become and end
 * with.
 *
 *	fork_tracer CMD [ARG...]
 */
#include <scion/scion.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

struct tracer {
	pid_t launched;
	int status;
	unsigned forks, wrong;
};

static void on_fork(struct tracer *tracer, const struct scion_event *event)
{
	bool right = event->value == event->expected;

	tracer->forks++;
	tracer->wrong += !right;
	fprintf(stderr, "%d: made %s %d; the call returned %" PRId64 ": %s\n", event->tid,
		event->thread ? "thread" : "process", event->peer, event->value,
		right ? "right" : "WRONG");
}

static void on_exit_event(struct tracer *tracer, const struct scion_event *event)
{
	if (event->pid == tracer->launched)
		tracer->status = event->status;
	if (WIFSIGNALED(event->status))
		fprintf(stderr, "%d: ended by %s\n", event->tid,
			strsignal(WTERMSIG(event->status)));
	else
		fprintf(stderr, "%d: exited with %d\n", event->tid, WEXITSTATUS(event->status));
}

static enum scion_verdict on_event(struct scion_session *session, const struct scion_event *event,
				   void *arg)
{
	struct tracer *tracer = arg;

	(void)session;
	if (event->type == SCION_EVENT_FORK)
		on_fork(tracer, event);
	else if (event->type == SCION_EVENT_EXEC)
		fprintf(stderr, "%d: runs another program\n", event->tid);
	else if (event->type == SCION_EVENT_EXIT)
		on_exit_event(tracer, event);
	return SCION_CONTINUE;
}

int main(int argc, char **argv)
{
	struct tracer tracer = { 0 };
	struct scion_options options = {
		.size = sizeof(options),
		.on_event = on_event,
		.arg = &tracer,
	};
	struct scion_launch launch = { .size = sizeof(launch), .argv = argv + 1 };
	struct scion_session *session;
	int error;

	if (argc < 2) {
		fputs("usage: fork_tracer CMD [ARG...]\n", stderr);
		return 2;
	}
	error = scion_session_new(&options, &session);
	if (error) {
		fprintf(stderr, "fork_tracer: %s\n", scion_error_name(error));
		return 125;
	}
	error = scion_launch(session, &launch, &tracer.launched);
	if (!error)
		error = scion_session_run(session); /* until nobody is left */
	if (error)
		fprintf(stderr, "fork_tracer: %s\n", scion_errmsg(session));
	else if (scion_launch_error(session, tracer.launched))
		fprintf(stderr, "fork_tracer: %s: %s\n", argv[1],
			strerror(scion_launch_error(session, tracer.launched)));
	scion_session_free(session);
	fprintf(stderr, "%u forks, %u wrong\n", tracer.forks, tracer.wrong);
	if (error || tracer.wrong)
		return 125;
	return WIFEXITED(tracer.status) ? WEXITSTATUS(tracer.status) :
					  128 + WTERMSIG(tracer.status);
}
