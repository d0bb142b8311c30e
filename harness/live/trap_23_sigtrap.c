/* SPDX-License-Identifier: MIT */
/*
 * SIGTRAP handled, blocked with one pending, ignored by the program: a payload that ends, one that
 * faults and one that is stopped by its time limit leave mask, disposition and the pending signal
 * alone (the mutatee compares them). An int3 of the payload's own is told from the program's where
 * SIGTRAP is handled; where it is blocked and pending, or ignored, no tracer can keep the disposition
 * (force_sig_info_to_task in kernel/signal.c, see payload_fault), so the fault there is another one.
 */
#include <signal.h>

#include "lib/target.h"

static const char int3_source[] = "SCION_PAYLOAD_INFO(0);\n"
				  "int64_t scion_payload(struct scion_payload_ctx *ctx)\n"
				  "{ __asm__ volatile(\"int3\"); return ctx->pid; }\n";

static const char ud2_source[] = "SCION_PAYLOAD_INFO(0);\n"
				 "int64_t scion_payload(struct scion_payload_ctx *ctx)\n"
				 "{ __asm__ volatile(\"ud2\"); return ctx->pid; }\n";

static const char loop_source[] = "SCION_PAYLOAD_INFO(0);\n"
				  "int64_t scion_payload(struct scion_payload_ctx *ctx)\n"
				  "{ for (;;) __asm__ volatile(\"\"); return ctx->pid; }\n";

enum { HANDLED, BLOCKED, IGNORED, STATES };

static int run(void)
{
	struct scion_options options = { .size = sizeof(options), .payload_limit_ms = 50 };
	struct target t;

	target_start(&t, (const char *const[]){ "sigtrap", "hold", NULL });
	for (int state = HANDLED; state < STATES; state++) {
		const struct scion_event *event;

		if (state != HANDLED)
			target_ready(&t);
		target_attach(&t, &options);
		event = target_inject(&t, t.pid, target_payload(&t, "whoami"));
		CHECK_MSG(event->error == SCION_OK, "%s", target_message(&t));
		event = target_inject(&t, t.pid, target_payload(&t, loop_source));
		CHECK_EQ(event->error, SCION_ETIME);
		event = target_inject(
			&t, t.pid, target_payload(&t, state == HANDLED ? int3_source : ud2_source));
		CHECK_EQ(event->error, SCION_EFAULT);
		CHECK_EQ(event->signo, state == HANDLED ? SIGTRAP : SIGILL);
		target_detach(&t);
		target_release(&t);
	}
	CHECK(target_end(&t));
	return 0;
}

static const char *const mutatees[] = { "sigtrap", NULL };
static const char *const programs[] = { "cc", NULL };

const struct scion_test scion_test = {
	.name = "trap_23_sigtrap",
	.trap = "23",
	.needs_programs = programs,
	.needs_mutatees = mutatees,
	.run = run,
};
