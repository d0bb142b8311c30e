/* SPDX-License-Identifier: MIT */
/* Placement: its decisions, and that all it changes of the tracer is handed back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/placement.h"

#define MS 1000000ULL

/* A kernel with one tracer and one tracee. Everything else of its ops is NULL. */
struct fake {
	struct kernel base;
	uint64_t clock;
	cpu_set_t tracer, tracee;
	int cpu, runnable, class;
	bool idle, idle_refused, dying;
	int calls; /* of any kind */
};

static struct fake *fake_of(struct kernel *k)
{
	return (struct fake *)k;
}

static int fake_get(struct kernel *k, pid_t tid, cpu_set_t *set)
{
	fake_of(k)->calls++;
	if (tid && fake_of(k)->dying)
		return -ESRCH;
	*set = tid ? fake_of(k)->tracee : fake_of(k)->tracer;
	return 0;
}

static int fake_set(struct kernel *k, pid_t tid, const cpu_set_t *set)
{
	fake_of(k)->calls++;
	assert_int_equal(tid, 0); /* a tracee is never touched */
	fake_of(k)->tracer = *set;
	return 0;
}

static int fake_cpu(struct kernel *k, pid_t tid)
{
	(void)tid;
	fake_of(k)->calls++;
	return fake_of(k)->cpu;
}

static int fake_class(struct kernel *k, pid_t tid)
{
	(void)tid;
	fake_of(k)->calls++;
	return fake_of(k)->class;
}

static int fake_runnable(struct kernel *k)
{
	fake_of(k)->calls++;
	return fake_of(k)->runnable;
}

static int fake_idle(struct kernel *k, bool on)
{
	fake_of(k)->calls++;
	if (on && fake_of(k)->idle_refused)
		return -EPERM;
	assert_int_not_equal(fake_of(k)->idle, on);
	fake_of(k)->idle = on;
	return 0;
}

static const struct kernel_ops fake_ops = {
	.get_affinity = fake_get,
	.set_affinity = fake_set,
	.task_cpu = fake_cpu,
	.sched_class = fake_class,
	.runnable = fake_runnable,
	.set_idle = fake_idle,
};

static cpu_set_t cpus(int from, int to)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (; from <= to; from++)
		CPU_SET((unsigned)from, &set);
	return set;
}

static void fake_init(struct fake *f)
{
	memset(f, 0, sizeof(*f));
	f->base.ops = &fake_ops;
	f->clock = 1000 * MS;
	f->tracer = f->tracee = cpus(0, 7);
	f->cpu = 5;
	f->runnable = 1;
}

static void start(struct placement *p, struct fake *f, enum placement_mode mode, int cpu)
{
	assert_int_equal(placement_init(p, &f->base, mode, cpu), 0);
	p->cpus = 8; /* whatever this machine has */
}

static void stops(struct placement *p, struct fake *f, int n, uint64_t gap, unsigned tasks)
{
	while (n-- > 0) {
		f->clock += gap;
		placement_on_stop(p, 100, tasks, f->clock);
	}
}

static void assert_tracer(const struct fake *f, cpu_set_t set, bool idle)
{
	assert_true(CPU_EQUAL(&f->tracer, &set));
	assert_int_equal(f->idle, idle);
}

static void test_off_asks_nothing(void **state)
{
	struct placement p;
	struct fake f;

	(void)state;
	fake_init(&f);
	start(&p, &f, PLACEMENT_OFF, -1);
	stops(&p, &f, 1000, 10000, 1);
	placement_release(&p);
	assert_int_equal(f.calls, 0);
}

static void test_tracer_already_pinned(void **state)
{
	struct placement p;
	struct fake f;

	(void)state;
	fake_init(&f);
	f.tracer = cpus(3, 3);
	start(&p, &f, PLACEMENT_AUTO, -1);
	f.calls = 0;
	stops(&p, &f, 1000, 10000, 1);
	placement_release(&p);
	assert_int_equal(f.calls, 0);
	assert_tracer(&f, cpus(3, 3), false);
}

static void test_many_tracees_are_left_alone(void **state)
{
	struct placement p;
	struct fake f;

	(void)state;
	fake_init(&f);
	start(&p, &f, PLACEMENT_AUTO, -1);
	f.calls = 0;
	stops(&p, &f, 6400, 10000, 4);
	assert_tracer(&f, cpus(0, 7), false);
	assert_in_range(f.calls, 1, 120); /* about one question in 64 stops */
}

