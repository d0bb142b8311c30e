/* SPDX-License-Identifier: MIT */
/* Symbols of the test's own process, against what the dynamic linker says. */
#include "symbols_sample.h"

#include <dlfcn.h>
#include <math.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>

__attribute__((noinline, used)) static int only_here(int x)
{
	return x * 3;
}

int exported_here(int x);
__attribute__((noinline, used)) int exported_here(int x)
{
	return only_here(x) + 1;
}

_Thread_local int thread_local_here;

/* A sanitizer in front of libc has names of its own for some of these. */
static uint64_t libc_address(const char *name)
{
	void *libc = dlopen("libc.so.6", RTLD_NOLOAD | RTLD_LAZY);
	void *address = dlsym(libc, name);

	assert_non_null(address);
	dlclose(libc);
	return (uintptr_t)address;
}

static pid_t self;
static struct symbols *symbols;
static struct symbols_image *image;
static struct symbols_error error;

static struct symbols_image *own_image(void)
{
	struct symbols_source source = { .read = sample_read, .data = &self };
	struct symbols_image *made;
	size_t len = 0;
	char *maps = sample_slurp("/proc/self/maps", &len);

	self = getpid();
	source.maps = maps;
	source.maps_len = len;
	source.pid = self;
	assert_int_equal(symbols_image_new(symbols, &source, &made, &error), 0);
	free(maps);
	return made;
}

static int setup(void **state)
{
	(void)state;
	symbols = symbols_new();
	image = own_image();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	symbols_image_free(image);
	symbols_free(symbols);
	return 0;
}

static uint64_t lookup(const char *spec)
{
	struct symbols_symbol symbol;

	if (symbols_lookup(image, spec, &symbol, &error))
		fail_msg("%s: %s", spec, error.text);
	return symbol.addr;
}

static void own_functions(void **state)
{
	(void)state;
	assert_int_equal(lookup("only_here"), (uintptr_t)only_here);
	assert_int_equal(lookup("exported_here"), (uintptr_t)exported_here);
	assert_int_equal(lookup("symbols_self_test:only_here"), (uintptr_t)only_here);
}

static void libc_functions(void **state)
{
	static const char *const names[] = { "getpid",    "malloc", "environ", "fork",
					     "vsnprintf", "qsort",  "stdout",  "__libc_start_main" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		void *truth = dlsym(RTLD_DEFAULT, names[i]);

		assert_non_null(truth);
		assert_int_equal(lookup(names[i]), (uintptr_t)truth);
	}
	assert_int_equal(lookup("libc.so.6:getpid"), libc_address("getpid"));
}

static void versions(void **state)
{
	struct symbols_symbol symbol;

	(void)state;
	assert_int_equal(lookup("libc.so.6:memcpy@GLIBC_2.2.5"),
			 (uintptr_t)dlvsym(RTLD_DEFAULT, "memcpy", "GLIBC_2.2.5"));
	assert_int_equal(lookup("libc.so.6:realpath@GLIBC_2.2.5"),
			 (uintptr_t)dlvsym(RTLD_DEFAULT, "realpath", "GLIBC_2.2.5"));
	assert_int_equal(symbols_lookup(image, "libc.so.6:realpath", &symbol, &error), 0);
	assert_int_equal(symbol.addr, (uintptr_t)dlvsym(RTLD_DEFAULT, "realpath", "GLIBC_2.3"));
	assert_string_equal(symbol.name, "realpath");
	assert_string_equal(symbol.version, "GLIBC_2.3");
	assert_int_equal(symbols_lookup(image, "realpath@GLIBC_1", &symbol, &error), -ENOENT);
	assert_non_null(strstr(error.text, "realpath@GLIBC_1"));
}

/* libc uses these itself, so that its own slots hold the choice. */
static void ifuncs(void **state)
{
	static const char *const names[] = { "memcpy", "memmove", "strlen", "memset", "strchr" };
	struct symbols_symbol symbol;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char spec[64];

		snprintf(spec, sizeof(spec), "libc.so.6:%s", names[i]);
		if (symbols_lookup(image, spec, &symbol, &error))
			fail_msg("%s: %s", spec, error.text);
		assert_int_equal(symbol.type, SYMBOLS_IFUNC);
		assert_int_not_equal(symbol.resolver, symbol.addr);
		assert_int_equal(symbol.addr, libc_address(names[i]));
	}
}

