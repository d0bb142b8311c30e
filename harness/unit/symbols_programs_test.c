/* SPDX-License-Identifier: MIT */
/* Symbols of programs of every make, against what the programs say of themselves. */
#include "symbols_sample.h"

#include "symbols/internal.h"

static const char program[] =
	"#define _GNU_SOURCE\n"
	"#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n"
	"#include <sys/mman.h>\n"
	"int answer(int x) { return x + 42; }\n"
	"int answer_alias(int x) __attribute__((alias(\"answer\")));\n"
	"__attribute__((weak)) int weakling(void) { return 7; }\n"
	"__attribute__((noinline)) static int helper(int x) { return x * 5; }\n"
	"int (*twin_of_other(void))(void);\n"
	"__attribute__((noinline)) static int twin(void) { return 1; }\n"
	"static int table[32] = { 1, 2 };\n"
	"int zeros[64];\n"
	"_Thread_local int per_thread = 3;\n"
	"static int chosen_a(void) { return 1; }\n"
	"static int chosen_b(void) { return 2; }\n"
	/* A resolver runs before relocation is over: it may call nothing. */
	"static int (*choose(void))(void) { return sizeof(int) ? chosen_a : chosen_b; }\n"
	"int chosen(void) __attribute__((ifunc(\"choose\")));\n"
	"int never_called(void) __attribute__((ifunc(\"choose\")));\n"
	"#define SAY(x) printf(#x \" %p\\n\", (void *)(x))\n"
	"static void move_text(void)\n"
	"{\n"
	"	char line[512];\n"
	"	unsigned long from, to, here = (unsigned long)answer;\n"
	"	FILE *maps = fopen(\"/proc/self/maps\", \"r\");\n"
	"	while (fgets(line, sizeof line, maps))\n"
	"		if (sscanf(line, \"%lx-%lx\", &from, &to) == 2 && here >= from && here < to)\n"
	"			break;\n"
	"	fclose(maps);\n"
	"	void *copy = mmap(0, to - from, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n"
	"	memcpy(copy, (void *)from, to - from);\n"
	"	mprotect(copy, to - from, PROT_READ | PROT_EXEC);\n"
	"	mremap(copy, to - from, to - from, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)from);\n"
	"}\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"	SAY(answer); SAY(helper); SAY(table); SAY(zeros); SAY(weakling); SAY(main);\n"
	"	SAY(twin_of_other()); SAY(twin);\n"
	"	printf(\"chosen_is %p\\n\", (void *)(chosen() == 1 ? chosen_a : chosen_b));\n"
	"	if (argc > 1 && !strcmp(argv[1], \"move\"))\n"
	"		move_text();\n"
	"	if (argc > 1 && !strcmp(argv[1], \"unlink\"))\n"
	"		unlink(argv[0]);\n"
	"	puts(\"ready\");\n"
	"	fflush(stdout);\n"
	"	per_thread += getppid() + helper(argc) + (getchar() == 'x');\n"
	"	return 0;\n"
	"}\n";

static const char other[] = "__attribute__((noinline)) static int twin(void) { return 2; }\n"
			    "int (*twin_of_other(void))(void) { return twin; }\n";

static void build(const char *name, const char *flags)
{
	if (sample_sh("cc -g -O1 -w -o %s prog.c other.c %s 2>cc.log", name, flags)) {
		printf("cc %s fails here: not looked at\n", flags);
		skip();
	}
}

static void start(struct sample *sample, const char *name, const char *argument)
{
	char path[64];
	char *argv[] = { path, (char *)(uintptr_t)argument, NULL };

	snprintf(path, sizeof(path), "./%s", name);
	sample_start(sample, argv);
	sample_image(sample);
}

static void globals_agree(struct sample *sample)
{
	sample_agrees(sample, "answer", "answer");
	sample_agrees(sample, "answer_alias", "answer");
	sample_agrees(sample, "weakling", "weakling");
	sample_agrees(sample, "zeros", "zeros");
	sample_agrees(sample, "main", "main");
	sample_refused(sample, "per_thread", -EOPNOTSUPP, "thread-local");
}

