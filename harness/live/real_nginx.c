/* SPDX-License-Identifier: MIT */
/*
 * nginx, as a daemon under load: reload, a new binary in the place of the old one, stop. No request may
 * go without its right answer, with scion as without.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live/real/http.h"
#include "live/real/real.h"

#define NGINX    "/usr/sbin/nginx" /* it executes its own name: a path */
#define WORKERS  2
#define CLIENTS  3
#define PATIENCE 20 /* seconds, for whatever is waited for */
#define LARGE    (256 * 1024)

struct nginx {
	const struct real_folder *folder;
	int port;
	pid_t master;
	struct http_client client[CLIENTS];
	/* what is waited for */
	unsigned long answers;
	pid_t worker[2 * WORKERS]; /* those that are to go, or 0 */
	pid_t other;               /* a child of the master which is no worker, or 0 */
	int status;
};

static void configure(const struct nginx *nginx, const char *generation)
{
	const char *folder = nginx->folder->path;

	real_write(nginx->folder, "nginx.conf", "w",
		   "%sdaemon on;\nmaster_process on;\nworker_processes %d;\n"
		   "pid %s/nginx.pid;\nerror_log %s/error.log notice;\n"
		   "events {\n\tworker_connections 128;\n}\n"
		   "http {\n\taccess_log off;\n\tclient_body_temp_path %s/temp-body;\n"
		   "\tproxy_temp_path %s/temp-proxy;\n\tfastcgi_temp_path %s/temp-fastcgi;\n"
		   "\tuwsgi_temp_path %s/temp-uwsgi;\n\tscgi_temp_path %s/temp-scgi;\n"
		   "\tserver {\n\t\tlisten 127.0.0.1:%d;\n\t\troot %s;\n"
		   "\t\tlocation = /generation {\n\t\t\treturn 200 \"%s\";\n\t\t}\n\t}\n}\n",
		   geteuid() == 0 ? "user root;\n" : "", WORKERS, folder, folder, folder, folder,
		   folder, folder, folder, nginx->port, folder, generation);
}

/* --- what nginx is doing --- */

/* The number in a file, or 0. */
static pid_t read_pid(const struct nginx *nginx, const char *name)
{
	char path[PATH_MAX];
	char *text = real_read(real_path(nginx->folder, name, path));
	pid_t pid = text ? (pid_t)strtol(text, NULL, 10) : 0;

	free(text);
	return pid;
}

/* The master's children but `other`. Returns how many there are. */
static size_t workers(const struct nginx *nginx, pid_t worker[2 * WORKERS])
{
	char path[64], *text, *at, *end;
	size_t count = 0;
	pid_t pid;

	memset(worker, 0, 2 * WORKERS * sizeof(*worker));
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", nginx->master, nginx->master);
	text = real_read(path);
	for (at = text; at && (pid = (pid_t)strtol(at, &end, 10)) > 0; at = end) {
		if (pid == nginx->other)
			continue;
		CHECK_MSG(count < 2 * WORKERS, "too many children: %s", text);
		worker[count++] = pid;
	}
	free(text);
	return count;
}

/* As many as there have to be, and none of the old ones. */
static bool has_new_workers(void *arg)
{
	struct nginx *nginx = arg;
	pid_t now[2 * WORKERS];

	if (workers(nginx, now) != WORKERS)
		return false;
	for (size_t i = 0; i < WORKERS; i++) {
		for (size_t j = 0; j < WORKERS; j++) {
			if (now[i] == nginx->worker[j])
				return false;
		}
	}
	return true;
}

static bool has_no_workers(void *arg)
{
	pid_t now[2 * WORKERS];

	return workers(arg, now) == 0;
}

static bool has_master(void *arg)
{
	struct nginx *nginx = arg;

	nginx->master = read_pid(nginx, "nginx.pid");
	return nginx->master > 0;
}

static bool has_second_master(void *arg)
{
	struct nginx *nginx = arg;
	pid_t now = read_pid(nginx, "nginx.pid");

	if (read_pid(nginx, "nginx.pid.oldbin") != nginx->master || !now || now == nginx->master)
		return false;
	nginx->other = now;
	return true;
}

static bool is_reaped(void *arg)
{
	struct nginx *nginx = arg;
	pid_t got = waitpid(nginx->master, &nginx->status, WNOHANG);

	CHECK_CALL(got);
	return got > 0;
}

static bool all_answered(void *arg)
{
	struct nginx *nginx = arg;

	for (size_t i = 0; i < CLIENTS; i++) {
		CHECK_MSG(!nginx->client[i].failed, "%s", nginx->client[i].wrong);
		if (nginx->client[i].answers < nginx->answers)
			return false;
	}
	return true;
}

/* --- what is done to it --- */

/* Each client gets some more answers from whatever serves now. */
static void serve(struct nginx *nginx)
{
	nginx->answers = 0;
	for (size_t i = 0; i < CLIENTS; i++) {
		if (nginx->client[i].answers > nginx->answers)
			nginx->answers = nginx->client[i].answers;
	}
	nginx->answers += 30;
	real_until("requests are answered", PATIENCE, all_answered, nginx);
}

