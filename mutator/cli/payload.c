/* SPDX-License-Identifier: MIT */
/*
 * payload.c - scion payload build | check | list.
 */
#include <argp.h>
#include <errno.h>
#include <json-c/json.h>
#include <libsmartcols/libsmartcols.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "inject/builtin.h"
#include "inject/object_file.h"
#include "inject/object_name.h"
#include "scion/payload.h"

/* An object is refused, or does not compile. */
enum { EXIT_REFUSED = 1 };

struct payload_options {
	bool json;
	char *out;
	char **files;
	int count;
};

/* "calls, syscalls"; "-" for none. */
static const char *flags_text(uint32_t flags)
{
	static const char *const texts[] = { "-", "syscalls", "calls", "calls, syscalls" };

	return texts[flags & (SCION_PAYLOAD_SYSCALLS | SCION_PAYLOAD_CALLS)];
}

static struct json_object *flags_json(uint32_t flags)
{
	struct json_object *array = json_object_new_array();

	if (flags & SCION_PAYLOAD_CALLS)
		json_object_array_add(array, json_object_new_string("calls"));
	if (flags & SCION_PAYLOAD_SYSCALLS)
		json_object_array_add(array, json_object_new_string("syscalls"));
	return array;
}

static void print_json(struct json_object *value)
{
	puts(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PRETTY |
							   JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(value);
}

/* list */

static void list_json(void)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; i < builtin_payload_count; i++) {
		const struct builtin_payload *payload = &builtin_payloads[i];
		struct json_object *item = json_object_new_object();

		json_object_object_add(item, "name", json_object_new_string(payload->name));
		json_object_object_add(item, "size", json_object_new_int64((int64_t)payload->size));
		json_object_object_add(item, "flags", flags_json(payload->flags));
		json_object_object_add(item, "summary", json_object_new_string(payload->summary));
		json_object_array_add(array, item);
	}
	print_json(array);
}

static int list_line(struct libscols_table *table, const struct builtin_payload *payload)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char size[24];

	if (!line)
		return -ENOMEM;
	snprintf(size, sizeof(size), "%zu", payload->size);
	return scols_line_set_data(line, 0, payload->name) || scols_line_set_data(line, 1, size) ||
	       scols_line_set_data(line, 2, flags_text(payload->flags)) ||
	       scols_line_set_data(line, 3, payload->summary);
}

static int list_table(void)
{
	struct libscols_table *table = scols_new_table();
	size_t i;
	int ret;

	if (!table)
		return cli_complain(CLI_FAILED, "payload list", strerror(ENOMEM), NULL);
	ret = !scols_table_new_column(table, "PAYLOAD", 0, 0) ||
	      !scols_table_new_column(table, "BYTES", 0, SCOLS_FL_RIGHT) ||
	      !scols_table_new_column(table, "FLAGS", 0, 0) ||
	      !scols_table_new_column(table, "WHAT IT DOES", 0, 0);
	for (i = 0; !ret && i < builtin_payload_count; i++)
		ret = list_line(table, &builtin_payloads[i]);
	if (!ret)
		ret = scols_print_table(table);
	scols_unref_table(table);
	return ret ? cli_complain(CLI_FAILED, "payload list", strerror(ENOMEM), NULL) : 0;
}

static int payload_list(const struct payload_options *options)
{
	if (!options->json)
		return list_table();
	list_json();
	return 0;
}

/* check */

static struct json_object *check_json(const char *file, const struct object *object)
{
	struct json_object *item = json_object_new_object();
	struct json_object *imports = json_object_new_array();
	struct json_object *reasons = json_object_new_array();
	size_t i;

	for (i = 0; i < object_import_count(object); i++) {
		const struct object_import *import = object_import(object, i);
		struct json_object *entry = json_object_new_object();

		json_object_object_add(entry, "name",
				       json_object_new_string(object_name(import->name).text));
		json_object_object_add(entry, "function",
				       json_object_new_boolean(import->function));
		json_object_object_add(entry, "weak", json_object_new_boolean(import->weak));
		json_object_array_add(imports, entry);
	}
	for (i = 0; i < object_reason_count(object); i++)
		json_object_array_add(reasons, json_object_new_string(object_reason(object, i)));
	json_object_object_add(item, "file", json_object_new_string(file));
	json_object_object_add(item, "ok", json_object_new_boolean(!object_reason_count(object)));
	json_object_object_add(item, "size", json_object_new_int64((int64_t)object_size(object)));
	json_object_object_add(item, "flags", flags_json(object_flags(object)));
	json_object_object_add(item, "summary", json_object_new_string(object_summary(object)));
	json_object_object_add(item, "wants", imports);
	json_object_object_add(item, "reasons", reasons);
	return item;
}

