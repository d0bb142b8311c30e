/* SPDX-License-Identifier: MIT */
/* Starting programs: what they find, what is said where none can be started. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "live/kernel_tracee.h"

static char dir[] = "/tmp/scion-launch-XXXXXX";

struct outcome {
	int result; /* kernel_launch_result */
	int code;   /* exit code as the shell has it */
	bool execed;
	char out[4096];
};

static void read_all(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len + 1 < size && (n = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
}

static void run_to_end(struct kernel *k, pid_t pid, struct outcome *o)
{
	for (;;) {
		struct kernel_wait w;
		struct stop stop = tracee_wait(k, &w);

		CHECK_EQ(w.tid, pid);
		if (stop_is_end(stop.kind)) {
			o->code = test_exit_code(w.status);
			break;
		}
		o->execed = o->execed || stop.kind == STOP_EXEC;
		kernel_resume(k, pid, KERNEL_CONT, stop.kind == STOP_SIGNAL ? stop.sig : 0);
	}
	o->result = kernel_launch_result(k, pid);
	CHECK(!linux_of(k)->launched); /* nothing is kept */
}

/* Launches with stdout (and what `what` says) into a pipe. */
static void launch(struct kernel *k, struct kernel_launch what, struct outcome *o)
{
	int out[2];
	pid_t pid;

	memset(o, 0, sizeof(*o));
	CHECK_CALL(pipe2(out, O_CLOEXEC));
	what.options = PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	what.stdio[1] = out[1];
	CHECK_EQ(kernel_launch(k, &what, &pid), 0);
	close(out[1]);
	CHECK_EQ(kernel_launch_go(k, pid), 0);
	run_to_end(k, pid, o);
	read_all(out[0], o->out, sizeof(o->out));
	close(out[0]);
}

static struct kernel_launch command(const char *file, char *const argv[], char *const envp[])
{
	return (struct kernel_launch){
		.file = file, .argv = argv, .envp = envp, .stdio = { -1, -1, -1 }
	};
}

static char *in_dir(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void make_file(const char *name, const char *text, mode_t mode)
{
	int fd = (int)CHECK_CALL(open(in_dir(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));

	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	CHECK_CALL(fchmod(fd, mode));
	close(fd);
}

static void errors(struct kernel *k)
{
	static const struct {
		const char *file, *path;
		int result, code;
	} cases[] = {
		{ "/nonexistent", NULL, -ENOENT, 127 },
		{ "nonexistent", "PATH=/bin:/usr/bin", -ENOENT, 127 },
		{ "", "PATH=/bin", 0, 0 }, /* refused before fork, below */
		{ "/tmp", NULL, -EACCES, 126 },
		{ "no-x", NULL, -EACCES, 126 },
		{ "no-x/file", NULL, -ENOTDIR, 126 },
	};
	char *argv[] = { (char *)"x", NULL };
	struct outcome o;
	pid_t pid;

	make_file("no-x", "#!/bin/sh\n", 0600);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char env[80], *envp[] = { env, NULL };
		struct kernel_launch what;
		const char *file = cases[i].file;

		snprintf(env, sizeof(env), "%s", cases[i].path ? cases[i].path : "PATH=/nowhere");
		if (strncmp(file, "no-x", 4) == 0)
			file = in_dir(file);
		what = command(file, argv, envp);
		if (!*file) {
			CHECK_EQ(kernel_launch(k, &what, &pid), -ENOENT);
			continue;
		}
		launch(k, what, &o);
		CHECK_MSG(o.result == cases[i].result, "%s: %d", file, o.result);
		CHECK_EQ(o.code, cases[i].code);
		CHECK(!o.execed);
	}
}

/* The search is in the PATH of the program's own environment, as execvp goes through it. */
static void search(struct kernel *k)
{
	char *argv[] = { (char *)"tool", (char *)"a b", NULL };
	char path[128], *envp[] = { path, (char *)"GREETING=hello", NULL };
	struct outcome o;

	make_file("tool", "echo \"$GREETING $1 $#\"\n", 0700); /* no #!: the shell runs it */
	snprintf(path, sizeof(path), "PATH=/nonexistent:/etc/passwd:%s:/bin", dir);
	launch(k, command("tool", argv, envp), &o);
	CHECK_EQ(o.result, 0);
	CHECK_EQ(o.code, 0);
	CHECK(o.execed);
	CHECK_STR(o.out, "hello a b 1\n");
	/* Found, but not permitted, and nowhere else: EACCES and not ENOENT. */
	launch(k, command("no-x", argv, envp), &o);
	CHECK_EQ(o.result, -EACCES);
	/* Without PATH there is a default. */
	path[0] = 'X';
	argv[1] = NULL;
	launch(k, command("true", argv, envp), &o);
	CHECK_EQ(o.code, 0);
}

static void nothing(int sig)
{
	(void)sig;
}

/*
 * The program finds what scion itself was started with: ignored signals, mask; no handler, no
 * descriptor of ours. The session changed all of that after kernel_linux_new.
 */
static void inheritance(struct kernel *k)
{
	char *argv[] = { (char *)"sh", (char *)"-c",
			 (char *)"grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status; ls /proc/self/fd",
			 NULL };
	char *envp[] = { (char *)"PATH=/bin:/usr/bin", NULL };
	sigset_t set, old;
	const char *const plain_argv[] = { argv[0], argv[1], argv[2], NULL };
	struct test_output plain;
	struct outcome launched;

	test_run(&plain, plain_argv);
	CHECK_CONTAINS(plain.out, "SigIgn");
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGTERM, nothing);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, &old);
	CHECK_LE(0, kernel_fd(k)); /* blocks SIGCHLD */
	launch(k, command("sh", argv, envp), &launched);
	sigprocmask(SIG_SETMASK, &old, NULL);
	CHECK_STR(launched.out, plain.out);
	test_output_free(&plain);
}