static void vdso(void **state)
{
	struct symbols_symbol symbol;
	uint64_t base = getauxval(AT_SYSINFO_EHDR);

	(void)state;
	if (!base) {
		puts("no vdso here: not looked at");
		skip();
	}
	assert_int_equal(symbols_lookup(image, "__vdso_clock_gettime", &symbol, &error), 0);
	assert_string_equal(symbol.object->path, "[vdso]");
	assert_true(symbol.object->from_memory);
	assert_int_equal(symbol.object->start, base);
	assert_in_range(symbol.addr, base, base + 65536);
	assert_int_equal(lookup("[vdso]:clock_gettime@LINUX_2.6"), symbol.addr);
}

static void refusals(void **state)
{
	struct symbols_symbol symbol;

	(void)state;
	assert_int_equal(symbols_lookup(image, "thread_local_here", &symbol, &error), -EOPNOTSUPP);
	assert_non_null(strstr(error.text, "thread-local"));
	assert_int_equal(symbols_lookup(image, "libc.so.6:errno@GLIBC_PRIVATE", &symbol, &error),
			 -EOPNOTSUPP);
	assert_int_equal(symbols_lookup(image, "no_such_name_anywhere", &symbol, &error), -ENOENT);
	assert_non_null(strstr(error.text, "no_such_name_anywhere"));
	assert_int_equal(symbols_lookup(image, "libnone.so:getpid", &symbol, &error), -ENOENT);
	assert_non_null(strstr(error.text, "no object libnone.so"));
	assert_int_equal(symbols_lookup(image, "libc.so.6:only_here", &symbol, &error), -ENOENT);
	for (const char *const *bad =
		     (const char *const[]){ "", ":", "a:", ":a", "a@", "@b", "a@@", NULL };
	     *bad; bad++)
		assert_int_equal(symbols_lookup(image, *bad, &symbol, &error), -EINVAL);
}

static void addresses(void **state)
{
	struct symbols_symbol symbol;
	uint64_t offset;

	(void)state;
	assert_int_equal(symbols_at(image, (uintptr_t)only_here + 2, &symbol, &offset, &error), 0);
	assert_string_equal(symbol.name, "only_here");
	assert_int_equal(offset, 2);
	assert_int_equal(symbol.addr, (uintptr_t)only_here);
	assert_true(symbol.object->program);
	assert_int_equal(symbols_at(image, libc_address("qsort"), &symbol, &offset, &error), 0);
	assert_string_equal(symbol.name, "qsort");
	assert_int_equal(offset, 0);
	/* .bss is anonymous memory behind the file's. */
	assert_int_equal(symbols_at(image, (uintptr_t)&symbols, &symbol, &offset, &error), 0);
	assert_string_equal(symbol.name, "symbols");
	assert_int_equal(symbols_at(image, 16, &symbol, &offset, &error), -ENOENT);
	assert_null(symbol.object);
	assert_int_equal(symbols_at(image, (uintptr_t)&symbol, &symbol, &offset, &error), -ENOENT);
}

struct seen {
	bool own, fork, aliased;
	uint64_t last;
	size_t count;
};

static int see(void *data, const struct symbols_entry *entry)
{
	struct seen *seen = data;

	assert_true(entry->count > 0);
	assert_true(entry->addr >= entry->object->start && entry->addr < entry->object->end);
	seen->count++;
	if (entry->addr == (uintptr_t)only_here)
		seen->own = !strcmp(entry->names[0], "only_here");
	if (entry->addr == libc_address("fork")) {
		seen->fork = !strcmp(entry->names[0], "fork");
		for (size_t i = 1; i < entry->count; i++)
			seen->aliased |= !strcmp(entry->names[i], "__fork");
	}
	return 0;
}

static int in_order(void *data, const struct symbols_entry *entry)
{
	struct seen *seen = data;

	assert_true(entry->addr > seen->last);
	seen->last = entry->addr;
	return ++seen->count == 100 ? 4711 : 0;
}

static void all_symbols(void **state)
{
	const struct symbols_object *libc = symbols_object_at(image, libc_address("fork"));
	struct seen seen = { 0 };

	(void)state;
	assert_int_equal(symbols_foreach(image, NULL, see, &seen, &error), 0);
	assert_true(seen.own && seen.fork && seen.aliased);
	assert_true(seen.count > 2000);
	assert_non_null(libc);
	seen = (struct seen){ 0 };
	assert_int_equal(symbols_foreach(image, libc, in_order, &seen, &error), 4711);
	assert_int_equal(seen.count, 100);
}

