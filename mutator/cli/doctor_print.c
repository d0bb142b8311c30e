/* SPDX-License-Identifier: MIT */
/* The doctor's findings: tables for people, JSON for programs. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor.h"

#define CELL 64

static const char *op_name(int op)
{
	static const char *const names[] = { "NONE", "ENTRY", "EXIT", "SECCOMP" };

	if (op >= 0 && op < 4)
		return names[op];
	return op == -EIO ? "not there" : "failed";
}

static const char *number_or_dash(bool there, int64_t value, char *cell)
{
	if (there)
		snprintf(cell, CELL, "%" PRId64, value);
	return there ? cell : "-";
}

enum column {
	COLUMN_CALL,
	COLUMN_MODE,
	COLUMN_NUMBER,
	COLUMN_EVENT,
	COLUMN_SAW,
	COLUMN_OP,
	COLUMN_DONE,
	COLUMN_EXIT,
	COLUMN_EXIT_SAW,
	COLUMN_SAVING,
	COLUMNS
};

static const struct {
	const char *name;
	int flags;
} columns[COLUMNS] = {
	[COLUMN_CALL] = { "CALL", 0 },
	[COLUMN_MODE] = { "MODE", 0 },
	[COLUMN_NUMBER] = { "ORIG_RAX", SCOLS_FL_RIGHT },
	[COLUMN_EVENT] = { "EVENT:RAX", SCOLS_FL_RIGHT },
	[COLUMN_SAW] = { "IS", 0 },
	[COLUMN_OP] = { "OP", 0 },
	[COLUMN_DONE] = { "VFORK_DONE:RAX", SCOLS_FL_RIGHT },
	[COLUMN_EXIT] = { "EXIT:RAX", SCOLS_FL_RIGHT },
	[COLUMN_EXIT_SAW] = { "IS", 0 },
	[COLUMN_SAVING] = { "SAVING AT THE EVENT", 0 },
};

static int add_sample(struct libscols_table *table, const struct doctor_sample *s)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char cell[CELL];
	int err = line ? 0 : -ENOMEM;

#define SET(column, text) (err = err ? err : scols_line_set_data(line, column, text))
	SET(COLUMN_CALL, s->call);
	SET(COLUMN_MODE, s->mode);
	SET(COLUMN_NUMBER, number_or_dash(s->event, s->number, cell));
	SET(COLUMN_EVENT, number_or_dash(s->event, s->at_event, cell));
	SET(COLUMN_SAW, s->event ? doctor_saw_name(doctor_saw(s, s->at_event)) : "-");
	SET(COLUMN_OP, s->event ? op_name(s->op) : "-");
	SET(COLUMN_DONE, number_or_dash(s->done, s->at_done, cell));
	SET(COLUMN_EXIT, number_or_dash(s->exit, s->at_exit, cell));
	SET(COLUMN_EXIT_SAW, s->exit ? doctor_saw_name(doctor_saw(s, s->at_exit)) : "-");
	SET(COLUMN_SAVING, doctor_damage_text(s, cell, sizeof(cell)));
#undef SET
	return err;
}

static bool print_samples(const struct doctor_facts *facts, FILE *out)
{
	struct libscols_table *table = scols_new_table();
	int err = table ? 0 : -ENOMEM;

	if (!err)
		err = scols_table_set_stream(table, out);
	for (size_t i = 0; i < COLUMNS && !err; i++)
		if (!scols_table_new_column(table, columns[i].name, 0, columns[i].flags))
			err = -ENOMEM;
	for (size_t i = 0; i < facts->sample_count && !err; i++)
		err = add_sample(table, &facts->samples[i]);
	if (!err)
		err = scols_print_table(table);
	scols_unref_table(table);
	return !err;
}

static void print_wrapped(FILE *out, const char *indent, const char *text)
{
	static const size_t width = 96;
	size_t room = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (room < len + 1) {
			fprintf(out, "%s%s", room ? "\n" : "", indent);
			room = width - strlen(indent);
		} else {
			putc(' ', out);
		}
		fprintf(out, "%.*s", (int)len, text);
		room -= len + 1;
		text += len;
		text += strspn(text, " ");
	}
	putc('\n', out);
}

static const char *seccomp_name(unsigned seccomp)
{
	return seccomp == 0 ? "none" : seccomp == 1 ? "strict" : "filter";
}

static void print_machine(const struct doctor_machine *m, FILE *out)
{
	char yama[24] = "not there";

	if (m->yama >= 0)
		snprintf(yama, sizeof(yama), "ptrace_scope=%d", m->yama);
	fprintf(out, "kernel        Linux %s\n", m->release);
	fprintf(out, "Yama          %s\n", yama);
	fprintf(out, "seccomp       %s\n", seccomp_name(m->seccomp));
	fprintf(out, "container     %s%s\n", *m->container ? "yes: " : "no sign of one",
		m->container);
	fprintf(out, "capabilities  %sCAP_SYS_PTRACE, %sCAP_SYS_ADMIN%s%s\n",
		m->cap_sys_ptrace ? "" : "no ", m->cap_sys_admin ? "" : "no ",
		m->root ? ", root" : "", m->user_namespace ? ", in a user namespace" : "");
	fprintf(out, "processor     %sAVX-512, %sAMX, %sshadow stacks\n", m->avx512 ? "" : "no ",
		m->amx ? "" : "no ", m->shadow_stack ? "" : "no ");
}

static void print_features(const struct doctor_facts *facts, FILE *out)
{
	fputs("\nTried out:\n", out);
	for (enum doctor_feature i = 0; i < DOCTOR_FEATURES; i++) {
		int err = facts->feature[i];

		if (err)
			fprintf(out, "  no  %s: %s\n", doctor_feature_name(i), strerror(-err));
		else
			fprintf(out, "  yes %s\n", doctor_feature_name(i));
	}
}

bool doctor_print_text(const struct doctor_facts *facts, const struct doctor_ability *abilities,
		       size_t count, FILE *out)
{
	char summary[1024];

	print_machine(&facts->machine, out);
	print_features(facts, out);
	fputs("\nWhat each call shows to a tracer:\n", out);
	if (!print_samples(facts, out))
		return false;
	putc('\n', out);
	print_wrapped(out, "",
		      doctor_summary(facts->samples, facts->sample_count, summary,
				     sizeof(summary)));
	fputs("\nscion, here:\n", out);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "  %s %s\n", abilities[i].can ? "can   " : "can't ",
			abilities[i].what);
		print_wrapped(out, "         ", abilities[i].why);
	}
	fprintf(out, "\n%s\n",
		doctor_healthy(abilities, count) ? "scion can work rightly here." :
						   "scion can't work rightly here.");
	return fflush(out) == 0 && !ferror(out);
}

static void put(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

static struct json_object *string(const char *text)
{
	return json_object_new_string(text);
}

static struct json_object *flag(bool value)
{
	return json_object_new_boolean(value);
}

static struct json_object *integer(int64_t value)
{
	return json_object_new_int64(value);
}

static struct json_object *stop_json(const struct doctor_sample *s, int64_t rax, int op)
{
	struct json_object *stop = json_object_new_object();

	put(stop, "rax", integer(rax));
	put(stop, "saw", string(doctor_saw_name(doctor_saw(s, rax))));
	put(stop, "op", op < 0 ? NULL : string(op_name(op)));
	return stop;
}

static struct json_object *sample_json(const struct doctor_sample *s)
{
	static const char *const damages[DOCTOR_DAMAGES] = {
		[DOCTOR_UNKNOWN] = "unknown",   [DOCTOR_HARMLESS] = "harmless",
		[DOCTOR_WRONG] = "wrong value", [DOCTOR_FAILED] = "fails",
		[DOCTOR_TWO] = "two children",
	};
	struct json_object *sample = json_object_new_object();

	put(sample, "call", string(s->call));
	put(sample, "mode", string(s->mode));
	if (s->error)
		put(sample, "error", string(strerror(s->error)));
	if (s->event) {
		put(sample, "orig_rax", integer(s->number));
		put(sample, "pid", integer(s->pid));
		put(sample, "event", stop_json(s, s->at_event, s->op));
	}
	if (s->done)
		put(sample, "vfork_done_rax", integer(s->at_done));
	if (s->exit)
		put(sample, "exit", stop_json(s, s->at_exit, s->exit_op));
	put(sample, "confirmed", flag(s->confirmed));
	put(sample, "saving_at_event", string(damages[doctor_damage(s)]));
	return sample;
}

static struct json_object *machine_json(const struct doctor_machine *m)
{
	struct json_object *machine = json_object_new_object();

	put(machine, "kernel", string(m->release));
	put(machine, "yama", m->yama < 0 ? NULL : integer(m->yama));
	put(machine, "seccomp", string(seccomp_name(m->seccomp)));
	put(machine, "container", *m->container ? string(m->container) : NULL);
	put(machine, "user_namespace", flag(m->user_namespace));
	put(machine, "root", flag(m->root));
	put(machine, "cap_sys_ptrace", flag(m->cap_sys_ptrace));
	put(machine, "cap_sys_admin", flag(m->cap_sys_admin));
	put(machine, "avx512", flag(m->avx512));
	put(machine, "amx", flag(m->amx));
	put(machine, "shadow_stack", flag(m->shadow_stack));
	put(machine, "pku", flag(m->pku));
	put(machine, "xstate_size", integer((int64_t)m->xstate_size));
	return machine;
}

/* true, or the reason as text. */
static struct json_object *features_json(const int feature[DOCTOR_FEATURES])
{
	struct json_object *all = json_object_new_object();

