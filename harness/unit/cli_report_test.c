/* SPDX-License-Identifier: MIT */
/*
 * The report, from events that no kernel had to make: each order in which they can come, values that
 * are wrong, tasks that die on the way, and memory that stays flat.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/report.h"
#include "inject/payload.h"

static struct scion_payload whoami = { .name = (char *)"whoami" };
static struct scion_payload count = { .name = (char *)"count" };

struct made {
	struct report *report;
	char *text;
	size_t length;
};

/* Expects `payloads` on both sides of each fork. */
static void make(struct made *made, bool json, bool tree, unsigned payloads)
{
	struct report_options options = {
		.json = json,
		.tree = tree,
		.table = !json,
		.payloads_at_fork = payloads > 0,
		.expected = { { payloads, payloads }, { 0, 0 } },
	};

	/* writes to where `made` lies: it must not be moved */
	options.out = open_memstream(&made->text, &made->length);
	assert_non_null(options.out);
	made->report = report_new(&options);
	assert_non_null(made->report);
	report_launched(made->report, 100);
}

static void finish(struct made *made)
{
	report_finish(made->report, 0);
	fflush(made->report->options.out);
}

static void end(struct made *made)
{
	FILE *out = made->report->options.out;

	report_free(made->report);
	fclose(out);
	free(made->text);
}

static void has(const struct made *made, const char *part)
{
	if (!strstr(made->text, part))
		fail_msg("\"%s\" is not in:\n%s", part, made->text);
}

static void has_not(const struct made *made, const char *part)
{
	if (strstr(made->text, part))
		fail_msg("\"%s\" is in:\n%s", part, made->text);
}

static void child(struct made *made, uint64_t id, pid_t parent, pid_t pid)
{
	struct scion_event event = {
		.type = SCION_EVENT_CHILD,
		.pid = pid,
		.tid = pid,
		.fork_id = id,
		.kind = SCION_FORK_FORK,
		.peer = parent,
	};

	report_event(made->report, &event);
}

static void forked(struct made *made, uint64_t id, pid_t parent, pid_t pid, int64_t value)
{
	struct scion_event event = {
		.type = SCION_EVENT_FORK,
		.pid = parent,
		.tid = parent,
		.fork_id = id,
		.kind = SCION_FORK_FORK,
		.peer = pid,
		.value = value,
		.expected = pid,
	};

	report_event(made->report, &event);
}

static void release(struct made *made, uint64_t id, pid_t pid, enum scion_payload_side side)
{
	struct scion_event event = {
		.type = SCION_EVENT_RELEASE,
		.pid = pid,
		.tid = pid,
		.fork_id = id,
		.held_ns = 12500u,
		.side = side,
	};

	report_event(made->report, &event);
}

static void ended(struct made *made, pid_t pid, int status)
{
	struct scion_event event = {
		.type = SCION_EVENT_EXIT, .pid = pid, .tid = pid, .status = status
	};

	report_event(made->report, &event);
}

static void ran(struct made *made, uint64_t id, pid_t pid, enum scion_payload_side side, pid_t said)
{
	struct scion_event event = {
		.type = SCION_EVENT_PAYLOAD,
		.pid = pid,
		.tid = pid,
		.fork_id = id,
		.side = side,
		.at = SCION_AT_FORK,
		.payload = &whoami,
		.payload_status = said,
		.result = { (uint64_t)said, (uint64_t)said },
	};

	report_event(made->report, &event);
}

static void both_orders(void **state)
{
	(void)state;
	for (int child_first = 0; child_first < 2; child_first++) {
		struct made made;

		make(&made, true, false, 0);
		if (child_first) {
			child(&made, 1, 100, 101);
			release(&made, 1, 101, SCION_SIDE_CHILD);
		}
		forked(&made, 1, 100, 101, 101);
		release(&made, 1, 100, SCION_SIDE_PARENT);
		if (!child_first) {
			child(&made, 1, 100, 101);
			release(&made, 1, 101, SCION_SIDE_CHILD);
		}
		assert_null(made.report->pending); /* written as soon as all of it is there */
		ended(&made, 101, 0);
		ended(&made, 100, 0);
		finish(&made);
		has(&made, "{\"type\":\"fork\",\"id\":1,\"kind\":\"fork\"");
		has(&made, "\"value\":101,\"expected\":101,\"verdict\":\"right\"");
		has(&made, "\"held_us\":12.500");
		has(&made, "\"good\":true,\"forks\":1");
		assert_true(report_good(made.report));
		end(&made);
	}
}

