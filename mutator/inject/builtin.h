/* SPDX-License-Identifier: MIT */
/*
 * builtin.h - the payloads and the stub that are packed into the library.
 *
 * The tables are written by payloads/pack.c at build time, sorted by name. The images are position
 * independent, need no relocation and are entered at `entry`; they may be put at any address, best
 * at a multiple of 16.
 */
#ifndef SCION_INJECT_BUILTIN_H
#define SCION_INJECT_BUILTIN_H

#include <stddef.h>
#include <stdint.h>

struct builtin_payload {
	const char *name;
	const char *summary;
	const unsigned char *code;
	size_t size;
	size_t entry;   /* offset in code; the linker script makes it 0 */
	uint32_t flags; /* SCION_PAYLOAD_* */
};

/** The stub (payloads/stub/stub.S, frame.h); entered at its first byte. */
struct builtin_stub {
	const unsigned char *code;
	size_t size;
	size_t notify; /* offset of the getpid syscall instruction; at its stop rip is 2 beyond */
	size_t after;  /* offset behind the rt_sigprocmask syscall: from here on all is done */
};

/** The code that loads the region (payloads/stub/boot.S); a struct boot must lie right behind it. */
struct builtin_boot {
	const unsigned char *code;
	size_t size;
	size_t after; /* offset behind its last system call: from here on all is done */
};

extern const struct builtin_payload builtin_payloads[];
extern const size_t builtin_payload_count;
extern const struct builtin_stub builtin_stub;
extern const struct builtin_boot builtin_boot;

/** Finds a payload by its name; NULL if there is none. */
const struct builtin_payload *builtin_find(const char *name);

#endif
