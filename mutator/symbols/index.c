/* SPDX-License-Identifier: MIT */
/* The symbols of a file in order of value, for address to name and for walks over all. */
#include "symbols/internal.h"

#include <stdlib.h>
#include <string.h>

enum symbols_type symindex_type(const GElf_Sym *sym)
{
	switch (GELF_ST_TYPE(sym->st_info)) {
	case STT_FUNC:
		return SYMBOLS_FUNC;
	case STT_OBJECT:
		return SYMBOLS_DATA;
	case STT_GNU_IFUNC:
		return SYMBOLS_IFUNC;
	default:
		return SYMBOLS_LABEL;
	}
}

enum symbols_binding symindex_binding(const GElf_Sym *sym)
{
	switch (GELF_ST_BIND(sym->st_info)) {
	case STB_LOCAL:
		return SYMBOLS_LOCAL;
	case STB_WEAK:
		return SYMBOLS_WEAK;
	default: /* STB_GNU_UNIQUE is global as well */
		return SYMBOLS_GLOBAL;
	}
}

/* The name that a person would want to see first: of a function, with a size, not local. */
static int rank(const struct symindex_entry *entry)
{
	return (entry->type != SYMBOLS_LABEL ? 4 : 0) + (entry->size ? 2 : 0) +
	       (entry->binding != SYMBOLS_LOCAL);
}

static int by_value(const void *left, const void *right)
{
	const struct symindex_entry *a = left, *b = right;
	int names;

	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	if (rank(a) != rank(b))
		return rank(b) - rank(a);
	/* Then fork before __fork, which is global where fork is weak. */
	names = (int)strspn(a->name, "_") - (int)strspn(b->name, "_");
	return names ? names : strcmp(a->name, b->name);
}

static void add_table(struct symindex *index, const struct symtab *table, uint64_t shift,
		      bool versioned)
{
	for (size_t n = 1; n < table->count; n++) {
		struct symindex_entry *entry = &index->entries[index->count];
		const char *name;
		GElf_Sym sym;

		if (!symtab_get(table, n, &sym, &name) || !*name || !symtab_defines(&sym) ||
		    sym.st_shndx == SHN_ABS || GELF_ST_TYPE(sym.st_info) == STT_TLS)
			continue;
		/* name@VERSION in .symtab is in .dynsym too, by its plain name. */
		if (versioned && strchr(name, '@'))
			continue;
		*entry = (struct symindex_entry){ sym.st_value + shift, sym.st_size, name,
						  (uint8_t)symindex_type(&sym),
						  (uint8_t)symindex_binding(&sym) };
		index->count++;
	}
}

static void drop_doubles(struct symindex *index)
{
	size_t kept = 0;

	for (size_t i = 0; i < index->count; i++) {
		struct symindex_entry *last = kept ? &index->entries[kept - 1] : NULL;

		if (last && last->value == index->entries[i].value &&
		    !strcmp(last->name, index->entries[i].name))
			continue;
		index->entries[kept++] = index->entries[i];
	}
	index->count = kept;
}

const struct symindex *symindex_get(struct symbols *symbols, struct symfile *file, pid_t pid,
				    const char *path)
{
	const struct symtab *dynsym = symfile_dynsym(file), *symtab = NULL;
	struct symfile *full;
	struct symindex *index;
	size_t room = 1;

	if (file->index)
		return file->index;
	full = symdebug_full(symbols, file, pid, path);
	if (full)
		symtab = symfile_symtab(full);
	room += (dynsym ? dynsym->count : 0) + (symtab ? symtab->count : 0);
	index = calloc(1, sizeof(*index));
	if (!index)
		return NULL;
	index->entries = calloc(room, sizeof(*index->entries));
	if (!index->entries) {
		free(index);
		return NULL;
	}
	if (symtab)
		add_table(index, symtab, symdebug_shift(file, full), dynsym != NULL);
	if (dynsym)
		add_table(index, dynsym, 0, false);
	qsort(index->entries, index->count, sizeof(*index->entries), by_value);
	drop_doubles(index);
	return file->index = index;
}

void symindex_free(struct symindex *index)
{
	if (index)
		free(index->entries);
	free(index);
}

static bool holds(const struct symindex_entry *entry, uint64_t value)
{
	return value == entry->value || value - entry->value < entry->size;
}

const struct symindex_entry *symindex_at(const struct symindex *index, uint64_t value)
{
	enum { LOOK_BACK = 64 };
	const struct symindex_entry *unsized = NULL;
	size_t low = 0, high = index->count, first;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (index->entries[middle].value <= value)
			low = middle + 1;
		else
			high = middle;
	}
	/* low is one past the last candidate. A short one may lie within a long one: look behind
	 * it, address by address, best name first. */
	for (int tries = 0; low && tries < LOOK_BACK; tries++, low = first) {
		for (first = low - 1;
		     first && index->entries[first - 1].value == index->entries[low - 1].value;)
			first--;
		for (size_t i = first; i < low; i++) {
			if (holds(&index->entries[i], value))
				return &index->entries[i];
		}
		/* Assembly has no sizes: the label before counts if nothing else does. */
		if (!tries && !index->entries[first].size)
			unsized = &index->entries[first];
	}
	return unsized;
}