static void locals_agree(struct sample *sample)
{
	struct symbols_symbol symbol;
	uint64_t offset;

	sample_agrees(sample, "helper", "helper");
	sample_agrees(sample, "table", "table");
	sample_refused(sample, "twin", -ENOTUNIQ, "2 local symbols twin");
	sample_agrees(sample, "chosen", "chosen_is");
	assert_int_equal(symbols_at(sample->image, sample_truth(sample, "helper") + 1, &symbol,
				    &offset, &sample->error),
			 0);
	assert_string_equal(symbol.name, "helper");
	assert_int_equal(offset, 1);
}

/*
 * A function of libc. Its address in a program that is not PIE is that of a stub, so that all
 * objects compare equal to it; what is wanted is the function.
 */
static void libc_agrees(struct sample *sample)
{
	struct symbols_symbol found, same;
	uint64_t offset;

	assert_int_equal(symbols_lookup(sample->image, "getppid", &found, &sample->error), 0);
	assert_int_equal(symbols_at(sample->image, found.addr, &same, &offset, &sample->error), 0);
	assert_int_equal(same.addr, found.addr);
	assert_string_equal(same.name, "getppid");
	if (!found.object->program)
		assert_string_equal(found.object->name, "libc.so.6");
}

static void whole(const char *name, const char *flags)
{
	struct sample sample;

	build(name, flags);
	start(&sample, name, NULL);
	globals_agree(&sample);
	locals_agree(&sample);
	libc_agrees(&sample);
	sample_stop(&sample);
}

static void pie(void **state)
{
	(void)state;
	whole("pie", "-pie -fPIE");
}

static void no_pie(void **state)
{
	(void)state;
	whole("no_pie", "-no-pie -fno-pie");
}

static void statically(void **state)
{
	(void)state;
	whole("static", "-static");
}

static void static_pie(void **state)
{
	(void)state;
	whole("static_pie", "-static-pie -fPIE");
}

static void shared_page(void **state)
{
	(void)state;
	whole("shared_page", "-no-pie -fno-pie -Wl,-z,noseparate-code");
}

static void shared_page_pie(void **state)
{
	(void)state;
	whole("shared_page_pie", "-pie -fPIE -Wl,-z,noseparate-code -Wl,-z,norelro");
}

static void big_pages(void **state)
{
	(void)state;
	whole("big_pages", "-pie -fPIE -Wl,-z,max-page-size=0x200000");
}

static void sysv_hash(void **state)
{
	(void)state;
	whole("sysv_hash", "-pie -fPIE -rdynamic -Wl,--hash-style=sysv");
}

static void bind_now(void **state)
{
	(void)state;
	whole("bind_now", "-pie -fPIE -Wl,-z,now");
}

static void lines(void **state)
{
	struct symbols_place place;
	struct sample sample;

	(void)state;
	build("lines", "-pie -fPIE -gz");
	start(&sample, "lines", NULL);
	assert_int_equal(symbols_line(sample.image, sample_truth(&sample, "helper"), &place,
				      &sample.error),
			 0);
	assert_non_null(strstr(place.file, "prog.c"));
	assert_int_equal(place.line, 10);
	sample_stop(&sample);
}

/* Only what is exported is left, but for lines and locals. */
static void stripped(void **state)
{
	struct symbols_symbol symbol;
	struct sample sample;

	(void)state;
	build("stripped", "-pie -fPIE -rdynamic -s");
	start(&sample, "stripped", NULL);
	globals_agree(&sample);
	sample_refused(&sample, "helper", -ENOENT, "no symbol helper");
	assert_int_equal(symbols_lookup(sample.image, "stripped:answer", &symbol, &sample.error),
			 0);
	assert_int_equal(symbol.type, SYMBOLS_FUNC);
	assert_int_equal(symbol.binding, SYMBOLS_GLOBAL);
	sample_stop(&sample);
}

/* No section headers at all: by PT_DYNAMIC. */
static void no_sections(const char *name, const char *flags)
{
	static const char zeros[8];
	struct sample sample;
	int fd;

	build(name, flags);
	fd = open(name, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, zeros, 8, 40), 8);
	assert_int_equal(pwrite(fd, zeros, 4, 60), 4);
	close(fd);
	start(&sample, name, NULL);
	globals_agree(&sample);
	sample_agrees(&sample, "chosen", "chosen_is");
	sample_stop(&sample);
}

static void no_sections_gnu(void **state)
{
	(void)state;
	no_sections("no_sections", "-pie -fPIE -rdynamic -s");
}

