/* SPDX-License-Identifier: MIT */
/*
 * object_file.c - an object from a file.
 */
#include "inject/object_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int load_fail(struct object_error *error, int ret, const char *why)
{
	snprintf(error->text, sizeof(error->text), "%s", why);
	return ret;
}

/* One byte beyond the limit is read: object_open then says that the file is too large. */
static ssize_t read_all(int fd, unsigned char *buffer, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t ret = read(fd, buffer + len, size - len);

		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0)
			return -errno;
		if (ret == 0)
			break;
		len += (size_t)ret;
	}
	return (ssize_t)len;
}

static int load_open(int fd, struct object **object, struct object_error *error)
{
	unsigned char *buffer;
	struct stat st;
	ssize_t len;
	int ret;

	if (fstat(fd, &st))
		return load_fail(error, -errno, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return load_fail(error, -EINVAL, "not a regular file");
	buffer = malloc(OBJECT_FILE_MAX + 1);
	if (!buffer)
		return load_fail(error, -ENOMEM, strerror(ENOMEM));
	len = read_all(fd, buffer, OBJECT_FILE_MAX + 1);
	ret = len < 0 ? (int)len : object_open(buffer, (size_t)len, object);
	free(buffer);
	return ret ? load_fail(error, ret, strerror(-ret)) : 0;
}

int object_load(const char *path, struct object **object, struct object_error *error)
{
	/* Not to be stopped by a FIFO that nobody writes, nor made the owner of a terminal. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int ret;

	*object = NULL;
	if (fd < 0)
		return load_fail(error, -errno, strerror(errno));
	ret = load_open(fd, object, error);
	close(fd);
	return ret;
}
