/* SPDX-License-Identifier: MIT */
/*
 * Symbols of a live process: name to address, address to name, address to source line.
 *
 *   struct symbols         files, opened once and shared by all processes that map them
 *   struct symbols_image   one process's address space as its maps showed it at one moment
 *
 * Nothing here stops, traces or changes the target. What is known of it comes from the text of
 * /proc/PID/maps, from its files, and from memory read by a function that the caller gives. All
 * three are taken for hostile: sizes are bounded, offsets are checked, no file is mapped (a file
 * that shrinks would be our SIGBUS), only regular files are opened, nothing recurses.
 *
 * Objects are opened when they are first needed. A file is kept under (device, inode, size, mtime,
 * ctime); a second process of the same program costs one open and one fstat per object.
 *
 * One struct symbols and all that comes from it belong to one thread at a time.
 *
 * Where symbols are found, in this order, per object: .dynsym (by .gnu.hash where there is one; by
 * PT_DYNAMIC where the section headers are gone), .symtab, the .symtab of a separate debug file
 * (build-id, then .gnu_debuglink with its CRC), and .gnu_debugdata. Of an object whose file can't
 * be read, and of the vdso, the image in the target's memory is used.
 *
 * Errors: 0 or a negative errno, with the text in struct symbols_error.
 *   -EINVAL    the spec or the maps text is malformed
 *   -ENOENT    no such object, no such symbol, no line information
 *   -ENOTUNIQ  several local functions, or several versions with no default, fit the name
 *   -EOPNOTSUPP  a thread-local symbol: it has an address per thread, none per process
 *   -EAGAIN    an IFUNC of which the target holds no resolved address (yet)
 *   -ERANGE    the symbol lies outside of its object: the file is damaged, or not what is mapped
 *   -ENOEXEC   the object's file is no ELF file that we read
 *   -ENOMEM, and what open(2), fstat(2) and read(2) say
 */
#ifndef SCION_SYMBOLS_SYMBOLS_H
#define SCION_SYMBOLS_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct symbols;
struct symbols_image;

struct symbols_error {
	int code;       /* the negative errno that was returned */
	char text[320]; /* what and why, without a newline; empty when nothing failed */
};

/* Where an image comes from. Zeroed members are allowed wherever it says so. */
struct symbols_source {
	const char *maps; /* text of /proc/PID/maps; used only during symbols_image_new */
	size_t maps_len;

	/* Files are opened through /proc/PID/root (links are followed inside of it: openat2(2),
	 * Linux 5.6), then by their plain path, then through /proc/PID/map_files, and taken only if
	 * the inode is the one that the maps name. 0: plain paths only. */
	pid_t pid;

	/* readlink of /proc/PID/exe; used only during symbols_image_new. NULL: read here if pid is
	 * set. Where it leads to the dynamic linker or nowhere, the program is looked for. */
	const char *exe;

	/*
	 * Read up to len bytes of the target at addr; bytes read, or negative. A short read is an
	 * error to the caller. NULL: no memory; then libraries come in descending order of address
	 * instead of load order, IFUNCs stay unresolved and the vdso unseen.
	 */
	ssize_t (*read)(void *data, uint64_t addr, void *buf, size_t len);

	/*
	 * Open the file that is mapped at [start, end) under this path; descriptor or negative
	 * errno. The descriptor becomes ours. NULL: as said at pid.
	 */
	int (*open)(void *data, const char *path, uint64_t start, uint64_t end);

	void *data; /* for both functions; must outlive the image */
};

enum symbols_type {
	SYMBOLS_LABEL, /* STT_NOTYPE: mostly hand-written assembly */
	SYMBOLS_FUNC,
	SYMBOLS_DATA,
	SYMBOLS_IFUNC, /* addr is the chosen implementation, resolver the resolver */
};

enum symbols_binding { SYMBOLS_LOCAL, SYMBOLS_WEAK, SYMBOLS_GLOBAL };

/* A loaded object: a file (or the vdso) at one load bias. Lives as long as its image. */
struct symbols_object {
	const char *path; /* as the maps show it, without " (deleted)" */
	const char *name; /* the path's last component */
	uint64_t bias;    /* address = value in the file + bias, modulo 2^64 */
	uint64_t start;   /* lowest address of its segments */
	uint64_t end;     /* one past the highest */
	uint64_t dev;     /* as makedev(3) of what the maps say; 0 for the vdso */
	uint64_t ino;
	const uint8_t *build_id; /* NULL if there is none */
	size_t build_id_len;
	bool program;     /* the executable */
	bool deleted;     /* no name leads to the mapped file any more */
	bool from_memory; /* the file could not be read: only what is mapped is known */
	bool is_32bit;
};

