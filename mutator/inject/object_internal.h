/* SPDX-License-Identifier: MIT */
/*
 * object_internal.h - an object in memory; for object*.c only.
 */
#ifndef SCION_INJECT_OBJECT_INTERNAL_H
#define SCION_INJECT_OBJECT_INTERNAL_H

#include <gelf.h>
#include <libelf.h>

#include "inject/object.h"

/*
 * A hostile file must not make us remember more than this, nor work longer: its sections may overlap,
 * so that their sizes add up to thousands of times its own.
 */
enum {
	OBJECT_REASONS_MAX = 32,
	OBJECT_IMPORTS_MAX = 256,
	OBJECT_SLOTS_MAX = 512,
	OBJECT_RELOCATIONS_MAX = OBJECT_IMAGE_MAX / 4,
};

/* By ELF section index. */
struct object_section {
	const Elf_Data *data;
	const char *name; /* in the file's string table; NULL if it is broken */
	size_t offset;    /* in the image */
	size_t align;
	bool refused; /* said why already: what refers to it need not be named */
	bool placed;  /* part of the image */
	bool code;
};

struct object {
	unsigned char *bytes;
	size_t len;
	Elf *elf;
	struct object_section *sections;
	size_t section_count;
	Elf_Data *symbols;
	size_t symbol_count;
	size_t symbol_section; /* index of the symbol table */
	size_t symbol_names;   /* index of its string table */

	size_t placed_size; /* bytes of all placed sections */
	size_t relocation_count;

	uint32_t flags;
	bool described;
	char summary[128];
	size_t entry_section;
	uint64_t entry_value;

	/* import_symbol[i] is the symbol index of imports[i]; likewise for address slots. */
	struct object_import imports[OBJECT_IMPORTS_MAX];
	size_t import_symbol[OBJECT_IMPORTS_MAX];
	size_t import_count;
	size_t slot_symbol[OBJECT_SLOTS_MAX];
	size_t slot_count;
	size_t stubs_offset;
	size_t slots_offset;
	size_t size;

	char *reasons[OBJECT_REASONS_MAX];
	size_t reason_count;
};

/* Bytes of a jump stub: ff 25 00000000, then the address; padded. */
enum { OBJECT_STUB = 16, OBJECT_SLOT = 8 };

/* Adds a reason, printf-like; further ones than fit are dropped. */
void object_refuse(struct object *object, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The symbol's name, or of a section symbol the section's; NULL if it is broken. */
const char *object_symbol_name(const struct object *object, const GElf_Sym *sym);

/* True if the symbol was read from the table. */
bool object_symbol(const struct object *object, size_t index, GElf_Sym *sym);

/* Position in imports (slots) of a symbol, or -1. */
int object_find_import(const struct object *object, size_t symbol);
int object_find_slot(const struct object *object, size_t symbol);

/* Checks every relocation of placed sections and collects imports and slots. */
void object_check_relocations(struct object *object);

#endif
