/* SPDX-License-Identifier: MIT */
/* scion run as a user meets it: exit codes, signals, reports, offspring that outlive their parent. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/test.h"

#define RUN(...) ((const char *const[]){ test_scion(), "run", __VA_ARGS__, NULL })

static void expect_code(int code, const char *const argv[])
{
	struct test_output output;

	test_run(&output, argv);
	CHECK_MSG(output.code == code, "%s %s: exit code %d, not %d: %s", argv[2], argv[3],
		  output.code, code, output.err);
	test_output_free(&output);
}

static void exit_codes(void)
{
	expect_code(0, RUN("-q", "true"));
	expect_code(3, RUN("-q", "--", "sh", "-c", "exit 3"));
	expect_code(128 + SIGKILL, RUN("-q", "--", "sh", "-c", "kill -9 $$"));
	expect_code(127, RUN("-q", "--", "no-such-program"));
	expect_code(127, RUN("-q", "--", "/nonexistent/program"));
	expect_code(126, RUN("-q", "--", "/"));
	expect_code(126, RUN("-q", "--", "/dev/null"));
	expect_code(125, RUN("-o", "/nonexistent/report", "true"));
	expect_code(125, RUN("-o", "/dev/full", "true"));
	expect_code(2, RUN("--frobnicate", "true"));
}

/* The table is on stderr; the program's output is its own. */
static void table(void)
{
	struct test_output output;

	test_run(&output, RUN("--tree", "--at", "fork:both=whoami", "--at", "exec=nop", "--",
			      "bash", "-c", "(exit 4); echo $?; kill -9 $BASHPID & wait; exit 6"));
	CHECK_EQ(output.code, 6);
	CHECK_STR(output.out, "4\n");
	CHECK_CONTAINS(output.err, "KIND");
	CHECK_CONTAINS(output.err, " right ");
	CHECK_CONTAINS(output.err, "IN PARENT");
	CHECK_CONTAINS(output.err, "whoami ");
	CHECK_CONTAINS(output.err, "exec ");
	CHECK_CONTAINS(output.err, "exit 4");
	CHECK_CONTAINS(output.err, "exit 6");
	CHECK_CONTAINS(output.err, "SIGKILL");
	CHECK_CONTAINS(output.err,
		       "forks 2, threads 0, execs 1, exits 3; payloads run 5, failed 0; "
		       "values right 2, wrong 0\n");
	CHECK(strstr(output.err, "WRONG") == NULL);
	test_output_free(&output);
}

/* Nothing is printed when nothing is wrong, and the historic bug is told all the same. */
static void quiet(void)
{
	struct test_output output;

	test_run(&output, RUN("-q", "--at", "fork=whoami", "--", "sh", "-c", "(true)"));
	CHECK_EQ(output.code, 0);
	CHECK_STR(output.err, "");
	test_output_free(&output);

	test_run(&output,
		 RUN("-q", "--fork-stop=event", "--i-want-the-bug", "--", test_mutatee("fork")));
	CHECK_NE(output.code, 0);
	CHECK_CONTAINS(output.err, "calls returned a wrong value");
	test_output_free(&output);

	test_run(&output, RUN("--fork-stop=event", "--", "true"));
	CHECK_EQ(output.code, 2);
	CHECK_CONTAINS(output.err, "--i-want-the-bug");
	test_output_free(&output);
}

static void check_python(const char *script, const char *file)
{
	const char *const argv[] = { "python3", "-c", script, file, NULL };
	struct test_output output;

	test_run(&output, argv);
	CHECK_MSG(output.code == 0, "%s: %s", file, output.err);
	test_output_free(&output);
}

static void json(void)
{
	static const char lines[] =
		"import json, sys\n"
		"items = [json.loads(line) for line in open(sys.argv[1])]\n"
		"forks = [i for i in items if i['type'] == 'fork']\n"
		"assert len(forks) == 3, forks\n"
		"for f in forks:\n"
		"    assert f['verdict'] == 'right' and f['value'] == f['child']['pid'], f\n"
		"    for side in f['parent'], f['child']:\n"
		"        assert [p['verdict'] for p in side['payloads']] == ['right'], f\n"
		"        assert side['held_us'] > 0, f\n"
		"assert [i['code'] for i in items if i['type'] == 'exit'] == [0, 0, 0, 0], items\n"
		"assert items[-1]['type'] == 'summary' and items[-1]['good'] is True, items[-1]\n"
		"assert items[-1]['unaccounted'] == 0 and items[-1]['payloads'] == 6, items[-1]\n";
	static const char timeline[] =
		"import json, sys\n"
		"events = json.load(open(sys.argv[1]))['traceEvents']\n"
		"kinds = [e['ph'] for e in events]\n"
		"assert kinds.count('s') == 3 and kinds.count('f') == 3, kinds\n"
		"held = [e for e in events if e.get('cat') == 'held']\n"
		"assert len(held) == 6 and all(e['dur'] > 0 for e in held), held\n"
		"assert len([e for e in events if e.get('cat') == 'life']) == 4, events\n"
		"assert all('ts' in e for e in events if e['ph'] != 'M'), events\n"
		"names = [e['args']['name'] for e in events if e['ph'] == 'M']\n"
		"assert 'sh' in names, names\n";
	char report[] = "/tmp/scion-json-XXXXXX", trace[] = "/tmp/scion-trace-XXXXXX";

	close((int)CHECK_CALL(mkstemp(report)));
	close((int)CHECK_CALL(mkstemp(trace)));
	expect_code(0, RUN("--json", "-o", report, "--trace-json", trace, "--at", "fork=whoami",
			   "--", "sh", "-c", "(true); (true); (true)"));
	check_python(lines, report);
	check_python(timeline, trace);
	unlink(report);
	unlink(trace);
}

