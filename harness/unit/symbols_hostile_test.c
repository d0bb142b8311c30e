/* SPDX-License-Identifier: MIT */
/* Files and memory made to harm the reader: it says no, in bounded time and memory. */
#include "symbols_sample.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "symbols/internal.h"

static struct symbols_error error;

static const char library[] = "int good(int x) { return x + 1; }\n"
			      "static int inner(int x) { return x * 2; }\n"
			      "int (*get(void))(int) { return inner; }\n"
			      "_Thread_local int local = 1;\n"
			      "static int real(void) { return 1; }\n"
			      "static int (*choose(void))(void) { return real; }\n"
			      "int picked(void) __attribute__((ifunc(\"choose\")));\n"
			      "int call(void) { return picked() + local; }\n";

/* ---- what is no file to read ---- */

static void no_files(void **state)
{
	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(mkdir("directory", 0700), 0);
	assert_int_equal(symlink("link", "link"), 0);
	assert_int_equal(symopen_path(0, "fifo"), -ENOEXEC);
	assert_int_equal(symopen_path(0, "directory"), -ENOEXEC);
	assert_int_equal(symopen_path(0, "/dev/zero"), -ENOEXEC);
	assert_int_equal(symopen_path(0, "link"), -ELOOP);
	assert_int_equal(symopen_path(getpid(), "/dev/zero"), -ENOEXEC);
	assert_int_equal(symopen_path(getpid(), "/nowhere/at/all"), -ENOENT);
}

/* ---- files ---- */

struct target {
	char *bytes; /* of the file */
	size_t size;
	uint64_t base;
};

static int open_bytes(void *data, const char *path, uint64_t start, uint64_t end)
{
	struct target *target = data;
	int fd = memfd_create("target", MFD_CLOEXEC);

	(void)path;
	assert_true(start < end);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, target->bytes, target->size), target->size);
	return fd;
}

static ssize_t read_bytes(void *data, uint64_t addr, void *buf, size_t len)
{
	struct target *target = data;

	if (addr < target->base || addr - target->base > target->size ||
	    len > target->size - (addr - target->base))
		return -1;
	memcpy(buf, target->bytes + (addr - target->base), len);
	return (ssize_t)len;
}

static int ignore(void *data, const struct symbols_entry *entry)
{
	size_t *count = data;

	for (size_t i = 0; i < entry->count; i++)
		*count += strlen(entry->names[i]);
	return 0;
}

static const char maps[] = "7f0000000000-7f0000001000 r--p 00000000 fe:01 5 /lib/x.so\n"
			   "7f0000001000-7f0000002000 r-xp 00001000 fe:01 5 /lib/x.so\n"
			   "7f0000002000-7f0000003000 r--p 00002000 fe:01 5 /lib/x.so\n"
			   "7f0000003000-7f0000005000 rw-p 00002000 fe:01 5 /lib/x.so\n";

/* Ask everything there is to ask. 0 if `good` was found. */
static int ask_all(struct target *target, bool from_memory)
{
	struct symbols_source source = { .maps = maps,
					 .maps_len = sizeof(maps) - 1,
					 .read = read_bytes,
					 .open = open_bytes,
					 .data = target };
	struct symbols *symbols = symbols_new();
	struct symbols_image *image;
	struct symbols_symbol symbol;
	struct symbols_place place;
	uint64_t offset;
	size_t count = 0;
	int rc;

	if (from_memory)
		source.open = NULL;
	assert_int_equal(symbols_image_new(symbols, &source, &image, &error), 0);
	rc = symbols_lookup(image, "good", &symbol, &error);
	symbols_lookup(image, "inner", &symbol, &error);
	symbols_lookup(image, "local", &symbol, &error);
	symbols_lookup(image, "picked", &symbol, &error);
	symbols_lookup(image, "x.so:nothing@V1", &symbol, &error);
	symbols_at(image, 0x7f0000001100, &symbol, &offset, &error);
	symbols_foreach(image, NULL, ignore, &count, &error);
	symbols_line(image, 0x7f0000001100, &place, &error);
	symbols_image_free(image);
	symbols_free(symbols);
	return rc;
}

static struct target load(const char *path)
{
	struct target target = { .base = 0x7f0000000000 };

	target.bytes = sample_slurp(path, &target.size);
	assert_non_null(target.bytes);
	return target;
}

static void truncated(void **state)
{
	struct target target = load("library.so");
	size_t whole = target.size;

	(void)state;
	assert_int_equal(ask_all(&target, false), 0);
	for (size_t size = 0; size < whole; size += size < 512 ? 7 : 211) {
		struct target cut = target;

		/* A block of that size, so that a sanitizer sees a read too far. */
		cut.bytes = malloc(size ? size : 1);
		cut.size = size;
		memcpy(cut.bytes, target.bytes, size);
		ask_all(&cut, size % 2);
		free(cut.bytes);
	}
	free(target.bytes);
}

/* xorshift: the same damage in each run. */
static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void damaged(void **state)
{
	static const uint64_t values[] = { 0,          1,          0x7f,      0xff,
					   0x7fffffff, UINT32_MAX, INT64_MAX, UINT64_MAX };
	struct target target = load("library.so"), damaged = target;
	uint64_t seed = 0x9e3779b97f4a7c15;

	(void)state;
	damaged.bytes = malloc(target.size);
	for (int i = 0; i < 1500; i++) {
		memcpy(damaged.bytes, target.bytes, target.size);
		for (uint64_t n = 1 + next(&seed) % 6; n; n--) {
			/* Half of it in the headers, where it hurts. */
			size_t room = next(&seed) % 2 ? target.size - 8 : 1024;
			uint64_t value = next(&seed) % 2 ? values[next(&seed) % 8] : next(&seed);

			memcpy(damaged.bytes + next(&seed) % room, &value,
			       (size_t)1 << next(&seed) % 4);
		}
		ask_all(&damaged, i % 2);
	}
	free(damaged.bytes);
	free(target.bytes);
}

