/* SPDX-License-Identifier: MIT */
/* What the files of symbols/ share. The only header that shows libelf and libdw. */
#ifndef SCION_SYMBOLS_INTERNAL_H
#define SCION_SYMBOLS_INTERNAL_H

#include "symbols/symbols.h"

#include <elfutils/libdw.h>
#include <gelf.h>

/* A file that asks for more is refused: no program that we know of comes near. */
enum {
	SYM_MAX_MAPPINGS = 1 << 22,
	SYM_MAX_PHDRS = 2048,
	SYM_MAX_SECTIONS = 1 << 20,
	SYM_MAX_LINK_MAP = 1 << 16,
	SYM_MAX_SYMBOLS = 1 << 26,
	SYM_MAX_NAME = 1 << 16,
	SYM_PAGE = 4096, /* segments are placed by this unit on x86, whatever backs them */
};
#define SYM_MAX_SECTION  ((uint64_t)1 << 31)  /* bytes of one section that is read */
#define SYM_MAX_MEMORY   ((uint64_t)64 << 20) /* bytes of an image read from the target */
#define SYM_MAX_UNPACKED ((uint64_t)64 << 20) /* of .gnu_debugdata */

/* error.c: fill the caller's error (NULL is allowed) and return the code. */
int symerr(struct symbols_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- maps.c: the text of /proc/PID/maps, pure ------------------------------------------------ */

enum { SYMMAP_R = 1, SYMMAP_W = 2, SYMMAP_X = 4 };
#define SYMMAP_NO_FILE UINT32_MAX

struct symmap {
	uint64_t start, end, offset;
	uint32_t file; /* index into files, SYMMAP_NO_FILE */
	uint8_t perms;
};

struct symmap_file {
	char *path;
	uint64_t dev, ino;
	const uint32_t *members; /* indexes into maps, by address */
	size_t count;
	bool deleted;
	bool exec; /* a member is executable */
};

struct symmaps {
	struct symmap *maps; /* by address */
	size_t count;
	struct symmap_file *files;
	size_t nfiles;
	uint32_t *members;
};

int symmaps_parse(struct symmaps *maps, const char *text, size_t len, struct symbols_error *error);
void symmaps_free(struct symmaps *maps);
/* The mapping that holds addr, or NULL. */
const struct symmap *symmaps_at(const struct symmaps *maps, uint64_t addr);

/* ---- open.c: getting at the right file ------------------------------------------------------- */

/* A regular file, opened for reading and without side effects on what is none. -errno. */
int symopen_path(pid_t pid, const char *path);
/* The file that is mapped at [start, end): its inode must be ino. */
int symopen_mapped(pid_t pid, const char *path, uint64_t start, uint64_t end, uint64_t dev,
		   uint64_t ino);

/* ---- table.c: one symbol table --------------------------------------------------------------- */

struct symtab {
	Elf_Data *syms; /* NULL: no such table */
	size_t count;
	const char *strings; /* ends in NUL */
	size_t strings_size;
	const uint8_t *gnu_hash; /* NULL: none */
	size_t gnu_hash_size;
	bool is_64bit;
	Elf_Data *versym;
	Elf_Data *verdef;
	size_t verdef_count;
	unsigned int scans;
	uint32_t *heads; /* index by name, made once it pays */
	uint32_t *next;
	uint32_t mask;
};

/* Called for each entry of that name; true ends the walk. raw is the name as the table has it. */
typedef bool symtab_visit(void *data, const struct symtab *table, size_t n, const GElf_Sym *sym,
			  const char *raw);

bool symtab_get(const struct symtab *table, size_t n, GElf_Sym *sym, const char **name);
bool symtab_find(struct symtab *table, const char *name, size_t len, symtab_visit *visit,
		 void *data);
/* Version of entry n: NULL if it has none. hidden: not the default version. */
const char *symtab_version(const struct symtab *table, size_t n, const char *raw, bool *hidden);
/* The entry has an address in its object (or is thread-local): neither undefined nor a section. */
bool symtab_defines(const GElf_Sym *sym);
void symtab_clear(struct symtab *table);

/* ---- file.c, dynamic.c: one ELF file --------------------------------------------------------- */

struct symfile_id {
	uint64_t dev, ino, size;
	struct timespec mtime, ctime;
};

enum symfile_aux { SYMFILE_NOT_TRIED, SYMFILE_NONE, SYMFILE_HAVE };

struct symindex;

struct symfile {
	struct symfile *next; /* in the cache; NULL for what has no identity */
	struct symfile_id id;
	unsigned int refs;
	uint64_t last_use; /* image that took it last */
	int fd;            /* -1: mem */
	void *mem;         /* owned */
	uint64_t mem_bias;
	Elf *elf;
	int elfclass;
	uint16_t type, machine;
	GElf_Phdr *loads;
	size_t nloads;
	GElf_Phdr dynamic;
	bool has_dynamic, has_interp;
	uint8_t build_id[64];
	size_t build_id_len;
	bool tables_read;
	struct symtab dynsym, symtab; /* by symfile_dynsym, symfile_symtab */
	Elf_Scn *symtab_scn;          /* not read yet */
	enum symfile_aux debug_state, mini_state;
	struct symfile *debug; /* separate debug file */
	struct symfile *mini;  /* unpacked .gnu_debugdata */
	struct symindex *index;
	bool dwarf_tried;
	Dwarf *dwarf;
	Dwarf *dwarf_alt;
	struct symfile *alt;
};

struct symbols {
	struct symfile *files;
	uint64_t images; /* made so far */
};

/* Take over fd, or mem. The result is referenced once more. */
int symfile_from_fd(struct symbols *symbols, int fd, struct symfile **file,
		    struct symbols_error *error);
int symfile_from_memory(void *mem, size_t size, struct symfile **file, struct symbols_error *error);
void symfile_unref(struct symbols *symbols, struct symfile *file);
/* Close it, whatever the count says. */
void symfile_free(struct symbols *symbols, struct symfile *file);
/* The tables, read at the first call; NULL: not there, or broken. */
struct symtab *symfile_dynsym(struct symfile *file);
struct symtab *symfile_symtab(struct symfile *file);
/* Section by name; NULL if there is none, or it is larger than limit. */
Elf_Scn *symfile_section(struct symfile *file, const char *name, uint64_t limit, GElf_Shdr *shdr);
/* Contents of a section as libelf gives them, not larger than SYM_MAX_SECTION, or NULL. */
Elf_Data *symfile_data(const struct symfile *file, Elf_Scn *scn);
/* File offset of a value; false if no segment's file part holds [value, value + size). */
bool symfile_offset(const struct symfile *file, uint64_t value, uint64_t size, uint64_t *offset);
bool symfile_is_code(const struct symfile *file, uint64_t value);
/* The value lies in a procedure linkage table: a stub, no function of its own. */
bool symfile_is_plt(struct symfile *file, uint64_t value);
/* .dynsym by PT_DYNAMIC. */
void symdyn_read_table(struct symfile *file);
/* It has an entry for the debugger: only programs do. */
bool symdyn_has_debug(struct symfile *file);
/* Relocations by PT_DYNAMIC: up to two tables. */
size_t symdyn_relocations(struct symfile *file, Elf_Data *tables[2]);

/* ---- debugfile.c: separate debug files, mini.c: .gnu_debugdata ------------------------------- */

/* NULL if there is none. path is the object's own, for .gnu_debuglink. */
struct symfile *symdebug_file(struct symbols *symbols, struct symfile *file, pid_t pid,
			      const char *path);
/* A file that is known by its build-id alone. */
struct symfile *symdebug_by_id(struct symbols *symbols, pid_t pid, const uint8_t *id, size_t len);
struct symfile *symdebug_mini(struct symfile *file);
/* The file that has the .symtab: itself, its debug file, its .gnu_debugdata; NULL if none has. */
struct symfile *symdebug_full(struct symbols *symbols, struct symfile *file, pid_t pid,
			      const char *path);
/* What to add to a value of the debug file to have a value of the file. */
uint64_t symdebug_shift(const struct symfile *file, const struct symfile *debug);

/* ---- index.c: symbols of a file by value ----------------------------------------------------- */

struct symindex_entry {
	uint64_t value, size;
	const char *name;
	uint8_t type, binding; /* enum symbols_type, symbols_binding */
};

struct symindex {
	struct symindex_entry *entries; /* by value, then best first */
	size_t count;
};

/* NULL without memory. */
const struct symindex *symindex_get(struct symbols *symbols, struct symfile *file, pid_t pid,
				    const char *path);
void symindex_free(struct symindex *index);
/* The best entry whose extent holds value, or NULL. */
const struct symindex_entry *symindex_at(const struct symindex *index, uint64_t value);
enum symbols_type symindex_type(const GElf_Sym *sym);
enum symbols_binding symindex_binding(const GElf_Sym *sym);

/* ---- image.c, bias.c, order.c ---------------------------------------------------------------- */

struct symobject {
	struct symbols_object pub;
	struct symfile *file;
	struct symobject *next; /* the same file at another bias */
};

/* State of a mapped file. */
struct symslot {
	bool tried;
	struct symobject *objects; /* NULL after a try: nothing is loaded from it */
	struct symbols_error error;
};

struct symstring {
	struct symstring *next;
	char text[];
};

struct symbols_image {
	struct symbols *symbols;
	struct symbols_source source;
	struct symmaps maps;
	struct symslot *slots; /* one per mapped file */
	uint32_t *order;       /* mapped files in lookup order */
	size_t norder;
	uint32_t program; /* SYMMAP_NO_FILE: not known */
	struct symstring *strings;
};

/* The objects of a mapped file, NULL if nothing is loaded from it; slot's error says why. */
struct symobject *symimage_objects(struct symbols_image *image, uint32_t file);
/* All objects in lookup order; *n is 0 before the first. */
struct symobject *symimage_first(struct symbols_image *image, size_t *n);
struct symobject *symimage_next(struct symbols_image *image, struct symobject *object, size_t *n);
struct symobject *symimage_object_at(struct symbols_image *image, uint64_t addr);
/* All of len or false. */
bool symimage_read(const struct symbols_image *image, uint64_t addr, void *buf, size_t len);
const char *symimage_string(struct symbols_image *image, const char *text, size_t len);
int symimage_order(struct symbols_image *image);

/* Load biases of a file that is mapped as files[n]; at most max are stored. Count. */
size_t symbias_find(const struct symmaps *maps, uint32_t file, const struct symfile *elf,
		    uint64_t *biases, size_t max);

/* ---- ifunc.c --------------------------------------------------------------------------------- */

/* Address that the target's relocations hold for the IFUNC `name` of value `resolver`; 0: none. */
uint64_t symifunc_resolve(struct symbols_image *image, struct symobject *object, const char *name,
			  uint64_t resolver);

#endif