static void wrong_value(void **state)
{
	struct made made;

	make(&made, false, false, 0);
	(void)state;
	forked(&made, 1, 100, 101, 56);
	child(&made, 1, 100, 101);
	ended(&made, 101, 0);
	ended(&made, 100, 0);
	finish(&made);
	has(&made, "WRONG: expected 101");
	has(&made, "WRONG: 1 calls returned a wrong value");
	assert_false(report_good(made.report));
	end(&made);
}

/* A payload's result may come long after the release: the fork waits for it, but not for ever. */
static void late_payload(void **state)
{
	struct made made;

	make(&made, true, false, 1);
	(void)state;
	child(&made, 1, 100, 101);
	release(&made, 1, 101, SCION_SIDE_CHILD);
	forked(&made, 1, 100, 101, 101);
	ran(&made, 1, 100, SCION_SIDE_PARENT, 100);
	release(&made, 1, 100, SCION_SIDE_PARENT);
	assert_non_null(made.report->pending);
	ran(&made, 1, 101, SCION_SIDE_CHILD, 101);
	assert_null(made.report->pending);

	forked(&made, 2, 100, 102, 102);
	child(&made, 2, 100, 102);
	release(&made, 2, 100, SCION_SIDE_PARENT);
	ran(&made, 2, 100, SCION_SIDE_PARENT, 100);
	ended(&made, 102, 9); /* killed: nothing will come */
	assert_null(made.report->pending);
	ended(&made, 101, 0);
	ended(&made, 100, 0);
	finish(&made);
	assert_true(report_good(made.report));
	end(&made);
}

/* No such process can be asked any more: neither right nor wrong. A live one can: this test. */
static void whoami_is_compared(void **state)
{
	struct made made;
	pid_t self = getpid();

	make(&made, false, false, 1);
	(void)state;
	forked(&made, 1, self, self + 1, self + 1);
	child(&made, 1, self, self + 1);
	ran(&made, 1, self, SCION_SIDE_PARENT, 56);
	assert_int_equal(made.report->counts.whoami_wrong, 1);
	ran(&made, 1, self + 1, SCION_SIDE_CHILD, self + 1);
	assert_int_equal(made.report->counts.whoami_wrong, 1);
	finish(&made);
	has(&made, "whoami 56 WRONG");
	has(&made, "WRONG: 1 tasks are not whom scion took them for");
	assert_false(report_good(made.report));
	end(&made);
}

static void failed_payload(void **state)
{
	struct made made;
	struct scion_event event = {
		.type = SCION_EVENT_PAYLOAD,
		.pid = 100,
		.tid = 100,
		.at = SCION_AT_EXEC,
		.payload = &count,
		.error = SCION_EFAULT,
		.message = "it faulted: SIGSEGV",
	};

	make(&made, false, false, 0);
	(void)state;
	report_event(made.report, &event);
	report_event(made.report, &event);
	ended(&made, 100, 0);
	finish(&made);
	has(&made, "count FAILED: EFAULT");
	has(&made,
	    "WRONG: 2 payloads failed\n       count, 2 times, first in 100: it faulted: SIGSEGV");
	end(&made);
}

static void deaths(void **state)
{
	struct made made;

	make(&made, false, false, 0);
	(void)state;
	forked(&made, 1, 100, 101, 101); /* the child is killed before its first stop */
	ended(&made, 101, 9);
	child(&made, 2, 100, 102); /* the parent is killed before its exit-stop */
	ended(&made, 100, 9);
	ended(&made, 102, 0);
	finish(&made);
	has(&made, "right, child ended first");
	has(&made, "parent ended first");
	has_not(&made, "WRONG");
	assert_true(report_good(made.report));
	end(&made);
}