/* 2^40 sections: libelf would make room for each. */
static void many_sections(void **state)
{
	struct target target = load("library.so");
	Elf64_Ehdr *ehdr = (Elf64_Ehdr *)(void *)target.bytes;
	Elf64_Shdr *first = (Elf64_Shdr *)(void *)(target.bytes + ehdr->e_shoff);
	struct symfile *file;

	(void)state;
	ehdr->e_shnum = 0;
	first->sh_size = (uint64_t)1 << 40;
	assert_int_equal(symfile_from_memory(target.bytes, target.size, &file, &error), -ENOEXEC);
	assert_string_equal(error.text, "too many sections");
}

static long peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* A .gnu_debugdata of a hundred kilobytes that would unpack to 640 MiB. */
static void packed_bomb(void **state)
{
	long before = peak_kib();
	struct symfile *file;
	struct target target;

	(void)state;
	if (sample_sh("head -c 67108864 /dev/zero | xz -0 >zeros.xz 2>/dev/null")) {
		puts("no xz: not looked at");
		skip();
	}
	assert_int_equal(sample_sh(
				 "for i in 0 1 2 3 4 5 6 7 8 9; do cat zeros.xz; done >bomb.xz && "
				 "objcopy --add-section .gnu_debugdata=bomb.xz library.so bomb.so"),
			 0);
	target = load("bomb.so");
	assert_int_equal(symfile_from_memory(target.bytes, target.size, &file, &error), 0);
	assert_null(symdebug_mini(file));
	symfile_unref(NULL, file);
	assert_true(peak_kib() - before < 300 << 10);
}

/* ---- the target's memory ---- */

/* The chain of loaded objects bites its tail, and has a wild pointer. */
static const char circle[] = "#define _GNU_SOURCE\n"
			     "#include <link.h>\n#include <stdio.h>\n#include <unistd.h>\n"
			     "int main(int argc, char **argv)\n"
			     "{\n"
			     "	struct link_map *map = _r_debug.r_map;\n"
			     "	printf(\"main %p\\n\", (void *)main);\n"
			     "	puts(\"ready\");\n"
			     "	fflush(stdout);\n"
			     "	map->l_next->l_next = argc > 1 ? (void *)16 : map;\n"
			     "	write(1, \"x\", 1);\n"
			     "	read(0, argv, 1);\n"
			     "	_exit(0);\n"
			     "}\n";

static void chain(const char *argument)
{
	char *argv[] = { (char *)(uintptr_t) "./circle", (char *)(uintptr_t)argument, NULL };
	struct symbols_symbol symbol;
	struct sample sample;

	sample_start(&sample, argv);
	assert_int_equal(fgetc(sample.out), 'x');
	sample_image(&sample);
	sample_agrees(&sample, "main", "main");
	assert_int_equal(symbols_lookup(sample.image, "getppid", &symbol, &sample.error), 0);
	assert_string_equal(symbol.object->name, "libc.so.6");
	sample_stop(&sample);
}

static void chains(void **state)
{
	(void)state;
	sample_write("circle.c", circle);
	assert_int_equal(sample_sh("cc -w -o circle circle.c"), 0);
	chain(NULL);
	chain("wild");
}

/* Memory that says another thing each time it is read. */
static ssize_t read_noise(void *data, uint64_t addr, void *buf, size_t len)
{
	uint64_t *seed = data;
	char *bytes = buf;

	if (addr % 4096 == 0 && len > 64) {
		memcpy(bytes, ELFMAG "\2\1\1", 8);
		memset(bytes + 8, 0, len - 8);
		bytes[16] = ET_DYN;
		bytes[18] = EM_X86_64;
		bytes[20] = 1;
		bytes[32] = 64;
		bytes[54] = 56;
		bytes[56] = 4;
		for (size_t i = 64; i < len && i < 64 + 4 * 56; i++)
			bytes[i] = (char)(next(seed) % 3 ? 0 : next(seed) % 8);
		return (ssize_t)len;
	}
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)next(seed);
	return (ssize_t)len;
}

static int refuse_open(void *data, const char *path, uint64_t start, uint64_t end)
{
	(void)data;
	(void)path;
	return start < end ? -EACCES : -EINVAL;
}

static void noise(void **state)
{
	uint64_t seed = 42;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct symbols_source source = { .maps = maps,
						 .maps_len = sizeof(maps) - 1,
						 .read = read_noise,
						 .open = refuse_open,
						 .data = &seed };
		struct symbols *symbols = symbols_new();
		struct symbols_symbol symbol;
		struct symbols_image *image;

		assert_int_equal(symbols_image_new(symbols, &source, &image, &error), 0);
		assert_true(symbols_lookup(image, "good", &symbol, &error) < 0);
		symbols_image_free(image);
		symbols_free(symbols);
	}
}

int main(void)
{
	static char directory[] = "/tmp/symbols_hostile.XXXXXX";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_files),    cmocka_unit_test(truncated),
		cmocka_unit_test(damaged),     cmocka_unit_test(many_sections),
		cmocka_unit_test(packed_bomb), cmocka_unit_test(chains),
		cmocka_unit_test(noise),
	};
	int rc;

	sample_directory(directory);
	sample_write("library.c", library);
	if (sample_sh("cc -g -O1 -w -shared -fPIC -o library.so library.c"))
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	if (!rc)
		sample_sh("rm -rf %s", directory);
	return rc;
}
