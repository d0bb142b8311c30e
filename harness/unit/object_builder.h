/* SPDX-License-Identifier: MIT */
/*
 * object_builder.h - writes small ELF objects, for tests that need one with a given fault.
 *
 * build_start() gives an object that is a good payload; a test changes or adds what it is about;
 * build_finish() lays the bytes out: header, section data, section table.
 */
#ifndef SCION_HARNESS_OBJECT_BUILDER_H
#define SCION_HARNESS_OBJECT_BUILDER_H

#include <assert.h>
#include <elf.h>
#include <stdint.h>
#include <string.h>

#include "scion/payload.h"

enum { BUILD_SECTIONS = 16, BUILD_SYMBOLS = 64, BUILD_RELOCATIONS = 64, BUILD_BYTES = 65536 };

/* Sections that every object has; a test's own come after. */
enum {
	BUILD_TEXT = 1,
	BUILD_INFO,
	BUILD_SYMTAB,
	BUILD_STRTAB,
	BUILD_SHSTRTAB,
	BUILD_RELA,
	BUILD_OWN
};

struct build {
	Elf64_Ehdr header;
	Elf64_Shdr sections[BUILD_SECTIONS];
	const void *data[BUILD_SECTIONS];
	unsigned section_count;
	Elf64_Sym symbols[BUILD_SYMBOLS];
	unsigned symbol_count;
	Elf64_Rela relocations[BUILD_RELOCATIONS];
	unsigned relocation_count;
	char strings[2048], section_names[1024];
	unsigned string_size, section_name_size;
	struct scion_payload_info info;
	unsigned char bytes[BUILD_BYTES];
	size_t len;
};

static inline unsigned build_string(char *table, unsigned *size, const char *text)
{
	unsigned at = *size;

	memcpy(table + at, text, strlen(text) + 1);
	*size += (unsigned)strlen(text) + 1;
	return at;
}

/* Adds a section; its data is read by build_finish. Returns its index. */
static inline unsigned build_section(struct build *build, const char *name, uint32_t type,
				     uint64_t flags, const void *data, size_t size)
{
	unsigned index = build->section_count++;

	assert(index < BUILD_SECTIONS);
	build->sections[index] = (Elf64_Shdr){
		.sh_name = build_string(build->section_names, &build->section_name_size, name),
		.sh_type = type,
		.sh_flags = flags,
		.sh_size = size,
		.sh_addralign = 1,
	};
	build->data[index] = data;
	return index;
}

/* Adds a symbol; section 0 is undefined. Returns its index. */
static inline unsigned build_symbol(struct build *build, const char *name, unsigned section,
				    uint64_t value, unsigned bind, unsigned type)
{
	unsigned index = build->symbol_count++;

	assert(index < BUILD_SYMBOLS);
	build->symbols[index] = (Elf64_Sym){
		.st_name = build_string(build->strings, &build->string_size, name),
		.st_info = (unsigned char)ELF64_ST_INFO(bind, type),
		.st_shndx = (Elf64_Half)section,
		.st_value = value,
	};
	return index;
}

/* Adds a relocation of .text. */
static inline void build_relocation(struct build *build, uint64_t offset, unsigned symbol,
				    unsigned type, int64_t addend)
{
	unsigned index = build->relocation_count++;

	assert(index < BUILD_RELOCATIONS);
	build->relocations[index] = (Elf64_Rela){
		.r_offset = offset,
		.r_info = ELF64_R_INFO((uint64_t)symbol, type),
		.r_addend = addend,
	};
}

static inline void build_start(struct build *build, const void *code, size_t code_size,
			       uint32_t flags)
{
	memset(build, 0, sizeof(*build));
	build->header = (Elf64_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_REL,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shstrndx = BUILD_SHSTRTAB,
	};
	build->info =
		(struct scion_payload_info){ SCION_PAYLOAD_MAGIC, SCION_PAYLOAD_ABI, flags, 0 };
	build->string_size = build->section_name_size = 1;
	build_section(build, "", SHT_NULL, 0, NULL, 0);
	build_section(build, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, code, code_size);
	build_section(build, ".scion.info", SHT_PROGBITS, SHF_ALLOC, &build->info,
		      sizeof(build->info));
	build_section(build, ".symtab", SHT_SYMTAB, 0, build->symbols, 0);
	build_section(build, ".strtab", SHT_STRTAB, 0, build->strings, 0);
	build_section(build, ".shstrtab", SHT_STRTAB, 0, build->section_names, 0);
	build_section(build, ".rela.text", SHT_RELA, SHF_INFO_LINK, build->relocations, 0);
	build_symbol(build, "", 0, 0, 0, 0);
	build_symbol(build, SCION_PAYLOAD_ENTRY, BUILD_TEXT, 0, STB_GLOBAL, STT_FUNC);
	build->sections[BUILD_SYMTAB].sh_link = BUILD_STRTAB;
	build->sections[BUILD_SYMTAB].sh_entsize = sizeof(Elf64_Sym);
	build->sections[BUILD_RELA].sh_link = BUILD_SYMTAB;
	build->sections[BUILD_RELA].sh_info = BUILD_TEXT;
	build->sections[BUILD_RELA].sh_entsize = sizeof(Elf64_Rela);
}

static inline void build_finish(struct build *build)
{
	size_t at = sizeof(build->header);
	unsigned i;

	build->sections[BUILD_SYMTAB].sh_size = build->symbol_count * sizeof(Elf64_Sym);
	build->sections[BUILD_SYMTAB].sh_info = 1;
	build->sections[BUILD_STRTAB].sh_size = build->string_size;
	build->sections[BUILD_SHSTRTAB].sh_size = build->section_name_size;
	build->sections[BUILD_RELA].sh_size = build->relocation_count * sizeof(Elf64_Rela);
	for (i = 1; i < build->section_count; i++) {
		Elf64_Shdr *shdr = &build->sections[i];

		at = (at + 15) & ~(size_t)15;
		shdr->sh_offset = at;
		if (shdr->sh_type == SHT_NOBITS || !shdr->sh_size)
			continue;
		assert(at + shdr->sh_size <= BUILD_BYTES);
		memcpy(build->bytes + at, build->data[i], shdr->sh_size);
		at += shdr->sh_size;
	}
	at = (at + 15) & ~(size_t)15;
	build->header.e_shoff = at;
	build->header.e_shnum = (Elf64_Half)build->section_count;
	assert(at + build->section_count * sizeof(Elf64_Shdr) <= BUILD_BYTES);
	memcpy(build->bytes + at, build->sections, build->section_count * sizeof(Elf64_Shdr));
	memcpy(build->bytes, &build->header, sizeof(build->header));
	build->len = at + build->section_count * sizeof(Elf64_Shdr);
}

#endif