static void no_sections_sysv(void **state)
{
	(void)state;
	no_sections("no_sections_sysv", "-pie -fPIE -rdynamic -s -Wl,--hash-style=sysv");
}

/* split [-R SECTION]: NAME loses its symbols to NAME.debug. */
static void debug_link(const char *name, const char *flags, const char *where)
{
	struct sample sample;

	build(name, flags);
	assert_int_equal(sample_sh("mkdir -p %s && objcopy --only-keep-debug %s %s/%s.debug && "
				   "objcopy --strip-all --add-gnu-debuglink=%s/%s.debug %s",
				   where, name, where, name, where, name, name),
			 0);
	start(&sample, name, NULL);
	globals_agree(&sample);
	locals_agree(&sample);
	sample_stop(&sample);
}

static void debug_link_by_id(void **state)
{
	(void)state;
	debug_link("linked", "-pie -fPIE -Wl,--build-id", ".debug");
}

static void debug_link_by_crc(void **state)
{
	(void)state;
	debug_link("linked_crc", "-no-pie -Wl,--build-id=none", ".");
}

/* A debug file of another build is none. */
static void debug_link_stale(void **state)
{
	struct sample sample;

	(void)state;
	debug_link("stale", "-pie -fPIE -Wl,--build-id=none", ".");
	assert_int_equal(sample_sh("printf x >>stale.debug"), 0);
	start(&sample, "stale", NULL);
	sample_refused(&sample, "helper", -ENOENT, "no symbol helper");
	sample_stop(&sample);
}

/* The object was moved after its debug file was split off, as prelink(8) does. */
static void debug_link_moved(void **state)
{
	struct sample sample;

	(void)state;
	build("moved_to", "-no-pie -fno-pie -Wl,--build-id=none -Wl,-Ttext-segment=0x400000");
	build("moved_from", "-no-pie -fno-pie -Wl,--build-id=none -Wl,-Ttext-segment=0x700000");
	assert_int_equal(sample_sh("objcopy --only-keep-debug moved_from moved_to.debug && "
				   "objcopy -S --add-gnu-debuglink=moved_to.debug moved_to"),
			 0);
	start(&sample, "moved_to", NULL);
	globals_agree(&sample);
	locals_agree(&sample);
	sample_stop(&sample);
}

static void mini_debug_info(void **state)
{
	struct sample sample;

	(void)state;
	if (system("xz --version >/dev/null 2>&1")) {
		puts("no xz: not looked at");
		skip();
	}
	build("mini", "-pie -fPIE -rdynamic");
	assert_int_equal(sample_sh("objcopy --only-keep-debug mini mini.full && "
				   "objcopy -S --keep-symbol=helper --keep-symbol=table "
				   "--remove-section=.gdb_index --remove-section=.comment "
				   "mini.full mini.small && xz -kf mini.small && "
				   "objcopy -S --add-section .gnu_debugdata=mini.small.xz mini"),
			 0);
	start(&sample, "mini", NULL);
	globals_agree(&sample);
	sample_agrees(&sample, "helper", "helper");
	sample_agrees(&sample, "table", "table");
	sample_stop(&sample);
}

/* The text moved to anonymous memory, as tools for huge pages do. */
static void moved_text(void **state)
{
	struct sample sample;

	(void)state;
	build("moved", "-pie -fPIE");
	start(&sample, "moved", "move");
	globals_agree(&sample);
	locals_agree(&sample);
	sample_stop(&sample);
}

static void deleted(void **state)
{
	struct sample sample;

	(void)state;
	build("deleted", "-pie -fPIE");
	start(&sample, "deleted", "unlink");
	globals_agree(&sample);
	assert_true(symbols_object(sample.image, 0)->deleted);
	locals_agree(&sample);
	sample_stop(&sample);
}

static int no_open(void *data, const char *path, uint64_t begin, uint64_t end)
{
	(void)data;
	(void)path;
	assert_true(begin < end);
	return -EACCES;
}

/* No file can be opened: what is exported is in memory too. */
static void memory_only(const char *name, const char *flags)
{
	struct symbols_source source;
	struct sample sample;

	build(name, flags);
	start(&sample, name, NULL);
	symbols_image_free(sample.image);
	source = sample_source(&sample);
	source.open = no_open;
	assert_int_equal(symbols_image_new(sample.symbols, &source, &sample.image, &sample.error),
			 0);
	globals_agree(&sample);
	libc_agrees(&sample);
	assert_true(symbols_object(sample.image, 0)->from_memory);
	sample_refused(&sample, "helper", -ENOENT, "can't be opened: Permission denied");
	sample_stop(&sample);
}

