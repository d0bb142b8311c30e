/* SPDX-License-Identifier: MIT */
/*
 * The built-in `call`: six arguments, the result whole, a function that uses vector registers and much
 * stack, errno kept; a library that the target does not have, loaded by `dlopen`, whose function is
 * then found and called.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/target.h"

static struct shared {
	uint32_t ready, go;
	uint32_t called;
} * shared;

/* Found by name in the target. */
uint64_t test_six_arguments(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
uint64_t test_heavy(uint64_t n);

uint64_t test_six_arguments(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	errno = EDOM;
	shared->called++;
	return a << 60 | b << 50 | c << 40 | d << 30 | e << 20 | f;
}

uint64_t test_heavy(uint64_t n)
{
	volatile char deep[200000];
	volatile double sum = 0;
	char text[64];

	for (size_t i = 0; i < sizeof(deep); i += 512)
		deep[i] = (char)n;
	for (uint64_t i = 1; i <= n; i++)
		sum += (double)i / 2;
	snprintf(text, sizeof(text), "%.1f", sum);
	return strtoull(text, NULL, 10) + (deep[512] != (char)n);
}

static int program(void *arg)
{
	volatile double kept = 1.0 / 3;

	(void)arg;
	errno = EXDEV;
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE))
		;
	CHECK_EQ(errno, EXDEV);
	CHECK(kept == 1.0 / 3);
	return 0;
}

static uint64_t symbol(struct target *t, const char *name)
{
	uint64_t address = 0;

	CHECK_MSG(scion_symbol(t->f.session, t->pid, name, &address) == SCION_OK, "%s",
		  scion_errmsg(t->f.session));
	return address;
}

static int64_t call(struct target *t, struct scion_payload *payload)
{
	const struct scion_event *event = target_inject(t, t->pid, payload);

	CHECK_MSG(event->error == SCION_OK, "%s", target_message(t));
	return event->payload_status;
}

static void functions(struct target *t)
{
	struct scion_payload *payload = target_payload(t, "call");
	uint64_t location = symbol(t, "__errno_location");

	target_args(payload, symbol(t, "test_six_arguments"), 7, 6, 5, 4, 3, 2, location);
	CHECK_EQ(call(t, payload), 7ll << 60 | 6ll << 50 | 5ll << 40 | 4ll << 30 | 3ll << 20 | 2);
	CHECK_EQ(shared->called, 1);
	target_args(payload, symbol(t, "test_heavy"), 100, 0, 0, 0, 0, 0, location);
	CHECK_EQ(call(t, payload), 2525);
}

/* Everything that the mutatee filled is there after strtod, which uses vector registers. */
static void in_filled_registers(void)
{
	struct scion_payload *payload;
	struct target t;

	target_start(&t, (const char *const[]){ "regs_all", "1", "hold", NULL });
	target_attach(&t, NULL);
	payload = target_payload(&t, "call");
	target_args(payload, symbol(&t, "libc.so.6:strtod"), 0, 0, 0, 0, 0, 0,
		    symbol(&t, "__errno_location"));
	CHECK_EQ(scion_payload_set_data(payload, 1, "3.1415926535", 13), SCION_OK);
	for (int i = 0; i < 5; i++)
		call(&t, payload);
	target_detach(&t);
	target_release(&t);
	CHECK(target_end(&t));
}

static void library(struct target *t)
{
	char dir[] = "/tmp/scion-library-XXXXXX", source[64], object[64];
	struct scion_payload *payload;
	struct test_output output;
	FILE *file;

	CHECK(mkdtemp(dir));
	snprintf(source, sizeof(source), "%s/l.c", dir);
	snprintf(object, sizeof(object), "%s/libscion_test.so", dir);
	file = fopen(source, "we");
	CHECK(file);
	CHECK(fputs("long scion_test_twice(long n) { return 2 * n; }\n", file) >= 0);
	CHECK_EQ(fclose(file), 0);
	test_run(&output,
		 (const char *const[]){ "cc", "-shared", "-fPIC", "-o", object, source, NULL });
	CHECK_MSG(output.code == 0, "%s", output.err);
	test_output_free(&output);

	payload = target_payload(t, "dlopen");
	target_args(payload, symbol(t, "libc.so.6:dlopen"), 0, symbol(t, "libc.so.6:dlerror"), 0, 0,
		    0, 0, symbol(t, "__errno_location"));
	CHECK_EQ(scion_payload_set_data(payload, 1, object, strlen(object) + 1), SCION_OK);
	CHECK_EQ(call(t, payload), 0);
	payload = target_payload(t, "call");
	target_args(payload, symbol(t, "scion_test_twice"), 21);
	CHECK_EQ(call(t, payload), 42);
	unlink(source);
	unlink(object);
	rmdir(dir);
}

static int run(void)
{
	struct target t;

	shared = target_shared(sizeof(*shared));
	target_fork(&t, program, NULL);
	target_await(&shared->ready, 0);
	target_attach(&t, NULL);
	functions(&t);
	library(&t);
	target_detach(&t);
	__atomic_store_n(&shared->go, 1, __ATOMIC_RELEASE);
	CHECK(target_end(&t));
	in_filled_registers();
	return 0;
}

static const char *const mutatees[] = { "regs_all", NULL };
static const char *const programs[] = { "cc", NULL };

const struct scion_test scion_test = {
	.name = "payload_call",
	.needs_programs = programs,
	.needs_mutatees = mutatees,
	.run = run,
};
