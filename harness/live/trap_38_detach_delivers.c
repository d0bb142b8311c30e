/* SPDX-License-Identifier: MIT */
/*
 * Trap 38: detaching stops every thread first, gives each its pending signal, and leaves none behind,
 * though threads are being made meanwhile. The program counts its signals: none is lost, none comes
 * twice, wherever the detaching fell.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>

#include "live/trap_steps.h"

#define SIGNALS 60
#define THREADS 3

static volatile int handled, wanted_stop;
static int report_fd, release_fd;

static void on_signal(int sig)
{
	(void)sig;
	handled++;
}

static void *thread_main(void *arg)
{
	return arg;
}

/* Makes threads all the time, until the signals are through. */
static void *maker(void *arg)
{
	while (!wanted_stop) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, thread_main, NULL) == 0)
			pthread_join(thread, NULL);
	}
	return arg;
}

static int workload(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t makers[THREADS];
	char byte;

	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&makers[i], NULL, maker, NULL))
			return 1;
	for (int i = 0; i < SIGNALS; i++) {
		pthread_kill(pthread_self(), SIGUSR1);
		if (handled != i + 1)
			return 2; /* lost, or late, or twice */
	}
	/* all threads are still there while the test looks at them */
	if (write(report_fd, "", 1) != 1 || read(release_fd, &byte, 1) != 1)
		return 3;
	wanted_stop = 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(makers[i], NULL);
	return handled == SIGNALS ? 0 : 4;
}

static unsigned check_untraced(pid_t pid)
{
	struct dirent *entry;
	unsigned threads = 0;
	char path[64];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	CHECK(tasks != NULL);
	while ((entry = readdir(tasks))) {
		long tracer = steps_proc((pid_t)atoi(entry->d_name), "TracerPid");

		CHECK_MSG(entry->d_name[0] == '.' || tracer <= 0, "thread %s is still traced",
			  entry->d_name);
		threads += entry->d_name[0] != '.';
	}
	closedir(tasks);
	return threads;
}

static int detach_at; /* so many signals */

static enum scion_verdict on_event(struct follow *f, const struct scion_event *event)
{
	int *seen = f->arg;

	if (event->type == SCION_EVENT_SIGNAL && event->signo == SIGUSR1 && ++*seen == detach_at)
		CHECK_EQ(scion_detach(f->session), SCION_OK);
	return SCION_CONTINUE;
}

static void detach_amid(int signals, bool payloads)
{
	int report[2], release[2], seen = 0;
	struct follow f = { .on_event = on_event, .arg = &seen, .skip_signals = true };
	char byte;

	detach_at = signals;
	CHECK_CALL(pipe2(report, O_CLOEXEC));
	CHECK_CALL(pipe2(release, O_CLOEXEC));
	report_fd = report[1];
	release_fd = release[0];
	follow_open(&f, NULL);
	if (payloads)
		follow_at(&f, SCION_AT_THREAD, SCION_BOTH, "whoami");
	steps_child(&f, workload);
	close(report[1]);
	follow_run(&f); /* until all have been let go */
	CHECK_EQ(seen, detach_at);
	CHECK_LE(THREADS + 1, follow_count(&f, SCION_EVENT_DETACH));
	/* or 0: it has failed, and its exit code says how */
	if (read(report[0], &byte, 1) == 1)
		CHECK_LE(THREADS + 1, check_untraced(f.pid));
	CHECK_EQ(write(release[1], "", 1), 1);
	follow_close(&f);
	CHECK_EQ(steps_end(f.pid), 0);
	close(report[0]);
	close(release[0]);
	close(release[1]);
}

static int run(void)
{
	for (int signals = 1; signals <= 15; signals += 2) {
		detach_amid(signals, false);
		detach_amid(signals + 1, true);
	}
	return 0;
}

const struct scion_test scion_test = { .name = "trap_38_detach_delivers",
				       .trap = "38",
				       .run = run };