static void test_pinned_target(void **state)
{
	struct placement p;
	struct fake f;

	(void)state;
	fake_init(&f);
	start(&p, &f, PLACEMENT_AUTO, -1);
	f.tracee = cpus(2, 2);
	stops(&p, &f, 4, 5 * MS, 3);
	assert_tracer(&f, cpus(2, 2), false);
	f.tracee = cpus(4, 4); /* moved: once is not enough, the second time tells */
	stops(&p, &f, 200, 5 * MS, 3);
	assert_tracer(&f, cpus(4, 4), false);
	f.tracee = cpus(0, 7);
	stops(&p, &f, 64, 5 * MS, 3);
	assert_tracer(&f, cpus(0, 7), false);
}

static void test_pinned_apart(void **state)
{
	struct placement p;
	struct fake f;
	int i;

	(void)state;
	fake_init(&f);
	start(&p, &f, PLACEMENT_AUTO, -1);
	for (i = 0; i < 1000; i++) {
		f.tracee = cpus(i % 2, i % 2);
		/* whichever of them is asked: never twice the same */
		p.policy.since_ask = p.policy.ask_after - 1;
		stops(&p, &f, 1, MS, 2);
		assert_tracer(&f, cpus(0, 7), false);
	}
}

static void test_pinned_where_the_tracer_may_not(void **state)
{
	struct placement p;
	struct fake f;

	(void)state;
	fake_init(&f);
	f.tracer = cpus(0, 3);
	start(&p, &f, PLACEMENT_AUTO, -1);
	f.tracee = cpus(6, 6);
	stops(&p, &f, 4, MS, 1);
	f.calls = 0;
	stops(&p, &f, 1000, MS, 1);
	assert_tracer(&f, cpus(0, 3), false);
	assert_int_equal(f.calls, 0); /* given up */
}

static void test_real_time_target(void **state)
{
	struct placement p;
	struct fake f;

	(void)state;
	fake_init(&f);
	f.class = SCHED_FIFO;
	start(&p, &f, PLACEMENT_AUTO, -1);
	stops(&p, &f, 1000, 10000, 1);
	assert_tracer(&f, cpus(0, 7), false);
	f.tracee = cpus(2, 2);
	stops(&p, &f, 1000, 10000, 1);
	assert_tracer(&f, cpus(0, 7), false);
	f.class = SCHED_BATCH;
	stops(&p, &f, 1000, 10000, 1);
	assert_tracer(&f, cpus(2, 2), false);
}

static void test_dying_task_decides_nothing(void **state)
{
	struct placement p;
	struct fake f;

	(void)state;
	fake_init(&f);
	start(&p, &f, PLACEMENT_AUTO, -1);
	f.tracee = cpus(2, 2);
	stops(&p, &f, 4, MS, 2);
	assert_tracer(&f, cpus(2, 2), false);
	f.dying = true;
	stops(&p, &f, 1000, MS, 2);
	assert_tracer(&f, cpus(2, 2), false);
}

/* One tracee that stops all the time, on an otherwise idle machine. */
static void go_behind(struct placement *p, struct fake *f)
{
	fake_init(f);
	start(p, f, PLACEMENT_AUTO, -1);
	stops(p, f, 300, 10000, 1);
	assert_tracer(f, cpus(5, 5), true);
}

static void test_behind_one_tracee(void **state)
{
	struct placement p;
	struct fake f;

	(void)state;
	go_behind(&p, &f);
	f.cpu = 6; /* the tracee was moved: after it */
	stops(&p, &f, 64, 10000, 1);
	assert_tracer(&f, cpus(6, 6), true);
	f.calls = 0;
	stops(&p, &f, 640, 10000, 1);
	assert_in_range(f.calls, 10, 50); /* 4 questions in 64 stops */
	placement_release(&p);
	assert_tracer(&f, cpus(0, 7), false);
}

static void test_behind_ends_at_the_second_tracee(void **state)
{
	struct placement p;
	struct fake f;

	(void)state;
	go_behind(&p, &f);
	stops(&p, &f, 1, 10000, 2);
	assert_tracer(&f, cpus(0, 7), false);
}

