/* SPDX-License-Identifier: MIT */
/* http.h - as much of a client as a test of a web server needs: loopback, HTTP/1.0, one request each. */
#ifndef SCION_HARNESS_HTTP_H
#define SCION_HARNESS_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <threads.h>

/** A port of the loopback address that nobody listens at now. */
int http_free_port(void);

/**
 * Asks for a path. Returns the length of the body, which is stored if it fits and ended by a NUL; -1 if
 * there was no complete answer with status 200: then `body` says why.
 */
long http_get(int port, const char *path, char *body, size_t size);

/** A thread that asks for one path again and again, and compares. */
struct http_client {
	int port;
	const char *path;
	const char *expected;
	atomic_bool stop;
	atomic_ulong answers; /* right ones */
	atomic_bool failed;   /* `wrong` tells the first that was not right; no more are asked */
	char wrong[200];
	thrd_t thread;
};

void http_client_start(struct http_client *client);
void http_client_stop(struct http_client *client);

#endif
