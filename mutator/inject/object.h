/* SPDX-License-Identifier: MIT */
/*
 * object.h - users' payloads: relocatable ELF objects, checked and laid out for a target.
 *
 *	object_open    bytes -> an object, with every reason why it can't be a payload
 *	object_link    object + base address + addresses of the target's symbols -> image
 *
 * Pure: bytes in, bytes out, no system call. The bytes are not trusted: the tool that reads them
 * may run as root.
 *
 * An image, as object_link writes it:
 *
 *	+-----------------+ base (a multiple of OBJECT_ALIGN)
 *	| code sections   |
 *	| constants       | .rodata*, .data.rel.ro*
 *	| jump stubs      | jmp *0(%rip); .quad function: for a call of what may be out of +-2 GiB
 *	| address slots   | the GOT
 *	+-----------------+ base + object_size()
 */
#ifndef SCION_INJECT_OBJECT_H
#define SCION_INJECT_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Largest file and largest image that are taken. */
#define OBJECT_FILE_MAX  (1u << 20)
#define OBJECT_IMAGE_MAX 0x8000u

/** What an image's base address must be a multiple of. */
#define OBJECT_ALIGN 64u

struct object;

/** An undefined symbol that the object uses: something of the target. */
struct object_import {
	const char *name; /* as the file has it: use object_name() to print it */
	bool function;    /* it is called; otherwise its address is taken, which proves nothing */
	bool weak;        /* may be missing: its address is 0 then */
};

/** Why something went wrong, as a sentence without a full stop. */
struct object_error {
	char text[256];
};

/**
 * Reads an object. The bytes are copied. Returns 0 and an object (to be closed) whether or not it
 * is fit to be a payload: object_reason_count() says. Returns -ENOMEM with *object = NULL.
 */
int object_open(const void *bytes, size_t len, struct object **object);

/** Frees the object and everything that was got from it; NULL is nothing. */
void object_close(struct object *object);

/** Number of reasons why the object is refused; 0: it is accepted. */
size_t object_reason_count(const struct object *object);

/** A reason: one sentence that names section, symbol and offset, and what to do. Owned by object. */
const char *object_reason(const struct object *object, size_t i);

/** The target's symbols that are wanted, in the order of their first use. */
size_t object_import_count(const struct object *object);
const struct object_import *object_import(const struct object *object, size_t i);

/** SCION_PAYLOAD_* flags; the summary ("" if it has none), printable; bytes of the image. */
uint32_t object_flags(const struct object *object);
const char *object_summary(const struct object *object);
size_t object_size(const struct object *object);

/** Finds the address of a symbol in the target: 0, or -ENOENT (or another negative errno). */
typedef int object_resolve(void *arg, const struct object_import *import, uint64_t *address);

/**
 * Lays out an accepted object for an address and applies its relocations.
 *
 * base: where the image will lie, a multiple of OBJECT_ALIGN. resolve: called once per import, in
 * order. image: at least object_size() bytes. *entry: offset of scion_payload in the image.
 *
 * Returns 0; -EINVAL for a refused object, a bad base or a small buffer; -ENOENT for a symbol that
 * the target lacks; -ERANGE for one that is too far away; -ENOMEM; or what resolve returned.
 * *error says it in words.
 */
int object_link(const struct object *object, uint64_t base, object_resolve *resolve, void *arg,
		unsigned char *image, size_t size, size_t *entry, struct object_error *error);

#endif