static void test_behind_ends_at_a_gap_and_backs_off(void **state)
{
	struct placement p;
	struct fake f;

	(void)state;
	go_behind(&p, &f);
	stops(&p, &f, 1, 50 * MS, 1);
	assert_tracer(&f, cpus(0, 7), false);
	stops(&p, &f, 1000, 10000, 1); /* 10 ms: too soon */
	assert_tracer(&f, cpus(0, 7), false);
	stops(&p, &f, 10000, 10000, 1); /* 100 ms more */
	assert_tracer(&f, cpus(5, 5), true);
	p.policy.behind_from = 0; /* a short stay: the next pause is twice as long */
	stops(&p, &f, 1, 50 * MS, 1);
	stops(&p, &f, 15000, 10000, 1);
	assert_tracer(&f, cpus(0, 7), false);
	stops(&p, &f, 6000, 10000, 1);
	assert_tracer(&f, cpus(5, 5), true);
}

static void test_behind_ends_under_load(void **state)
{
	struct placement p;
	struct fake f;

	(void)state;
	go_behind(&p, &f);
	f.runnable = 5; /* of 8 CPUs */
	stops(&p, &f, 64, 10000, 1);
	assert_tracer(&f, cpus(0, 7), false);
	stops(&p, &f, 100000, 10000, 1);
	assert_tracer(&f, cpus(0, 7), false);
}

static void test_behind_refused(void **state)
{
	struct placement p;
	struct fake f;

	(void)state;
	fake_init(&f);
	f.idle_refused = true;
	start(&p, &f, PLACEMENT_AUTO, -1);
	stops(&p, &f, 1000, 10000, 1);
	assert_tracer(&f, cpus(0, 7), false);
	f.idle_refused = false; /* not asked again */
	stops(&p, &f, 1000, 10000, 1);
	assert_tracer(&f, cpus(0, 7), false);
}

static void test_slow_stops_are_left_alone(void **state)
{
	struct placement p;
	struct fake f;

	(void)state;
	fake_init(&f);
	start(&p, &f, PLACEMENT_AUTO, -1);
	stops(&p, &f, 1000, MS, 1);
	assert_tracer(&f, cpus(0, 7), false);
}

static void test_named_cpu(void **state)
{
	struct placement p;
	struct fake f;

	(void)state;
	fake_init(&f);
	f.tracer = cpus(0, 3);
	assert_int_equal(placement_init(&p, &f.base, PLACEMENT_CPU, 4), -EINVAL);
	assert_int_equal(placement_init(&p, &f.base, PLACEMENT_CPU, -1), -EINVAL);
	start(&p, &f, PLACEMENT_CPU, 3);
	assert_tracer(&f, cpus(0, 3), false); /* a launched program must not inherit it */
	stops(&p, &f, 10, MS, 9);
	assert_tracer(&f, cpus(3, 3), false);
	placement_release(&p);
	assert_tracer(&f, cpus(0, 3), false);
}

static void test_release_and_begin_anew(void **state)
{
	struct placement p;
	struct fake f;

	(void)state;
	go_behind(&p, &f);
	placement_release(&p);
	assert_tracer(&f, cpus(0, 7), false);
	f.calls = 0;
	placement_release(&p);
	assert_int_equal(f.calls, 0);
	stops(&p, &f, 300, 10000, 1);
	assert_tracer(&f, cpus(5, 5), true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off_asks_nothing),
		cmocka_unit_test(test_tracer_already_pinned),
		cmocka_unit_test(test_many_tracees_are_left_alone),
		cmocka_unit_test(test_pinned_target),
		cmocka_unit_test(test_pinned_apart),
		cmocka_unit_test(test_pinned_where_the_tracer_may_not),
		cmocka_unit_test(test_real_time_target),
		cmocka_unit_test(test_dying_task_decides_nothing),
		cmocka_unit_test(test_behind_one_tracee),
		cmocka_unit_test(test_behind_ends_at_the_second_tracee),
		cmocka_unit_test(test_behind_ends_at_a_gap_and_backs_off),
		cmocka_unit_test(test_behind_ends_under_load),
		cmocka_unit_test(test_behind_refused),
		cmocka_unit_test(test_slow_stops_are_left_alone),
		cmocka_unit_test(test_named_cpu),
		cmocka_unit_test(test_release_and_begin_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
