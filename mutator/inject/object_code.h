/* SPDX-License-Identifier: MIT */
/*
 * object_code.h - what does a payload's code do that its description must say?
 *
 * Pure; shared by the packer of the built-in payloads and the check of users' objects.
 */
#ifndef SCION_INJECT_OBJECT_CODE_H
#define SCION_INJECT_OBJECT_CODE_H

#include <stddef.h>

/** What to look for. */
enum object_code_kind {
	/* x87, MMX, SSE, AVX, AVX-512 with its masks, AMX, MPX, PKRU, or loading their state:
	   nobody saves these around a payload that is not marked SCION_PAYLOAD_CALLS */
	OBJECT_CODE_VECTOR,
	/* syscall, sysenter, int: only with SCION_PAYLOAD_SYSCALLS */
	OBJECT_CODE_SYSCALL,
};

/** The first instruction found by object_code_find. */
struct object_code_use {
	size_t offset; /* of the instruction in the code */
	char text[96]; /* the instruction, disassembled */
};

/**
 * Decodes code from its first byte to its last and looks for an instruction of a kind.
 *
 * Returns 1 if there is one (*use says which), 0 if there is none, and -EILSEQ if there are bytes
 * that are no instruction (use->offset says where; use->text is empty).
 */
int object_code_find(const unsigned char *code, size_t len, enum object_code_kind kind,
		     struct object_code_use *use);

#endif
