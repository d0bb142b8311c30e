/* SPDX-License-Identifier: MIT */
/* Which of several objects a name is taken from: load order, versions, dlopen, dlmopen, IFUNCs. */
#include "symbols_sample.h"

static const char library[] =
	"int common(void) { return WHICH; }\n"
	"__attribute__((weak)) int weak_or_not(void) { return WHICH; }\n"
	"int only_in(void) { return WHICH; }\n"
	"int __attribute__((noinline)) static hidden_in(void) { return WHICH; }\n"
	"int (*hidden_of(void))(void) { return hidden_in; }\n";

static const char versioned[] = "int old_default(void) { return 1; }\n"
				"int new_default(void) { return 2; }\n"
				"int none_1(void) { return 1; }\nint none_2(void) { return 2; }\n"
				"int lone(void) { return 3; }\n"
				"__asm__(\".symver old_default,pick@V1\");\n"
				"__asm__(\".symver new_default,pick@@V2\");\n"
				"__asm__(\".symver none_1,none@V1\");\n"
				"__asm__(\".symver none_2,none@V2\");\n"
				"__asm__(\".symver lone,lone@V1\");\n";

static const char ifuncs[] = "static int real(void) { return 1; }\n"
			     "static int (*choose(void))(void) { return real; }\n"
			     "int used(void) __attribute__((ifunc(\"choose\")));\n"
			     "int unused(void) __attribute__((ifunc(\"choose\")));\n"
			     "int lazy(void) __attribute__((ifunc(\"choose\")));\n"
			     "int (*real_of(void))(void) { return real; }\n";