static void check_print(const char *file, const struct object *object)
{
	size_t i;

	for (i = 0; i < object_reason_count(object); i++)
		printf("%s: refused: %s\n", file, object_reason(object, i));
	if (object_reason_count(object))
		return;
	printf("%s: ok: %zu bytes, flags: %s", file, object_size(object),
	       flags_text(object_flags(object)));
	for (i = 0; i < object_import_count(object); i++) {
		const struct object_import *import = object_import(object, i);

		printf("%s%s%s%s", i ? ", " : ", wants: ", object_name(import->name).text,
		       import->function ? "()" : "", import->weak ? " (weak)" : "");
	}
	putchar('\n');
}

/* Returns an exit code; adds to array if there is one, prints otherwise. */
static int check_file(const char *file, struct json_object *array)
{
	struct object *object;
	struct object_error error;
	int ret;

	if (object_load(file, &object, &error))
		return cli_complain(EXIT_REFUSED, file, error.text, NULL);
	if (array)
		json_object_array_add(array, check_json(file, object));
	else
		check_print(file, object);
	ret = object_reason_count(object) ? EXIT_REFUSED : 0;
	object_close(object);
	return ret;
}

static int payload_check(const struct payload_options *options)
{
	struct json_object *array = options->json ? json_object_new_array() : NULL;
	int ret = 0, i;

	for (i = 0; i < options->count; i++)
		if (check_file(options->files[i], array))
			ret = EXIT_REFUSED;
	if (array)
		print_json(array);
	return ret;
}

/* build */

/*
 * Everything that object.c refuses and a compiler does by itself is turned off: code for one place
 * only, vector registers, calls to its own run-time library, stack protector, landing pads.
 */
static const char *const build_flags[] = {
	"-std=gnu11",
	"-O2",
	"-ffreestanding",
	"-fPIC",
	"-fvisibility=hidden",
	"-mcmodel=small",
	"-mgeneral-regs-only",
	"-fno-stack-protector",
	"-fcf-protection=none",
	"-fno-asynchronous-unwind-tables",
	"-fno-unwind-tables",
	"-fno-jump-tables",
	"-fno-common",
	"-fno-lto",
	"-Wall",
};

enum { BUILD_FLAGS = sizeof(build_flags) / sizeof(*build_flags) };

/* <prefix>/include beside the <prefix>/bin that this program lies in; a build tree has one too. */
static bool include_option(char *option, size_t size)
{
	char exe[PATH_MAX], header[PATH_MAX + 32];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	int i;

	if (len < 0)
		return false;
	exe[len] = '\0';
	for (i = 0; i < 2; i++) {
		char *slash = strrchr(exe, '/');

		if (!slash)
			return false;
		*slash = '\0';
	}
	snprintf(header, sizeof(header), "%s/include/scion/payload.h", exe);
	if (access(header, R_OK))
		return false;
	return (size_t)snprintf(option, size, "-I%s/include", exe) < size;
}

/* CC may hold arguments ("ccache gcc"), as it may for make. Words are split in place. */
static int split_words(char *text, char **words, int max)
{
	char *save = NULL, *word;
	int count = 0;

	for (word = strtok_r(text, " \t", &save); word && count < max;
	     word = strtok_r(NULL, " \t", &save))
		words[count++] = word;
	return count;
}

/* Runs the compiler and returns an exit code for scion. */
static int run_compiler(char **command)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return cli_complain(CLI_FAILED, command[0], strerror(errno), NULL);
	if (pid == 0) {
		execvp(command[0], command);
		fprintf(stderr, "scion: %s: %s; install a C compiler, or name one in CC\n",
			command[0], strerror(errno));
		_exit(CLI_NOT_FOUND);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return cli_complain(CLI_FAILED, command[0], strerror(errno), NULL);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CLI_NOT_FOUND)
		return CLI_NOT_FOUND;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return EXIT_REFUSED;
	return 0;
}

/* FILE.c becomes FILE.o, as cc -c would have it, but beside its source. */
static bool default_out(const char *file, char *out, size_t size)
{
	size_t len = strlen(file);

	if (len < 3 || strcmp(file + len - 2, ".c"))
		return false;
	return (size_t)snprintf(out, size, "%.*s.o", (int)(len - 2), file) < size;
}

