/* SPDX-License-Identifier: MIT */
/*
 * A user's payload that uses functions and data of the target: of the program, of a library that it
 * loaded by dlopen, of static programs. A name that is nowhere is named, and nothing happens.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/target.h"

static uint32_t *shared; /* 0: the target is there; 1: it may end */

/* Used by the payload. */
int64_t test_words[4] = { 10, 20, 30, 40 };
int64_t test_add(int64_t a, int64_t b);

int64_t test_add(int64_t a, int64_t b)
{
	return a + b;
}

static const char uses_both[] =
	"SCION_PAYLOAD_INFO(SCION_PAYLOAD_CALLS);\n"
	"extern int64_t test_words[4];\n"
	"int64_t test_add(int64_t, int64_t);\n"
	"extern int64_t scion_late_word;\n"
	"int64_t scion_late_function(int64_t);\n"
	"extern int scion_missing __attribute__((weak));\n"
	"int64_t scion_payload(struct scion_payload_ctx *ctx)\n"
	"{\n"
	"	ctx->result[0] = (uint64_t)test_add(test_words[1], test_words[3]);\n"
	"	test_words[0] = 11;\n"
	"	ctx->result[1] = (uint64_t)scion_late_word;\n"
	"	ctx->result[2] = (uint64_t)&scion_missing;\n"
	"	return scion_late_function(5);\n"
	"}\n";

static const char uses_missing[] = "SCION_PAYLOAD_INFO(SCION_PAYLOAD_CALLS);\n"
				   "int64_t scion_no_such_function(void);\n"
				   "int64_t scion_payload(struct scion_payload_ctx *ctx)\n"
				   "{ (void)ctx; return scion_no_such_function(); }\n";

static const char in_static[] = "SCION_PAYLOAD_INFO(SCION_PAYLOAD_CALLS);\n"
				"_Bool cpu_spin_entered(void);\n"
				"int64_t scion_payload(struct scion_payload_ctx *ctx)\n"
				"{ (void)ctx; return cpu_spin_entered() ? 77 : 78; }\n";

static int program(void *arg)
{
	if (!dlopen(arg, RTLD_NOW))
		return 2;
	__atomic_store_n(&shared[0], 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared[1], __ATOMIC_ACQUIRE))
		;
	return test_words[0] == 11 ? 0 : 1;
}

static void build_library(const char *source, const char *object)
{
	struct test_output output;
	FILE *file = fopen(source, "we");

	CHECK(file);
	CHECK(fputs("long scion_late_word = 1234567890123;\n"
		    "long scion_late_function(long n) { return n * scion_late_word; }\n",
		    file) >= 0);
	CHECK_EQ(fclose(file), 0);
	test_run(&output,
		 (const char *const[]){ "cc", "-shared", "-fPIC", "-o", object, source, NULL });
	CHECK_MSG(output.code == 0, "%s", output.err);
	test_output_free(&output);
}

static void in_objects(void)
{
	char dir[] = "/tmp/scion-library-XXXXXX", source[64], object[64];
	const struct scion_event *event;
	struct target t;

	CHECK(mkdtemp(dir));
	snprintf(source, sizeof(source), "%s/l.c", dir);
	snprintf(object, sizeof(object), "%s/liblate.so", dir);
	build_library(source, object);
	target_fork(&t, program, object);
	target_await(&shared[0], 0);
	target_attach(&t, NULL);
	event = target_inject(&t, t.pid, target_payload(&t, uses_both));
	CHECK_MSG(event->error == SCION_OK, "%s", target_message(&t));
	CHECK_EQ(event->result[0], 60);
	CHECK_EQ(event->result[1], 1234567890123);
	CHECK_EQ(event->result[2], 0);
	CHECK_EQ(event->payload_status, 5 * 1234567890123);
	event = target_inject(&t, t.pid, target_payload(&t, uses_missing));
	CHECK_EQ(event->error, SCION_EPAYLOAD);
	CHECK_CONTAINS(target_message(&t), "scion_no_such_function");
	target_detach(&t);
	__atomic_store_n(&shared[1], 1, __ATOMIC_RELEASE);
	CHECK(target_end(&t));
	unlink(source);
	unlink(object);
	rmdir(dir);
}

static void in_mutatee(const char *mutatee)
{
	const struct scion_event *event;
	struct target t;

	target_start(&t, (const char *const[]){ mutatee, "1", "hold", NULL });
	target_attach(&t, NULL);
	event = target_inject(&t, t.pid, target_payload(&t, in_static));
	CHECK_MSG(event->error == SCION_OK, "%s: %s", mutatee, target_message(&t));
	CHECK_EQ(event->payload_status, 77);
	target_detach(&t);
	target_release(&t);
	CHECK(target_end(&t));
}

static int run(void)
{
	shared = target_shared(4096);
	in_objects();
	in_mutatee("regs_all");
	in_mutatee("regs_all.nopie");
	in_mutatee("regs_all.static");
	in_mutatee("regs_all.static-pie");
	return 0;
}

static const char *const mutatees[] = { "regs_all", "regs_all.nopie", "regs_all.static",
					"regs_all.static-pie", NULL };
static const char *const programs[] = { "cc", NULL };

const struct scion_test scion_test = {
	.name = "payload_user_symbols",
	.needs_programs = programs,
	.needs_mutatees = mutatees,
	.run = run,
};