static void places(struct kernel *k)
{
	char *argv[] = { (char *)"sh", (char *)"-c",
			 (char *)"pwd; ps -o pgid= -p $$ | tr -d ' '; echo $$; cat; echo err >&2",
			 NULL };
	char *envp[] = { (char *)"PATH=/bin:/usr/bin", NULL };
	struct kernel_launch what = command("sh", argv, envp);
	char expected[128], err_text[16];
	struct outcome o;
	int in[2], err[2];
	pid_t pid;

	CHECK_CALL(pipe2(in, O_CLOEXEC));
	CHECK_CALL(pipe2(err, O_CLOEXEC));
	CHECK_EQ(write(in[1], "fed\n", 4), 4);
	close(in[1]);
	what.cwd = dir;
	what.own_pgrp = true;
	what.stdio[0] = in[0];
	what.stdio[2] = err[1];
	launch(k, what, &o);
	close(err[1]);
	read_all(err[0], err_text, sizeof(err_text));
	CHECK_STR(err_text, "err\n");
	CHECK_EQ(sscanf(o.out + strlen(dir) + 1, "%d", &pid), 1);
	snprintf(expected, sizeof(expected), "%s\n%d\n%d\nfed\n", dir, pid, pid);
	CHECK_STR(o.out, expected);
	close(in[0]);
	close(err[0]);
	/* A place that is not there. */
	what = command("sh", argv, envp);
	what.cwd = "/nonexistent";
	launch(k, what, &o);
	CHECK_EQ(o.result, -ENOENT);
}

/* Killed while it waits: no SIGPIPE for us, no error of execve. */
static void killed_before(struct kernel *k)
{
	char *argv[] = { (char *)"true", NULL }, *envp[] = { NULL };
	struct kernel_launch what = command("true", argv, envp);
	struct outcome o = { .result = 1 };
	pid_t pid;

	CHECK_EQ(kernel_launch(k, &what, &pid), 0);
	CHECK_EQ(kernel_signal(k, pid, 0, SIGKILL), 0);
	CHECK_CALL(waitid(P_PID, (id_t)pid, &(siginfo_t){ .si_pid = 0 }, WEXITED | WNOWAIT));
	CHECK_EQ(kernel_launch_go(k, pid), -ESRCH);
	run_to_end(k, pid, &o);
	CHECK_EQ(o.result, 0);
	CHECK_EQ(o.code, 128 + SIGKILL);
}

static int run(void)
{
	struct kernel *k;

	signal(SIGHUP, SIG_IGN); /* as nohup does: the programs shall find it so */
	k = tracee_kernel();
	CHECK(mkdtemp(dir));
	errors(k);
	search(k);
	places(k);
	killed_before(k);
	inheritance(k);
	kernel_free(k);
	unlink(in_dir("no-x"));
	unlink(in_dir("tool"));
	rmdir(dir);
	return 0;
}

static const char *const programs[] = { "sh", "grep", "ls", "ps", "cat", NULL };

const struct scion_test scion_test = { .name = "kernel_launch",
				       .needs_programs = programs,
				       .run = run };
