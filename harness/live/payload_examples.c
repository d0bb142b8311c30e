/* SPDX-License-Identifier: MIT */
/*
 * The example payloads of docs/examples/payloads, built with the flags that docs/payloads.md names and
 * run in their target: as a program that lies anywhere, one at a fixed address (its functions out of
 * reach of a short call), and static ones.
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/test.h"
#include "scion/scion.h"

enum { FORKS = 3 };

static char dir[] = "/tmp/scion-examples-XXXXXX";

/* What was seen of one fork, in the order of the forks. */
struct seen {
	pid_t child;
	int64_t value;
	struct scion_event side[3]; /* the payload's event, by enum scion_payload_side */
};

struct record {
	struct seen fork[FORKS];
	unsigned forks;
	uint64_t id[FORKS];
};

static const char *source(const char *name)
{
	static char path[PATH_MAX];
	char file[] = __FILE__;

	snprintf(path, sizeof(path), "%s/../../docs/examples/payloads/%s", dirname(file), name);
	return path;
}

static const char *built(const char *name)
{
	static char paths[4][64];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void compile(const char *const argv[])
{
	struct test_output output;

	test_run(&output, argv);
	CHECK_MSG(output.code == 0, "%s failed: %s", argv[0], output.err);
	test_output_free(&output);
}

static void build_payload(const char *name)
{
	char c[32], o[32], include[PATH_MAX];
	char file[] = __FILE__;

	snprintf(c, sizeof(c), "%s.c", name);
	snprintf(o, sizeof(o), "%s.o", name);
	snprintf(include, sizeof(include), "-I%s/../../mutator/include", dirname(file));
	compile((const char *const[]){ "cc",
				       "-std=gnu11",
				       "-O2",
				       "-ffreestanding",
				       "-fPIC",
				       "-fvisibility=hidden",
				       "-mcmodel=small",
				       "-mgeneral-regs-only",
				       "-fno-stack-protector",
				       "-fcf-protection=none",
				       "-fno-asynchronous-unwind-tables",
				       "-fno-unwind-tables",
				       "-fno-jump-tables",
				       "-fno-common",
				       "-fno-lto",
				       include,
				       "-c",
				       source(c),
				       "-o",
				       built(o),
				       NULL });
}

static struct seen *seen_of(struct record *record, uint64_t id)
{
	for (unsigned i = 0; i < record->forks; i++)
		if (record->id[i] == id)
			return &record->fork[i];
	CHECK_LT(record->forks, FORKS);
	record->id[record->forks] = id;
	return &record->fork[record->forks++];
}

static enum scion_verdict on_event(struct scion_session *session, const struct scion_event *event,
				   void *arg)
{
	struct record *record = arg;
	struct seen *seen;

	(void)session;
	if (event->type == SCION_EVENT_FORK) {
		seen = seen_of(record, event->fork_id);
		seen->value = event->value;
		seen->child = event->peer;
	}
	if (event->type == SCION_EVENT_PAYLOAD) {
		CHECK_MSG(event->error == 0, "payload: %s", event->message);
		seen = seen_of(record, event->fork_id);
		CHECK_EQ(seen->side[event->side].type, 0);
		seen->side[event->side] = *event;
	}
	return SCION_CONTINUE;
}

/* Runs dice with a payload at its forks; what it printed goes to out. */
static void run_dice(const char *object, unsigned sides, struct record *record, char *out,
		     size_t size)
{
	char *argv[] = { (char *)(uintptr_t)built("dice"), NULL };
	struct scion_options options = { .size = sizeof(options), .on_event = on_event };
	struct scion_launch launch = { .size = sizeof(launch), .argv = argv, .use_stdio = true };
	struct scion_payload *payload;
	struct scion_session *session;
	size_t len = 0;
	ssize_t n;
	int pipes[2];
	pid_t pid;

	memset(record, 0, sizeof(*record));
	options.arg = record;
	CHECK_CALL(pipe2(pipes, O_CLOEXEC));
	launch.stdio[0] = STDIN_FILENO;
	launch.stdio[1] = pipes[1];
	launch.stdio[2] = STDERR_FILENO;
	CHECK_EQ(scion_session_new(&options, &session), 0);
	CHECK_MSG(scion_payload_open(session, built(object), &payload) == 0, "%s",
		  scion_errmsg(session));
	CHECK_EQ(scion_at(session, SCION_AT_FORK, sides, payload), 0);
	CHECK_EQ(scion_launch(session, &launch, &pid), 0);
	close(pipes[1]);
	CHECK_EQ(scion_session_run(session), 0);
	scion_session_free(session);
	scion_payload_free(payload);
	while (len + 1 < size && (n = read(pipes[0], out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	close(pipes[0]);
	CHECK_EQ(record->forks, FORKS);
	for (unsigned i = 0; i < FORKS; i++)
		CHECK_EQ(record->fork[i].value, record->fork[i].child);
}

/* What a child throws that was seeded with its PID: the same C library says it here. */
static void expect_seeded(const struct record *record, const char *out)
{
	char want[64 * FORKS] = "";

	for (unsigned i = 0; i < FORKS; i++) {
		long a, b, c;

		CHECK_EQ(record->fork[i].side[SCION_SIDE_CHILD].payload_status,
			 record->fork[i].child);
		srandom((unsigned)record->fork[i].child);
		a = random() % 6;
		b = random() % 6;
		c = random() % 6;
		snprintf(want + strlen(want), 64, "%ld %ld %ld\n", a + 1, b + 1, c + 1);
	}
	CHECK_STR(out, want);
}

static void check_reseed(void)
{
	struct record record;
	char out[256];

	run_dice("reseed.o", SCION_CHILD, &record, out, sizeof(out));
	expect_seeded(&record, out);
}

static void check_peek(void)
{
	struct record record;
	char out[256];

	run_dice("peek.o", SCION_PARENT, &record, out, sizeof(out));
	for (unsigned i = 0; i < FORKS; i++) {
		const struct scion_event *event = &record.fork[i].side[SCION_SIDE_PARENT];

		CHECK_EQ(event->type, SCION_EVENT_PAYLOAD);
		CHECK_EQ(event->payload_status, i);
		CHECK_EQ(event->result[0], FORKS - i);
	}
}

static void check_children(void)
{
	struct record record;
	char out[256];

	run_dice("children.o", SCION_BOTH, &record, out, sizeof(out));
	for (unsigned i = 0; i < FORKS; i++) {
		CHECK_EQ(record.fork[i].side[SCION_SIDE_CHILD].payload_status, -1);
		CHECK_EQ(record.fork[i].side[SCION_SIDE_PARENT].payload_status,
			 record.fork[i].child);
	}
	/* From the first payload in the parent on, its children inherit its block. */
	CHECK_EQ(record.fork[2].side[SCION_SIDE_CHILD].result[0],
		 record.fork[1].side[SCION_SIDE_CHILD].result[0] + 1);
}

static int run(void)
{
	static const char *const kinds[][2] = { { "-fPIE", "-pie" },
						{ "-fno-pie", "-no-pie" },
						{ "-fno-pie", "-static" },
						{ "-fPIE", "-static-pie" } };

	CHECK(mkdtemp(dir));
	build_payload("reseed");
	build_payload("peek");
	build_payload("children");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		test_note("dice linked with %s", kinds[i][1]);
		compile((const char *const[]){ "cc", "-O2", kinds[i][0], kinds[i][1],
					       source("dice.c"), "-o", built("dice"), NULL });
		check_reseed();
		check_peek();
		check_children();
	}
	compile((const char *const[]){ "rm", "-r", dir, NULL });
	return 0;
}

static const char *const programs[] = { "cc", "rm", NULL };

const struct scion_test scion_test = {
	.name = "payload_examples",
	.timeout_s = 60,
	.needs_programs = programs,
	.run = run,
};
