/* SPDX-License-Identifier: MIT */
/* One process's address space: its mapped files, opened one by one as they are needed. */
#include "symbols/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_BIASES = 8 };

struct symbols *symbols_new(void)
{
	if (elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	return calloc(1, sizeof(struct symbols));
}

/* Close what is unused since before that image. True if anything was. */
static bool close_unused(struct symbols *symbols, uint64_t before)
{
	bool closed = false;

	for (struct symfile **link = &symbols->files; *link;) {
		struct symfile *file = *link;

		if (file->refs || file->last_use >= before) {
			link = &file->next;
			continue;
		}
		*link = file->next;
		symfile_free(symbols, file);
		closed = true;
	}
	return closed;
}

/* A file may be another's debug file: closing one can make another unused. */
void symbols_trim(struct symbols *symbols)
{
	while (close_unused(symbols, UINT64_MAX))
		;
}

/* Descriptors are few: keep the files of the last image, and of others if they are not many. */
static void keep_few(struct symbols *symbols)
{
	enum { FEW = 128 };
	size_t unused = 0;

	for (const struct symfile *file = symbols->files; file; file = file->next)
		unused += !file->refs;
	if (unused > FEW)
		close_unused(symbols, symbols->images);
}

void symbols_free(struct symbols *symbols)
{
	if (symbols)
		symbols_trim(symbols);
	free(symbols);
}

bool symimage_read(const struct symbols_image *image, uint64_t addr, void *buf, size_t len)
{
	return image->source.read &&
	       image->source.read(image->source.data, addr, buf, len) == (ssize_t)len;
}

const char *symimage_string(struct symbols_image *image, const char *text, size_t len)
{
	struct symstring *string;

	for (string = image->strings; string; string = string->next) {
		if (!strncmp(string->text, text, len) && !string->text[len])
			return string->text;
	}
	string = malloc(sizeof(*string) + len + 1);
	if (!string)
		return NULL;
	memcpy(string->text, text, len);
	string->text[len] = '\0';
	string->next = image->strings;
	image->strings = string;
	return string->text;
}

/* ---- what is mapped, but in no file that we can read ---- */

static void clear_sections(void *mem)
{
	Elf64_Ehdr *e64 = mem;
	Elf32_Ehdr *e32 = mem;

	/* The section headers are not in memory, or nothing vouches for them. */
	if (e64->e_ident[EI_CLASS] == ELFCLASS64) {
		e64->e_shoff = 0;
		e64->e_shnum = e64->e_shstrndx = 0;
	} else {
		e32->e_shoff = 0;
		e32->e_shnum = e32->e_shstrndx = 0;
	}
}

static struct symfile *read_headers(struct symbols_image *image, const struct symmap *map)
{
	size_t size = map->end - map->start < 65536 ? map->end - map->start : 65536;
	struct symfile *file;
	char *mem = malloc(size);

	if (!mem || size < sizeof(Elf64_Ehdr) || !symimage_read(image, map->start, mem, size) ||
	    memcmp(mem, ELFMAG, SELFMAG) != 0) {
		free(mem);
		return NULL;
	}
	clear_sections(mem);
	return symfile_from_memory(mem, size, &file, NULL) ? NULL : file;
}

static struct symfile *read_segments(struct symbols_image *image, const struct symfile *headers,
				     uint64_t bias)
{
	uint64_t size = 0, end;
	struct symfile *file;
	char *mem;

	for (size_t i = 0; i < headers->nloads; i++) {
		end = headers->loads[i].p_offset + headers->loads[i].p_filesz;
		size = end > size ? end : size;
	}
	if (size < sizeof(Elf64_Ehdr) || size > SYM_MAX_MEMORY)
		return NULL;
	mem = calloc(1, size);
	for (size_t i = 0; mem && i < headers->nloads; i++) {
		const GElf_Phdr *load = &headers->loads[i];

		/* What can't be read stays zero: the part with the symbols may be another. */
		symimage_read(image, load->p_vaddr + bias, mem + load->p_offset, load->p_filesz);
	}
	if (!mem || memcmp(mem, ELFMAG, SELFMAG) != 0) {
		free(mem);
		return NULL;
	}
	clear_sections(mem);
	if (symfile_from_memory(mem, size, &file, NULL))
		return NULL;
	file->mem_bias = bias;
	return file;
}

static struct symfile *from_memory(struct symbols_image *image, uint32_t n)
{
	const struct symmap_file *mapped = &image->maps.files[n];
	struct symfile *headers = NULL, *file = NULL;
	uint64_t bias;

