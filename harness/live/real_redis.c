/* SPDX-License-Identifier: MIT */
/*
 * redis-server: ten background saves under load, each a fork of a process with threads. What it holds
 * at the end, and what is in the file, must be what it is without scion.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "live/real/real.h"

#define SAVES    10
#define PATIENCE 20 /* seconds, for whatever is waited for */
#define KEYS     "20000"

struct server {
	const struct real_folder *folder;
	char socket[PATH_MAX];
	struct test_child child;
};

/* Runs redis-cli with the words; its answer, without newline, in text. */
static void ask(const struct server *server, char *text, size_t size, const char *const words[])
{
	const char *argv[16] = { "redis-cli", "-s", server->socket };
	struct test_output output;

	for (size_t i = 0; words[i]; i++) {
		CHECK_LT(i + 4, sizeof(argv) / sizeof(argv[0]));
		argv[i + 3] = words[i];
	}
	test_run(&output, argv);
	CHECK_MSG(output.code == 0 || !strcmp(words[0], "PING"), "redis-cli %s: %s%s", words[0],
		  output.out, output.err);
	output.out[strcspn(output.out, "\r\n")] = '\0';
	snprintf(text, size, "%s", output.out);
	test_output_free(&output);
}

#define ASK(SERVER, TEXT, ...) \
	ask(SERVER, TEXT, sizeof(TEXT), (const char *const[]){ __VA_ARGS__, NULL })

static void expect(const struct server *server, const char *answer, const char *const words[])
{
	char text[256];

	ask(server, text, sizeof(text), words);
	CHECK_MSG(!strcmp(text, answer), "%s: %s, not %s", words[0], text, answer);
}

#define EXPECT(SERVER, ANSWER, ...) \
	expect(SERVER, ANSWER, (const char *const[]){ __VA_ARGS__, NULL })

/* A number of INFO persistence; ok is 1. */
static long info(const struct server *server, const char *name)
{
	const char *const argv[] = {
		"redis-cli", "-s", server->socket, "INFO", "persistence", NULL
	};
	struct test_output output;
	char line[64];
	const char *at;
	long value;

	test_run(&output, argv);
	CHECK_EQ(output.code, 0);
	snprintf(line, sizeof(line), "\n%s:", name);
	at = strstr(output.out, line);
	CHECK_MSG(at, "no %s in %s", name, output.out);
	at += strlen(line);
	value = !strncmp(at, "ok", 2) ? 1 : strtol(at, NULL, 10);
	test_output_free(&output);
	return value;
}

static bool answers(void *arg)
{
	struct server *server = arg;
	char text[256];

	ASK(server, text, "PING");
	return !strcmp(text, "PONG");
}

static bool not_saving(void *arg)
{
	return info(arg, "rdb_bgsave_in_progress") == 0;
}

static void start(struct server *server, const struct real_folder *folder, const char *report)
{
	const char *const argv[] = {
		"redis-server",
		"--port",
		"0",
		"--unixsocket",
		server->socket,
		"--dir",
		folder->path,
		"--save",
		"",
		"--appendonly",
		"no",
		"--daemonize",
		"no",
		"--enable-debug-command",
		"local",
		"--logfile",
		"log",
		NULL,
	};
	const char *followed[REAL_ARGS];

	server->folder = folder;
	real_path(folder, "socket", server->socket);
	if (report)
		real_follow(followed, report, argv);
	test_spawn(&server->child, report ? followed : argv);
	real_until("redis-server answers", PATIENCE, answers, server);
}

/* Known keys and no random ones: what is held afterwards is always the same. */
static void load(const struct server *server, struct test_child *child)
{
	const char *const argv[] = { "redis-benchmark",
				     "-s",
				     server->socket,
				     "-q",
				     "-c",
				     "8",
				     "-n",
				     "2000",
				     "-P",
				     "4",
				     "-t",
				     "set,get,incr,lpush,rpop,sadd,hset,zadd,mset",
				     NULL };

	test_spawn(child, argv);
}

