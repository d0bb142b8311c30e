/* SPDX-License-Identifier: MIT */
/*
 * The doctor's judgement, on what kernels really showed: each call by its own numbers, never by
 * the kernel's version or by what another call showed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The verbs are in no library; these two files need nothing of the others. */
#include "cli/doctor_abilities.c"
#include "cli/doctor_judge.c"

#define PID      18305
#define NR_FORK  57
#define NR_CLONE 56
#define NR_VFORK 58

#define ENOSYS_SEEN (-ENOSYS)
#define NUMBER_SEEN 1
#define PID_SEEN    2

/* A call as it was measured; `seen` is one of the above. */
static struct doctor_sample sample(const char *call, int64_t number, int seen)
{
	return (struct doctor_sample){
		.call = call,
		.mode = "64-bit",
		.libc = strcmp(call, "posix_spawn") == 0 || strcmp(call, "pthread_create") == 0,
		.event = true,
		.number = number,
		.at_event = seen == NUMBER_SEEN ? number :
			    seen == PID_SEEN    ? PID :
						  seen,
		.exit = true,
		.at_exit = PID,
		.pid = PID,
		.confirmed = true,
	};
}

#define FAMILY 4

/* One line for each kernel, and for each way it was entered or resumed. */
static const struct {
	const char *kernel;
	int fork, vfork, spawn, int80; /* what is seen at the event of each */
	int64_t spawn_number;
	size_t corrupted;
	enum doctor_damage damage[FAMILY];
} rows[] = {
	{ "2.6.32 without utrace",
	  NUMBER_SEEN,
	  NUMBER_SEEN,
	  NUMBER_SEEN,
	  NUMBER_SEEN,
	  NR_CLONE,
	  4,
	  { DOCTOR_WRONG, DOCTOR_WRONG, DOCTOR_WRONG, DOCTOR_WRONG } },
	{ "2.6.32 with utrace",
	  PID_SEEN,
	  NUMBER_SEEN,
	  NUMBER_SEEN,
	  PID_SEEN,
	  NR_CLONE,
	  2,
	  { DOCTOR_HARMLESS, DOCTOR_WRONG, DOCTOR_WRONG, DOCTOR_HARMLESS } },
	{ "3.17.4",
	  NUMBER_SEEN,
	  NUMBER_SEEN,
	  NUMBER_SEEN,
	  NUMBER_SEEN,
	  NR_CLONE,
	  4,
	  { DOCTOR_WRONG, DOCTOR_WRONG, DOCTOR_WRONG, DOCTOR_WRONG } },
	{ "3.17.4 with audit",
	  NUMBER_SEEN,
	  NUMBER_SEEN,
	  NUMBER_SEEN,
	  ENOSYS_SEEN,
	  NR_CLONE,
	  4,
	  { DOCTOR_WRONG, DOCTOR_WRONG, DOCTOR_WRONG, DOCTOR_FAILED } },
	{ "3.17.4 under a seccomp filter",
	  ENOSYS_SEEN,
	  ENOSYS_SEEN,
	  ENOSYS_SEEN,
	  ENOSYS_SEEN,
	  NR_CLONE,
	  4,
	  { DOCTOR_FAILED, DOCTOR_FAILED, DOCTOR_FAILED, DOCTOR_FAILED } },
	{ "3.18.140",
	  ENOSYS_SEEN,
	  ENOSYS_SEEN,
	  ENOSYS_SEEN,
	  NUMBER_SEEN,
	  NR_CLONE,
	  4,
	  { DOCTOR_FAILED, DOCTOR_FAILED, DOCTOR_FAILED, DOCTOR_WRONG } },
	{ "5.10 to 7.3",
	  ENOSYS_SEEN,
	  ENOSYS_SEEN,
	  ENOSYS_SEEN,
	  ENOSYS_SEEN,
	  NR_CLONE3,
	  4,
	  { DOCTOR_FAILED, DOCTOR_FAILED, DOCTOR_TWO, DOCTOR_FAILED } },
};

