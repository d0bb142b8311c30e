/* SPDX-License-Identifier: MIT */
/*
 * One symbol table: an entry by number, entries by name, versions.
 *
 * By name: the GNU hash table where there is one (one probe of a filter, one short chain), else a
 * walk. A walk of 100,000 names takes about a millisecond, an index of them several, so the index
 * is made only for whoever asks more often.
 */
#include "symbols/internal.h"

#include <stdlib.h>
#include <string.h>

enum { SCANS_BEFORE_INDEX = 4 };

bool symtab_get(const struct symtab *table, size_t n, GElf_Sym *sym, const char **name)
{
	if (!table->syms || n >= table->count || !gelf_getsym(table->syms, (int)n, sym))
		return false;
	if (sym->st_name >= table->strings_size)
		return false;
	*name = table->strings + sym->st_name;
	return true;
}

bool symtab_defines(const GElf_Sym *sym)
{
	switch (GELF_ST_TYPE(sym->st_info)) {
	case STT_NOTYPE:
	case STT_OBJECT:
	case STT_FUNC:
	case STT_GNU_IFUNC:
	case STT_TLS:
		break;
	default:
		return false;
	}
	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_COMMON)
		return false;
	/* An absolute 0 is the name of a version, no place. */
	return sym->st_shndx != SHN_ABS || sym->st_value;
}

/* The linker writes name@VERSION and name@@VERSION into .symtab. */
static size_t base_length(const char *name)
{
	const char *at = strchr(name, '@');

	return at && at != name ? (size_t)(at - name) : strlen(name);
}

static bool same_name(const char *raw, const char *name, size_t len)
{
	return !strncmp(raw, name, len) && (!raw[len] || raw[len] == '@');
}

static uint32_t gnu_hash(const char *name, size_t len)
{
	uint32_t hash = 5381;

	for (size_t i = 0; i < len; i++)
		hash = hash * 33 + (unsigned char)name[i];
	return hash;
}

static bool offer(const struct symtab *table, size_t n, const char *name, size_t len,
		  symtab_visit *visit, void *data)
{
	const char *raw;
	GElf_Sym sym;

	if (!symtab_get(table, n, &sym, &raw) || !same_name(raw, name, len))
		return false;
	return visit(data, table, n, &sym, raw);
}

static bool word(const struct symtab *table, uint64_t offset, uint32_t *value)
{
	if (offset > table->gnu_hash_size || table->gnu_hash_size - offset < sizeof(*value))
		return false;
	memcpy(value, table->gnu_hash + offset, sizeof(*value));
	return true;
}

/* nbuckets, first symbol, filter words, shift; filter; buckets; chains (lowest bit ends one). */
static bool find_hashed(const struct symtab *table, const char *name, size_t len,
			symtab_visit *visit, void *data)
{
	uint32_t hash = gnu_hash(name, len), nbuckets, first, nfilter, n, link;
	uint64_t buckets, chains;

	if (!word(table, 0, &nbuckets) || !word(table, 4, &first) || !word(table, 8, &nfilter) ||
	    !nbuckets)
		return false;
	buckets = 16 + (uint64_t)nfilter * (table->is_64bit ? 8 : 4);
	chains = buckets + (uint64_t)nbuckets * 4;
	if (!word(table, buckets + (uint64_t)(hash % nbuckets) * 4, &n) || n < first)
		return false;
	for (; n < table->count; n++) {
		if (!word(table, chains + (uint64_t)(n - first) * 4, &link))
			return false;
		if ((link | 1) == (hash | 1) && offer(table, n, name, len, visit, data))
			return true;
		if (link & 1)
			return false;
	}
	return false;
}

static bool find_walking(const struct symtab *table, const char *name, size_t len,
			 symtab_visit *visit, void *data)
{
	for (size_t n = 1; n < table->count; n++) {
		if (offer(table, n, name, len, visit, data))
			return true;
	}
	return false;
}

static bool make_index(struct symtab *table)
{
	uint32_t size = 16;

	while (size < table->count)
		size *= 2;
	table->heads = calloc(size, sizeof(*table->heads));
	table->next = calloc(table->count, sizeof(*table->next));
	if (!table->heads || !table->next) {
		free(table->heads);
		free(table->next);
		table->heads = table->next = NULL;
		return false;
	}
	table->mask = size - 1;
	/* Downwards, so that a chain is in the table's order. 0 ends it: entry 0 is no symbol. */
	for (size_t n = table->count - 1; n > 0; n--) {
		const char *raw;
		GElf_Sym sym;
		uint32_t slot;

		if (!symtab_get(table, n, &sym, &raw) || !*raw)
			continue;
		slot = gnu_hash(raw, base_length(raw)) & table->mask;
		table->next[n] = table->heads[slot];
		table->heads[slot] = (uint32_t)n;
	}
	return true;
}

static bool find_indexed(const struct symtab *table, const char *name, size_t len,
			 symtab_visit *visit, void *data)
{
	for (uint32_t n = table->heads[gnu_hash(name, len) & table->mask]; n; n = table->next[n]) {
		if (offer(table, n, name, len, visit, data))
			return true;
	}
	return false;
}

bool symtab_find(struct symtab *table, const char *name, size_t len, symtab_visit *visit,
		 void *data)
{
	if (!table->syms || !len || table->count < 2)
		return false;
	if (table->gnu_hash)
		return find_hashed(table, name, len, visit, data);
	if (table->heads || (++table->scans > SCANS_BEFORE_INDEX && make_index(table)))
		return find_indexed(table, name, len, visit, data);
	return find_walking(table, name, len, visit, data);
}

static const char *version_name(const struct symtab *table, unsigned int wanted)
{
	int offset = 0;

	for (size_t i = 0; i < table->verdef_count; i++) {
		GElf_Verdef def;
		GElf_Verdaux aux;

		if (!gelf_getverdef(table->verdef, offset, &def))
			return NULL;
		if ((def.vd_ndx & 0x7fff) == wanted) {
			if (def.vd_aux > INT32_MAX - (GElf_Word)offset ||
			    !gelf_getverdaux(table->verdef, offset + (int)def.vd_aux, &aux) ||
			    aux.vda_name >= table->strings_size)
				return NULL;
			return table->strings + aux.vda_name;
		}
		if (!def.vd_next || def.vd_next > INT32_MAX - (GElf_Word)offset)
			return NULL;
		offset += (int)def.vd_next;
	}
	return NULL;
}

const char *symtab_version(const struct symtab *table, size_t n, const char *raw, bool *hidden)
{
	const char *at = strchr(raw, '@');
	GElf_Versym version;

	*hidden = false;
	if (at && at != raw) {
		*hidden = at[1] != '@';
		return at + (*hidden ? 1 : 2);
	}
	if (!table->versym || !gelf_getversym(table->versym, (int)n, &version))
		return NULL;
	*hidden = (version & 0x8000) != 0;
	version &= 0x7fff;
	/* 0 is local, 1 the object without a version. */
	return version > 1 ? version_name(table, version) : NULL;
}

void symtab_clear(struct symtab *table)
{
	free(table->heads);
	free(table->next);
	*table = (struct symtab){ 0 };
}
