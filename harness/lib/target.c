/* SPDX-License-Identifier: MIT */
#include "lib/target.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void *target_shared(size_t size)
{
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(shared != MAP_FAILED);
	return shared;
}

void target_ready(struct target *t)
{
	char line[64];
	int pid = 0;

	CHECK_MSG(test_read_line(t->child.out, line, sizeof(line)) > 0, "no line from the target");
	CHECK_MSG(sscanf(line, "ready %d", &pid) == 1 && pid > 0, "not ready: %s", line);
	t->pid = pid;
}

void target_start(struct target *t, const char *const argv[])
{
	const char *mine[8] = { test_mutatee(argv[0]) };

	memset(t, 0, sizeof(*t));
	for (size_t i = 1; argv[i]; i++) {
		CHECK(i + 1 < sizeof(mine) / sizeof(mine[0]));
		mine[i] = argv[i];
	}
	test_spawn(&t->child, mine);
	target_ready(t);
}

void target_release(struct target *t)
{
	CHECK_EQ(write(t->child.in, "\n", 1), 1);
}

void target_fork(struct target *t, int (*body)(void *arg), void *arg)
{
	memset(t, 0, sizeof(*t));
	t->child.in = t->child.out = -1;
	t->pid = fork();
	CHECK_CALL(t->pid);
	if (!t->pid)
		_exit(body(arg));
	t->child.pid = t->pid;
}

void target_blocked(pid_t tid, long nr)
{
	char path[64], line[256], *end;
	long now;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)tid);
	for (;;) {
		FILE *file = fopen(path, "re");
		bool read;

		CHECK_MSG(file, "%d: no such task", (int)tid);
		read = fgets(line, sizeof(line), file) != NULL;
		fclose(file);
		CHECK_MSG(read, "%d is gone", (int)tid);
		now = strtol(line, &end, 10);
		if (end != line && (now == nr || now == SYS_restart_syscall))
			return;
		sched_yield();
	}
}

void target_taken(pid_t pid, int sig)
{
	char path[64], line[256];
	bool pending = true;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	while (pending) {
		FILE *file = fopen(path, "re");

		CHECK(file);
		pending = false;
		while (fgets(line, sizeof(line), file))
			if (strncmp(line, "ShdPnd:", 7) == 0)
				pending = strtoull(line + 7, NULL, 16) >> (sig - 1) & 1;
		fclose(file);
		sched_yield();
	}
}

uint32_t target_await(const uint32_t *word, uint32_t old)
{
	uint32_t now;

	while ((now = __atomic_load_n(word, __ATOMIC_ACQUIRE)) == old)
		sched_yield();
	return now;
}

static enum scion_verdict on_event(struct follow *f, const struct scion_event *event)
{
	struct target *t = f->arg;

	if (event->type == SCION_EVENT_EXIT && event->tid == t->pid)
		t->ended = true;
	if (t->left && event->type == t->until && --t->left == 0)
		scion_session_stop(f->session);
	return SCION_CONTINUE;
}

void target_open(struct target *t, const struct scion_options *options)
{
	struct scion_options mine = { .size = sizeof(mine), .log_level = SCION_LOG_WARN };

	if (options)
		mine = *options;
	mine.shared_waits = true; /* the targets are our own children, and others may be too */
	follow_open(&t->f, &mine);
	t->f.on_event = on_event;
	t->f.arg = t;
	t->f.pid = t->pid;
}

void target_attach(struct target *t, const struct scion_options *options)
{
	if (!t->f.session)
		target_open(t, options);
	CHECK_MSG(scion_attach(t->f.session, t->pid, 0) == SCION_OK, "%s",
		  scion_errmsg(t->f.session));
	target_run_until(t, SCION_EVENT_ATTACH, scion_session_tasks(t->f.session));
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	CHECK(file);
	CHECK(fputs("#include <scion/payload.h>\n", file) >= 0);
	CHECK(fputs(text, file) >= 0);
	CHECK_EQ(fclose(file), 0);
}

static struct scion_payload *from_source(struct target *t, const char *text)
{
	char dir[] = "/tmp/scion-payload-XXXXXX", source[64], object[64];
	struct scion_payload *payload = NULL;
	struct test_output output;
	int error = 0;

	CHECK(mkdtemp(dir));
	snprintf(source, sizeof(source), "%s/user.c", dir);
	snprintf(object, sizeof(object), "%s/user.o", dir);
	write_file(source, text);
	test_run(&output, (const char *const[]){ test_scion(), "payload", "build", source, "-o",
						 object, NULL });
	if (output.code == 0)
		error = scion_payload_open(t->f.session, object, &payload);
	unlink(source);
	unlink(object);
	rmdir(dir);
	CHECK_MSG(output.code == 0, "payload build: %s%s", output.out, output.err);
	CHECK_MSG(error == SCION_OK, "%s", scion_errmsg(t->f.session));
	test_output_free(&output);
	return payload;
}

struct scion_payload *target_payload(struct target *t, const char *name)
{
	struct follow *f = &t->f;
	struct scion_payload *payload = NULL;

	CHECK(f->payload_count < sizeof(f->payloads) / sizeof(f->payloads[0]));
	if (strchr(name, '\n'))
		payload = from_source(t, name);
	else
		CHECK_MSG(scion_payload_open(f->session, name, &payload) == SCION_OK, "%s",
			  scion_errmsg(f->session));
	f->payloads[f->payload_count++] = payload;
	return payload;
}

struct scion_payload *target_at(struct target *t, enum scion_payload_event at, unsigned sides,
				const char *name)
{
	struct scion_payload *payload = target_payload(t, name);

	CHECK_EQ(scion_at(t->f.session, at, sides, payload), SCION_OK);
	return payload;
}

void target_run_until(struct target *t, enum scion_event_type type, size_t count)
{
	int error;

	t->until = type;
	t->left = count;
	error = scion_session_run(t->f.session);
	CHECK_MSG(error == SCION_EBUSY || (error == SCION_OK && !t->left), "run: %d, %s; %zu left",
		  error, scion_errmsg(t->f.session), t->left);
	CHECK_EQ(t->left, 0);
}

static size_t newest(const struct target *t)
{
	for (size_t i = t->f.count; i--;)
		if (t->f.events[i].event.type == SCION_EVENT_PAYLOAD)
			return i;
	test_failed(__FILE__, __LINE__, "no payload has run");
}

const struct scion_event *target_inject(struct target *t, pid_t tid,
					const struct scion_payload *payload)
{
	CHECK_MSG(scion_inject(t->f.session, tid, payload) == SCION_OK, "%s",
		  scion_errmsg(t->f.session));
	target_run_until(t, SCION_EVENT_PAYLOAD, 1);
	return &t->f.events[newest(t)].event;
}

const char *target_message(const struct target *t)
{
	return t->f.events[newest(t)].text;
}

void target_detach(struct target *t)
{
	CHECK_EQ(scion_detach(t->f.session), SCION_OK);
	t->left = 0;
	follow_run(&t->f);
	follow_close(&t->f);
}

bool target_end(struct target *t)
{
	int status = t->f.status;

	if (!t->ended)
		status = test_wait(&t->child);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		test_note("the target's wait status is %#x", (unsigned)status);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
