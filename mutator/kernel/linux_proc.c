/* SPDX-License-Identifier: MIT */
/*
 * /proc. What it says of a process is partly the process's own words (its name, the paths in its
 * maps): the kernel escapes newlines in them, so a line's key is trustworthy at its beginning.
 */
#include "kernel/linux.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void linux_path(char path[LINUX_PATH_SIZE], pid_t tid, const char *what)
{
	char digits[12], *end = path + LINUX_PATH_SIZE - 1;
	size_t n = 0;
	char *p = stpcpy(path, "/proc/");
	unsigned value = (unsigned)tid;

	do
		digits[n++] = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	while (n)
		*p++ = digits[--n];
	*p++ = '/';
	while (*what && p < end)
		*p++ = *what++;
	*p = '\0';
}

/* A task that is gone shows as ENOENT at open and as ESRCH at read. */
static int open_proc(pid_t tid, const char *what, int flags)
{
	char path[LINUX_PATH_SIZE];
	int fd;

	linux_path(path, tid, what);
	fd = open(path, flags | O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return fd;
}

struct line {
	const char *at, *end;
};

static bool next_number(struct line *line, int base, uint64_t *value)
{
	const char *p = line->at;
	bool any = false;

	while (p < line->end && (*p == ' ' || *p == '\t'))
		p++;
	for (*value = 0; p < line->end; p++, any = true) {
		unsigned digit = *p >= '0' && *p <= '9' ? (unsigned)(*p - '0') :
				 *p >= 'a' && *p <= 'f' ? (unsigned)(*p - 'a' + 10) :
							  16;

		if (digit >= (unsigned)base)
			break;
		*value = *value * (unsigned)base + digit;
	}
	line->at = p;
	return any;
}

static uint64_t number(struct line line, int base)
{
	uint64_t value;

	next_number(&line, base, &value);
	return value;
}

static void parse_nspid(struct kernel_proc *out, struct line line)
{
	uint64_t value;

	for (out->ns_depth = 0; out->ns_depth < KERNEL_NS_DEPTH; out->ns_depth++) {
		if (!next_number(&line, 10, &value))
			return;
		out->nspid[out->ns_depth] = (pid_t)value;
	}
	/* Deeper than we keep: the last one is what the task calls itself. */
	while (next_number(&line, 10, &value))
		out->nspid[KERNEL_NS_DEPTH - 1] = (pid_t)value;
}

static void parse_uid(struct kernel_proc *out, struct line line)
{
	uint64_t value;

	next_number(&line, 10, &value);
	out->uid = (uid_t)value;
	next_number(&line, 10, &value);
	out->euid = (uid_t)value;
}

static void parse_name(struct kernel_proc *out, struct line line)
{
	size_t len = (size_t)(line.end - line.at);

	if (len && *line.at == '\t') {
		line.at++;
		len--;
	}
	if (len >= sizeof(out->name))
		len = sizeof(out->name) - 1;
	memcpy(out->name, line.at, len);
	out->name[len] = '\0';
}

static void parse_state(struct kernel_proc *out, struct line line)
{
	while (line.at < line.end && *line.at == '\t')
		line.at++;
	out->state = line.at < line.end ? *line.at : '?';
}

enum key {
	KEY_NAME,
	KEY_STATE,
	KEY_TGID,
	KEY_PID,
	KEY_PPID,
	KEY_TRACER,
	KEY_UID,
	KEY_NSPID,
	KEY_THREADS,
	KEY_BLOCKED,
	KEY_IGNORED,
	KEY_CAUGHT,
	KEY_SECCOMP,
	KEYS
};

static enum key find_key(const char *text, size_t len)
{
	static const char *const keys[KEYS] = {
		[KEY_NAME] = "Name",       [KEY_STATE] = "State",    [KEY_TGID] = "Tgid",
		[KEY_PID] = "Pid",         [KEY_PPID] = "PPid",      [KEY_TRACER] = "TracerPid",
		[KEY_UID] = "Uid",         [KEY_NSPID] = "NSpid",    [KEY_THREADS] = "Threads",
		[KEY_BLOCKED] = "SigBlk",  [KEY_IGNORED] = "SigIgn", [KEY_CAUGHT] = "SigCgt",
		[KEY_SECCOMP] = "Seccomp",
	};
	enum key key;

	for (key = 0; key < KEYS; key++)
		if (strlen(keys[key]) == len && memcmp(keys[key], text, len) == 0)
			break;
	return key;
}

static void parse_line(struct kernel_proc *out, enum key key, struct line line)
{
	switch (key) {
	case KEY_NAME:
		parse_name(out, line);
		break;
	case KEY_STATE:
		parse_state(out, line);
		break;
	case KEY_TGID:
		out->tgid = (pid_t)number(line, 10);
		break;
	case KEY_PID:
		/* NSpid follows, from Linux 4.1 on */
		out->nspid[0] = (pid_t)number(line, 10);
		out->ns_depth = 1;
		break;
	case KEY_PPID:
		out->ppid = (pid_t)number(line, 10);
		break;
	case KEY_TRACER:
		out->tracer = (pid_t)number(line, 10);
		break;
	case KEY_UID:
		parse_uid(out, line);
		break;
	case KEY_NSPID:
		parse_nspid(out, line);
		break;
	case KEY_THREADS:
		out->threads = (unsigned)number(line, 10);
		break;
	case KEY_BLOCKED:
		out->sig_blocked = number(line, 16);
		break;
	case KEY_IGNORED:
		out->sig_ignored = number(line, 16);
		break;
	case KEY_CAUGHT:
		out->sig_caught = number(line, 16);
		break;
	case KEY_SECCOMP:
		out->seccomp = (unsigned)number(line, 10);
		break;
	case KEYS:
		break;
	}
}

bool linux_proc_parse(struct kernel_proc *out, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = newline ? newline : end;
		const char *colon = memchr(text, ':', (size_t)(line_end - text));

		if (colon) {
			enum key key = find_key(text, (size_t)(colon - text));

			parse_line(out, key, (struct line){ colon + 1, line_end });
			if (key == KEY_SECCOMP)
				return true;
		}
		text = line_end + 1;
	}
	return false;
}

