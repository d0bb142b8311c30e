/* SPDX-License-Identifier: MIT */
/*
 * Getting at the file that a process has mapped.
 *
 * The target may live in a container or a chroot, its file may have been replaced or deleted, and
 * whoever owns that tree may have put a FIFO, a device or a link to our own files in its place. So
 * links are followed inside of the target's root, nothing but a regular file is opened, and the
 * inode has to be the one that the maps name.
 */
#define _GNU_SOURCE
#include "symbols/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* An O_PATH descriptor for a path under root; O_PATH has no side effect on devices and FIFOs. */
static int path_in_root(int root, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

	if (fd < 0)
		return -errno;
	return (int)fd;
}

static int path_plain(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Without openat2 (before 5.6, or filtered) absolute links would leave the root: none is taken. */
static int path_of_pid(pid_t pid, const char *path)
{
	char root[64], full[PATH_MAX];
	int dir, fd;

	snprintf(root, sizeof(root), "/proc/%d/root", pid);
	dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = path_in_root(dir, path);
	close(dir);
	if (fd != -ENOSYS && fd != -EPERM)
		return fd;
	if (snprintf(full, sizeof(full), "%s%s", root, path) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	fd = open(full, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* Turn an O_PATH descriptor into one to read from; it is closed. */
static int reopen(int path_fd)
{
	char name[64];
	struct stat st;
	int fd = -ENOEXEC;

	if (fstat(path_fd, &st)) {
		fd = -errno;
	} else if (S_ISREG(st.st_mode)) {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", path_fd);
		fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fd < 0)
			fd = -errno;
	}
	close(path_fd);
	return fd;
}

int symopen_path(pid_t pid, const char *path)
{
	int fd = pid > 0 ? path_of_pid(pid, path) : path_plain(path);

	return fd < 0 ? fd : reopen(fd);
}

enum likeness { OTHER, SAME_INODE, SAME };

static enum likeness compare(int fd, uint64_t dev, uint64_t ino)
{
	struct stat st;

	if (fstat(fd, &st) || st.st_ino != ino)
		return OTHER;
	return st.st_dev == dev ? SAME : SAME_INODE;
}

/*
 * One way to the file. The maps name the device of the file system below (btrfs, overlayfs), stat
 * the one above: the inode decides then, but a way to the exact file is preferred.
 */
static bool take(int path_fd, uint64_t dev, uint64_t ino, int *best, enum likeness *like)
{
	enum likeness now;

	if (path_fd < 0) {
		if (*best < 0 && *best != -ESTALE)
			*best = path_fd;
		return false;
	}
	now = compare(path_fd, dev, ino);
	if (now <= *like) {
		close(path_fd);
		if (*best < 0)
			*best = -ESTALE;
		return false;
	}
	if (*best >= 0)
		close(*best);
	*best = path_fd;
	*like = now;
	return now == SAME;
}

int symopen_mapped(pid_t pid, const char *path, uint64_t start, uint64_t end, uint64_t dev,
		   uint64_t ino)
{
	enum likeness like = OTHER;
	char name[96];
	int best = -ENOENT;

	if (pid > 0 && take(path_of_pid(pid, path), dev, ino, &best, &like))
		return reopen(best);
	if (take(path_plain(path), dev, ino, &best, &like))
		return reopen(best);
	if (pid > 0) {
		/* proc_pid_map_files(5): wants CAP_CHECKPOINT_RESTORE. */
		snprintf(name, sizeof(name), "/proc/%d/map_files/%llx-%llx", pid,
			 (unsigned long long)start, (unsigned long long)end);
		if (take(path_plain(name), dev, ino, &best, &like))
			return reopen(best);
		snprintf(name, sizeof(name), "/proc/%d/exe", pid);
		if (take(path_plain(name), dev, ino, &best, &like))
			return reopen(best);
	}
	return best < 0 ? best : reopen(best);
}
