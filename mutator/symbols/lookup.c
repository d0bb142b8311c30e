/* SPDX-License-Identifier: MIT */
/*
 * A name to an address.
 *
 * Two rounds: names that the linker shares between objects, then local ones. In the first, a
 * library offers what it exports, which is all in .dynsym: one probe of a hash table. The program's
 * globals are all offered, exported or not, so its .symtab is read as well, or what stands in for
 * it, unless its .dynsym says that it imports the name.
 */
#include "symbols/internal.h"

#include <errno.h>
#include <string.h>

struct query {
	const char *object; /* NULL: any */
	size_t object_len;
	const char *name;
	size_t len;
	const char *version; /* NULL: the default one */
	size_t version_len;
};

/* The best entry so far for a query in one object. */
struct pick {
	const struct query *query;
	bool locals;
	uint64_t shift;  /* of the table in hand */
	bool imported;   /* the table has the name, undefined */
	int rank;        /* -1: nothing yet */
	unsigned others; /* entries that are as good, elsewhere */
	GElf_Sym sym;
	const char *raw; /* name as the table has it */
	const char *version;
	bool hidden;
};

static int rank(const GElf_Sym *sym, bool hidden)
{
	return (hidden ? 0 : 8) + 2 * (int)symindex_binding(sym) +
	       (GELF_ST_TYPE(sym->st_info) != STT_NOTYPE);
}

static bool version_fits(const struct query *query, const char *version)
{
	return !query->version || (version && strlen(version) == query->version_len &&
				   !memcmp(version, query->version, query->version_len));
}

static bool consider(void *data, const struct symtab *table, size_t n, const GElf_Sym *sym,
		     const char *raw)
{
	struct pick *pick = data;
	const char *version;
	bool hidden;
	int now;

	if (sym->st_shndx == SHN_UNDEF)
		pick->imported = true;
	if (!symtab_defines(sym) || (!pick->locals && symindex_binding(sym) == SYMBOLS_LOCAL))
		return false;
	version = symtab_version(table, n, raw, &hidden);
	if (!version_fits(pick->query, version))
		return false;
	now = rank(sym, hidden && !pick->query->version);
	if (now == pick->rank && sym->st_value + pick->shift != pick->sym.st_value)
		pick->others++;
	if (now <= pick->rank)
		return false;
	pick->rank = now;
	pick->others = 0;
	pick->sym = *sym;
	if (sym->st_shndx != SHN_ABS)
		pick->sym.st_value += pick->shift;
	pick->raw = raw;
	pick->version = version;
	pick->hidden = hidden;
	return false;
}

static void ask(struct pick *pick, struct symtab *table, uint64_t shift)
{
	if (!table)
		return;
	pick->shift = shift;
	symtab_find(table, pick->query->name, pick->query->len, consider, pick);
}

/* .symtab, or what stands in for it. */
static void ask_full(struct symbols_image *image, struct symobject *object, struct pick *pick)
{
	struct symfile *file =
		symdebug_full(image->symbols, object->file, image->source.pid, object->pub.path);

	if (file)
		ask(pick, symfile_symtab(file), symdebug_shift(object->file, file));
}

static bool search_object(struct symbols_image *image, struct symobject *object, struct pick *pick)
{
	struct symtab *dynsym = symfile_dynsym(object->file);

	pick->rank = -1;
	pick->others = 0;
	pick->imported = false;
	if (pick->locals) {
		ask_full(image, object, pick);
	} else {
		ask(pick, dynsym, 0);
		if (pick->rank < 0 && !pick->imported && (object->pub.program || !dynsym))
			ask_full(image, object, pick);
	}
	return pick->rank >= 0;
}

/* ---- what was found ---- */

static int refuse_choice(const struct query *query, const struct symobject *object,
			 const struct pick *pick, struct symbols_error *error)
{
	int len = (int)query->len;

	if (pick->hidden && !query->version)
		return symerr(
			error, -ENOTUNIQ,
			"%s has %u versions of %.*s and none is the default; write %.*s@%s or "
			"another",
			object->pub.name, pick->others + 1, len, query->name, len, query->name,
			pick->version ? pick->version : "VERSION");
	return symerr(error, -ENOTUNIQ, "%s has %u local symbols %.*s: which one is meant is open",
		      object->pub.name, pick->others + 1, len, query->name);
}

static int place(struct symbols_image *image, struct symobject *object, const struct query *query,
		 const struct pick *pick, struct symbols_symbol *out, struct symbols_error *error)
{
	int len = (int)query->len;

	if (GELF_ST_TYPE(pick->sym.st_info) == STT_TLS)
		return symerr(error, -EOPNOTSUPP,
			      "%.*s of %s is thread-local: it has an address in each thread", len,
			      query->name, object->pub.name);
	if (pick->sym.st_shndx == SHN_ABS) {
		out->addr = pick->sym.st_value;
		return 0;
	}
	out->addr = pick->sym.st_value + object->pub.bias;
	/* A label at the very end (_end) is one. */
	if (out->addr < object->pub.start || out->addr > object->pub.end)
		return symerr(error, -ERANGE,
			      "%.*s lies outside of %s: the file is damaged or not what is mapped",
			      len, query->name, object->pub.name);
	if (out->type != SYMBOLS_IFUNC)
		return 0;
	out->resolver = out->addr;
	out->addr = symifunc_resolve(image, object, out->name, pick->sym.st_value);
	if (!out->addr)
		return symerr(error, -EAGAIN,
			      "%.*s of %s is an IFUNC that the target has not resolved for itself: "
			      "its address is the choice of code that has not run",
			      len, query->name, object->pub.name);
	return 0;
}

