/* SPDX-License-Identifier: MIT */
/*
 * Five hundred payloads at arbitrary points of a program whose every register is filled, red zone,
 * flags, vector state and signal mask too; it compares all of it after every round. In each kind of
 * program: position-independent or not, static or not.
 */
#include "lib/target.h"

enum { ROUNDS = 5, INJECTIONS = 25 };

/* Leaves nothing as it was that a payload without saved vector state can reach, but rsp. */
static const char fill[] =
	"SCION_PAYLOAD_INFO(0);\n"
	"__attribute__((naked)) int64_t scion_payload(struct scion_payload_ctx *ctx)\n"
	"{ __asm__ volatile(\"mov $-3, %rax; mov %rax, %rbx; mov %rax, %rcx; mov %rax, %rdx;\"\n"
	"\"mov %rax, %rsi; mov %rax, %rdi; mov %rax, %rbp; mov %rax, %r8; mov %rax, %r9;\"\n"
	"\"mov %rax, %r10; mov %rax, %r11; mov %rax, %r12; mov %rax, %r13; mov %rax, %r14;\"\n"
	"\"mov %rax, %r15; std; ret\"); }\n";

static void one(const char *mutatee)
{
	struct target t;

	target_start(&t, (const char *const[]){ mutatee, "5", "hold", NULL });
	for (int round = 0; round < ROUNDS; round++) {
		const struct scion_payload *payloads[3];

		if (round)
			target_ready(&t);
		target_attach(&t, NULL);
		payloads[0] = target_payload(&t, fill);
		payloads[1] = target_payload(&t, "whoami");
		payloads[2] = target_payload(&t, "count");
		for (int i = 0; i < INJECTIONS; i++) {
			const struct scion_event *event = target_inject(&t, t.pid, payloads[i % 3]);

			CHECK_MSG(event->error == SCION_OK, "%s", target_message(&t));
			if (i % 3 == 0)
				CHECK_EQ(event->payload_status, -3);
			if (i % 3 == 1)
				CHECK_EQ(event->result[1], t.pid);
			if (i % 3 == 2)
				CHECK_EQ(event->payload_status, (i + 1) / 3);
		}
		CHECK_EQ(scion_block_count(t.f.session), INJECTIONS / 3);
		target_detach(&t);
		target_release(&t);
	}
	CHECK_MSG(target_end(&t), "%s", mutatee);
}

static int run(void)
{
	one("regs_all");
	one("regs_all.nopie");
	one("regs_all.static");
	one("regs_all.static-pie");
	return 0;
}

static const char *const mutatees[] = { "regs_all", "regs_all.nopie", "regs_all.static",
					"regs_all.static-pie", NULL };
static const char *const programs[] = { "cc", NULL };

const struct scion_test scion_test = {
	.name = "inject_anywhere",
	.needs_programs = programs,
	.needs_mutatees = mutatees,
	.run = run,
};