static void fill(struct doctor_sample samples[FAMILY], size_t row)
{
	samples[0] = sample("fork", NR_FORK, rows[row].fork);
	samples[1] = sample("vfork", NR_VFORK, rows[row].vfork);
	samples[2] = sample("posix_spawn", rows[row].spawn_number, rows[row].spawn);
	samples[3] = sample("fork", 2, rows[row].int80);
	samples[3].mode = "int 0x80";
}

static void test_kernels(void **state)
{
	struct doctor_sample samples[FAMILY];

	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		struct doctor_tally tally;

		fill(samples, row);
		for (size_t i = 0; i < FAMILY; i++)
			assert_int_equal(doctor_damage(&samples[i]), rows[row].damage[i]);
		tally = doctor_count(samples, FAMILY);
		assert_int_equal(tally.measured, FAMILY);
		assert_int_equal(tally.corrupted, rows[row].corrupted);
		assert_int_equal(tally.right, FAMILY);
	}
}

static void test_names(void **state)
{
	struct doctor_sample s = sample("fork", NR_FORK, ENOSYS_SEEN);

	(void)state;
	assert_string_equal(doctor_saw_name(doctor_saw(&s, -ENOSYS)), "-ENOSYS");
	assert_string_equal(doctor_saw_name(doctor_saw(&s, NR_FORK)), "call number");
	assert_string_equal(doctor_saw_name(doctor_saw(&s, PID)), "PID");
	assert_string_equal(doctor_saw_name(doctor_saw(&s, -513)), "other");
	/* In a guest that has just booted the child may be number 57. */
	s.pid = NR_FORK;
	assert_string_equal(doctor_saw_name(doctor_saw(&s, NR_FORK)), "call number or PID");
}

static void test_damage_in_words(void **state)
{
	struct doctor_sample s;
	char text[64];

	(void)state;
	s = sample("fork", NR_FORK, NUMBER_SEEN);
	assert_string_equal(doctor_damage_text(&s, text, sizeof(text)), "corrupts: returns 57");
	s = sample("fork", NR_FORK, PID_SEEN);
	assert_string_equal(doctor_damage_text(&s, text, sizeof(text)), "harmless");
	s = sample("clone3", NR_CLONE3, ENOSYS_SEEN);
	assert_string_equal(doctor_damage_text(&s, text, sizeof(text)),
			    "corrupts: fails, child runs");
	s = sample("pthread_create", NR_CLONE3, ENOSYS_SEEN);
	assert_string_equal(doctor_damage_text(&s, text, sizeof(text)), "corrupts: two children");
	s = (struct doctor_sample){ .error = ENOSYS };
	assert_string_equal(doctor_damage_text(&s, text, sizeof(text)),
			    "not here: Function not implemented");
	s = (struct doctor_sample){ .event = true };
	assert_string_equal(doctor_damage_text(&s, text, sizeof(text)), "not measured");
}

static void test_summary(void **state)
{
	struct doctor_sample samples[FAMILY];
	char text[1024];

	(void)state;
	fill(samples, 1);
	doctor_summary(samples, FAMILY, text, sizeof(text));
	assert_non_null(strstr(text, "rax was: call number 2 times, PID 2 times."));
	assert_non_null(strstr(text, "would corrupt 2 of 4 calls."));
	assert_non_null(strstr(text, "was the PID every time"));
	samples[0].at_exit = NR_FORK;
	doctor_summary(samples, FAMILY, text, sizeof(text));
	assert_non_null(strstr(text, "was the PID in 3 of 4 calls only."));
	doctor_summary(samples, 0, text, sizeof(text));
	assert_string_equal(text, "No call could be measured.");
	/* No room is no reason to write past the end. */
	fill(samples, 5);
	for (size_t size = 1; size < 64; size++) {
		memset(text, '#', sizeof(text));
		doctor_summary(samples, FAMILY, text, size);
		assert_true(strlen(text) < size);
		assert_int_equal(text[size], '#');
	}
}

static struct doctor_facts good_facts(const struct doctor_sample *samples, size_t count)
{
	struct doctor_facts facts = {
		.machine = { .yama = -1, .cap_sys_ptrace = true, .cap_sys_admin = true },
		.samples = samples,
		.sample_count = count,
	};