/* All that it says has to be read: it would wait otherwise. */
static void load_ends(struct test_child *child)
{
	char line[4096];

	while (test_read_line(child->out, line, sizeof(line)) >= 0)
		;
	CHECK_EQ(test_exit_code(test_wait(child)), 0);
}

static void save(const struct server *server, long number)
{
	struct test_child benchmark;
	time_t before = time(NULL);
	char path[PATH_MAX], text[256];

	unlink(real_path(server->folder, "dump.rdb", path));
	load(server, &benchmark);
	EXPECT(server, "Background saving started", "BGSAVE");
	real_until("the save is complete", PATIENCE, not_saving, (void *)(uintptr_t)server);
	load_ends(&benchmark);
	CHECK_EQ(info(server, "rdb_last_bgsave_status"), 1);
	CHECK_EQ(info(server, "rdb_saves"), number);
	ASK(server, text, "LASTSAVE");
	CHECK_LE(before, strtol(text, NULL, 10));
	CHECK_MSG(access(path, R_OK) == 0, "%s: %s", path, strerror(errno));
}

/* The program that comes with it finds the file in order. */
static void check_file(const struct real_folder *folder)
{
	char path[PATH_MAX];
	const char *const argv[] = { "redis-check-rdb", real_path(folder, "dump.rdb", path), NULL };
	struct test_output output;

	test_run(&output, argv);
	CHECK_MSG(output.code == 0, "%s", output.out);
	CHECK_CONTAINS(output.out, "RDB looks OK");
	test_output_free(&output);
}

/* Ten saves; the digest of all data at the end. Returns the server's exit code. */
static int life(const struct real_folder *folder, const char *report, char digest[256])
{
	struct server server;
	char path[PATH_MAX];

	unlink(real_path(folder, "dump.rdb", path));
	start(&server, folder, report);
	EXPECT(&server, "OK", "DEBUG", "POPULATE", KEYS, "key", "100");
	for (long i = 1; i <= SAVES; i++)
		save(&server, i);
	/* the last one again, when nothing changes */
	EXPECT(&server, "Background saving started", "BGSAVE");
	real_until("the save is complete", PATIENCE, not_saving, &server);
	check_file(folder);
	ask(&server, digest, 256, (const char *const[]){ "DEBUG", "DIGEST", NULL });
	EXPECT(&server, "", "SHUTDOWN", "NOSAVE");
	return test_exit_code(test_wait(&server.child));
}

/* A server without scion reads the file that was made under it. */
static void read_back(const struct real_folder *folder, const char *digest)
{
	struct server server;

	start(&server, folder, NULL);
	EXPECT(&server, digest, "DEBUG", "DIGEST");
	EXPECT(&server, "", "SHUTDOWN", "NOSAVE");
	CHECK_EQ(test_exit_code(test_wait(&server.child)), 0);
}

static int run(void)
{
	char alone[256], followed[256], report[PATH_MAX];
	struct real_folder folder;
	struct real_counts counts;

	real_adopt_orphans();
	real_folder_make(&folder);
	CHECK_EQ(life(&folder, NULL, alone), 0);
	real_wait_all();
	CHECK_EQ(life(&folder, real_path(&folder, "report", report), followed), 0);
	real_check_none_left();
	CHECK_STR(followed, alone);
	read_back(&folder, alone);

	real_report(report, &counts);
	CHECK_EQ(counts.forks, SAVES + 1);
	CHECK_LE(3, counts.threads);
	CHECK_EQ(counts.killed, 0);
	real_folder_remove(&folder);
	return 0;
}

static const char *const programs[] = {
	"redis-server", "redis-cli", "redis-benchmark", "redis-check-rdb", NULL,
};

const struct scion_test scion_test = {
	.name = "real_redis",
	.timeout_s = 120,
	.needs_programs = programs,
	.run = run,
};