static void expect_generation(const struct nginx *nginx, const char *generation)
{
	char body[2000];

	CHECK_MSG(http_get(nginx->port, "/generation", body, sizeof(body)) > 0, "%s", body);
	CHECK_STR(body, generation);
}

static void reload(struct nginx *nginx)
{
	configure(nginx, "two");
	CHECK_EQ(workers(nginx, nginx->worker), WORKERS);
	CHECK_CALL(kill(nginx->master, SIGHUP));
	real_until("new workers after SIGHUP", PATIENCE, has_new_workers, nginx);
	expect_generation(nginx, "two");
	serve(nginx);
}

static void quit(struct nginx *nginx)
{
	CHECK_CALL(kill(nginx->master, SIGQUIT));
	/* its parent, which started it as a daemon, is gone: it is ours */
	real_until("the master ends after SIGQUIT", PATIENCE, is_reaped, nginx);
	CHECK_EQ(test_exit_code(nginx->status), 0);
}

static void upgrade(struct nginx *nginx)
{
	pid_t second;

	configure(nginx, "three");
	CHECK_CALL(kill(nginx->master, SIGUSR2));
	real_until("a second master after SIGUSR2", PATIENCE, has_second_master, nginx);
	serve(nginx);
	CHECK_CALL(kill(nginx->master, SIGWINCH));
	real_until("no old workers after SIGWINCH", PATIENCE, has_no_workers, nginx);
	serve(nginx);
	expect_generation(nginx, "three");
	second = nginx->other;
	quit(nginx);
	nginx->master = second;
	nginx->other = 0;
	serve(nginx);
}

static void check_log(const struct nginx *nginx)
{
	static const char *const bad[] = {
		"[alert]", "[emerg]", "[crit]", "[error]", "exited on signal",
	};
	char path[PATH_MAX];
	char *log = real_read(real_path(nginx->folder, "error.log", path));

	CHECK(log);
	CHECK_CONTAINS(log, "exited with code 0");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_MSG(!strstr(log, bad[i]), "%s: %.300s", path, strstr(log, bad[i]));
	free(log);
}

static void launch(struct nginx *nginx, struct test_child *child, const char *report)
{
	char conf[PATH_MAX], log[PATH_MAX];
	const char *const argv[] = {
		NGINX,
		"-p",
		nginx->folder->path,
		"-e",
		real_path(nginx->folder, "error.log", log),
		"-c",
		real_path(nginx->folder, "nginx.conf", conf),
		NULL,
	};
	const char *followed[REAL_ARGS];

	unlink(log);
	configure(nginx, "one");
	if (report)
		real_follow(followed, report, argv);
	test_spawn(child, report ? followed : argv);
	real_until("nginx starts", PATIENCE, has_master, nginx);
	real_until("workers", PATIENCE, has_new_workers, nginx);
	expect_generation(nginx, "one");
}

static void life(const struct real_folder *folder, const char *report, const char *large)
{
	struct nginx nginx = { .folder = folder, .port = http_free_port() };
	struct test_child child;

	launch(&nginx, &child, report);
	for (size_t i = 0; i < CLIENTS; i++) {
		nginx.client[i].port = nginx.port;
		nginx.client[i].path = i ? "/small" : "/large";
		nginx.client[i].expected = i ? "small\n" : large;
		http_client_start(&nginx.client[i]);
	}
	serve(&nginx);
	reload(&nginx);
	upgrade(&nginx);
	for (size_t i = 0; i < CLIENTS; i++) {
		http_client_stop(&nginx.client[i]);
		CHECK_MSG(!nginx.client[i].failed, "%s", nginx.client[i].wrong);
	}
	quit(&nginx);
	CHECK_EQ(test_exit_code(test_wait(&child)), 0);
	check_log(&nginx);
}

static char *make_files(const struct real_folder *folder)
{
	char *large = malloc(LARGE + 1);

	CHECK(large);
	for (size_t i = 0; i < LARGE; i++)
		large[i] = (char)('a' + i % 23);
	large[LARGE] = '\0';
	real_write(folder, "large", "w", "%s", large);
	real_write(folder, "small", "w", "small\n");
	return large;
}

static int run(void)
{
	struct real_folder folder;
	struct real_counts counts;
	char report[PATH_MAX];
	char *large;

	if (access(NGINX, X_OK) < 0)
		SKIP("needs the program " NGINX);
	if (access("/proc/thread-self/children", R_OK) < 0)
		SKIP("needs a kernel with CONFIG_PROC_CHILDREN");
	real_adopt_orphans();
	real_folder_make(&folder);
	large = make_files(&folder);
	life(&folder, NULL, large);
	real_wait_all();
	life(&folder, real_path(&folder, "report", report), large);
	real_check_none_left();
	free(large);

	real_report(report, &counts);
	/* the daemon, its workers, those after the reload, the second master and its workers */
	CHECK_EQ(counts.forks, 1 + WORKERS + WORKERS + 1 + WORKERS);
	CHECK_EQ(counts.execs, 2);
	CHECK_EQ(counts.killed, 0);
	real_folder_remove(&folder);
	return 0;
}

const struct scion_test scion_test = { .name = "real_nginx", .timeout_s = 120, .run = run };