static int build_with(char *cc, const char *file, const char *out, char **extra, int extra_count)
{
	enum { CC_WORDS = 16 };
	char include[PATH_MAX + 16];
	char **command = calloc(CC_WORDS + BUILD_FLAGS + 8 + (size_t)extra_count, sizeof(*command));
	int count, ret, i;

	if (!command)
		return cli_complain(CLI_FAILED, "payload build", strerror(ENOMEM), NULL);
	count = split_words(cc, command, CC_WORDS);
	if (!count)
		command[count++] = "cc";
	for (i = 0; i < BUILD_FLAGS; i++)
		command[count++] = (char *)(uintptr_t)build_flags[i];
	if (include_option(include, sizeof(include)))
		command[count++] = include;
	for (i = 0; i < extra_count; i++)
		command[count++] = extra[i];
	command[count++] = "-c";
	command[count++] = "-o";
	command[count++] = (char *)(uintptr_t)out;
	command[count++] = (char *)(uintptr_t)file;
	ret = run_compiler(command);
	free(command);
	return ret;
}

static int payload_build(const struct payload_options *options, char **extra, int extra_count)
{
	const char *from = getenv("CC");
	char *cc = strdup(from ? from : "cc");
	char beside[PATH_MAX];
	const char *out = options->out;
	int ret;

	if (!cc)
		return cli_complain(CLI_FAILED, "payload build", strerror(ENOMEM), NULL);
	if (!out && default_out(options->files[0], beside, sizeof(beside)))
		out = beside;
	if (!out) {
		free(cc);
		return cli_complain(CLI_USAGE, options->files[0], "its name does not end in .c",
				    "name the object with -o FILE.o");
	}
	ret = build_with(cc, options->files[0], out, extra, extra_count);
	free(cc);
	return ret ? ret : check_file(out, NULL);
}

/* command line */

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct payload_options *options = state->input;

	switch (key) {
	case 'j':
		options->json = true;
		return 0;
	case 'o':
		options->out = arg;
		return 0;
	case ARGP_KEY_ARGS:
		options->files = state->argv + state->next;
		options->count = state->argc - state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option json_option[] = {
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ 0 },
};

static const struct argp_option out_option[] = {
	{ "output", 'o', "FILE.o", 0, "The object to write (default: beside FILE.c)", 0 },
	{ 0 },
};

/* Parses one sub-verb's words. argp leaves by itself on --help (0) and on misuse (2). */
static void parse_words(const struct argp_option *accepted, const char *usage, const char *doc,
			int argc, char **argv, struct payload_options *options)
{
	const struct argp argp = { accepted, parse_option, usage, doc, NULL, NULL, NULL };

	argp_parse(&argp, argc, argv, 0, NULL, options);
}

static int verb_list(int argc, char **argv)
{
	struct payload_options options = { 0 };

	argv[0] = "scion payload list";
	parse_words(json_option, "", "Lists the payloads that scion brings.", argc, argv, &options);
	if (options.count)
		return cli_complain(CLI_USAGE, options.files[0], "payload list takes no argument",
				    "scion payload check FILE.o looks into a file");
	return payload_list(&options);
}

static int verb_check(int argc, char **argv)
{
	struct payload_options options = { 0 };

	argv[0] = "scion payload check";
	parse_words(json_option, "FILE.o...",
		    "Says whether an object can be put into a target, or every reason why not.",
		    argc, argv, &options);
	if (!options.count)
		return cli_complain(CLI_USAGE, "payload check", "no file",
				    "name the objects to check");
	return payload_check(&options);
}

static int verb_build(int argc, char **argv)
{
	struct payload_options options = { 0 };
	int words;

	argv[0] = "scion payload build";
	for (words = 1; words < argc && strcmp(argv[words], "--"); words++)
		;
	parse_words(
		out_option, "FILE.c [-- CC-ARG...]",
		"Compiles a payload with $CC (or cc) and the flags that it needs, and checks it.",
		words, argv, &options);
	if (options.count != 1)
		return cli_complain(CLI_USAGE, "payload build",
				    options.count ? "more than one file" : "no file",
				    "name one FILE.c; arguments for the compiler stand behind --");
	if (words < argc)
		words++;
	return payload_build(&options, argv + words, argc - words);
}

int cli_payload(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} verbs[] = { { "build", verb_build }, { "check", verb_check }, { "list", verb_list } };
	static const char usage[] = "Usage: scion payload build FILE.c [-o FILE.o] [-- CC-ARG...]\n"
				    "       scion payload check [--json] FILE.o...\n"
				    "       scion payload list [--json]\n";
	size_t i;

	if (argc >= 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-?"))) {
		fputs(usage, stdout);
		return 0;
	}
	for (i = 0; argc >= 2 && i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	return cli_complain(CLI_USAGE, argc >= 2 ? argv[1] : "payload",
			    argc >= 2 ? "no such verb" : "no verb",
			    "scion payload build, check or list");
}