static void memory_only_pie(void **state)
{
	(void)state;
	memory_only("memory", "-pie -fPIE -rdynamic");
}

static void memory_only_no_pie(void **state)
{
	(void)state;
	memory_only("memory_no_pie", "-no-pie -fno-pie -rdynamic -Wl,-z,noseparate-code");
}

/* An inode that nothing has, of the same length so that it fits into the maps as they are. */
static void other_inode(char *maps, const char *name)
{
	for (char *path = strstr(maps, name); path; path = strstr(path + 1, name)) {
		char *digit = path - 1;

		while (*digit == ' ')
			digit--;
		for (; *digit != ' '; digit--)
			*digit = '9';
	}
}

static ssize_t read_zeros(void *data, uint64_t addr, void *buf, size_t len)
{
	(void)data;
	(void)addr;
	memset(buf, 0, len);
	return (ssize_t)len;
}

/* The same inode on another device: it need not be the same file. */
static void other_device(void **state)
{
	struct symbols_source source;
	struct sample sample;

	(void)state;
	build("device", "-pie -fPIE");
	start(&sample, "device", NULL);
	for (int lie = 0; lie < 2; lie++) {
		symbols_image_free(sample.image);
		source = sample_source(&sample);
		for (char *colon = strchr(sample.maps, ':'); colon; colon = strchr(colon + 1, ':'))
			colon[-1] = colon[-1] == '7' ? '8' : '7';
		source.read = lie ? read_zeros : sample_read;
		assert_int_equal(symbols_image_new(sample.symbols, &source, &sample.image,
						   &sample.error),
				 0);
		if (lie)
			sample_refused(&sample, "answer", -ENOENT, "not the file that is mapped");
		else
			sample_agrees(&sample, "answer", "answer");
	}
	sample_stop(&sample);
}

/* Maps and stat(2) number the inodes differently, as on some overlayfs: the contents decide. */
static void numbered_differently(void **state)
{
	struct symbols_source source;
	char directory[4096], path[4200];
	struct sample sample;

	(void)state;
	build("numbered", "-pie -fPIE");
	start(&sample, "numbered", NULL);
	assert_non_null(getcwd(directory, sizeof(directory)));
	snprintf(path, sizeof(path), "%s/numbered", directory);
	for (int changed = 0; changed < 2; changed++) {
		symbols_image_free(sample.image);
		symbols_trim(sample.symbols);
		source = sample_source(&sample);
		other_inode(sample.maps, path);
		assert_int_equal(symbols_image_new(sample.symbols, &source, &sample.image,
						   &sample.error),
				 0);
		assert_true(symbols_object(sample.image, 0)->program);
		assert_int_equal(symbols_object(sample.image, 0)->from_memory, changed);
		if (!changed)
			locals_agree(&sample);
		/* Now another file has that name. */
		build("numbered_2", "-pie -fPIE -O0");
		assert_int_equal(rename("numbered_2", "numbered"), 0);
	}
	sample_refused(&sample, "helper", -ENOENT, "is not the file that is mapped any more");
	sample_stop(&sample);
}

/* Memory as the kernel has just loaded it from ./static_start: nothing is relocated yet. */
static ssize_t read_file(void *data, uint64_t addr, void *buf, size_t len)
{
	struct symbols *symbols = symbols_new();
	struct symfile *file;
	uint64_t offset;
	ssize_t got = -1;
	int fd = open("static_start", O_RDONLY | O_CLOEXEC);

	(void)data;
	if (!symfile_from_fd(symbols, fd, &file, NULL)) {
		if (symfile_offset(file, addr, len, &offset))
			got = pread(fd, buf, len, (off_t)offset);
		symfile_unref(symbols, file);
	}
	symbols_free(symbols);
	return got;
}

