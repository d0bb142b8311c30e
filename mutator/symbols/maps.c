/* SPDX-License-Identifier: MIT */
/*
 * The text of /proc/PID/maps (proc_pid_maps(5)): one mapping a line,
 *
 *   start-end perms offset major:minor inode    path
 *
 * Paths are the target's choice, so nothing after the inode is believed but as a name to try.
 */
#include "symbols/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

struct cursor {
	const char *p, *end;
};

/* What a line says; the path is a slice of the text. */
struct line {
	struct symmap map;
	uint64_t dev, ino;
	const char *path;
	size_t path_len;
};

/* A line that counts, on the way to its file. */
struct member {
	uint64_t dev, ino, start;
	const char *path;
	size_t path_len;
	uint32_t map;
};

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return 99;
}

static bool number(struct cursor *c, unsigned int base, uint64_t *value)
{
	const char *start = c->p;

	*value = 0;
	for (; c->p < c->end && digit(*c->p) < (int)base; c->p++) {
		if (__builtin_mul_overflow(*value, base, value) ||
		    __builtin_add_overflow(*value, (unsigned int)digit(*c->p), value))
			return false;
	}
	return c->p > start;
}

static bool literal(struct cursor *c, char wanted)
{
	return c->p < c->end && *c->p++ == wanted;
}

static bool perms(struct cursor *c, uint8_t *bits)
{
	if (c->end - c->p < 4)
		return false;
	*bits = (uint8_t)((c->p[0] == 'r' ? SYMMAP_R : 0) | (c->p[1] == 'w' ? SYMMAP_W : 0) |
			  (c->p[2] == 'x' ? SYMMAP_X : 0));
	c->p += 4;
	return true;
}

static bool parse_line(struct cursor c, struct line *line)
{
	uint64_t major, minor;

	if (!number(&c, 16, &line->map.start) || !literal(&c, '-') ||
	    !number(&c, 16, &line->map.end) || !literal(&c, ' ') || !perms(&c, &line->map.perms) ||
	    !literal(&c, ' ') || !number(&c, 16, &line->map.offset) || !literal(&c, ' ') ||
	    !number(&c, 16, &major) || !literal(&c, ':') || !number(&c, 16, &minor) ||
	    !literal(&c, ' ') || !number(&c, 10, &line->ino))
		return false;
	if (line->map.start >= line->map.end || major > UINT32_MAX || minor > UINT32_MAX)
		return false;
	while (c.p < c.end && *c.p == ' ')
		c.p++;
	line->dev = makedev((unsigned int)major, (unsigned int)minor);
	line->path = c.p;
	line->path_len = (size_t)(c.end - c.p);
	line->map.file = SYMMAP_NO_FILE;
	return true;
}

static bool is_vdso(const char *path, size_t len)
{
	return len == 6 && memcmp(path, "[vdso]", 6) == 0;
}

static bool counts(const struct line *line)
{
	if (is_vdso(line->path, line->path_len))
		return true;
	return line->ino && line->path_len && line->path[0] == '/' && line->path_len < SYM_MAX_NAME;
}

static int by_file(const void *left, const void *right)
{
	const struct member *a = left, *b = right;

	if (a->dev != b->dev)
		return a->dev < b->dev ? -1 : 1;
	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	return a->start < b->start ? -1 : a->start > b->start;
}

/* The kernel writes a newline in a path as \012 and nothing else in a special way. */
static char *path_copy(const char *path, size_t len, bool *deleted)
{
	static const char suffix[] = " (deleted)";
	size_t suffix_len = sizeof(suffix) - 1;
	char *copy, *out;

	*deleted = len > suffix_len && !memcmp(path + len - suffix_len, suffix, suffix_len);
	if (*deleted)
		len -= suffix_len;
	copy = out = malloc(len + 1);
	if (!copy)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (len - i >= 4 && !memcmp(path + i, "\\012", 4)) {
			*out++ = '\n';
			i += 3;
		} else {
			*out++ = path[i] ? path[i] : '?';
		}
	}
	*out = '\0';
	return copy;
}