int linux_proc(struct kernel *k, pid_t tid, struct kernel_proc *out)
{
	char text[4096];
	size_t len = 0;
	bool whole = false, skipping = false;
	int fd = open_proc(tid, "status", 0);
	ssize_t n = 0;

	(void)k;
	if (fd < 0)
		return fd;
	memset(out, 0, sizeof(*out));
	/* One read as a rule. A line longer than the buffer (Groups) is passed over. */
	while (!whole && (n = read(fd, text + len, sizeof(text) - len)) > 0) {
		char *last, *from = text;

		len += (size_t)n;
		if (skipping) {
			from = memchr(text, '\n', len);
			if (!from) {
				len = 0;
				continue;
			}
			skipping = false;
		}
		last = memrchr(from, '\n', len - (size_t)(from - text));
		if (last) {
			whole = linux_proc_parse(out, from, (size_t)(last - from));
			len -= (size_t)(last + 1 - text);
			memmove(text, last + 1, len);
		} else if (len == sizeof(text)) {
			skipping = true;
			len = 0;
		}
	}
	n = n < 0 ? -errno : out->tgid ? 0 : -ESRCH;
	close(fd);
	return (int)n;
}

struct pids {
	pid_t *pid;
	size_t count, room;
};

static int pids_add(struct pids *pids, pid_t pid)
{
	if (pids->count == pids->room) {
		size_t room = pids->room ? 2 * pids->room : 16;
		pid_t *grown = realloc(pids->pid, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		pids->pid = grown;
		pids->room = room;
	}
	pids->pid[pids->count++] = pid;
	return 0;
}

static int pids_give(struct pids *pids, int err, pid_t **out, size_t *count)
{
	if (err) {
		free(pids->pid);
		pids->pid = NULL;
		pids->count = 0;
	}
	*out = pids->pid;
	*count = pids->count;
	return err;
}

/* The entries of a directory that are numbers. */
static int list_numbers(const char *path, struct pids *pids)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	while (!err && (entry = readdir(dir))) {
		char *end;
		long value = strtol(entry->d_name, &end, 10);

		if (value > 0 && !*end)
			err = pids_add(pids, (pid_t)value);
	}
	closedir(dir);
	return err;
}

