/* SPDX-License-Identifier: MIT */
/*
 * What an object says of itself by PT_DYNAMIC, for those whose section headers are gone or were
 * never there: stripped to the bone, or read from the target's memory.
 */
#include "symbols/internal.h"

#include <string.h>

struct dynamic {
	GElf_Addr symtab, strtab, gnu_hash, hash, versym, verdef, rela, jmprel;
	GElf_Xword strsz, verdefnum, relasz, pltrelsz, pltrel;
	bool debug;
};

static Elf_Data *chunk(struct symfile *file, uint64_t value, uint64_t size, Elf_Type type)
{
	uint64_t offset;

	if (!value || !size || size > SYM_MAX_SECTION)
		return NULL;
	/* In memory, the dynamic linker has added the bias to the addresses in here; not all do. */
	if (!symfile_offset(file, value, size, &offset) &&
	    !symfile_offset(file, value - file->mem_bias, size, &offset))
		return NULL;
	if (offset > INT64_MAX || offset > file->id.size || size > file->id.size - offset)
		return NULL;
	return elf_getdata_rawchunk(file->elf, (int64_t)offset, size, type);
}

static void take(struct dynamic *dynamic, const GElf_Dyn *entry)
{
	switch (entry->d_tag) {
	case DT_SYMTAB:
		dynamic->symtab = entry->d_un.d_ptr;
		break;
	case DT_STRTAB:
		dynamic->strtab = entry->d_un.d_ptr;
		break;
	case DT_STRSZ:
		dynamic->strsz = entry->d_un.d_val;
		break;
	case DT_GNU_HASH:
		dynamic->gnu_hash = entry->d_un.d_ptr;
		break;
	case DT_HASH:
		dynamic->hash = entry->d_un.d_ptr;
		break;
	case DT_VERSYM:
		dynamic->versym = entry->d_un.d_ptr;
		break;
	case DT_VERDEF:
		dynamic->verdef = entry->d_un.d_ptr;
		break;
	case DT_VERDEFNUM:
		dynamic->verdefnum = entry->d_un.d_val;
		break;
	case DT_RELA:
		dynamic->rela = entry->d_un.d_ptr;
		break;
	case DT_RELASZ:
		dynamic->relasz = entry->d_un.d_val;
		break;
	case DT_JMPREL:
		dynamic->jmprel = entry->d_un.d_ptr;
		break;
	case DT_PLTRELSZ:
		dynamic->pltrelsz = entry->d_un.d_val;
		break;
	case DT_PLTREL:
		dynamic->pltrel = entry->d_un.d_val;
		break;
	case DT_DEBUG:
		dynamic->debug = true;
		break;
	}
}

static bool read_dynamic(struct symfile *file, struct dynamic *dynamic)
{
	Elf_Data *data;
	GElf_Dyn entry;

	*dynamic = (struct dynamic){ 0 };
	if (!file->has_dynamic || file->dynamic.p_filesz > 65536)
		return false;
	data = chunk(file, file->dynamic.p_vaddr, file->dynamic.p_filesz, ELF_T_DYN);
	if (!data)
		return false;
	for (int i = 0; gelf_getdyn(data, i, &entry) && entry.d_tag != DT_NULL; i++)
		take(dynamic, &entry);
	return true;
}

/* All that the segment has from here on. */
static uint64_t room(const struct symfile *file, uint64_t value)
{
	for (size_t i = 0; i < file->nloads; i++) {
		uint64_t start = file->loads[i].p_vaddr, size = file->loads[i].p_filesz;

		if (value >= start && value - start < size)
			return size - (value - start);
		if (value - file->mem_bias >= start && value - file->mem_bias - start < size)
			return size - (value - file->mem_bias - start);
	}
	return 0;
}

/* The table's length stands nowhere: it is one more than the highest entry of the hash table. */
static size_t count_by_gnu_hash(const struct symtab *table)
{
	const uint32_t *words = (const uint32_t *)(const void *)table->gnu_hash;
	size_t nwords = table->gnu_hash_size / 4, chains, buckets, highest = 0;

	if (nwords < 4)
		return 0;
	buckets = 4 + (size_t)words[2] * (table->is_64bit ? 2 : 1);
	chains = buckets + words[0];
	if (chains > nwords)
		return 0;
	for (size_t i = buckets; i < chains; i++) {
		if (words[i] > highest)
			highest = words[i];
	}
	if (highest < words[1])
		return words[1];
	for (size_t i = chains + (highest - words[1]); i < nwords; i++, highest++) {
		if (words[i] & 1)
			return highest + 1;
	}
	return 0;
}

static size_t count_symbols(struct symfile *file, const struct dynamic *dynamic)
{
	struct symtab *table = &file->dynsym;
	Elf_Data *hash;
	uint32_t words[2];

	hash = chunk(file, dynamic->gnu_hash, room(file, dynamic->gnu_hash), ELF_T_BYTE);
	/* rawchunk copies what is not aligned for its type; bytes it may not. */
	if (hash && !((uintptr_t)hash->d_buf % 4)) {
		table->gnu_hash = hash->d_buf;
		table->gnu_hash_size = hash->d_size;
		return count_by_gnu_hash(table);
	}
	hash = chunk(file, dynamic->hash, sizeof(words), ELF_T_BYTE);
	if (!hash)
		return 0;
	memcpy(words, hash->d_buf, sizeof(words));
	return words[1];
}

void symdyn_read_table(struct symfile *file)
{
	struct symtab *table = &file->dynsym;
	size_t entry = gelf_fsize(file->elf, ELF_T_SYM, 1, EV_CURRENT), count;
	struct dynamic dynamic;
	Elf_Data *strings;
	const char *bytes;

	if (!read_dynamic(file, &dynamic))
		return;
	table->is_64bit = file->elfclass == ELFCLASS64;
	count = count_symbols(file, &dynamic);
	strings = chunk(file, dynamic.strtab, dynamic.strsz, ELF_T_BYTE);
	if (!count || count > SYM_MAX_SYMBOLS || !strings)
		return;
	bytes = strings->d_buf;
	table->strings = bytes;
	table->strings_size = strings->d_size;
	while (table->strings_size && bytes[table->strings_size - 1])
		table->strings_size--;
	table->count = count;
	table->versym = chunk(file, dynamic.versym, count * 2, ELF_T_HALF);
	table->verdef = chunk(file, dynamic.verdef, room(file, dynamic.verdef), ELF_T_VDEF);
	table->verdef_count = dynamic.verdefnum < 65536 ? dynamic.verdefnum : 65536;
	table->syms = chunk(file, dynamic.symtab, count * entry, ELF_T_SYM);
}

bool symdyn_has_debug(struct symfile *file)
{
	struct dynamic dynamic;

	return read_dynamic(file, &dynamic) && dynamic.debug;
}

size_t symdyn_relocations(struct symfile *file, Elf_Data *tables[2])
{
	struct dynamic dynamic;
	size_t count = 0;
	Elf_Data *data;

	if (!read_dynamic(file, &dynamic))
		return 0;
	data = chunk(file, dynamic.rela, dynamic.relasz, ELF_T_RELA);
	if (data)
		tables[count++] = data;
	if (dynamic.pltrel == DT_RELA) {
		data = chunk(file, dynamic.jmprel, dynamic.pltrelsz, ELF_T_RELA);
		if (data)
			tables[count++] = data;
	}
	return count;
}
