/* SPDX-License-Identifier: MIT */
/*
 * The stack that a payload gets: aligned as the ABI says at a call, with whatever data lies before
 * it, for one payload and for eight in a row, with and without vector state to save; never the
 * program's, whose red zone stays as it is (the mutatee compares it with rsp at sixteen places).
 */
#include "lib/target.h"

#define SOURCE(FLAGS)                                                            \
	"SCION_PAYLOAD_INFO(" FLAGS ");\n"                                       \
	"int64_t scion_payload(struct scion_payload_ctx *ctx)\n"                 \
	"{\n"                                                                    \
	"	volatile unsigned char deep[12000];\n"                                 \
	"	for (unsigned i = 0; i < sizeof(deep); i++)\n"                         \
	"		deep[i] = 0xee;\n"                                                    \
	"	ctx->result[0] = (uint64_t)__builtin_frame_address(0);\n"              \
	"	ctx->result[1] = (uint64_t)deep;\n"                                    \
	"	ctx->result[2] = ctx->regs.rsp;\n"                                     \
	"	ctx->result[3] = ctx->args[3] ? *(unsigned char *)ctx->args[3] : 0;\n" \
	"	return (int64_t)ctx->regs.rsp;\n"                                      \
	"}\n"

static const char plain[] = SOURCE("0");
static const char calls[] = SOURCE("SCION_PAYLOAD_CALLS");

/* __builtin_frame_address is where rbp was pushed: a multiple of 16 if rsp was right at the call. */
static void check_event(const struct scion_event *event)
{
	CHECK_EQ(event->error, SCION_OK);
	CHECK_EQ(event->result[0] % 16, 0);
	CHECK_LT(event->result[1], event->result[0]);
	CHECK_MSG(event->result[0] < event->result[2] - 65536 ||
			  event->result[1] > event->result[2] + 65536,
		  "the payload's stack %#llx lies on the program's %#llx",
		  (unsigned long long)event->result[0], (unsigned long long)event->result[2]);
}

static void with_data(void)
{
	static const size_t lengths[] = { 0, 1, 15, 16, 17, 4095, 4096 };
	static unsigned char data[4096] = { 0x5a };
	struct target t;

	target_start(&t, (const char *const[]){ "regs_all", "1", "hold", NULL });
	target_attach(&t, NULL);
	for (int kind = 0; kind < 2; kind++) {
		struct scion_payload *payload = target_payload(&t, kind ? calls : plain);

		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			const struct scion_event *event;

			CHECK_EQ(scion_payload_set_data(payload, 3, data, lengths[i]), SCION_OK);
			event = target_inject(&t, t.pid, payload);
			check_event(event);
			CHECK_EQ(event->result[3], lengths[i] ? 0x5a : 0);
		}
	}
	target_detach(&t);
	target_release(&t);
	CHECK(target_end(&t));
}

static void in_a_row(void)
{
	struct target t = { 0 };
	size_t payloads = 0;

	target_open(&t, NULL);
	for (int i = 0; i < 8; i++)
		target_at(&t, SCION_AT_FORK, SCION_BOTH, i % 4 == 3 ? calls : plain);
	follow_mutatee(&t.f, "redzone", NULL);
	CHECK_LT(0, follow_check(&t.f, true));
	for (size_t i = 0; i < t.f.count; i++) {
		if (t.f.events[i].event.type != SCION_EVENT_PAYLOAD)
			continue;
		check_event(&t.f.events[i].event);
		CHECK(t.f.events[i].event.payload == t.f.payloads[payloads++ % 8]);
	}
	CHECK_EQ(payloads, 16 * follow_count(&t.f, SCION_EVENT_FORK));
	follow_close(&t.f);
}

static int run(void)
{
	with_data();
	in_a_row();
	return 0;
}

static const char *const mutatees[] = { "redzone", "regs_all", NULL };
static const char *const programs[] = { "cc", NULL };

const struct scion_test scion_test = {
	.name = "trap_25_stack",
	.trap = "25",
	.needs_programs = programs,
	.needs_mutatees = mutatees,
	.run = run,
};
