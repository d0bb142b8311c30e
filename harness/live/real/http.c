/* SPDX-License-Identifier: MIT */
#include "live/real/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/test.h"

#define HEADER_MAX 1024

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

int http_free_port(void)
{
	struct sockaddr_in address = loopback(0);
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_CALL(fd);
	CHECK_CALL(bind(fd, (struct sockaddr *)&address, size));
	CHECK_CALL(getsockname(fd, (struct sockaddr *)&address, &size));
	close(fd);
	return ntohs(address.sin_port);
}

static long fail(char *body, size_t size, const char *what, const char *why)
{
	snprintf(body, size, "%s: %s", what, why);
	return -1;
}

/* Reads to the end of the connection. Returns the length, or -1. */
static long read_all(int fd, char *text, size_t size)
{
	size_t length = 0;
	ssize_t got;

	while ((got = recv(fd, text + length, size - length, 0)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		length += (size_t)got;
		if (length == size) {
			errno = EMSGSIZE;
			return -1;
		}
	}
	text[length] = '\0';
	return (long)length;
}

/* Takes the header away. */
static long take_body(char *text, size_t size, long length)
{
	static const char field[] = "\r\nContent-Length: ";
	char *end = strstr(text, "\r\n\r\n");
	char *announced = strstr(text, field);
	long body;

	if (strncmp(text, "HTTP/1.1 200 ", 13) != 0 || !end || !announced || announced > end) {
		text[strcspn(text, "\r\n")] = '\0';
		memmove(text + 8, text, strlen(text) + 1);
		memcpy(text, "answer: ", 8);
		return -1;
	}
	body = length - (end + 4 - text);
	if (strtol(announced + sizeof(field) - 1, NULL, 10) != body)
		return fail(text, size, "answer", "not complete");
	memmove(text, end + 4, (size_t)body + 1);
	return body;
}

long http_get(int port, const char *path, char *body, size_t size)
{
	static const struct timeval limit = { .tv_sec = 20 };
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char request[HEADER_MAX];
	long length;

	if (fd < 0)
		return fail(body, size, "socket", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		length = fail(body, size, "connect", strerror(errno));
		goto out;
	}
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0) {
		length = fail(body, size, "send", strerror(errno));
		goto out;
	}
	length = read_all(fd, body, size);
	if (length < 0)
		length = fail(body, size, "recv", strerror(errno));
	else
		length = take_body(body, size, length);
out:
	close(fd);
	return length;
}

/* One request at a time and a pause between: load enough, and the rest of the machine lives. */
static int ask_again(void *arg)
{
	static const struct timespec pause = { .tv_nsec = 500 * 1000 };
	struct http_client *client = arg;
	size_t length = strlen(client->expected);
	size_t size = length + HEADER_MAX;
	char *body = malloc(size);

	while (body && !client->stop && !client->failed) {
		long got = http_get(client->port, client->path, body, size);

		if (got == (long)length && !memcmp(body, client->expected, length)) {
			client->answers++;
		} else {
			snprintf(client->wrong, sizeof(client->wrong), "%s: after %lu answers: %s",
				 client->path, client->answers, body);
			client->failed = true;
		}
		nanosleep(&pause, NULL);
	}
	free(body);
	return 0;
}

void http_client_start(struct http_client *client)
{
	client->stop = false;
	client->answers = 0;
	client->failed = false;
	CHECK_EQ(thrd_create(&client->thread, ask_again, client), thrd_success);
}

void http_client_stop(struct http_client *client)
{
	client->stop = true;
	CHECK_EQ(thrd_join(client->thread, NULL), thrd_success);
}
