/* SPDX-License-Identifier: MIT */
/* whoami, compiled natively: the kernel's own numbers, from a thread and from a child too. */
#include "../../payloads/whoami/whoami.c"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int agrees(void)
{
	struct scion_payload_ctx ctx = { .pid = -1, .tid = -1 };

	return scion_payload(&ctx) == getpid() && ctx.result[0] == (uint64_t)getpid() &&
	       ctx.result[1] == (uint64_t)syscall(SYS_gettid) &&
	       ctx.result[2] == (uint64_t)getppid() && ctx.result[3] == 0;
}

static void *agrees_in_thread(void *arg)
{
	*(int *)arg = getpid() != (pid_t)syscall(SYS_gettid) && agrees();
	return NULL;
}

static void names_process_thread_and_parent(void **state)
{
	pthread_t thread;
	int ok = 0;

	(void)state;
	assert_true(agrees());
	assert_int_equal(pthread_create(&thread, NULL, agrees_in_thread, &ok), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(ok);
}

static void names_the_child(void **state)
{
	int status = -1;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(agrees() ? 0 : 1);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_process_thread_and_parent),
		cmocka_unit_test(names_the_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
