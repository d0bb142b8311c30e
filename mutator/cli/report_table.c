/* SPDX-License-Identifier: MIT */
/* report_table.c - the tables and the summary, for people. */
#include <errno.h>
#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "cli/at.h"
#include "cli/report.h"

enum { CELL = 512, COLUMNS_MAX = 9 };

struct row {
	char cell[COLUMNS_MAX][CELL];
	unsigned count;
};

static char *next_cell(struct row *row)
{
	char *cell = row->cell[row->count++];

	*cell = '\0';
	return cell;
}

static void task_cell(struct row *row, const struct report_side *side)
{
	if (side->pid == side->tid)
		snprintf(next_cell(row), CELL, "%d", side->tid);
	else
		snprintf(next_cell(row), CELL, "%d/%d", side->pid, side->tid);
}

static void held_cell(struct row *row, const struct report_side *side)
{
	char *cell = next_cell(row);

	if (side->released)
		snprintf(cell, CELL, "%.1f", (double)side->held_ns / 1e3);
	else
		strcpy(cell, "-");
}

static void payload_cell(struct row *row, const struct report_side *side)
{
	char *cell = next_cell(row);
	size_t length = 0;

	for (const struct report_payload *p = side->payloads; p && length < CELL - 3; p = p->next) {
		if (p != side->payloads) {
			memcpy(cell + length, ", ", 3);
			length += 2;
		}
		report_payload_text(p, cell + length, CELL - length);
		length = strlen(cell);
	}
	if (!length)
		strcpy(cell, "-");
}

static void verdict_cell(struct row *row, const struct report_fork *fork)
{
	char *cell = next_cell(row);

	switch (report_judge(fork)) {
	case REPORT_RIGHT:
		strcpy(cell, "right");
		break;
	case REPORT_WRONG:
		snprintf(cell, CELL, "WRONG: expected %d", fork->expected);
		break;
	case REPORT_UNKNOWN:
		strcpy(cell, fork->parent.seen ? "not known" :
			     !fork->parent.tid ? "creator not seen" :
			     fork->parent.gone ? "parent ended first" :
						 "let go first");
		break;
	}
	if (!fork->child.seen)
		snprintf(cell + strlen(cell), CELL - strlen(cell),
			 fork->child.gone ? ", child ended first" : ", CHILD NOT SEEN");
}

static void fill(struct row *row, const struct report_fork *fork, bool payloads)
{
	row->count = 0;
	report_kind(fork, next_cell(row), CELL);
	task_cell(row, &fork->parent);
	task_cell(row, &fork->child);
	if (fork->parent.seen)
		snprintf(next_cell(row), CELL, "%" PRId64, fork->value);
	else
		strcpy(next_cell(row), "-");
	verdict_cell(row, fork);
	if (payloads)
		payload_cell(row, &fork->parent);
	held_cell(row, &fork->parent);
	if (payloads)
		payload_cell(row, &fork->child);
	held_cell(row, &fork->child);
}

static int add_row(struct libscols_table *table, struct row *row)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	int error = line ? 0 : -ENOMEM;

	for (unsigned i = 0; i < row->count && !error; i++)
		error = scols_line_set_data(line, i, row->cell[i]);
	return error;
}

static int compare_forks(const void *a, const void *b)
{
	const struct report_fork *const *x = a, *const *y = b;

	return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

/* Right and wrong ones together, oldest first. */
static size_t collect(const struct report *r, const struct report_fork **list)
{
	size_t count = 0;

	for (size_t i = 0; i < REPORT_KEPT && i < r->kept->count; i++)
		list[count++] = r->kept->fork[i];
	for (const struct report_fork *fork = r->wrong; fork; fork = fork->next)
		list[count++] = fork;
	qsort(list, count, sizeof(*list), compare_forks);
	return count;
}

static struct libscols_table *new_table(struct report *r, const char *const names[],
					const char *right)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		return NULL;
	scols_table_set_stream(table, r->options.out);
	scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
	for (size_t i = 0; names[i]; i++)
		if (!scols_table_new_column(table, names[i], 0,
					    right[i] == 'r' ? SCOLS_FL_RIGHT : 0)) {
			scols_unref_table(table);
			return NULL;
		}
	return table;
}