	for (size_t i = 0; i < mapped->count && i < 16 && !headers; i++) {
		const struct symmap *map = &image->maps.maps[mapped->members[i]];

		if (!map->offset)
			headers = read_headers(image, map);
	}
	if (!headers)
		return NULL;
	if (symbias_find(&image->maps, n, headers, &bias, 1))
		file = read_segments(image, headers, bias);
	symfile_free(image->symbols, headers);
	return file;
}

/* ---- opening ---- */

/* The first page is the one in memory: it has the ELF header and mostly the build-id. */
static bool same_content(const struct symbols_image *image, const struct symmap_file *mapped,
			 int fd)
{
	const struct symmap *map = &image->maps.maps[mapped->members[0]];
	char ours[SYM_PAGE], theirs[SYM_PAGE];
	ssize_t got;

	if (map->offset || !symimage_read(image, map->start, theirs, sizeof(theirs)))
		return false;
	got = pread(fd, ours, sizeof(ours), 0);
	return got >= (ssize_t)sizeof(Elf32_Ehdr) && !memcmp(ours, theirs, (size_t)got) &&
	       !memcmp(ours, ELFMAG, SELFMAG);
}

/* Some file systems give another inode number to stat(2) than to the maps (overlayfs with xino). */
static int open_by_content(struct symbols_image *image, const struct symmap_file *mapped)
{
	int fd = mapped->deleted ? -ESTALE : symopen_path(image->source.pid, mapped->path);

	if (fd >= 0 && !same_content(image, mapped, fd)) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

static int open_mapped(struct symbols_image *image, const struct symmap_file *mapped)
{
	const struct symmap *map = &image->maps.maps[mapped->members[0]];
	const struct symbols_source *source = &image->source;
	struct stat st;
	int fd;

	if (mapped->path[0] != '/')
		return -ENOENT;
	if (source->open)
		return source->open(source->data, mapped->path, map->start, map->end);
	fd = symopen_mapped(source->pid, mapped->path, map->start, map->end, mapped->dev,
			    mapped->ino);
	if (fd == -ESTALE)
		return open_by_content(image, mapped);
	/* The inode of another device (btrfs, overlayfs; or of a file that is not meant at all). */
	if (fd >= 0 && source->read && !map->offset && !fstat(fd, &st) &&
	    st.st_dev != mapped->dev && !same_content(image, mapped, fd)) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

static void say_unreadable(struct symslot *slot, const struct symmap_file *mapped, int code)
{
	const char *why = strerrordesc_np(-code);

	if (code == -ESTALE)
		symerr(&slot->error, code,
		       "%s is not the file that is mapped any more, and that one is out of reach",
		       mapped->path);
	else
		symerr(&slot->error, code, "%s can't be opened: %s", mapped->path,
		       why ? why : "unknown error");
}

static struct symfile *open_file(struct symbols_image *image, uint32_t n, bool *memory)
{
	const struct symmap_file *mapped = &image->maps.files[n];
	struct symslot *slot = &image->slots[n];
	struct symbols_error error = { 0 };
	struct symfile *file = NULL;
	int fd = open_mapped(image, mapped);

	if (fd >= 0) {
		if (!symfile_from_fd(image->symbols, fd, &file, &error))
			return file;
		symerr(&slot->error, error.code, "%s: %s", mapped->path, error.text);
	} else if (mapped->path[0] == '/') {
		say_unreadable(slot, mapped, fd);
	}
	file = from_memory(image, n);
	*memory = file != NULL;
	return file;
}

/* ---- objects ---- */

static void describe(struct symbols_image *image, uint32_t n, struct symobject *object,
		     uint64_t bias, bool memory)
{
	const struct symmap_file *mapped = &image->maps.files[n];
	const struct symfile *file = object->file;
	const char *slash = strrchr(mapped->path, '/');
	uint64_t low = UINT64_MAX, high = 0;

	for (size_t i = 0; i < file->nloads; i++) {
		uint64_t start = file->loads[i].p_vaddr + bias;
		uint64_t end = start + file->loads[i].p_memsz;

		low = start < low ? start : low;
		high = end > high ? end : high;
	}
	object->pub = (struct symbols_object){
		.path = mapped->path,
		.name = slash ? slash + 1 : mapped->path,
		.bias = bias,
		.start = low,
		.end = high,
		.dev = mapped->dev,
		.ino = mapped->ino,
		.build_id = file->build_id_len ? file->build_id : NULL,
		.build_id_len = file->build_id_len,
		.deleted = mapped->deleted,
		.from_memory = memory,
		.is_32bit = file->elfclass == ELFCLASS32,
	};
}

static void load_objects(struct symbols_image *image, uint32_t n)
{
	struct symslot *slot = &image->slots[n];
	uint64_t biases[MAX_BIASES];
	bool memory = false;
	struct symfile *file = open_file(image, n, &memory);
	struct symobject **link = &slot->objects;
	size_t count;

	if (!file)
		return;
	count = symbias_find(&image->maps, n, file, biases, MAX_BIASES);
	for (size_t i = 0; i < count; i++) {
		struct symobject *object = calloc(1, sizeof(*object));

		if (!object)
			break;
		object->file = file;
		file->refs++;
		describe(image, n, object, biases[i], memory);
		*link = object;
		link = &object->next;
	}
	if (!slot->objects)
		symerr(&slot->error, -ENOENT, "%s is mapped, but not loaded",
		       image->maps.files[n].path);
	symfile_unref(image->symbols, file);
}

struct symobject *symimage_objects(struct symbols_image *image, uint32_t n)
{
	struct symslot *slot = &image->slots[n];

	if (!slot->tried) {
		slot->tried = true;
		load_objects(image, n);
	}
	return slot->objects;
}

static struct symobject *holder(struct symbols_image *image, uint32_t n, uint64_t addr)
{
	for (struct symobject *object = symimage_objects(image, n); object; object = object->next) {
		if (addr >= object->pub.start && addr < object->pub.end)
			return object;
	}
	return NULL;
}

/* Ask the files that are mapped near maps[n], downwards or upwards. */
static struct symobject *near(struct symbols_image *image, size_t n, bool down, uint64_t addr)
{
	enum { NEAR = 16 };
	uint32_t last = SYMMAP_NO_FILE;

	for (int i = 0; i < NEAR && n < image->maps.count; i++, n = down ? n - 1 : n + 1) {
		uint32_t file = image->maps.maps[n].file;
		struct symobject *object;

		if (file == SYMMAP_NO_FILE || file == last)
			continue;
		last = file;
		object = holder(image, file, addr);
		if (object)
			return object;
	}
	return NULL;
}

/*
 * The address itself may lie in anonymous memory: .bss, or text that was moved to huge pages. Then
 * the object is mostly the one that is mapped below.
 */
struct symobject *symimage_object_at(struct symbols_image *image, uint64_t addr)
{
	const struct symmap *map = symmaps_at(&image->maps, addr);
	struct symobject *object;
	size_t n;

	if (!map)
		return NULL;
	n = (size_t)(map - image->maps.maps);
	object = near(image, n, true, addr);
	return object ? object : near(image, n, false, addr);
}

const struct symbols_object *symbols_object_at(struct symbols_image *image, uint64_t addr)
{
	struct symobject *object = symimage_object_at(image, addr);

	return object ? &object->pub : NULL;
}

struct symobject *symimage_first(struct symbols_image *image, size_t *n)
{
	for (; *n < image->norder; ++*n) {
		struct symobject *object = symimage_objects(image, image->order[*n]);

		if (object)
			return object;
	}
	return NULL;
}

struct symobject *symimage_next(struct symbols_image *image, struct symobject *object, size_t *n)
{
	if (object->next)
		return object->next;
	++*n;
	return symimage_first(image, n);
}

const struct symbols_object *symbols_object(struct symbols_image *image, size_t n)
{
	size_t at = 0;
	struct symobject *object = symimage_first(image, &at);

	while (object && n--)
		object = symimage_next(image, object, &at);
	return object ? &object->pub : NULL;
}

/* ---- images ---- */

int symbols_image_new(struct symbols *symbols, const struct symbols_source *source,
		      struct symbols_image **out, struct symbols_error *error)
{
	struct symbols_image *image = calloc(1, sizeof(*image));
	int rc;

	*out = NULL;
	if (!image)
		return symerr(error, -ENOMEM, "no memory");
	image->symbols = symbols;
	symbols->images++;
	image->source = *source;
	image->program = SYMMAP_NO_FILE;
	rc = symmaps_parse(&image->maps, source->maps, source->maps_len, error);
	if (!rc) {
		image->slots = calloc(image->maps.nfiles + 1, sizeof(*image->slots));
		if (!image->slots || symimage_order(image))
			rc = symerr(error, -ENOMEM, "no memory");
	}
	image->source.maps = image->source.exe = NULL;
	if (rc) {
		symbols_image_free(image);
		return rc;
	}
	*out = image;
	return 0;
}

static void free_slot(struct symbols *symbols, struct symslot *slot)
{
	struct symobject *object = slot->objects, *next;

	for (; object; object = next) {
		next = object->next;
		symfile_unref(symbols, object->file);
		free(object);
	}
}

void symbols_image_free(struct symbols_image *image)
{
	struct symstring *next;

	if (!image)
		return;
	for (size_t i = 0; image->slots && i < image->maps.nfiles; i++)
		free_slot(image->symbols, &image->slots[i]);
	keep_few(image->symbols);
	for (struct symstring *string = image->strings; string; string = next) {
		next = string->next;
		free(string);
	}
	symmaps_free(&image->maps);
	free(image->slots);
	free(image->order);
	free(image);
}
