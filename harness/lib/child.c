/* SPDX-License-Identifier: MIT */
/* Starting programs the plain way. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/internal.h"

/* In the child: puts the descriptors in place and executes; reports errno through report. */
static void child_exec(const char *const argv[], const int fds[3], int report)
{
	ssize_t unused;
	int error;

	for (int fd = 0; fd < 3; fd++) {
		if (dup2(fds[fd], fd) < 0)
			goto failed;
	}
	/* execvp takes char *const[] for history's sake and changes nothing. */
	execvp(argv[0], (char *const *)(uintptr_t)argv);
failed:
	error = errno;
	unused = write(report, &error, sizeof(error));
	(void)unused;
	_exit(127);
}

/* Forks and executes; the test fails here if argv can't be executed. fds must be above 2. */
static pid_t child_start(const char *const argv[], const int fds[3])
{
	int report[2];
	int error = 0;
	ssize_t got;
	pid_t pid;

	CHECK_CALL(pipe2(report, O_CLOEXEC));
	pid = fork();
	CHECK_CALL(pid);
	if (pid == 0)
		child_exec(argv, fds, report[1]);
	close(report[1]);
	do
		got = read(report[0], &error, sizeof(error));
	while (got < 0 && errno == EINTR);
	close(report[0]);
	CHECK_MSG(got == 0, "can't execute %s: %s", argv[0], strerror(error));
	return pid;
}

void test_spawn(struct test_child *child, const char *const argv[])
{
	int in[2];
	int out[2];
	int fds[3];
	int error = dup(STDERR_FILENO);

	CHECK_CALL(error);
	CHECK_CALL(fcntl(error, F_SETFD, FD_CLOEXEC));
	CHECK_CALL(pipe2(in, O_CLOEXEC));
	CHECK_CALL(pipe2(out, O_CLOEXEC));
	fds[0] = in[0];
	fds[1] = out[1];
	fds[2] = error;
	child->pid = child_start(argv, fds);
	close(in[0]);
	close(out[1]);
	close(error);
	child->in = in[1];
	child->out = out[0];
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int wait_for(pid_t pid)
{
	int status;
	pid_t got;

	do
		got = waitpid(pid, &status, __WALL);
	while (got < 0 && errno == EINTR);
	CHECK_CALL(got);
	return status;
}

int test_wait(struct test_child *child)
{
	close_end(&child->in);
	close_end(&child->out);
	return wait_for(child->pid);
}

ssize_t test_read_line(int fd, char *line, size_t size)
{
	size_t length = 0;
	char byte;

	for (;;) {
		ssize_t got = read(fd, &byte, 1);

		if (got < 0 && errno == EINTR)
			continue;
		CHECK_CALL(got);
		if (got == 0 && length == 0)
			return -1;
		if (got == 0 || byte == '\n')
			break;
		CHECK_MSG(length + 1 < size, "a line is longer than %zu bytes", size - 1);
		line[length++] = byte;
	}
	line[length] = '\0';
	return (ssize_t)length;
}

static char *read_back(int fd, size_t *length)
{
	struct stat status;
	size_t done = 0;
	char *text;

	CHECK_CALL(fstat(fd, &status));
	*length = (size_t)status.st_size;
	text = malloc(*length + 1);
	CHECK_MSG(text, "out of memory");
	while (done < *length) {
		ssize_t got = pread(fd, text + done, *length - done, (off_t)done);

		CHECK_MSG(got > 0, "can't read back the output");
		done += (size_t)got;
	}
	text[done] = '\0';
	close(fd);
	return text;
}

void test_run(struct test_output *output, const char *const argv[])
{
	int fds[3] = { open("/dev/null", O_RDONLY | O_CLOEXEC), memfd_create("stdout", MFD_CLOEXEC),
		       memfd_create("stderr", MFD_CLOEXEC) };

	for (int i = 0; i < 3; i++)
		CHECK_CALL(fds[i]);
	output->code = test_exit_code(wait_for(child_start(argv, fds)));
	close(fds[0]);
	output->out = read_back(fds[1], &output->out_length);
	output->err = read_back(fds[2], &output->err_length);
}

void test_output_free(struct test_output *output)
{
	free(output->out);
	free(output->err);
	memset(output, 0, sizeof(*output));
}

int test_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