	return facts;
}

static bool healthy(const struct doctor_facts *facts,
		    struct doctor_ability abilities[DOCTOR_ABILITIES])
{
	size_t count = doctor_abilities(facts, abilities);

	for (size_t i = 0; i < count; i++) {
		assert_non_null(abilities[i].what);
		assert_true(*abilities[i].why);
	}
	return doctor_healthy(abilities, count);
}

/* What is needed, and what only makes scion slower or more cautious. */
static void test_health(void **state)
{
	static const bool needed[DOCTOR_FEATURES] = { [DOCTOR_SEIZE] = true };
	struct doctor_sample samples[FAMILY];
	struct doctor_ability abilities[DOCTOR_ABILITIES];
	struct doctor_facts facts;

	(void)state;
	fill(samples, 0);
	facts = good_facts(samples, FAMILY);
	assert_true(healthy(&facts, abilities));
	for (size_t i = 0; i < DOCTOR_ABILITIES; i++)
		assert_true(abilities[i].can);
	for (size_t i = 0; i < DOCTOR_FEATURES; i++) {
		facts = good_facts(samples, FAMILY);
		facts.feature[i] = -EPERM;
		assert_int_equal(healthy(&facts, abilities), !needed[i]);
	}
	/* Code can be written in one of two ways, or not at all. */
	facts = good_facts(samples, FAMILY);
	facts.feature[DOCTOR_MEM_WRITE_CODE] = facts.feature[DOCTOR_POKE_CODE] = -EIO;
	assert_false(healthy(&facts, abilities));
	/* One wrong result is enough. */
	facts = good_facts(samples, FAMILY);
	samples[2].confirmed = false;
	assert_false(healthy(&facts, abilities));
	facts.sample_count = 0;
	assert_false(healthy(&facts, abilities));
}

static const struct doctor_ability *find(const struct doctor_ability *abilities, const char *what)
{
	for (size_t i = 0; i < DOCTOR_ABILITIES; i++)
		if (strcmp(abilities[i].what, what) == 0)
			return &abilities[i];
	fail_msg("no ability \"%s\"", what);
	return NULL;
}

/* Each refusal names its own cause. */
static void test_causes(void **state)
{
	static const struct {
		int yama, seize;
		bool capable;
		const char *what, *cause;
		bool can;
	} cases[] = {
		{ -1, 0, false, "attach to running programs", "no Yama", true },
		{ 0, 0, false, "attach to running programs", "ptrace_scope is 0", true },
		{ 1, 0, false, "attach to running programs", "ptrace_scope is 1", false },
		{ 1, 0, true, "attach to running programs", "CAP_SYS_PTRACE is there", true },
		{ 2, 0, false, "attach to running programs", "ptrace_scope is 2", false },
		{ 2, -EPERM, false, "trace programs that it starts", "CAP_SYS_PTRACE", false },
		{ 3, -EPERM, true, "trace programs that it starts", "until a reboot", false },
		{ 3, -EPERM, true, "attach to running programs", "forbidden", false },
		{ -1, -EIO, true, "trace programs that it starts", "Linux 3.4", false },
	};
	struct doctor_sample samples[FAMILY];

	(void)state;
	fill(samples, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct doctor_facts facts = good_facts(samples, FAMILY);
		struct doctor_ability abilities[DOCTOR_ABILITIES];
		const struct doctor_ability *a;

		facts.machine.yama = cases[i].yama;
		facts.machine.cap_sys_ptrace = cases[i].capable;
		facts.feature[DOCTOR_SEIZE] = cases[i].seize;
		doctor_abilities(&facts, abilities);
		a = find(abilities, cases[i].what);
		assert_int_equal(a->can, cases[i].can);
		assert_non_null(strstr(a->why, cases[i].cause));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernels),         cmocka_unit_test(test_names),
		cmocka_unit_test(test_damage_in_words), cmocka_unit_test(test_summary),
		cmocka_unit_test(test_health),          cmocka_unit_test(test_causes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