static int fill_file(struct symmaps *maps, const struct member *members, size_t count,
		     uint32_t *slots)
{
	struct symmap_file *file = &maps->files[maps->nfiles];

	*file = (struct symmap_file){
		.dev = members[0].dev, .ino = members[0].ino, .members = slots, .count = count
	};
	file->path = path_copy(members[0].path, members[0].path_len, &file->deleted);
	if (!file->path)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct symmap *map = &maps->maps[members[i].map];

		slots[i] = members[i].map;
		map->file = (uint32_t)maps->nfiles;
		file->exec |= (map->perms & SYMMAP_X) != 0;
	}
	maps->nfiles++;
	return 0;
}

/* Sort the mappings into their files. */
static int group(struct symmaps *maps, struct member *members, size_t count)
{
	size_t files = 0;

	if (!count)
		return 0;
	qsort(members, count, sizeof(*members), by_file);
	for (size_t i = 0; i < count; i++)
		files += !i || members[i].dev != members[i - 1].dev ||
			 members[i].ino != members[i - 1].ino;
	maps->files = calloc(files, sizeof(*maps->files));
	maps->members = calloc(count, sizeof(*maps->members));
	if (!maps->files || !maps->members)
		return -ENOMEM;
	for (size_t first = 0, end; first < count; first = end) {
		for (end = first + 1; end < count; end++) {
			if (members[end].dev != members[first].dev ||
			    members[end].ino != members[first].ino)
				break;
		}
		if (fill_file(maps, members + first, end - first, maps->members + first))
			return -ENOMEM;
	}
	return 0;
}

static int read_lines(struct symmaps *maps, struct line *lines, size_t *count, const char *text,
		      size_t len, struct symbols_error *error)
{
	const char *end = text + len, *newline;
	size_t n = 0;

	for (const char *p = text; p < end; p = newline + 1, n++) {
		newline = memchr(p, '\n', (size_t)(end - p));
		if (!newline)
			newline = end;
		if (!parse_line((struct cursor){ p, newline }, &lines[n]))
			return symerr(error, -EINVAL, "line %zu of the maps is malformed", n + 1);
		maps->maps[n] = lines[n].map;
		if (newline == end) {
			n++;
			break;
		}
	}
	*count = n;
	return 0;
}

static int parse(struct symmaps *maps, struct line *lines, struct member *members, const char *text,
		 size_t len, struct symbols_error *error)
{
	size_t nmembers = 0;
	int rc = read_lines(maps, lines, &maps->count, text, len, error);

	if (rc)
		return rc;
	for (size_t i = 1; i < maps->count; i++) {
		if (maps->maps[i].start < maps->maps[i - 1].end)
			return symerr(error, -EINVAL, "line %zu of the maps is out of order",
				      i + 1);
	}
	for (size_t i = 0; i < maps->count; i++) {
		if (counts(&lines[i]))
			members[nmembers++] = (struct member){ lines[i].dev,       lines[i].ino,
							       lines[i].map.start, lines[i].path,
							       lines[i].path_len,  (uint32_t)i };
	}
	if (group(maps, members, nmembers))
		return symerr(error, -ENOMEM, "no memory for the maps");
	return 0;
}

int symmaps_parse(struct symmaps *maps, const char *text, size_t len, struct symbols_error *error)
{
	size_t count = 1;
	struct line *lines;
	struct member *members;
	int rc;

	*maps = (struct symmaps){ 0 };
	for (const char *p = text, *end = text + len;
	     p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
		count++;
	if (count > SYM_MAX_MAPPINGS)
		return symerr(error, -E2BIG, "%zu mappings are more than scion reads", count);
	maps->maps = calloc(count, sizeof(*maps->maps));
	lines = calloc(count, sizeof(*lines));
	members = calloc(count, sizeof(*members));
	if (maps->maps && lines && members)
		rc = parse(maps, lines, members, text, len, error);
	else
		rc = symerr(error, -ENOMEM, "no memory for the maps");
	free(lines);
	free(members);
	if (rc)
		symmaps_free(maps);
	return rc;
}

void symmaps_free(struct symmaps *maps)
{
	for (size_t i = 0; i < maps->nfiles; i++)
		free(maps->files[i].path);
	free(maps->files);
	free(maps->members);
	free(maps->maps);
	*maps = (struct symmaps){ 0 };
}

const struct symmap *symmaps_at(const struct symmaps *maps, uint64_t addr)
{
	size_t low = 0, high = maps->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (maps->maps[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < maps->count && maps->maps[low].start <= addr)
		return &maps->maps[low];
	return NULL;
}
