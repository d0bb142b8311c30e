/* SPDX-License-Identifier: MIT */
/*
 * payload_at_fork.c - runs code in parent and child of every fork: `whoami` asks the kernel, from
 * inside, who each of them is, and `count` adds to a counter that all offspring share.
 *
 *	payload_at_fork CMD [ARG...]
 */
#include <scion/scion.h>

#include <stdio.h>
#include <string.h>

struct sums {
	unsigned forks, ran, failed, strangers;
};

static void on_payload(struct sums *sums, const struct scion_event *event)
{
	if (event->error) {
		fprintf(stderr, "%d: %s: %s\n", event->tid, scion_payload_name(event->payload),
			event->message);
		sums->failed++;
		return;
	}
	sums->ran++;
	/* result[0] is getpid() as the task itself sees it: the same number as ours, unless it lives
	   in a PID namespace of its own */
	if (strcmp(scion_payload_name(event->payload), "whoami") == 0 &&
	    event->result[0] != (uint64_t)event->pid)
		sums->strangers++;
}

static enum scion_verdict on_event(struct scion_session *session, const struct scion_event *event,
				   void *arg)
{
	struct sums *sums = arg;

	(void)session;
	if (event->type == SCION_EVENT_FORK && !event->thread)
		sums->forks++;
	if (event->type == SCION_EVENT_PAYLOAD)
		on_payload(sums, event);
	return SCION_CONTINUE;
}

/* Opens both payloads and says where they run. */
static int plant(struct scion_session *session, struct scion_payload *payloads[2])
{
	static const char *const names[] = { "whoami", "count" };

	for (int i = 0; i < 2; i++) {
		int error = scion_payload_open(session, names[i], &payloads[i]);

		if (!error)
			error = scion_at(session, SCION_AT_FORK, SCION_BOTH, payloads[i]);
		if (error)
			return error;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sums sums = { 0 };
	struct scion_options options = {
		.size = sizeof(options),
		.on_event = on_event,
		.arg = &sums,
	};
	struct scion_launch launch = { .size = sizeof(launch), .argv = argv + 1 };
	struct scion_payload *payloads[2] = { NULL, NULL };
	struct scion_session *session;
	uint64_t counted = 0;
	pid_t pid;
	int error;

	if (argc < 2) {
		fputs("usage: payload_at_fork CMD [ARG...]\n", stderr);
		return 2;
	}
	error = scion_session_new(&options, &session);
	if (error) {
		fprintf(stderr, "payload_at_fork: %s\n", scion_error_name(error));
		return 125;
	}
	error = plant(session, payloads);
	if (!error)
		error = scion_launch(session, &launch, &pid);
	if (!error)
		error = scion_session_run(session);
	if (error)
		fprintf(stderr, "payload_at_fork: %s\n", scion_errmsg(session));
	counted = scion_block_count(session);
	scion_session_free(session); /* before the payloads: it uses them */
	scion_payload_free(payloads[0]);
	scion_payload_free(payloads[1]);
	printf("%u forks, %u payloads ran, %u failed, %u strangers, counted %u\n", sums.forks,
	       sums.ran, sums.failed, sums.strangers, (unsigned)counted);
	return error || sums.failed ? 125 : 0;
}