/* Strings live as long as the image. */
struct symbols_symbol {
	const char *name;    /* without a version */
	const char *version; /* NULL: none */
	uint64_t addr;
	uint64_t size; /* bytes; 0 if not known */
	uint64_t resolver;
	enum symbols_type type;
	enum symbols_binding binding;
	const struct symbols_object *object;
};

/* One address that has a symbol. names[0] is the best known name, the others are its aliases. */
struct symbols_entry {
	uint64_t addr; /* of an IFUNC: the resolver */
	uint64_t size;
	enum symbols_type type;
	enum symbols_binding binding;
	const char *const *names;
	size_t count;
	const struct symbols_object *object;
};

struct symbols_place {
	char file[512]; /* as the compiler wrote it, cut if longer */
	unsigned int line;
	unsigned int column; /* 0 if not known */
};

/**
 * @brief An empty set of files.
 * @return NULL without memory
 */
struct symbols *symbols_new(void);

/** @brief Free the files. All images must be gone. NULL is allowed. */
void symbols_free(struct symbols *symbols);

/**
 * @brief Close the files that no image uses. Without this, those of the last image stay open, and
 *        up to 128 others.
 */
void symbols_trim(struct symbols *symbols);

/**
 * @brief The address space of one process. Opens the program at most; the rest comes when needed.
 * @param symbols must outlive the image
 * @return 0, -EINVAL (with the line number in the text), -E2BIG, -ENOMEM
 */
int symbols_image_new(struct symbols *symbols, const struct symbols_source *source,
		      struct symbols_image **image, struct symbols_error *error);

/** @brief Free an image and all strings that came from it. NULL is allowed. */
void symbols_image_free(struct symbols_image *image);

/**
 * @brief Address of a symbol.
 *
 * The spec is [OBJECT:]NAME[@VERSION]. OBJECT is the last component of the object's path, or the
 * whole path if it has a slash in it. Without OBJECT the objects are asked as the dynamic linker
 * does: the program, then the libraries in load order, the first that defines the name wins, be it
 * global or weak; in the program all of its global names count, not only the exported ones. Only if
 * there is none do local symbols count, in the same order. Without VERSION the default version is
 * taken. A C++ name is given as the linker knows it (mangled).
 *
 * An IFUNC gives the implementation that the target's own relocations chose.
 */
int symbols_lookup(struct symbols_image *image, const char *spec, struct symbols_symbol *out,
		   struct symbols_error *error);

/**
 * @brief The symbol that an address lies in.
 * @param offset of the address from the symbol's
 * @return 0, or -ENOENT: in no object, or between symbols; then out->object is still set if the
 *         address lies in an object, and offset is the address's value in that object's file
 */
int symbols_at(struct symbols_image *image, uint64_t addr, struct symbols_symbol *out,
	       uint64_t *offset, struct symbols_error *error);

/** @brief Called for one address; not 0 ends the walk. The entry lives during the call only. */
typedef int symbols_visit(void *data, const struct symbols_entry *entry);

/**
 * @brief All symbols that have an address, in order of address, aliases folded into one entry.
 * @param object one object, or NULL for all, in lookup order
 * @return 0, what the visitor returned, or a negative errno. Objects that can't be read are passed
 *         over if object is NULL.
 */
int symbols_foreach(struct symbols_image *image, const struct symbols_object *object,
		    symbols_visit *visit, void *data, struct symbols_error *error);

/** @brief The n-th object in lookup order, or NULL past the last. Opens those before it. */
const struct symbols_object *symbols_object(struct symbols_image *image, size_t n);

/** @brief The object that an address lies in, or NULL. */
const struct symbols_object *symbols_object_at(struct symbols_image *image, uint64_t addr);

/**
 * @brief Source line of an address, from the object's DWARF or its debug file's.
 *
 * DWARF is parsed by libdw, which has known more about broken input than we do but is not proof
 * against all of it: ask for lines where a user wants to see them, not on the way to a payload.
 */
int symbols_line(struct symbols_image *image, uint64_t addr, struct symbols_place *place,
		 struct symbols_error *error);

#endif
