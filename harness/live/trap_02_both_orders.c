/* SPDX-License-Identifier: MIT */
/*
 * Trap 2: a child's first stop may be reported before or after its parent's event. Both are led to:
 * by a tracer that looks at once, on another CPU, and by one that comes late. Then each is made by
 * hand, at every fork, and must come out the same.
 */
#include "live/trap_steps.h"

#define FORKS  100
#define ROUNDS 10
#define YIELDS 10
#define BIRTHS (FORKS + 1)

enum order { AT_ONCE, LATE, PARENT_FIRST, CHILD_FIRST };

struct orders {
	size_t parent_first, child_first;
};

static int work(void)
{
	for (int i = 0; i < FORKS; i++) {
		int status = -1;
		pid_t pid = fork();

		if (pid == 0)
			_exit(i & 63);
		if (waitpid(pid, &status, 0) != pid || status != (i & 63) << 8)
			return 1;
	}
	return 0;
}

/*
 * The forks are made by a grandchild: wait(2) looks through its own children first, then through
 * other tracees, the newest first. So if both have stopped before the tracer looks, the new one wins.
 */
static int workload(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(work());
	return waitpid(pid, &status, 0) != pid || status;
}

static void wait_for_first_stop(struct kernel_wait *child)
{
	pid_t got;

	do
		got = waitpid(child->tid, &child->status, __WALL);
	while (got < 0 && errno == EINTR);
	CHECK_EQ(got, child->tid);
}

/* One stop, or two where their order matters. False at the end. */
static bool step(struct follow *f, enum order order, struct orders *seen)
{
	struct scion_session *s = f->session;
	struct kernel_wait wait, child;
	unsigned long message;
	bool by_hand = false;
	struct stop stop;

	for (int i = 0; order == LATE && i < YIELDS; i++)
		sched_yield(); /* all share one CPU: let them come to their stops */
	if (!steps_wait(f, &wait))
		return false;
	stop = stop_classify(wait.status);
	if (!task_find(&s->tasks, wait.tid) && !stop_is_end(stop.kind)) {
		seen->child_first++;
	} else if (stop.kind == STOP_FORK) {
		CHECK_EQ(kernel_event_msg(s->kernel, wait.tid, &message), 0);
		child.tid = (pid_t)message;
		if (!task_find(&s->tasks, child.tid)) {
			by_hand = order == PARENT_FIRST || order == CHILD_FIRST;
			*(order == CHILD_FIRST ? &seen->child_first : &seen->parent_first) += 1;
		}
	}
	if (by_hand) {
		wait_for_first_stop(&child);
		if (order == CHILD_FIRST)
			session_dispatch(s, child.tid, child.status);
	}
	session_dispatch(s, wait.tid, wait.status);
	if (by_hand && order == PARENT_FIRST)
		session_dispatch(s, child.tid, child.status);
	return true;
}

static struct orders follow_all(enum scion_placement placement, enum order order)
{
	struct scion_options options = { .size = sizeof(options),
					 .log_level = SCION_LOG_WARN,
					 .placement = placement };
	struct orders seen = { 0 };
	struct follow f = { 0 };

	follow_open(&f, &options);
	follow_at(&f, SCION_AT_FORK, SCION_BOTH, "whoami");
	steps_child(&f, workload);
	while (step(&f, order, &seen))
		;
	CHECK_EQ(f.status, 0);
	CHECK_EQ(follow_check(&f, true), BIRTHS);
	CHECK_EQ(follow_count(&f, SCION_EVENT_PAYLOAD), 2 * BIRTHS);
	follow_close(&f);
	return seen;
}

static void stay_on_one_cpu(cpu_set_t *before)
{
	cpu_set_t one;

	CHECK_CALL(sched_getaffinity(0, sizeof(*before), before));
	CPU_ZERO(&one);
	for (size_t cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&one); cpu++)
		if (CPU_ISSET(cpu, before))
			CPU_SET(cpu, &one);
	CHECK_CALL(sched_setaffinity(0, sizeof(one), &one));
}

static int run(void)
{
	struct orders sum = { 0 };
	cpu_set_t before;

	CHECK(follow_all(SCION_PLACEMENT_OFF, PARENT_FIRST).parent_first > 0);
	CHECK(follow_all(SCION_PLACEMENT_OFF, CHILD_FIRST).child_first > 0);
	for (int i = 0; i < ROUNDS && !(sum.parent_first && sum.child_first); i++) {
		struct orders seen = follow_all(SCION_PLACEMENT_OFF, AT_ONCE);

		sum.parent_first += seen.parent_first;
		sum.child_first += seen.child_first;
		stay_on_one_cpu(&before);
		seen = follow_all(SCION_PLACEMENT_OFF, LATE);
		CHECK_CALL(sched_setaffinity(0, sizeof(before), &before));
		sum.parent_first += seen.parent_first;
		sum.child_first += seen.child_first;
	}
	test_note("by itself: the parent came first %zu times, the child %zu times",
		  sum.parent_first, sum.child_first);
	if (!sum.parent_first || !sum.child_first)
		SKIP("this machine shows one order only; both were made by hand, and were right");
	return 0;
}

const struct scion_test scion_test = { .name = "trap_02_both_orders", .trap = "02", .run = run };