static void print_forks(struct report *r, const struct report_fork **list, size_t count)
{
	/* Not "µs": without a UTF-8 locale libsmartcols would escape it. */
	static const char *const plain[] = { "KIND",          "PARENT",  "CHILD",
					     "RETURNED",      "VERDICT", "PARENT HELD us",
					     "CHILD HELD us", NULL };
	static const char *const full[] = { "KIND",    "PARENT",    "CHILD",   "RETURNED",
					    "VERDICT", "IN PARENT", "HELD us", "IN CHILD",
					    "HELD us", NULL };
	bool payloads = r->options.payloads_at_fork;
	struct libscols_table *table = payloads ? new_table(r, full, "lrrrllrlr") :
						  new_table(r, plain, "lrrrlrr");
	struct row *row = malloc(sizeof(*row));
	int error = table && row ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && !error; i++) {
		fill(row, list[i], payloads);
		error = add_row(table, row);
	}
	if (!error)
		error = scols_print_table(table);
	if (error)
		r->failed = true;
	free(row);
	scols_unref_table(table);
}

static void print_others(struct report *r)
{
	static const char *const names[] = { "AT", "TASK", "PAYLOAD", NULL };
	uint64_t first = r->other_count > REPORT_KEPT ? r->other_count - REPORT_KEPT : 0;
	struct libscols_table *table = new_table(r, names, "lrl");
	struct row *row = malloc(sizeof(*row));
	int error = table && row ? 0 : -ENOMEM;

	for (uint64_t i = first; i < r->other_count && !error; i++) {
		const struct report_payload *payload = r->others[i % REPORT_KEPT];
		struct report_side task = { .pid = payload->pid, .tid = payload->tid };

		row->count = 0;
		snprintf(next_cell(row), CELL, "%s", at_name(payload->at));
		task_cell(row, &task);
		report_payload_text(payload, next_cell(row), CELL);
		error = add_row(table, row);
	}
	if (first)
		fprintf(r->options.out, "... %" PRIu64 " payloads before these\n", first);
	if (!error)
		error = scols_print_table(table);
	if (error)
		r->failed = true;
	free(row);
	scols_unref_table(table);
}

void report_table(struct report *r)
{
	const struct report_fork **list = calloc(REPORT_KEPT + r->wrong_kept, sizeof(*list));
	size_t count;

	if (!list) {
		r->failed = true;
		return;
	}
	count = collect(r, list);
	if (r->kept->count > REPORT_KEPT)
		fprintf(r->options.out,
			"... %" PRIu64 " more, all told by the summary; --json lists each\n",
			r->kept->count - REPORT_KEPT);
	if (count)
		print_forks(r, list, count);
	free(list);
	if (r->other_count)
		print_others(r);
}

static void trouble(FILE *out, uint64_t count, const char *text)
{
	if (count)
		fprintf(out, "WRONG: %" PRIu64 " %s\n", count, text);
}

static void print_failures(const struct report *r)
{
	for (size_t i = 0; i < REPORT_FAILURES && r->failures[i].why; i++)
		fprintf(r->options.out, "       %s, %" PRIu64 " times, first in %d: %s\n",
			r->failures[i].name, r->failures[i].count, r->failures[i].tid,
			r->failures[i].why);
}

void report_summary(struct report *r)
{
	const struct report_counts *c = &r->counts;
	FILE *out = r->options.out;

	fprintf(out, "forks %" PRIu64 ", threads %" PRIu64 ", execs %" PRIu64 ", exits %" PRIu64,
		c->forks, c->threads, c->execs, c->exits);
	if (c->payloads)
		fprintf(out, "; payloads run %" PRIu64 ", failed %" PRIu64,
			c->payloads - c->payloads_failed, c->payloads_failed);
	fprintf(out, "; values right %" PRIu64 ", wrong %" PRIu64, c->right, c->wrong);
	if (c->unknown)
		fprintf(out, ", not known %" PRIu64, c->unknown);
	if (c->left)
		fprintf(out, "; let go %" PRIu64, c->left);
	fputc('\n', out);
	trouble(out, c->wrong, "calls returned a wrong value");
	trouble(out, c->payloads_failed, "payloads failed");
	print_failures(r);
	trouble(out, c->whoami_wrong, "tasks are not whom scion took them for");
	trouble(out, c->child_lost, "children were never seen");
	trouble(out, c->lost, "tasks have no known end");
	if (r->failed)
		fputs("WRONG: out of memory, the report is not complete\n", out);
}
