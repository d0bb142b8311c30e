/* SPDX-License-Identifier: MIT */
/*
 * A thread has one restart block, and it belongs to the call that was interrupted. Payloads that
 * make other calls leave it alone: a sleep that is interrupted again and again ends in time, with 0.
 * The trap: a payload that sleeps takes the block, and the program's sleep ends with EINTR.
 */
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/target.h"

#define SLEEP_NS 400000000ll
#define ROUNDS   20

static int64_t *shared; /* 0: what nanosleep returned; 1: how long it took */

static int sleeper(void *arg)
{
	struct timespec length = { 0, SLEEP_NS }, left = { 0 }, begin, end;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	shared[0] = syscall(SYS_nanosleep, &length, &left) < 0 ? -errno : 0;
	clock_gettime(CLOCK_MONOTONIC, &end);
	shared[1] = (end.tv_sec - begin.tv_sec) * 1000000000ll + end.tv_nsec - begin.tv_nsec;
	return 0;
}

static void begin(struct target *t)
{
	target_fork(t, sleeper, NULL);
	target_blocked(t->pid, SYS_nanosleep);
	target_attach(t, NULL);
}

static void harmless(void)
{
	const struct scion_payload *payload;
	struct target t;

	begin(&t);
	payload = target_payload(&t, "whoami");
	for (int i = 0; i < ROUNDS; i++)
		CHECK_EQ(target_inject(&t, t.pid, payload)->error, SCION_OK);
	target_detach(&t);
	CHECK(target_end(&t));
	CHECK_EQ(shared[0], 0);
	CHECK_LE(SLEEP_NS, shared[1]);
}

static void harmful(void)
{
	static const struct timespec shortest = { 0, 1 };
	struct scion_payload *payload;
	const struct scion_event *event;
	struct target t;

	begin(&t);
	payload = target_payload(&t, "syscall");
	target_args(payload, SYS_nanosleep, 0, 0);
	CHECK_EQ(scion_payload_set_data(payload, 1, &shortest, sizeof(shortest)), SCION_OK);
	event = target_inject(&t, t.pid, payload);
	CHECK_EQ(event->error, SCION_OK);
	CHECK_EQ(event->payload_status, 0);
	target_detach(&t);
	CHECK(target_end(&t));
	/* the kernel does as the block says, which is now that of a call which is over */
	CHECK_EQ(shared[0], -EINTR);
}

static int run(void)
{
	shared = target_shared(4096);
	harmless();
	harmful();
	return 0;
}

const struct scion_test scion_test = {
	.name = "trap_22_restart_block",
	.trap = "22",
	.run = run,
};
