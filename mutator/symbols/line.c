/* SPDX-License-Identifier: MIT */
/* An address to a source line, by libdw. */
#include "symbols/internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sections may be packed: libdw believes what they say of their unpacked size. */
static bool has_dwarf(const struct symfile *file)
{
	uint64_t unpacked = 0;
	Elf_Scn *scn = NULL;
	bool found = false;
	size_t names;

	if (elf_getshdrstrndx(file->elf, &names))
		return false;
	while ((scn = elf_nextscn(file->elf, scn))) {
		const char *name;
		GElf_Shdr shdr;
		GElf_Chdr chdr;

		if (!gelf_getshdr(scn, &shdr))
			return false;
		name = elf_strptr(file->elf, names, shdr.sh_name);
		if (!name || shdr.sh_type == SHT_NOBITS)
			continue;
		/* The old way of packing, by name; gone from compilers since 2015. */
		if (!strncmp(name, ".zdebug", 7))
			return false;
		if (strncmp(name, ".debug_", 7) != 0)
			continue;
		found |= !strcmp(name, ".debug_info");
		if (shdr.sh_flags & SHF_COMPRESSED) {
			if (!gelf_getchdr(scn, &chdr) || chdr.ch_size > SYM_MAX_SECTION)
				return false;
			unpacked += chdr.ch_size;
		}
	}
	return found && unpacked <= SYM_MAX_SECTION;
}

/* A path beside a file that we have open by descriptor only. */
static struct symfile *open_beside(struct symbols *symbols, const struct symfile *file, pid_t pid,
				   const char *name)
{
	char link[64], path[2 * PATH_MAX], *slash;
	struct symfile *other;
	ssize_t len;
	int fd;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", file->fd);
	len = name[0] == '/' ? 0 : readlink(link, path, PATH_MAX);
	if (len < 0)
		return NULL;
	path[len] = '\0';
	slash = strrchr(path, '/');
	snprintf(slash ? slash + 1 : path, PATH_MAX, "%s", name);
	fd = symopen_path(pid, path);
	if (fd < 0 && pid)
		fd = symopen_path(0, path);
	return fd >= 0 && !symfile_from_fd(symbols, fd, &other, NULL) ? other : NULL;
}

/*
 * .gnu_debugaltlink, by dwz(1): what several debug files share. libdw would open the path in it,
 * whatever is there; so it is opened here, and where it is not to be had there are no lines.
 */
static bool open_alt(struct symbols *symbols, struct symfile *file, pid_t pid)
{
	GElf_Shdr shdr;
	Elf_Scn *scn = symfile_section(file, ".gnu_debugaltlink", 8192, &shdr);
	Elf_Data *data = scn ? symfile_data(file, scn) : NULL;
	const uint8_t *id;
	size_t len, id_len;

	if (!data)
		return !scn;
	len = strnlen(data->d_buf, data->d_size);
	if (len + 1 >= data->d_size)
		return false;
	id = (const uint8_t *)data->d_buf + len + 1;
	id_len = data->d_size - len - 1;
	file->alt = symdebug_by_id(symbols, pid, id, id_len);
	if (!file->alt && file->fd >= 0)
		file->alt = open_beside(symbols, file, pid, data->d_buf);
	if (!file->alt || file->alt == file || file->alt->build_id_len != id_len ||
	    memcmp(file->alt->build_id, id, id_len) != 0 || !has_dwarf(file->alt))
		return false;
	file->dwarf_alt = dwarf_begin_elf(file->alt->elf, DWARF_C_READ, NULL);
	if (file->dwarf_alt)
		dwarf_setalt(file->dwarf, file->dwarf_alt);
	return file->dwarf_alt != NULL;
}

static Dwarf *dwarf_of(struct symbols *symbols, struct symfile *file, pid_t pid)
{
	if (file->dwarf_tried)
		return file->dwarf;
	file->dwarf_tried = true;
	if (!has_dwarf(file))
		return NULL;
	file->dwarf = dwarf_begin_elf(file->elf, DWARF_C_READ, NULL);
	if (file->dwarf && !open_alt(symbols, file, pid)) {
		dwarf_end(file->dwarf);
		file->dwarf = NULL;
	}
	return file->dwarf;
}

/* .debug_aranges is an index that need not be complete, nor be there. */
static bool find_unit(Dwarf *dwarf, Dwarf_Addr value, Dwarf_Die *unit)
{
	Dwarf_Off offset = 0, next;
	size_t header;

	if (dwarf_addrdie(dwarf, value, unit))
		return true;
	while (!dwarf_nextcu(dwarf, offset, &next, &header, NULL, NULL, NULL) && next > offset) {
		if (dwarf_offdie(dwarf, offset + header, unit) && dwarf_haspc(unit, value) > 0)
			return true;
		offset = next;
	}
	return false;
}

static bool find_line(Dwarf *dwarf, Dwarf_Addr value, struct symbols_place *place)
{
	int line = 0, column = 0;
	const char *source;
	Dwarf_Line *entry;
	Dwarf_Die unit;

	if (!find_unit(dwarf, value, &unit))
		return false;
	entry = dwarf_getsrc_die(&unit, value);
	source = entry ? dwarf_linesrc(entry, NULL, NULL) : NULL;
	if (!source || dwarf_lineno(entry, &line) || line <= 0)
		return false;
	dwarf_linecol(entry, &column);
	snprintf(place->file, sizeof(place->file), "%s", source);
	place->line = (unsigned int)line;
	place->column = column > 0 ? (unsigned int)column : 0;
	return true;
}

int symbols_line(struct symbols_image *image, uint64_t addr, struct symbols_place *place,
		 struct symbols_error *error)
{
	struct symobject *object = symimage_object_at(image, addr);
	pid_t pid = image->source.pid;
	struct symfile *file;
	uint64_t value;
	Dwarf *dwarf;

	*place = (struct symbols_place){ 0 };
	if (!object)
		return symerr(error, -ENOENT, "no object at 0x%llx", (unsigned long long)addr);
	value = addr - object->pub.bias;
	file = object->file;
	dwarf = dwarf_of(image->symbols, file, pid);
	if (!dwarf) {
		file = symdebug_file(image->symbols, file, pid, object->pub.path);
		dwarf = file ? dwarf_of(image->symbols, file, pid) : NULL;
	}
	if (!dwarf)
		return symerr(error, -ENOENT, "%s has no line information", object->pub.name);
	if (!find_line(dwarf, value - symdebug_shift(object->file, file), place))
		return symerr(error, -ENOENT, "no line is known for %s+0x%llx", object->pub.name,
			      (unsigned long long)value);
	return 0;
}
