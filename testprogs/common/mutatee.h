/* SPDX-License-Identifier: MIT */
/*
 * What every mutatee shares: how it says that something is wrong, and how it checks one birth.
 *
 * Nothing here allocates or uses stdio, so that all of it may be called in the child of a vfork and
 * in a signal handler. A mutatee ends with 0 if all it saw was right, 1 after one line on stderr,
 * 77 after the reason for a skip.
 */
#ifndef MUTATEE_H
#define MUTATEE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MUTATEE_SKIP 77

/* errno's value during a call that must not touch it. No kernel returns it. */
#define ERRNO_MARK 3333

/*
 * Prints "PROGRAM: FORMAT" as one line on stderr and ends the process (not only the thread) with 1.
 */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same with 77: the machine can't do it. */
_Noreturn void skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

void expect_eq(const char *what, long want, long got);

/* A call that must not fail; the result is returned. */
long must(const char *what, long result);

/*
 * System calls without errno: a negative errno is returned. Six arguments, as the kernel takes
 * them.
 */
long raw6(long nr, long a, long b, long c, long d, long e, long f);
#define raw0(nr)             raw6(nr, 0, 0, 0, 0, 0, 0)
#define raw1(nr, a)          raw6(nr, (long)(a), 0, 0, 0, 0, 0)
#define raw2(nr, a, b)       raw6(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define raw3(nr, a, b, c)    raw6(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define raw4(nr, a, b, c, d) raw6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

/*
 * Whole reads and writes; a short read returns what there was before the end of file. EINTR is a
 * failure.
 */
size_t read_all(int fd, void *buf, size_t size);
void write_all(int fd, const void *buf, size_t size);

/*
 * Waits for PID and fails unless it exited with CODE. If it exited with 1 it has already said why.
 */
void wait_for_exit(pid_t pid, int options, int code);

/* Fails unless the caller has no child left. OPTIONS may hold __WNOTHREAD. */
void expect_no_child(int options);

/* Zeroed memory that children share. */
void *shared_memory(size_t size);

/* The state letter of /proc/PID/task/TID/stat, or 0 if there is no such task. */
char task_state(pid_t pid, pid_t tid);

/* Returns when the task is in one of STATES. Looks again and again, gives up the CPU in between. */
void await_state(pid_t pid, pid_t tid, const char *states);

/* "ready PID" on stdout, for a driver. */
void announce(void);

/* Reads stdin up to a newline or the end of file: the driver's release. */
void await_release(void);

/* announce() and await_release() if the program was told to ("hold" among the arguments). */
void hold_if(int argc, char **argv);
bool has_word(int argc, char **argv, const char *word);

/* The number in argv[index], or FALLBACK if there is none. */
long number_arg(int argc, char **argv, int index, long fallback);

/*
 * The part of a process's state that fork and failed exec must leave alone: signal mask, all
 * dispositions, alternate signal stack. world_arm makes all of them differ from the defaults:
 * SIGUSR2 and SIGRTMAX blocked, SIGUSR1 handled, SIGPIPE ignored, an alternate stack.
 */
struct world {
	uint64_t mask;
	unsigned char action[65][32];
	stack_t altstack;
};

void world_arm(void);
void world_save(struct world *world);
void world_check(const struct world *world, const char *who);

/*
 * In a program executed by one that called world_arm: what POSIX says of mask and dispositions
 * after exec.
 */
void world_check_after_exec(void);

/*
 * One birth: a call that makes a child, and all that must be true afterwards.
 *
 *	birth_begin(&b, flags);
 *	value = fork();
 *	if (value == 0)
 *		birth_child(&b);
 *	birth_end(&b, value);
 *
 * birth_child sends the child's own getpid, gettid and getppid through a pipe and exits with
 * b.code. birth_end compares what the call returned with what the child sent and with what wait
 * says, and checks that there was one child and no more. With BIRTH_SIGCHLD it also takes exactly
 * one SIGCHLD (which birth_begin blocks), and compares its siginfo.
 */
enum birth_flags {
	BIRTH_WORLD = 1,   /* compare struct world in parent and child */
	BIRTH_SIGCHLD = 2, /* for programs with one thread only */
	BIRTH_OTHERS = 4,  /* the process has other children: no test for ECHILD */
	BIRTH_NOWAIT = 8,  /* somebody else waits for the child, so there is none to wait for */
};

struct birth_note {
	int32_t pid, tid, ppid;
};

struct birth {
	int fd[2];
	int flags;
	int code;         /* the child's exit code, 0 by default */
	int wait_options; /* for wait4: __WALL, __WNOTHREAD, 0 by default */
	pid_t self;
	pid_t parent; /* the child's getppid: the caller by default */
	struct world world;
};

void birth_begin(struct birth *birth, int flags);
_Noreturn void birth_child(struct birth *birth);
void birth_send(int fd); /* the child's note alone; also for programs that were executed */
void birth_end(struct birth *birth, long value);

#endif