static void objects(void **state)
{
	const struct symbols_object *object;
	bool libc = false;
	size_t n;

	(void)state;
	for (n = 0; (object = symbols_object(image, n)); n++) {
		assert_true(object->start < object->end);
		libc |= !strcmp(object->name, "libc.so.6");
	}
	assert_true(n >= 4 && libc);
	assert_true(symbols_object(image, 0)->program);
	assert_non_null(symbols_object(image, 0)->build_id);
	assert_null(symbols_object(image, n));
}

static void lines(void **state)
{
	struct symbols_place place;

	(void)state;
	if (symbols_line(image, (uintptr_t)only_here, &place, &error)) {
		/* A release build has no lines: then the text must say so. */
		assert_non_null(strstr(error.text, "line"));
		return;
	}
	assert_non_null(strstr(place.file, "symbols_self_test.c"));
	assert_true(place.line > 10 && place.line < 20);
	assert_int_equal(symbols_line(image, 16, &place, &error), -ENOENT);
}

static void without_memory(void **state)
{
	size_t len = 0;
	char *maps = sample_slurp("/proc/self/maps", &len);
	struct symbols_source source = { .maps = maps, .maps_len = len };
	struct symbols_image *plain;
	struct symbols_symbol symbol;

	(void)state;
	assert_int_equal(symbols_image_new(symbols, &source, &plain, &error), 0);
	free(maps);
	assert_int_equal(symbols_lookup(plain, "getpid", &symbol, &error), 0);
	assert_int_equal(symbols_lookup(plain, "only_here", &symbol, &error), 0);
	assert_int_equal(symbol.addr, (uintptr_t)only_here);
	assert_true(symbol.object->program);
	assert_int_equal(symbols_lookup(plain, "libc.so.6:memcpy", &symbol, &error), -EAGAIN);
	assert_non_null(strstr(error.text, "IFUNC"));
	symbols_image_free(plain);
}

/* A second image of the same files gives the same strings: they are read once. */
static void shared_files(void **state)
{
	struct symbols_symbol first, second;
	struct symbols_image *again = own_image();

	(void)state;
	assert_int_equal(symbols_lookup(image, "libc.so.6:getpid", &first, &error), 0);
	assert_int_equal(symbols_lookup(again, "libc.so.6:getpid", &second, &error), 0);
	assert_ptr_equal(first.name, second.name);
	symbols_image_free(again);
	symbols_trim(symbols);
	assert_int_equal(lookup("getpid"), first.addr);
}

/* The vdso as a file: an ELF file that is always at hand. */
static int open_copy(void *data, const char *path, uint64_t start, uint64_t end)
{
	uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
	int fd = memfd_create("copy", MFD_CLOEXEC);

	(void)data;
	(void)path;
	assert_true(start < end && vdso && fd >= 0);
	assert_int_equal(write(fd, (void *)(uintptr_t)vdso, 4096), 4096);
	return fd;
}

static size_t descriptors(void)
{
	size_t count = 0;

	for (int fd = 0; fd < 4096; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* A new file with each image, as when programs come and go: the old ones are closed. */
static void many_files(void **state)
{
	enum { COUNT = 400 };
	struct symbols *many;
	size_t before = descriptors(), most = 0;

	(void)state;
	if (!getauxval(AT_SYSINFO_EHDR)) {
		puts("no vdso here: not looked at");
		skip();
	}
	many = symbols_new();
	for (int i = 0; i < COUNT; i++) {
		static const char maps[] = "7f0000000000-7f0000002000 r-xp 00000000 fe:01 5 /x\n";
		struct symbols_source source = { .maps = maps,
						 .maps_len = sizeof(maps) - 1,
						 .open = open_copy };
		struct symbols_image *made;
		struct symbols_symbol symbol;

		assert_int_equal(symbols_image_new(many, &source, &made, &error), 0);
		assert_int_equal(symbols_lookup(made, "no_such", &symbol, &error), -ENOENT);
		symbols_image_free(made);
		most = descriptors() > most ? descriptors() : most;
	}
	assert_in_range(most - before, 100, 140);
	symbols_trim(many);
	assert_int_equal(descriptors(), before);
	symbols_free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_functions),  cmocka_unit_test(libc_functions),
		cmocka_unit_test(versions),       cmocka_unit_test(ifuncs),
		cmocka_unit_test(vdso),           cmocka_unit_test(refusals),
		cmocka_unit_test(addresses),      cmocka_unit_test(all_symbols),
		cmocka_unit_test(objects),        cmocka_unit_test(lines),
		cmocka_unit_test(without_memory), cmocka_unit_test(shared_files),
		cmocka_unit_test(many_files),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