static const char program[] =
	"#define _GNU_SOURCE\n"
	"#include <dlfcn.h>\n#include <stdio.h>\n#include <string.h>\n#include <unistd.h>\n"
	"int common(void), weak_or_not(void), pick(void), used(void), lazy(void);\n"
	"int (*real_of(void))(void);\n"
	"int unexported(void) { return 1; }\n"
	"#define SAY(name, x) printf(name \" %p\\n\", (void *)(x))\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"	void *a = dlopen(\"./liba.so\", RTLD_NOW), *b = dlopen(\"./libb.so\", RTLD_NOW);\n"
	"	void *c = dlopen(\"./libc0.so\", RTLD_NOW), *d = dlopen(\"./libb.so\", RTLD_NOW);\n"
	"	void *e = dlmopen(LM_ID_NEWLM, \"./libn.so\", RTLD_NOW);\n"
	"	void *v = dlopen(\"libv.so\", RTLD_NOW);\n"
	"	SAY(\"common\", common); SAY(\"weak\", weak_or_not);\n"
	"	SAY(\"a_common\", dlsym(a, \"common\")); SAY(\"b_common\", dlsym(b, \"common\"));\n"
	"	SAY(\"c_only\", dlsym(c, \"only_in_c\")); SAY(\"n_only\", dlsym(e, \"only_in_n\"));\n"
	"	SAY(\"a_hidden\", ((void *(*)(void))dlsym(a, \"hidden_of\"))());\n"
	"	SAY(\"pick\", pick); SAY(\"pick1\", dlvsym(v, \"pick\", \"V1\"));\n"
	"	SAY(\"none1\", dlvsym(v, \"none\", \"V1\")); SAY(\"lone\", dlvsym(v, \"lone\", \"V1\"));\n"
	"	SAY(\"unexported\", unexported); SAY(\"real\", real_of());\n"
	"	printf(\"sum %x\\n\", used() + (argc > 5 ? lazy() : 0));\n"
	"	puts(\"ready\"); fflush(stdout);\n"
	"	getchar();\n"
	"	return d != b;\n"
	"}\n";

static struct sample sample;

static void cc(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void cc(const char *format, ...)
{
	char arguments[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(arguments, sizeof(arguments), format, args);
	va_end(args);
	if (sample_sh("cc -g -O1 -w %s", arguments)) {
		fprintf(stderr, "cc %s failed\n", arguments);
		exit(1);
	}
}

static int setup(void **state)
{
	char *argv[] = { (char *)(uintptr_t) "./program", NULL };

	(void)state;
	sample_write("library.c", library);
	sample_write("versioned.c", versioned);
	sample_write("ifuncs.c", ifuncs);
	sample_write("program.c", program);
	sample_write("v.map",
		     "V1 { global: pick; none; lone; local: *; }; V2 { global: pick; } V1;\n");
	for (const char *const *name =
		     (const char *const[]){ "a", "b", "c0", "n", "first", "last", NULL };
	     *name; name++)
		cc("-shared -fPIC -DWHICH=%d -Donly_in=only_in_%c -o lib%s.so library.c", **name,
		   **name, *name);
	cc("-shared -fPIC -Wl,--version-script=v.map -o libv.so versioned.c");
	cc("-shared -fPIC -o libi.so ifuncs.c");
	cc("-fPIE -pie -o program program.c -L. -Wl,-rpath,. -Wl,--no-as-needed -Wl,-z,lazy -lfirst "
	   "-lv -li -llast");
	sample_start(&sample, argv);
	sample_image(&sample);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sample_stop(&sample);
	return 0;
}

static void load_order(void **state)
{
	struct symbols_symbol symbol;

	(void)state;
	/* The last one would win if address decided, and the weak one lose if binding did. */
	sample_agrees(&sample, "common", "common");
	sample_agrees(&sample, "weak_or_not", "weak");
	assert_int_equal(symbols_lookup(sample.image, "common", &symbol, &sample.error), 0);
	assert_string_equal(symbol.object->name, "libfirst.so");
	assert_int_equal(symbols_lookup(sample.image, "weak_or_not", &symbol, &sample.error), 0);
	assert_string_equal(symbol.object->name, "libfirst.so");
	assert_int_equal(symbol.binding, SYMBOLS_WEAK);
	assert_string_equal(symbols_object(sample.image, 0)->name, "program");
	assert_string_equal(symbols_object(sample.image, 1)->name, "[vdso]");
	assert_string_equal(symbols_object(sample.image, 2)->name, "libfirst.so");
	sample_agrees(&sample, "unexported", "unexported");
}

static void restricted(void **state)
{
	char spec[4200], directory[4096];

	(void)state;
	sample_agrees(&sample, "liba.so:common", "a_common");
	sample_agrees(&sample, "libb.so:common", "b_common");
	assert_non_null(getcwd(directory, sizeof(directory)));
	snprintf(spec, sizeof(spec), "%s/libb.so:common", directory);
	sample_agrees(&sample, spec, "b_common");
	sample_refused(&sample, "/nowhere/libb.so:common", -ENOENT, "no object");
	sample_refused(&sample, "libv.so:common", -ENOENT, "libv.so has no symbol common");
}

static void opened_later(void **state)
{
	(void)state;
	sample_agrees(&sample, "only_in_c", "c_only");
	sample_agrees(&sample, "only_in_n", "n_only");
	sample_agrees(&sample, "liba.so:hidden_in", "a_hidden");
}

static void versions(void **state)
{
	struct symbols_symbol symbol;

	(void)state;
	sample_agrees(&sample, "pick", "pick");
	sample_agrees(&sample, "pick@V2", "pick");
	sample_agrees(&sample, "pick@@V2", "pick");
	sample_agrees(&sample, "pick@V1", "pick1");
	sample_agrees(&sample, "none@V1", "none1");
	sample_agrees(&sample, "lone", "lone");
	sample_refused(&sample, "none", -ENOTUNIQ, "2 versions of none");
	sample_refused(&sample, "pick@V3", -ENOENT, "pick@V3");
	assert_int_equal(symbols_lookup(sample.image, "pick", &symbol, &sample.error), 0);
	assert_string_equal(symbol.version, "V2");
}

static void chosen(void **state)
{
	struct symbols_symbol symbol;

	(void)state;
	sample_agrees(&sample, "used", "real");
	assert_int_equal(symbols_lookup(sample.image, "used", &symbol, &sample.error), 0);
	assert_int_equal(symbol.type, SYMBOLS_IFUNC);
	assert_int_not_equal(symbol.resolver, symbol.addr);
	/* Bound at the first call, which never comes; and one that nobody refers to. */
	sample_refused(&sample, "lazy", -EAGAIN, "IFUNC");
	sample_refused(&sample, "unused", -EAGAIN, "IFUNC");
}

int main(void)
{
	static char directory[] = "/tmp/symbols_libraries.XXXXXX";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(load_order),   cmocka_unit_test(restricted),
		cmocka_unit_test(opened_later), cmocka_unit_test(versions),
		cmocka_unit_test(chosen),
	};
	int rc;

	sample_directory(directory);
	rc = cmocka_run_group_tests(tests, setup, teardown);
	if (!rc)
		sample_sh("rm -rf %s", directory);
	return rc;
}
