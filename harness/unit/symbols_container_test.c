/* SPDX-License-Identifier: MIT */
/* A target with a root of its own: its files, not ours, and no way out of there. */
#include "symbols_sample.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static const char program[] =
	"#include <stdio.h>\n"
	"static int helper(int x) { return x * 5; }\n"
	"int answer(int x) { return helper(x); }\n"
	"int main(void)\n"
	"{\n"
	"	printf(\"answer %p\\nhelper %p\\n\", (void *)answer, (void *)helper);\n"
	"	puts(\"ready\");\n"
	"	fflush(stdout);\n"
	"	getchar();\n"
	"	return 0;\n"
	"}\n";

/* In the child, before exec: the root becomes ./jail. */
static int enter_chroot(void)
{
	return chroot("jail") || chdir("/");
}

/* As container runtimes do: the files are on a mount that no other namespace has. */
static int enter_container(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "mnt", "tmpfs", 0, NULL) || system("cp -a jail/. mnt") || chdir("mnt") ||
	    syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH))
		return -1;
	return chdir("/");
}

/* sample_start runs this program; it changes the root and becomes the sample. */
static int become(const char *how)
{
	bool jailed = !strcmp(how, "chroot");
	char *argv[] = { (char *)(uintptr_t)(jailed ? "/bin/whole" : "/bin/prog"), NULL };

	if (jailed ? enter_chroot() : enter_container())
		return 1;
	execv(argv[0], argv);
	return 1;
}

static char self[4096];

static void start(struct sample *sample, const char *how)
{
	char *argv[] = { self, (char *)(uintptr_t)how, NULL };

	sample_start(sample, argv);
	sample_image(sample);
}

static void in_chroot(void **state)
{
	struct sample sample;

	(void)state;
	start(&sample, "chroot");
	assert_false(symbols_object(sample.image, 0)->from_memory);
	sample_agrees(&sample, "whole:answer", "answer");
	sample_stop(&sample);
}

static void in_container(void **state)
{
	struct sample sample;

	(void)state;
	start(&sample, "container");
	assert_string_equal(symbols_object(sample.image, 0)->name, "prog");
	assert_false(symbols_object(sample.image, 0)->from_memory);
	sample_agrees(&sample, "answer", "answer");
	/* The debug file is behind an absolute link, which leads nowhere outside of the root. */
	sample_agrees(&sample, "helper", "helper");
	sample_stop(&sample);
}

/* A link in the container to a file of ours, which would fit: not followed out. */
static void no_way_out(void **state)
{
	char directory[4096];
	struct sample sample;

	(void)state;
	assert_non_null(getcwd(directory, sizeof(directory)));
	assert_int_equal(sample_sh("mv jail/dbg/prog.debug outside.debug && "
				   "ln -sf %s/outside.debug jail/bin/.debug/prog.debug",
				   directory),
			 0);
	start(&sample, "container");
	assert_false(symbols_object(sample.image, 0)->from_memory);
	sample_refused(&sample, "helper", -ENOENT, "no symbol helper");
	sample_stop(&sample);
}

static void prepare(void)
{
	sample_write("prog.c", program);
	if (sample_sh(
		    "mkdir -p jail/bin/.debug jail/dbg mnt && "
		    "cc -g -O1 -fno-inline -w -static -Wl,--build-id=none -o jail/bin/prog prog.c && "
		    "cp jail/bin/prog jail/bin/whole && "
		    "objcopy --only-keep-debug jail/bin/prog jail/dbg/prog.debug && "
		    "objcopy -S --add-gnu-debuglink=jail/dbg/prog.debug jail/bin/prog && "
		    "ln -s /dbg/prog.debug jail/bin/.debug/prog.debug")) {
		puts("skip: no static program can be built here");
		exit(77);
	}
}

int main(int argc, char **argv)
{
	static char directory[] = "/tmp/symbols_container.XXXXXX";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_chroot),
		cmocka_unit_test(in_container),
		cmocka_unit_test(no_way_out),
	};
	pid_t probe;
	int rc, status;

	if (argc == 2)
		return become(argv[1]);
	if (!realpath("/proc/self/exe", self))
		return 1;
	sample_directory(directory);
	prepare();
	probe = fork();
	if (!probe)
		_exit(enter_container() != 0);
	if (waitpid(probe, &status, 0) != probe || status) {
		puts("skip: may not make a mount namespace (needs root)");
		return 77;
	}
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	if (!rc)
		sample_sh("rm -rf %s", directory);
	return rc;
}
