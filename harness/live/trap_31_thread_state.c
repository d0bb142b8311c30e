/* SPDX-License-Identifier: MIT */
/*
 * What a thread has beyond its registers: bases of fs and gs, errno, the alternate stack, its
 * cancellation state, its name and signal mask. Payloads that make calls, that call a function which
 * sets errno, and a dlopen that fails change none of it.
 */
#include <asm/prctl.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/target.h"

#define MY_ERRNO 1234

static uint32_t *shared; /* 0: in the loop; 1: go on; 2: the thread's id */
static char stack[65536];

struct state {
	unsigned long fs, gs;
	int error, cancel, type;
	stack_t alternate;
	sigset_t mask;
	char name[16];
};

static void look(struct state *state)
{
	memset(state, 0, sizeof(*state));
	state->error = errno;
	CHECK_EQ(syscall(SYS_arch_prctl, ARCH_GET_FS, &state->fs), 0);
	CHECK_EQ(syscall(SYS_arch_prctl, ARCH_GET_GS, &state->gs), 0);
	CHECK_EQ(sigaltstack(NULL, &state->alternate), 0);
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &state->mask), 0);
	CHECK_EQ(prctl(PR_GET_NAME, state->name), 0);
	CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state->cancel), 0);
	CHECK_EQ(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &state->type), 0);
	CHECK_EQ(pthread_setcanceltype(state->type, NULL), 0);
	CHECK_EQ(pthread_setcancelstate(state->cancel, NULL), 0);
}

static void *body(void *arg)
{
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct state before, after;
	stack_t former;
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGWINCH);
	CHECK_EQ(sigaltstack(&alternate, &former), 0);
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, &mask, NULL), 0);
	CHECK_EQ(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x12345678000), 0);
	CHECK_EQ(prctl(PR_SET_NAME, "of its own"), 0);
	CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL), 0);
	CHECK_EQ(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL), 0);
	shared[2] = (uint32_t)syscall(SYS_gettid);
	errno = MY_ERRNO;
	look(&before);
	errno = MY_ERRNO;
	__atomic_store_n(&shared[0], 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared[1], __ATOMIC_ACQUIRE))
		;
	look(&after);
	CHECK_EQ(before.error, MY_ERRNO);
	CHECK_EQ(after.error, MY_ERRNO);
	CHECK_EQ(memcmp(&before, &after, sizeof(before)), 0);
	/* AddressSanitizer gives each thread one, and unmaps at its end what it finds. */
	CHECK_EQ(sigaltstack(&former, NULL), 0);
	return arg;
}

static int program(void *arg)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, body, arg), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	return 0;
}

static uint64_t symbol(struct target *t, const char *name)
{
	uint64_t address = 0;

	CHECK_MSG(scion_symbol(t->f.session, t->pid, name, &address) == SCION_OK, "%s",
		  scion_errmsg(t->f.session));
	return address;
}

static void inject(struct target *t, const struct scion_payload *payload)
{
	const struct scion_event *event = target_inject(t, (pid_t)shared[2], payload);

	CHECK_MSG(event->error == SCION_OK, "%s", target_message(t));
}

static int run(void)
{
	static const char missing[] = "/nonexistent/lib.so";
	struct scion_payload *payload;
	struct target t;

	shared = target_shared(4096);
	target_fork(&t, program, NULL);
	target_await(&shared[0], 0);
	target_attach(&t, NULL);
	inject(&t, target_payload(&t, "whoami"));
	payload = target_payload(&t, "call"); /* close(-1): EBADF */
	target_args(payload, symbol(&t, "libc.so.6:close"), (uint64_t)-1, 0, 0, 0, 0, 0,
		    symbol(&t, "__errno_location"));
	inject(&t, payload);
	CHECK_EQ((int)follow_nth(&t.f, SCION_EVENT_PAYLOAD, 1)->payload_status, -1);
	payload = target_payload(&t, "dlopen");
	target_args(payload, symbol(&t, "libc.so.6:dlopen"), 0, symbol(&t, "libc.so.6:dlerror"), 0,
		    0, 0, 0, symbol(&t, "__errno_location"));
	CHECK_EQ(scion_payload_set_data(payload, 1, missing, sizeof(missing)), SCION_OK);
	inject(&t, payload);
	CHECK_EQ(follow_nth(&t.f, SCION_EVENT_PAYLOAD, 2)->payload_status, -1);
	target_detach(&t);
	__atomic_store_n(&shared[1], 1, __ATOMIC_RELEASE);
	CHECK(target_end(&t));
	return 0;
}

const struct scion_test scion_test = {
	.name = "trap_31_thread_state",
	.trap = "31",
	.run = run,
};