/* The form of a two-process trace: who, then what. */
static void log_ptrace(void)
{
	struct test_output output;

	test_run(&output, RUN("-q", "--log=ptrace", "--", "sh", "-c", "(true)"));
	CHECK_EQ(output.code, 0);
	CHECK_CONTAINS(output.err, "        scion[");
	CHECK_CONTAINS(output.err, "] wait4 = ");
	CHECK_CONTAINS(output.err, "PTRACE_EVENT_FORK << 8");
	CHECK_CONTAINS(output.err, "] ptrace (PTRACE_SYSCALL, ");
	CHECK_CONTAINS(output.err, ", SIG_0)");
	CHECK_CONTAINS(output.err, "           sh[");
	CHECK_CONTAINS(output.err, "] <- clone = ");
	test_output_free(&output);

	test_run(&output, RUN("-q", "--log=stops", "--", "sh", "-c", "(true)"));
	CHECK_CONTAINS(output.err, "scion[");
	CHECK(strstr(output.err, "ptrace (") == NULL);
	test_output_free(&output);
}

/* Signal masks and what is ignored: the program finds what it would have found. */
static void dispositions(void)
{
	static const char *const look = "grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status";
	struct test_output alone, followed;

	test_run(&alone, (const char *const[]){ "sh", "-c", look, NULL });
	test_run(&followed, RUN("-q", "--", "sh", "-c", look));
	CHECK_CONTAINS(alone.out, "SigIgn");
	CHECK_STR(followed.out, alone.out);
	test_output_free(&alone);
	test_output_free(&followed);
}

/* SIGINT is the program's business, SIGTERM is handed on to it. */
static void signals(void)
{
	static const char *const script = "trap 'echo term; exit 9' TERM; trap 'echo int' INT; "
					  "echo ready; while read -r x; do echo $x; done";
	struct test_child child;
	char line[32];

	test_spawn(&child, RUN("-q", "--", "bash", "-c", script));
	test_read_line(child.out, line, sizeof(line));
	CHECK_STR(line, "ready");
	CHECK_CALL(kill(child.pid, SIGINT));
	CHECK_CALL(kill(child.pid, SIGQUIT));
	CHECK_EQ(write(child.in, "still\n", 6), 6);
	test_read_line(child.out, line, sizeof(line));
	CHECK_STR(line, "still"); /* scion sees SIGINT before it can let the program read */
	CHECK_CALL(kill(child.pid, SIGTERM));
	test_read_line(child.out, line, sizeof(line));
	CHECK_STR(line, "term");
	CHECK_EQ(test_exit_code(test_wait(&child)), 9);
}

/*
 * Repeated until it is taken: the first may meet the program, which is about to go. Not faster than
 * that: a flood of signals keeps the leak checker of a sanitized build from ending.
 */
static int terminate(pid_t pid)
{
	struct pollfd end = { .fd = (int)CHECK_CALL(pidfd_open(pid, 0)), .events = POLLIN };
	int status;

	do
		kill(pid, SIGTERM);
	while (poll(&end, 1, 50) == 0);
	close(end.fd);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

/* A daemon is followed after its parent has gone, and let go on request: it lives on. */
static void daemons(void)
{
	static const char *const script =
		"trap '' TERM; exec 3<&0; sh -c 'echo here; read x <&3; echo bye' & exit 5";
	struct test_child child;
	char line[32];

	test_spawn(&child, RUN("-q", "--", "sh", "-c", script));
	test_read_line(child.out, line, sizeof(line));
	CHECK_STR(line, "here");
	CHECK_EQ(test_exit_code(terminate(child.pid)), 5);
	CHECK_EQ(write(child.in, "\n", 1), 1);
	test_read_line(child.out, line, sizeof(line));
	CHECK_STR(line, "bye");
	close(child.in);
	close(child.out);

	/* left alone, scion ends when the daemon does */
	test_spawn(&child, RUN("-q", "--", "sh", "-c", script));
	test_read_line(child.out, line, sizeof(line));
	CHECK_EQ(write(child.in, "\n", 1), 1);
	test_read_line(child.out, line, sizeof(line));
	CHECK_STR(line, "bye");
	CHECK_EQ(test_exit_code(test_wait(&child)), 5);
}

static int run(void)
{
	exit_codes();
	table();
	quiet();
	json();
	log_ptrace();
	dispositions();
	signals();
	daemons();
	return 0;
}

static const char *const programs[] = { "bash", "python3", "grep", NULL };
static const char *const mutatees[] = { "fork", NULL };

const struct scion_test scion_test = {
	.name = "cli_run",
	.timeout_s = 60,
	.needs_programs = programs,
	.needs_mutatees = mutatees,
	.run = run,
};