int linux_threads(struct kernel *k, pid_t tgid, pid_t **tids, size_t *count)
{
	char path[LINUX_PATH_SIZE];
	struct pids pids = { 0 };

	(void)k;
	linux_path(path, tgid, "task");
	return pids_give(&pids, list_numbers(path, &pids), tids, count);
}

/* The whole of a file of /proc, with a NUL behind it. */
static int slurp(int fd, char **text, size_t *len)
{
	size_t room = 0;

	*text = NULL;
	*len = 0;
	for (;;) {
		ssize_t n;

		if (*len + 1 >= room) {
			char *grown = realloc(*text, room = room ? 2 * room : 4096);

			if (!grown)
				goto failed;
			*text = grown;
		}
		n = read(fd, *text + *len, room - 1 - *len);
		if (n < 0)
			goto failed;
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	(*text)[*len] = '\0';
	return 0;
failed:
	free(*text);
	*text = NULL;
	return -errno;
}

static int read_file(pid_t tid, const char *what, char **text, size_t *len)
{
	int fd = open_proc(tid, what, 0), err;

	if (fd < 0)
		return fd;
	err = slurp(fd, text, len);
	close(fd);
	return err;
}

/* Children of one thread (CONFIG_PROC_CHILDREN). */
static int children_of_thread(pid_t tid, struct pids *pids)
{
	char what[32], *text, *p, *end;
	size_t len;
	int err;

	snprintf(what, sizeof(what), "task/%d/children", tid);
	err = read_file(tid, what, &text, &len);
	if (err)
		return err;
	for (p = text; !err; p = end) {
		long pid = strtol(p, &end, 10);

		if (end == p)
			break;
		err = pids_add(pids, (pid_t)pid);
	}
	free(text);
	return err;
}

/* Without that file: everybody whose parent it is. */
static int children_by_scan(struct kernel *k, pid_t tgid, struct pids *pids)
{
	struct pids all = { 0 };
	int err = list_numbers("/proc", &all);

	for (size_t i = 0; i < all.count && !err; i++) {
		struct kernel_proc proc;

		if (linux_proc(k, all.pid[i], &proc) == 0 && proc.ppid == tgid)
			err = pids_add(pids, all.pid[i]);
	}
	free(all.pid);
	return err;
}

int linux_children(struct kernel *k, pid_t tgid, pid_t **out, size_t *count)
{
	struct pids children = { 0 };
	size_t thread_count, missing = 0;
	pid_t *tids;
	int err = linux_threads(k, tgid, &tids, &thread_count);

	*out = NULL;
	*count = 0;
	if (err)
		return err;
	if (linux_of(k)->refuse & LINUX_REFUSE_CHILDREN)
		missing = thread_count;
	for (size_t i = 0; i < thread_count && !missing && !err; i++) {
		err = children_of_thread(tids[i], &children);
		if (err == -ESRCH) {
			/* The thread ended, or this kernel has no such file. */
			err = 0;
			missing += k->ops->in_group(k, tgid, tids[i]) == 1;
		}
	}
	free(tids);
	if (missing && !err) {
		children.count = 0;
		err = children_by_scan(k, tgid, &children);
	}
	return pids_give(&children, err, out, count);
}

int linux_maps(struct kernel *k, pid_t tid, char **text, size_t *len)
{
	(void)k;
	return read_file(tid, "maps", text, len);
}