/* At its first instruction an IFUNC's slot leads to the stub that jumps through it. */
static void before_relocation(void **state)
{
	struct symbols_source source;
	struct sample sample;

	(void)state;
	build("static_start", "-static -no-pie");
	start(&sample, "static_start", NULL);
	sample_agrees(&sample, "chosen", "chosen_is");
	symbols_image_free(sample.image);
	source = sample_source(&sample);
	source.read = read_file;
	assert_int_equal(symbols_image_new(sample.symbols, &source, &sample.image, &sample.error),
			 0);
	sample_agrees(&sample, "answer", "answer");
	sample_refused(&sample, "chosen", -EAGAIN, "IFUNC");
	sample_stop(&sample);
}

/* The dynamic linker run by hand: /proc/PID/exe is the linker. */
static void by_linker(void **state)
{
	char *argv[] = { (char *)(uintptr_t) "/lib64/ld-linux-x86-64.so.2",
			 (char *)(uintptr_t) "./by_linker", NULL };
	struct sample sample;

	(void)state;
	if (access(argv[0], X_OK)) {
		printf("no %s: not looked at\n", argv[0]);
		skip();
	}
	build("by_linker", "-pie -fPIE");
	sample_start(&sample, argv);
	sample_image(&sample);
	assert_string_equal(symbols_object(sample.image, 0)->name, "by_linker");
	globals_agree(&sample);
	locals_agree(&sample);
	libc_agrees(&sample);
	sample_stop(&sample);
}

/* musl: the C library is the dynamic linker, and names no versions. */
static void musl(void **state)
{
	char *argv[] = { (char *)(uintptr_t) "./musl", NULL };
	struct symbols_symbol symbol;
	struct sample sample;

	(void)state;
	sample_write("musl.c", "#include <stdio.h>\n#include <unistd.h>\n"
			       "int main(void) { printf(\"main %p\\n\", (void *)main);\n"
			       "puts(\"ready\"); fflush(stdout); return getchar() == 'x'; }\n");
	if (sample_sh("musl-gcc -o musl musl.c 2>musl.log")) {
		puts("no musl-gcc: not looked at");
		skip();
	}
	sample_start(&sample, argv);
	sample_image(&sample);
	sample_agrees(&sample, "main", "main");
	assert_int_equal(symbols_lookup(sample.image, "getppid", &symbol, &sample.error), 0);
	assert_string_equal(symbol.object->name, "libc.so");
	sample_stop(&sample);
}

/* Another file under the name: the mapped one is asked for, not that. */
static void replaced(void **state)
{
	struct sample sample;

	(void)state;
	build("replaced", "-pie -fPIE");
	build("replacement", "-pie -fPIE -O0");
	start(&sample, "replaced", NULL);
	symbols_image_free(sample.image);
	assert_int_equal(rename("replacement", "replaced"), 0);
	symbols_trim(sample.symbols);
	symbols_free(sample.symbols);
	sample_image(&sample);
	globals_agree(&sample);
	locals_agree(&sample);
	sample_stop(&sample);
}

int main(void)
{
	static char directory[] = "/tmp/symbols_programs.XXXXXX";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pie),
		cmocka_unit_test(no_pie),
		cmocka_unit_test(statically),
		cmocka_unit_test(static_pie),
		cmocka_unit_test(shared_page),
		cmocka_unit_test(shared_page_pie),
		cmocka_unit_test(big_pages),
		cmocka_unit_test(sysv_hash),
		cmocka_unit_test(bind_now),
		cmocka_unit_test(lines),
		cmocka_unit_test(stripped),
		cmocka_unit_test(no_sections_gnu),
		cmocka_unit_test(no_sections_sysv),
		cmocka_unit_test(debug_link_by_id),
		cmocka_unit_test(debug_link_by_crc),
		cmocka_unit_test(debug_link_stale),
		cmocka_unit_test(debug_link_moved),
		cmocka_unit_test(mini_debug_info),
		cmocka_unit_test(moved_text),
		cmocka_unit_test(deleted),
		cmocka_unit_test(memory_only_pie),
		cmocka_unit_test(memory_only_no_pie),
		cmocka_unit_test(replaced),
		cmocka_unit_test(other_device),
		cmocka_unit_test(numbered_differently),
		cmocka_unit_test(before_relocation),
		cmocka_unit_test(by_linker),
		cmocka_unit_test(musl),
	};
	int rc;

	sample_directory(directory);
	sample_write("prog.c", program);
	sample_write("other.c", other);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	if (!rc)
		sample_sh("rm -rf %s", directory);
	return rc;
}
