/* SPDX-License-Identifier: MIT */
/*
 * epoll.c - a session in somebody else's epoll loop, beside a timer and a child that is not traced.
 *
 * With shared_waits the session takes only its own tasks' wait statuses: the program's other child
 * is left to waitpid(2). SIGCHLD must be blocked in all threads: scion_session_fd does it here.
 */
#define _GNU_SOURCE
#include <scion/scion.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum source { SESSION, TIMER, CHILD, SOURCES };

struct program {
	int epoll, fd[SOURCES];
	pid_t child; /* our own */
	struct scion_session *session;
	unsigned forks;
	bool ticked, child_ended;
};

static enum scion_verdict on_event(struct scion_session *session, const struct scion_event *event,
				   void *arg)
{
	struct program *program = arg;

	(void)session;
	if (event->type == SCION_EVENT_FORK)
		program->forks++;
	return SCION_CONTINUE;
}

static int watch(struct program *program, enum source source, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = source };

	program->fd[source] = fd;
	return fd < 0 ? -1 : epoll_ctl(program->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* A child of our own: it waits until the timer has ticked. */
static int start_child(struct program *program, int pipe_fds[2])
{
	char byte;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -1;
	program->child = fork();
	if (program->child == 0)
		_exit(read(pipe_fds[0], &byte, 1) == 1 ? 7 : 1);
	return program->child < 0 ?
		       -1 :
		       watch(program, CHILD, (int)syscall(SYS_pidfd_open, program->child, 0));
}

static int start_timer(struct program *program)
{
	struct itimerspec in = { .it_value = { .tv_nsec = 50000000 } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (fd < 0 || timerfd_settime(fd, 0, &in, NULL) < 0)
		return -1;
	return watch(program, TIMER, fd);
}

static int start_session(struct program *program, char *const *argv)
{
	struct scion_options options = {
		.size = sizeof(options),
		.on_event = on_event,
		.arg = program,
		.shared_waits = true,
	};
	struct scion_launch launch = { .size = sizeof(launch), .argv = argv };
	pid_t pid;

	if (scion_session_new(&options, &program->session) ||
	    watch(program, SESSION, scion_session_fd(program->session)) < 0)
		return -1;
	return scion_launch(program->session, &launch, &pid);
}

static void handle(struct program *program, enum source source, int to_child)
{
	int status;

	if (source != SESSION) /* these two are over */
		epoll_ctl(program->epoll, EPOLL_CTL_DEL, program->fd[source], NULL);
	switch (source) {
	case SESSION:
		if (scion_session_poll(program->session) < 0)
			fprintf(stderr, "epoll: %s\n", scion_errmsg(program->session));
		break;
	case TIMER:
		program->ticked = true;
		if (write(to_child, "", 1) != 1)
			perror("epoll: write");
		break;
	default:
		program->child_ended = true;
		if (waitpid(program->child, &status, 0) == program->child)
			printf("our own child exited with %d\n", WEXITSTATUS(status));
		break;
	}
}

int main(int argc, char **argv)
{
	struct program program = { .epoll = epoll_create1(EPOLL_CLOEXEC) };
	struct epoll_event event;
	int fds[2];

	if (argc < 2) {
		fputs("usage: epoll CMD [ARG...]\n", stderr);
		return 2;
	}
	if (program.epoll < 0 || start_child(&program, fds) < 0 || start_timer(&program) < 0 ||
	    start_session(&program, argv + 1)) {
		fprintf(stderr, "epoll: can't start: %s\n",
			program.session ? scion_errmsg(program.session) : "system error");
		return 125;
	}
	while (scion_session_tasks(program.session) || !program.child_ended)
		if (epoll_wait(program.epoll, &event, 1, -1) == 1)
			handle(&program, (enum source)event.data.u32, fds[1]);
	scion_session_free(program.session);
	printf("timer: %s, forks followed: %u\n", program.ticked ? "ticked" : "did not tick",
	       program.forks);
	return 0;
}
