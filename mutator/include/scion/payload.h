/* SPDX-License-Identifier: MIT */
/*
 * payload.h - what a payload may include: the ABI between scion and a payload.
 *
 * A payload is freestanding C, compiled to position-independent code that uses general registers
 * only. It is entered as
 *
 *	int64_t scion_payload(struct scion_payload_ctx *ctx);
 *
 * on a private stack (SCION_PAYLOAD_STACK bytes at least), with every maskable signal blocked, the
 * direction, trap and alignment-check flags clear, and with the thread pointer (fs base) of the
 * thread that it interrupts. What it returns becomes `status`; what it leaves in `result` is
 * handed to the mutator. It must not use system calls that can be restarted (nanosleep, poll,
 * futex waits ...): their restart block belongs to the call that was interrupted.
 *
 * This header stands alone: it includes nothing but <stdint.h>, which is freestanding.
 */
#ifndef SCION_PAYLOAD_H
#define SCION_PAYLOAD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Version of this ABI; a payload built for another one is refused. */
#define SCION_PAYLOAD_ABI 1

/** Entry symbol that every payload defines. */
#define SCION_PAYLOAD_ENTRY "scion_payload"

/** Bytes of stack that a payload may count on. */
#define SCION_PAYLOAD_STACK 16384

/** Number of argument and result words. */
#define SCION_PAYLOAD_ARGS    8
#define SCION_PAYLOAD_RESULTS 6

/** What the thread was doing when the payload was put before it. */
enum scion_payload_event {
	SCION_AT_NONE = 0,
	SCION_AT_FORK = 1,   /* a fork, vfork, clone or clone3 made a process */
	SCION_AT_EXEC = 2,   /* execve has succeeded, no instruction of the new image has run */
	SCION_AT_EXIT = 3,   /* exit or exit_group is about to be called */
	SCION_AT_THREAD = 4, /* a thread was made */
	SCION_AT_ATTACH = 5, /* scion has just attached */
	SCION_AT_SIGNAL = 6, /* a signal is about to be delivered */
	SCION_AT_DEMAND = 7, /* asked for by the mutator (scion inject) */
};

/** Which of the two tasks of a fork or thread creation this is. */
enum scion_payload_side {
	SCION_SIDE_NONE = 0,
	SCION_SIDE_PARENT = 1,
	SCION_SIDE_CHILD = 2,
};

/** General registers as the program had them; in the order of the kernel's user_regs_struct. */
struct scion_payload_regs {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
	uint64_t rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, eflags, rsp, ss;
};

/** Written by scion before the payload runs, but for `result`, which the payload writes. */
struct scion_payload_ctx {
	uint32_t abi;        /* SCION_PAYLOAD_ABI */
	uint32_t size;       /* sizeof(struct scion_payload_ctx) */
	uint32_t event;      /* enum scion_payload_event */
	uint32_t side;       /* enum scion_payload_side */
	int32_t pid;         /* thread group, as the tracer sees it */
	int32_t tid;         /* thread, as the tracer sees it */
	int32_t peer;        /* fork, thread: the other task's thread id, tracer's view */
	int32_t signo;       /* SCION_AT_SIGNAL: the signal */
	int64_t fork_ret;    /* fork: what the call returns to this task */
	uint64_t time_ns;    /* CLOCK_MONOTONIC when the payload was put in place */
	uint64_t block;      /* address of the block that all offspring share */
	uint64_t block_size; /* its size in bytes */
	uint64_t args[SCION_PAYLOAD_ARGS];
	uint64_t result[SCION_PAYLOAD_RESULTS];
	struct scion_payload_regs regs; /* a copy: changing it changes nothing */
};

/** Section that describes a payload: put SCION_PAYLOAD_INFO once at file scope. */
struct scion_payload_info {
	uint32_t magic; /* SCION_PAYLOAD_MAGIC */
	uint32_t abi;   /* SCION_PAYLOAD_ABI */
	uint32_t flags; /* SCION_PAYLOAD_* below */
	uint32_t reserved;
};

#define SCION_PAYLOAD_MAGIC 0x6e6f6373u /* "scon" */

/** The payload makes system calls: it is refused under a seccomp filter that can't be suspended. */
#define SCION_PAYLOAD_SYSCALLS 1u
/** The payload runs code of the target: vector state is saved around it, on a large stack. */
#define SCION_PAYLOAD_CALLS 2u

/** One line on what the payload does, for `scion payload list` and `check`; optional. */
#define SCION_PAYLOAD_SUMMARY(TEXT)               \
	__attribute__((section(".scion.summary"), \
		       used)) static const char scion_payload_summary_[] = TEXT

#define SCION_PAYLOAD_INFO(FLAGS)                                                                   \
	__attribute__((section(".scion.info"), used,                                                \
		       aligned(16))) static const struct scion_payload_info scion_payload_info_ = { \
		SCION_PAYLOAD_MAGIC, SCION_PAYLOAD_ABI, (FLAGS), 0                                  \
	}

/*
 * The shared block ("board"). One page range in the target, MAP_SHARED, inherited by fork, written
 * by payloads of all offspring. Word 0 and 1 are fixed, so that `count` and `ring` of one target
 * can be read together; a user payload may use what lies behind the ring.
 */
struct scion_block {
	uint64_t count;     /* `count`: hits */
	uint64_t ring_head; /* `ring`: records ever appended */
	uint64_t ring_size; /* `ring`: slots, a power of two; set by scion */
	uint64_t user_off;  /* offset from the block's start of the bytes for user payloads */
	uint64_t pad[4];
	/* struct scion_ring_record ring[ring_size]; then the user's bytes */
};

/** What `count` and `ring` return, negative, where there is no block or it is damaged (ENXIO). */
#define SCION_PAYLOAD_ENOBLOCK 6

/** One record of `ring`. `seq` is written last (head value + 1): a torn record shows. */
struct scion_ring_record {
	uint64_t seq;
	uint64_t time; /* ctx->time_ns of the event */
	uint32_t event;
	uint32_t side;
	int32_t pid;
	int32_t tid;
};

#ifndef __cplusplus
_Static_assert(sizeof(struct scion_payload_regs) == 21 * 8, "payload ABI");
_Static_assert(sizeof(struct scion_payload_ctx) == 32 + 32 + 64 + 48 + 168, "payload ABI");
_Static_assert(sizeof(struct scion_block) == 64, "payload ABI");
_Static_assert(sizeof(struct scion_ring_record) == 32, "payload ABI");
#endif

#ifdef __cplusplus
}
#endif
#endif
