/* SPDX-License-Identifier: MIT */
/* Messages, raw system calls, waiting, and the talk with a driver. */
#include "mutatee.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void say_and_exit(int code, const char *format, va_list args)
{
	char line[512];
	int head = snprintf(line, sizeof(line), "%s: ", program_invocation_short_name);
	int body = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, format, args);
	size_t size = (size_t)(head + body);

	if (size > sizeof(line) - 2)
		size = sizeof(line) - 2;
	line[size++] = '\n';
	raw3(SYS_write, STDERR_FILENO, line, size);
	raw1(SYS_exit_group, code);
	__builtin_trap();
}

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_and_exit(1, format, args);
}

void skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_and_exit(MUTATEE_SKIP, format, args);
}

void expect_eq(const char *what, long want, long got)
{
	if (want != got)
		fail("%s: expected %ld, saw %ld", what, want, got);
}

long must(const char *what, long result)
{
	if (result < 0)
		fail("%s: expected success, saw %ld (%s)", what, result, strerror(errno));
	return result;
}

#ifdef __x86_64__
long raw6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "+a"(nr)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return nr;
}
#else
/* Five arguments are enough for the 32-bit programs: ebp stays the compiler's. */
long raw6(long nr, long a, long b, long c, long d, long e, long f)
{
	(void)f;
	__asm__ volatile("int $0x80"
			 : "+a"(nr)
			 : "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "memory");
	return nr;
}
#endif

size_t read_all(int fd, void *buf, size_t size)
{
	size_t done = 0;

	while (done < size) {
		long n = raw3(SYS_read, fd, (char *)buf + done, size - done);

		if (n < 0)
			fail("read from a pipe: expected data or end of file, saw error %ld", -n);
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return done;
}

void write_all(int fd, const void *buf, size_t size)
{
	long n = raw3(SYS_write, fd, buf, size);

	if (n != (long)size)
		fail("write to a pipe: expected %zu, saw %ld", size, n);
}

void wait_for_exit(pid_t pid, int options, int code)
{
	int status = -1;
	long got = raw4(SYS_wait4, pid, &status, options, NULL);

	if (got != pid)
		fail("wait for %d: expected %d, saw %ld", pid, pid, got);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1 && code != 1)
		raw1(SYS_exit_group, 1);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
		fail("wait status of child %d: expected exit code %d, saw %#x", pid, code, status);
}

void expect_no_child(int options)
{
	int status = 0;
	long got = raw4(SYS_wait4, -1, &status, options | __WALL, NULL);

	if (got != -ECHILD)
		fail("wait for one more child: expected %d (ECHILD), saw %ld, status %#x", -ECHILD,
		     got, status);
}

void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap: expected memory, saw errno %d", errno);
	return memory;
}

char task_state(pid_t pid, pid_t tid)
{
	char path[64], stat[256];
	const char *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, stat, sizeof(stat) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	stat[n] = 0;
	end = strrchr(stat, ')');
	return end && end[1] == ' ' ? end[2] : 0;
}

void await_state(pid_t pid, pid_t tid, const char *states)
{
	char state;

	for (;;) {
		state = task_state(pid, tid);
		if (!state)
			fail("task %d: expected one of the states %s, saw none", tid, states);
		if (strchr(states, state))
			return;
		sched_yield();
	}
}

void announce(void)
{
	char line[32];
	int n = snprintf(line, sizeof(line), "ready %d\n", (int)raw0(SYS_getpid));

	write_all(STDOUT_FILENO, line, (size_t)n);
}

void await_release(void)
{
	char c = 0;

	while (c != '\n' && read_all(STDIN_FILENO, &c, 1) == 1)
		;
}

bool has_word(int argc, char **argv, const char *word)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], word))
			return true;
	return false;
}

void hold_if(int argc, char **argv)
{
	if (!has_word(argc, argv, "hold"))
		return;
	announce();
	await_release();
}

long number_arg(int argc, char **argv, int index, long fallback)
{
	char *end;
	long n;

	if (index >= argc || argv[index][0] < '0' || argv[index][0] > '9')
		return fallback;
	n = strtol(argv[index], &end, 10);
	if (*end)
		fail("argument %d: expected a number, saw %s", index, argv[index]);
	return n;
}
