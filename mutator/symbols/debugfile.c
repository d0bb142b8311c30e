/* SPDX-License-Identifier: MIT */
/*
 * Separate debug files, found as gdb(1) finds them: by build-id below /usr/lib/debug/.build-id, by
 * .gnu_debuglink beside the object, in .debug/ and below /usr/lib/debug. First in the target's
 * root, then in ours. What is found must have the build-id, or else the CRC, that the object names.
 */
#define _GNU_SOURCE
#include "symbols/internal.h"

#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEBUG_ROOT "/usr/lib/debug"

struct link {
	const char *name;
	uint32_t crc;
};

static bool same_build_id(const struct symfile *a, const uint8_t *id, size_t len)
{
	return len && a->build_id_len == len && !memcmp(a->build_id, id, len);
}

static struct symfile *open_debug(struct symbols *symbols, pid_t pid, const char *path)
{
	struct symfile *file;
	int fd = symopen_path(pid, path);

	if (fd < 0 || symfile_from_fd(symbols, fd, &file, NULL))
		return NULL;
	return file;
}

struct symfile *symdebug_by_id(struct symbols *symbols, pid_t pid, const uint8_t *id, size_t len)
{
	char path[sizeof(DEBUG_ROOT "/.build-id/") + 2 * 64 + sizeof("/.debug")];
	struct symfile *file;
	size_t n;

	if (len < 2 || len > 64)
		return NULL;
	n = (size_t)sprintf(path, DEBUG_ROOT "/.build-id/%02x/", id[0]);
	for (size_t i = 1; i < len; i++)
		n += (size_t)sprintf(path + n, "%02x", id[i]);
	memcpy(path + n, ".debug", sizeof(".debug"));
	for (;; pid = 0) {
		file = open_debug(symbols, pid, path);
		if (file && same_build_id(file, id, len))
			return file;
		if (file)
			symfile_unref(symbols, file);
		if (!pid)
			return NULL;
	}
}

static bool crc_matches(const struct symfile *file, uint32_t wanted)
{
	size_t size = 1 << 16;
	uint8_t *buf = malloc(size);
	uint32_t crc = 0;
	uint64_t offset = 0;
	ssize_t got = 0;

	while (buf && file->fd >= 0 && (got = pread(file->fd, buf, size, (off_t)offset)) > 0) {
		crc = lzma_crc32(buf, (size_t)got, crc);
		offset += (uint64_t)got;
		if (offset > SYM_MAX_SECTION)
			break;
	}
	free(buf);
	return offset && !got && crc == wanted;
}

/* Name, NUL, padding to 4, CRC. A name with a slash would be a way to elsewhere. */
static bool read_link(struct symfile *file, struct link *link)
{
	GElf_Shdr shdr;
	Elf_Scn *scn = symfile_section(file, ".gnu_debuglink", 4096, &shdr);
	Elf_Data *data = scn ? symfile_data(file, scn) : NULL;
	size_t len, crc;

	if (!data)
		return false;
	len = strnlen(data->d_buf, data->d_size);
	crc = (len + 4) & ~(size_t)3;
	if (!len || len == data->d_size || crc + 4 > data->d_size || memchr(data->d_buf, '/', len))
		return false;
	link->name = data->d_buf;
	memcpy(&link->crc, (const char *)data->d_buf + crc, 4);
	return true;
}

static bool belongs(const struct symfile *file, const struct symfile *debug, uint32_t crc)
{
	if (debug == file)
		return false;
	if (file->build_id_len && debug->build_id_len)
		return same_build_id(debug, file->build_id, file->build_id_len);
	return crc_matches(debug, crc);
}

static struct symfile *by_link(struct symbols *symbols, struct symfile *file, pid_t pid,
			       const char *path)
{
	static const char *const ways[][2] = {
		{ "", "/" },
		{ "", "/.debug/" },
		{ DEBUG_ROOT, "/" },
	};
	const char *slash = strrchr(path, '/');
	struct link link;

	if (!slash || !read_link(file, &link))
		return NULL;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct symfile *debug;
		char *full;

		if (asprintf(&full, "%s%.*s%s%s", ways[i][0], (int)(slash - path), path, ways[i][1],
			     link.name) < 0)
			return NULL;
		debug = open_debug(symbols, pid, full);
		if (!debug && pid)
			debug = open_debug(symbols, 0, full);
		free(full);
		if (debug && belongs(file, debug, link.crc))
			return debug;
		if (debug)
			symfile_unref(symbols, debug);
	}
	return NULL;
}

struct symfile *symdebug_file(struct symbols *symbols, struct symfile *file, pid_t pid,
			      const char *path)
{
	if (file->debug_state == SYMFILE_NOT_TRIED) {
		file->debug = symdebug_by_id(symbols, pid, file->build_id, file->build_id_len);
		if (!file->debug)
			file->debug = by_link(symbols, file, pid, path);
		file->debug_state = file->debug ? SYMFILE_HAVE : SYMFILE_NONE;
	}
	return file->debug;
}

struct symfile *symdebug_full(struct symbols *symbols, struct symfile *file, pid_t pid,
			      const char *path)
{
	struct symfile *other;

	if (symfile_symtab(file))
		return file;
	other = symdebug_file(symbols, file, pid, path);
	if (other && symfile_symtab(other))
		return other;
	other = symdebug_mini(file);
	return other && symfile_symtab(other) ? other : NULL;
}

uint64_t symdebug_shift(const struct symfile *file, const struct symfile *debug)
{
	/* prelink(8) moves a library after its debug file was split off. */
	if (file == debug || !file->nloads || !debug->nloads)
		return 0;
	return file->loads[0].p_vaddr - debug->loads[0].p_vaddr;
}