	for (enum doctor_feature i = 0; i < DOCTOR_FEATURES; i++) {
		struct json_object *one = json_object_new_object();

		put(one, "works", flag(feature[i] == 0));
		if (feature[i])
			put(one, "error", string(strerror(-feature[i])));
		put(all, doctor_feature_key(i), one);
	}
	return all;
}

static struct json_object *abilities_json(const struct doctor_ability *abilities, size_t count)
{
	struct json_object *all = json_object_new_array();

	for (size_t i = 0; i < count; i++) {
		struct json_object *one = json_object_new_object();

		put(one, "what", string(abilities[i].what));
		put(one, "can", flag(abilities[i].can));
		put(one, "needed", flag(abilities[i].needed));
		put(one, "why", string(abilities[i].why));
		json_object_array_add(all, one);
	}
	return all;
}

bool doctor_print_json(const struct doctor_facts *facts, const struct doctor_ability *abilities,
		       size_t count, FILE *out)
{
	struct json_object *root = json_object_new_object();
	struct json_object *calls = json_object_new_array();
	char summary[1024];

	for (size_t i = 0; i < facts->sample_count; i++)
		json_object_array_add(calls, sample_json(&facts->samples[i]));
	put(root, "machine", machine_json(&facts->machine));
	put(root, "features", features_json(facts->feature));
	put(root, "calls", calls);
	put(root, "summary",
	    string(doctor_summary(facts->samples, facts->sample_count, summary, sizeof(summary))));
	put(root, "abilities", abilities_json(abilities, count));
	put(root, "healthy", flag(doctor_healthy(abilities, count)));
	fprintf(out, "%s\n",
		json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
							     JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	return fflush(out) == 0 && !ferror(out);
}
