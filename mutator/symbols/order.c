/* SPDX-License-Identifier: MIT */
/*
 * The order in which objects are asked for a name: the program, then its libraries as the dynamic
 * linker loaded them. That list stands in the target: DT_DEBUG of the program points to struct
 * r_debug, whose chain of struct link_map (link.h) musl and glibc lay out alike. It is the target's
 * memory: it may be half built, a circle, or a lie, and can only change the order of what the maps
 * show.
 */
#include "symbols/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A word of the target's size. */
static bool word_at(const struct symbols_image *image, bool is_32bit, uint64_t addr, size_t n,
		    uint64_t *value)
{
	size_t size = is_32bit ? 4 : 8;

	*value = 0; /* little endian: the upper half stays 0 */
	return symimage_read(image, addr + n * size, value, size);
}

static uint64_t debug_entry(const struct symbols_image *image, const struct symobject *program)
{
	bool is_32bit = program->pub.is_32bit;
	uint64_t size = is_32bit ? 8 : 16, tag, value;
	uint64_t start = program->file->dynamic.p_vaddr + program->pub.bias;
	uint64_t count = program->file->dynamic.p_memsz / size;

	if (!program->file->has_dynamic)
		return 0;
	for (uint64_t i = 0; i < count && i < 1024; i++) {
		if (!word_at(image, is_32bit, start + i * size, 0, &tag) || tag == DT_NULL ||
		    !word_at(image, is_32bit, start + i * size, 1, &value))
			return 0;
		if (tag == DT_DEBUG)
			return value;
	}
	return 0;
}

/*
 * l_ld, the address of the object's dynamic section, tells which mapped file it is: it lies in the
 * data segment, or near it where relocation made a copy of its page.
 */
static void follow_chain(struct symbols_image *image, const struct symobject *program, bool *listed)
{
	bool is_32bit = program->pub.is_32bit;
	uint64_t node, dynamic;
	uint64_t debug = debug_entry(image, program);

	/* r_version, r_map */
	if (!debug || !word_at(image, is_32bit, debug, 1, &node))
		return;
	for (int i = 0; node && i < SYM_MAX_LINK_MAP; i++) {
		const struct symmap *map;

		/* l_addr, l_name, l_ld, l_next */
		if (!word_at(image, is_32bit, node, 2, &dynamic) ||
		    !word_at(image, is_32bit, node, 3, &node))
			return;
		map = symmaps_at(&image->maps, dynamic);
		if (map && map->file != SYMMAP_NO_FILE && !listed[map->file]) {
			listed[map->file] = true;
			image->order[image->norder++] = map->file;
		}
	}
}

static bool is_linker(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	return !strncmp(name, "ld-", 3) || !strncmp(name, "ld.so", 5);
}

static uint64_t lowest(const struct symbols_image *image, uint32_t file)
{
	return image->maps.maps[image->maps.files[file].members[0]].start;
}

/* Both may come with the kernel's mark on a name that is gone; the maps' has been taken off. */
static bool same_path(const char *exe, const char *path)
{
	size_t len = strlen(path);

	return !strncmp(exe, path, len) && (!exe[len] || !strcmp(exe + len, " (deleted)"));
}

static const char *exe_of(const struct symbols_image *image, char *path, size_t size)
{
	char link[64];
	ssize_t len;

	if (image->source.exe || image->source.pid <= 0)
		return image->source.exe;
	snprintf(link, sizeof(link), "/proc/%d/exe", image->source.pid);
	len = readlink(link, path, size - 1);
	if (len <= 0)
		return NULL;
	path[len] = '\0';
	return path;
}

static bool may_be_program(const struct symmap_file *file)
{
	return file->exec && file->path[0] == '/';
}

/* The object with an entry for the debugger in its dynamic section, else the lowest. */
static uint32_t guess_program(struct symbols_image *image)
{
	uint32_t best = SYMMAP_NO_FILE;

	for (uint32_t i = 0; i < image->maps.nfiles; i++) {
		const struct symmap_file *file = &image->maps.files[i];
		struct symobject *object;

		if (!may_be_program(file))
			continue;
		object = symimage_objects(image, i);
		if (object && symdyn_has_debug(object->file))
			return i;
		if (!is_linker(file->path) &&
		    (best == SYMMAP_NO_FILE || lowest(image, i) < lowest(image, best)))
			best = i;
	}
	return best;
}

/* What /proc/PID/exe leads to, unless that is the linker, run by hand. */
static uint32_t find_program(struct symbols_image *image)
{
	char path[4096];
	const char *exe = exe_of(image, path, sizeof(path));
	uint32_t named = SYMMAP_NO_FILE, guess;

	for (uint32_t i = 0; exe && i < image->maps.nfiles && named == SYMMAP_NO_FILE; i++) {
		if (may_be_program(&image->maps.files[i]) &&
		    same_path(exe, image->maps.files[i].path))
			named = i;
	}
	if (named != SYMMAP_NO_FILE && !is_linker(image->maps.files[named].path))
		return named;
	guess = guess_program(image);
	return guess != SYMMAP_NO_FILE ? guess : named;
}

/* mmap gives out addresses downwards: what was loaded first lies highest. */
struct rest {
	uint64_t start;
	uint32_t file;
	bool exec;
};

static int by_guess(const void *left, const void *right)
{
	const struct rest *a = left, *b = right;

	if (a->exec != b->exec)
		return a->exec ? -1 : 1;
	return a->start > b->start ? -1 : a->start < b->start;
}

static void add_rest(struct symbols_image *image, struct rest *rest, const bool *listed)
{
	size_t count = 0;

	for (uint32_t i = 0; i < image->maps.nfiles; i++) {
		if (!listed[i])
			rest[count++] =
				(struct rest){ lowest(image, i), i, image->maps.files[i].exec };
	}
	qsort(rest, count, sizeof(*rest), by_guess);
	for (size_t i = 0; i < count; i++)
		image->order[image->norder++] = rest[i].file;
}

int symimage_order(struct symbols_image *image)
{
	size_t n = image->maps.nfiles;
	struct rest *rest = calloc(n ? n : 1, sizeof(*rest));
	bool *listed = calloc(n ? n : 1, sizeof(*listed));
	struct symobject *program = NULL;
	int rc = -1;

	image->order = calloc(n ? n : 1, sizeof(*image->order));
	if (rest && listed && image->order) {
		image->program = find_program(image);
		if (image->program != SYMMAP_NO_FILE) {
			image->order[image->norder++] = image->program;
			listed[image->program] = true;
			program = symimage_objects(image, image->program);
		}
		for (struct symobject *object = program; object; object = object->next)
			object->pub.program = true;
		if (program)
			follow_chain(image, program, listed);
		add_rest(image, rest, listed);
		rc = 0;
	}
	free(rest);
	free(listed);
	return rc;
}
