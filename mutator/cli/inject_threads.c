/* SPDX-License-Identifier: MIT */
#include "cli/inject_threads.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The state follows the name, which may hold anything; ')' is the last one of the line. */
static bool is_alive(pid_t pid, pid_t tid)
{
	char path[64], line[512];
	const char *end = NULL;
	size_t length = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	file = fopen(path, "re");
	if (file) {
		length = fread(line, 1, sizeof(line) - 1, file);
		fclose(file);
	}
	line[length] = '\0';
	end = strrchr(line, ')');
	return end && end[1] == ' ' && end[2] != 'Z' && end[2] != 'X';
}

static int add(pid_t **tids, size_t *count, pid_t tid)
{
	pid_t *more = realloc(*tids, (*count + 1) * sizeof(**tids));

	if (!more)
		return -ENOMEM;
	*tids = more;
	more[(*count)++] = tid;
	return 0;
}

int inject_threads(pid_t pid, pid_t tid, bool all, pid_t **tids, size_t *count)
{
	struct dirent *entry;
	char path[32];
	int error = 0;
	DIR *dir;

	*tids = NULL;
	*count = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return -ESRCH;
	while (!error && (entry = readdir(dir))) {
		pid_t found = (pid_t)strtol(entry->d_name, NULL, 10);

		if (found <= 0 || (tid && found != tid) || (*count && !all) ||
		    !is_alive(pid, found))
			continue;
		error = add(tids, count, found);
	}
	closedir(dir);
	return error ? error : *count ? 0 : -ESRCH;
}
