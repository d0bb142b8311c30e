/* SPDX-License-Identifier: MIT */
/* An address to a symbol, and walks over all symbols. */
#include "symbols/internal.h"

#include <errno.h>
#include <stdlib.h>

static const struct symindex *index_of(struct symbols_image *image, struct symobject *object)
{
	return symindex_get(image->symbols, object->file, image->source.pid, object->pub.path);
}

int symbols_at(struct symbols_image *image, uint64_t addr, struct symbols_symbol *out,
	       uint64_t *offset, struct symbols_error *error)
{
	struct symobject *object = symimage_object_at(image, addr);
	const struct symindex_entry *entry;
	const struct symindex *index;

	*out = (struct symbols_symbol){ 0 };
	*offset = 0;
	if (!object)
		return symerr(error, -ENOENT, "no object at 0x%llx", (unsigned long long)addr);
	out->object = &object->pub;
	*offset = addr - object->pub.bias;
	index = index_of(image, object);
	if (!index)
		return symerr(error, -ENOMEM, "no memory for the symbols of %s", object->pub.name);
	entry = symindex_at(index, *offset);
	if (!entry)
		return symerr(error, -ENOENT, "no symbol at %s+0x%llx", object->pub.name,
			      (unsigned long long)*offset);
	*offset -= entry->value;
	out->name = entry->name;
	out->addr = entry->value + object->pub.bias;
	out->size = entry->size;
	out->type = entry->type;
	out->binding = entry->binding;
	out->resolver = out->type == SYMBOLS_IFUNC ? out->addr : 0;
	return 0;
}

/* Room for the aliases of one address. */
struct names {
	const char **names;
	size_t room;
};

static bool collect(struct names *names, const struct symindex *index, size_t first, size_t end)
{
	if (end - first > names->room) {
		const char **bigger = realloc(names->names, 2 * (end - first) * sizeof(*bigger));

		if (!bigger)
			return false;
		names->names = bigger;
		names->room = 2 * (end - first);
	}
	for (size_t i = first; i < end; i++)
		names->names[i - first] = index->entries[i].name;
	return true;
}

static int walk(const struct symobject *object, const struct symindex *index, symbols_visit *visit,
		void *data)
{
	struct names names = { 0 };
	int rc = 0;

	for (size_t first = 0, end; first < index->count && !rc; first = end) {
		const struct symindex_entry *best = &index->entries[first];
		struct symbols_entry entry = {
			.addr = best->value + object->pub.bias,
			.size = best->size,
			.type = best->type,
			.binding = best->binding,
			.object = &object->pub,
		};

		for (end = first + 1; end < index->count; end++) {
			if (index->entries[end].value != best->value)
				break;
		}
		/* A value that leads out of the object is no address of it. */
		if (entry.addr < object->pub.start || entry.addr >= object->pub.end)
			continue;
		if (!collect(&names, index, first, end)) {
			rc = -ENOMEM;
			break;
		}
		entry.names = names.names;
		entry.count = end - first;
		rc = visit(data, &entry);
	}
	free(names.names);
	return rc;
}

int symbols_foreach(struct symbols_image *image, const struct symbols_object *only,
		    symbols_visit *visit, void *data, struct symbols_error *error)
{
	struct symobject *object;
	size_t n = 0;

	for (object = symimage_first(image, &n); object;
	     object = symimage_next(image, object, &n)) {
		const struct symindex *index;
		int rc;

		if (only && &object->pub != only)
			continue;
		index = index_of(image, object);
		if (!index)
			return symerr(error, -ENOMEM, "no memory for the symbols of %s",
				      object->pub.name);
		rc = walk(object, index, visit, data);
		if (rc)
			return rc;
	}
	return 0;
}
