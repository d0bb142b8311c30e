/* SPDX-License-Identifier: MIT */
/*
 * What the library holds does not grow with the forks that are over, and is small for each live
 * tracee: counted in live bytes of the heap, so that neither the C library's habits nor a
 * sanitizer's quarantine are measured. The big numbers are those of `./dev bench memory`.
 */
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/test.h"
#include "scion/scion.h"

#if defined(__SANITIZE_ADDRESS__)
/* Of sanitizer/allocator_interface.h, which gcc does not ship. */
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

#define FORKS     3000
#define EARLY     300
#define HERD      200
#define SLACK     4096  /* a hash table's growth, once */
#define EACH_TASK 16384 /* 20 MiB for 1,000 leave 20 KiB, with the program's own share */

struct count {
	int forks;
	size_t first, early, late, most;
};

static size_t live_bytes(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return __sanitizer_get_current_allocated_bytes();
#else
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
#endif
}

static enum scion_verdict on_event(struct scion_session *session, const struct scion_event *event,
				   void *arg)
{
	struct count *count = arg;
	size_t now;

	(void)session;
	if (event->type != SCION_EVENT_FORK)
		return SCION_CONTINUE;
	CHECK_EQ(event->value, event->expected);
	now = live_bytes();
	count->forks++;
	if (count->forks == 1)
		count->first = now;
	if (count->forks == EARLY)
		count->early = now;
	count->late = now;
	if (now > count->most)
		count->most = now;
	return SCION_CONTINUE;
}

static int one_by_one(void)
{
	int i, status;
	pid_t pid;

	for (i = 0; i < FORKS; i++) {
		pid = fork();
		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			return 1;
	}
	return 0;
}

static int all_at_once(void)
{
	int i, hold[2];
	char c;

	if (pipe(hold) < 0)
		return 1;
	for (i = 0; i < HERD; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid == 0) {
			close(hold[1]);
			_exit(read(hold[0], &c, 1) == 0 ? 0 : 1);
		}
	}
	close(hold[1]);
	for (i = 0; i < HERD; i++)
		if (wait(NULL) < 0)
			return 1;
	return 0;
}

static struct count follow(int (*target)(void))
{
	struct count count = { 0 };
	struct scion_options options = { .size = sizeof(options), .on_event = on_event };
	struct scion_session *session;
	pid_t pid;
	int go[2];
	char c;

	options.arg = &count;
	CHECK_CALL(pipe(go));
	pid = fork();
	CHECK_CALL(pid);
	if (pid == 0)
		_exit(read(go[0], &c, 1) == 1 ? target() : 1);
	CHECK_EQ(scion_session_new(&options, &session), SCION_OK);
	CHECK_EQ(scion_attach(session, pid, 0), SCION_OK);
	CHECK_EQ(write(go[1], "x", 1), 1);
	CHECK_EQ(scion_session_run(session), SCION_OK);
	CHECK_EQ(scion_session_tasks(session), 0);
	scion_session_free(session);
	close(go[0]);
	close(go[1]);
	return count;
}

static int run(void)
{
	struct count flat = follow(one_by_one);
	struct count herd;

	CHECK_EQ(flat.forks, FORKS);
	test_note("%d forks: %zu bytes, %d: %zu", EARLY, flat.early, FORKS, flat.late);
	CHECK_LE(flat.late, flat.early + SLACK);
	herd = follow(all_at_once);
	CHECK_EQ(herd.forks, HERD);
	test_note("%d live tracees: %zu bytes each", HERD, (herd.most - herd.first) / HERD);
	CHECK_LE((herd.most - herd.first) / HERD, EACH_TASK);
	return 0;
}

const struct scion_test scion_test = { .name = "memory_flat", .timeout_s = 60, .run = run };
