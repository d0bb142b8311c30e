/* SPDX-License-Identifier: MIT */
/*
 * object_vector.h - does code touch registers that nobody saves around a payload?
 *
 * Pure; shared by the packer of the built-in payloads and the check of users' objects.
 */
#ifndef SCION_INJECT_OBJECT_VECTOR_H
#define SCION_INJECT_OBJECT_VECTOR_H

#include <stddef.h>

/** The first instruction found by object_vector_use. */
struct object_vector_use {
	size_t offset; /* of the instruction in the code */
	char text[96]; /* the instruction, disassembled */
};

/**
 * Decodes code from its first byte to its last and looks for x87, MMX, SSE, AVX, AVX-512 (with
 * mask registers), AMX, MPX and PKRU, and for instructions that load their state.
 *
 * Returns 1 if an instruction uses them (*use says which), 0 if none does, and -EILSEQ if there
 * are bytes that are no instruction (use->offset says where; use->text is empty).
 */
int object_vector_use(const unsigned char *code, size_t len, struct object_vector_use *use);

#endif