static int answer(struct symbols_image *image, struct symobject *object, const struct query *query,
		  const struct pick *pick, struct symbols_symbol *out, struct symbols_error *error)
{
	if (pick->others &&
	    ((pick->hidden && !query->version) || symindex_binding(&pick->sym) == SYMBOLS_LOCAL))
		return refuse_choice(query, object, pick, error);
	*out = (struct symbols_symbol){
		.name = pick->raw[query->len] ? symimage_string(image, query->name, query->len) :
						pick->raw,
		.version = pick->version,
		.size = pick->sym.st_size,
		.type = symindex_type(&pick->sym),
		.binding = symindex_binding(&pick->sym),
		.object = &object->pub,
	};
	if (!out->name)
		return symerr(error, -ENOMEM, "no memory");
	return place(image, object, query, pick, out, error);
}

/* ---- the walk over objects ---- */

static bool object_fits(const struct symbols_image *image, const struct query *query, uint32_t n)
{
	const char *path = image->maps.files[n].path, *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	if (!query->object)
		return true;
	if (memchr(query->object, '/', query->object_len))
		name = path;
	return strlen(name) == query->object_len && !memcmp(name, query->object, query->object_len);
}

static struct symobject *search(struct symbols_image *image, struct pick *pick)
{
	for (size_t i = 0; i < image->norder; i++) {
		struct symobject *object = NULL;

		if (object_fits(image, pick->query, image->order[i]))
			object = symimage_objects(image, image->order[i]);
		for (; object; object = object->next) {
			if (search_object(image, object, pick))
				return object;
		}
	}
	return NULL;
}

/* Why nothing was found: no such object, one that could not be read, or no such name. */
static int not_found(const struct symbols_image *image, const struct query *query,
		     struct symbols_error *error)
{
	const char *unread = NULL;
	size_t objects = 0, fitting = 0;
	int len = (int)query->len;

	for (size_t i = 0; i < image->norder; i++) {
		uint32_t n = image->order[i];

		if (!object_fits(image, query, n))
			continue;
		fitting++;
		objects += image->slots[n].objects != NULL;
		if (*image->slots[n].error.text && image->maps.files[n].exec && !unread)
			unread = image->slots[n].error.text;
	}
	if (!fitting && query->object)
		return symerr(error, -ENOENT, "the process has no object %.*s",
			      (int)query->object_len, query->object);
	if (query->version)
		len += 1 + (int)query->version_len;
	if (unread)
		return symerr(error, -ENOENT, "no symbol %.*s in %zu objects; besides, %s", len,
			      query->name, objects, unread);
	if (query->object)
		return symerr(error, -ENOENT, "%.*s has no symbol %.*s", (int)query->object_len,
			      query->object, len, query->name);
	return symerr(error, -ENOENT, "no symbol %.*s in the %zu objects of the process", len,
		      query->name, objects);
}

/* OBJECT ends at the first colon that is not one of C++'s pairs. */
static const char *object_end(const char *spec)
{
	for (const char *p = spec; *p; p++) {
		if (*p != ':')
			continue;
		if (p[1] != ':')
			return p;
		p++;
	}
	return NULL;
}

static bool parse(const char *spec, struct query *query)
{
	const char *colon, *at;

	*query = (struct query){ 0 };
	if (strnlen(spec, SYM_MAX_NAME) == SYM_MAX_NAME)
		return false;
	colon = object_end(spec);
	if (colon) {
		query->object = spec;
		query->object_len = (size_t)(colon - spec);
		spec = colon + 1;
	}
	at = strchr(spec, '@');
	query->name = spec;
	query->len = at ? (size_t)(at - spec) : strlen(spec);
	if (at) {
		query->version = at + (at[1] == '@' ? 2 : 1);
		query->version_len = strlen(query->version);
	}
	return query->len && (!colon || query->object_len) && (!at || query->version_len);
}

int symbols_lookup(struct symbols_image *image, const char *spec, struct symbols_symbol *out,
		   struct symbols_error *error)
{
	struct symobject *object;
	struct query query;
	struct pick pick = { .query = &query };

	*out = (struct symbols_symbol){ 0 };
	if (!parse(spec, &query))
		return symerr(error, -EINVAL, "\"%.80s\" is not [OBJECT:]NAME[@VERSION]", spec);
	object = search(image, &pick);
	if (!object) {
		pick.locals = true;
		object = search(image, &pick);
	}
	if (!object)
		return not_found(image, &query, error);
	return answer(image, object, &query, &pick, out, error);
}