static void child_that_never_came(void **state)
{
	struct made made;

	make(&made, false, false, 0);
	(void)state;
	forked(&made, 1, 100, 101, 101);
	ended(&made, 100, 0);
	finish(&made);
	has(&made, "CHILD NOT SEEN");
	has(&made, "WRONG: 1 children were never seen");
	assert_false(report_good(made.report));
	end(&made);
}

/* Let go: a child before anybody was told of it; a parent that waits in vfork stays to the kernel. */
static void let_go(void **state)
{
	struct scion_event detach = { .type = SCION_EVENT_DETACH, .pid = 101, .tid = 101 };
	struct made made;

	(void)state;
	make(&made, false, false, 0);
	forked(&made, 1, 100, 101, 101);
	report_event(made.report, &detach);
	child(&made, 2, 100, 102);
	detach.pid = detach.tid = 102;
	report_event(made.report, &detach);
	report_finish(made.report, 1); /* 100 */
	fflush(made.report->options.out);
	has(&made, "let go first");
	has(&made, "; let go 3\n");
	has_not(&made, "WRONG");
	assert_true(report_good(made.report));
	end(&made);
}

static void exec_of_a_thread(void **state)
{
	struct made made;
	struct scion_event thread = {
		.type = SCION_EVENT_CHILD,
		.pid = 100,
		.tid = 101,
		.fork_id = 1,
		.peer = 100,
		.thread = true,
	};
	struct scion_event exec = {
		.type = SCION_EVENT_EXEC, .pid = 100, .tid = 100, .former = 101
	};

	make(&made, true, false, 0);
	(void)state;
	report_event(made.report, &thread);
	report_event(made.report, &exec); /* 100 and 101 are one from now on */
	ended(&made, 100, 0);
	finish(&made);
	has(&made, "\"unaccounted\":0");
	end(&made);
}

static void tree(void **state)
{
	struct made made;

	make(&made, false, true, 0);
	(void)state;
	child(&made, 1, 100, 101);
	child(&made, 2, 101, 102);
	ended(&made, 102, 9);
	ended(&made, 101, 3 << 8);
	child(&made, 3, 100, 102); /* the number is used again */
	ended(&made, 100, 0);
	finish(&made);
	has(&made, "SIGKILL");
	has(&made, "exit 3");
	has(&made, "no end seen");
	has(&made, "WRONG: 1 tasks have no known end");
	end(&made);
}

/* Only the newest are kept, but each that is wrong. */
static void memory_is_flat(void **state)
{
	struct made made;
	size_t early = 0;

	make(&made, false, false, 0);
	(void)state;
	for (uint64_t i = 1; i <= 20 * REPORT_KEPT; i++) {
		pid_t pid = (pid_t)(1000 + i);

		child(&made, i, 100, pid);
		release(&made, i, pid, SCION_SIDE_CHILD);
		forked(&made, i, 100, pid, i == 7 ? 57 : pid);
		release(&made, i, 100, SCION_SIDE_PARENT);
		ended(&made, pid, 0);
		if (i == 2 * REPORT_KEPT)
			early = mallinfo2().uordblks;
	}
#if !defined(__SANITIZE_ADDRESS__)
	assert_true(mallinfo2().uordblks <= early + 4096);
#endif
	(void)early;
	ended(&made, 100, 0);
	finish(&made);
	has(&made, "... 18999 more");
	has(&made, "WRONG: expected 1007");
	has(&made, "forks 20000, threads 0, execs 0, exits 20001; values right 19999, wrong 1");
	end(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_orders),           cmocka_unit_test(wrong_value),
		cmocka_unit_test(late_payload),          cmocka_unit_test(whoami_is_compared),
		cmocka_unit_test(failed_payload),        cmocka_unit_test(deaths),
		cmocka_unit_test(child_that_never_came), cmocka_unit_test(let_go),
		cmocka_unit_test(exec_of_a_thread),      cmocka_unit_test(tree),
		cmocka_unit_test(memory_is_flat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
