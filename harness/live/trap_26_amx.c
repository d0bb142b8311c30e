/* SPDX-License-Identifier: MIT */
/*
 * AMX: a program whose tile registers are filled, and a payload that runs code of the target and
 * leaves others in them. What is saved around it is 11 KiB on such a machine.
 */
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/target.h"

#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA  18

struct config {
	uint8_t palette, start_row, reserved[14];
	uint16_t colsb[16];
	uint8_t rows[16];
};

static struct shared {
	uint32_t ready, go; /* ready: 2 if the kernel does not permit it */
} * shared;

static const char clobber[] =
	"SCION_PAYLOAD_INFO(SCION_PAYLOAD_CALLS);\n"
	"int64_t scion_payload(struct scion_payload_ctx *ctx)\n"
	"{ __asm__ volatile(\"tilezero %tmm0; tilezero %tmm7\"); return ctx->pid; }\n";

static const char release[] = "SCION_PAYLOAD_INFO(SCION_PAYLOAD_CALLS);\n"
			      "int64_t scion_payload(struct scion_payload_ctx *ctx)\n"
			      "{ __asm__ volatile(\"tilerelease\"); return ctx->pid; }\n";

static int program(void *arg)
{
	static uint8_t in[8][1024], out[1024];
	static struct config config;

	(void)arg;
	if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)) {
		shared->ready = 2;
		return 0;
	}
	config.palette = 1;
	for (int i = 0; i < 8; i++) {
		config.colsb[i] = 64;
		config.rows[i] = 16;
	}
	for (size_t i = 0; i < sizeof(in); i++)
		(&in[0][0])[i] = (uint8_t)(i * 7 + i / 1024);
	__asm__ volatile("ldtilecfg %0" : : "m"(config));
#define LOAD(N) \
	__asm__ volatile("tileloadd (%0,%1,1), %%tmm" #N : : "r"(in[N]), "r"(64l) : "memory")
#define CHECK_TILE(N)                                                \
	do {                                                         \
		memset(out, 0, sizeof(out));                         \
		__asm__ volatile("tilestored %%tmm" #N ", (%0,%1,1)" \
				 :                                   \
				 : "r"(out), "r"(64l)                \
				 : "memory");                        \
		CHECK_EQ(memcmp(out, in[N], sizeof(out)), 0);        \
	} while (0)
	LOAD(0);
	LOAD(3);
	LOAD(7);
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE))
		;
	CHECK_TILE(0);
	CHECK_TILE(3);
	CHECK_TILE(7);
	return 0;
}

static int run(void)
{
	struct target t;

	shared = target_shared(sizeof(*shared));
	target_fork(&t, program, NULL);
	if (target_await(&shared->ready, 0) == 2)
		SKIP("the kernel does not permit AMX (Linux 5.16)");
	target_attach(&t, NULL);
	for (int i = 0; i < 3; i++) {
		const struct scion_event *event;

		event = target_inject(&t, t.pid, target_payload(&t, clobber));
		CHECK_MSG(event->error == SCION_OK, "%s", target_message(&t));
		event = target_inject(&t, t.pid, target_payload(&t, release));
		CHECK_MSG(event->error == SCION_OK, "%s", target_message(&t));
	}
	target_detach(&t);
	__atomic_store_n(&shared->go, 1, __ATOMIC_RELEASE);
	CHECK(target_end(&t));
	return 0;
}

static const char *const programs[] = { "cc", NULL };

const struct scion_test scion_test = {
	.name = "trap_26_amx",
	.trap = "26",
	.cpu_features = TEST_CPU_AMX,
	.needs_programs = programs,
	.run = run,
};
