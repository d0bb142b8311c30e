/* SPDX-License-Identifier: MIT */
/* mutatee: rseq -- per-CPU counters without atomic instructions: a torn critical section loses a
 *	count
 * arguments: [ROUNDS] (default 400000) [hold]
 * needs: threads
 * variants: pie static
 * time: 30
 *
 * Four threads each add 1 ROUNDS times in restartable sequences (libc's registration); the sum must
 * be exact. With hold they go on, after "ready PID", until a line on stdin. The sequences are long
 * on purpose: they are where a stop hits.
 */
#include "common/mutatee.h"

#include <linux/rseq.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#define THREADS   4
#define CPUS      1024
#define SIGNATURE "0x53053053" /* RSEQ_SIG of x86 glibc */

/* Weak: libcs before 2.35 have none. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

/* One cache line each. */
static struct counter {
	long n;
	long pad[7];
} counters[CPUS];

static long rounds;
static volatile int stop;
static volatile long total;

static struct rseq *area(void)
{
	char *thread;

	__asm__("mov %%fs:0, %0" : "=r"(thread));
	return (struct rseq *)(thread + __rseq_offset);
}

/*
 * Adds 1 to this CPU's counter; false if the sequence was interrupted (nothing was added). Load, 60
 * idle turns, add, and the store that commits.
 */
static bool try_add(struct rseq *rseq)
{
	unsigned cpu = *(volatile unsigned *)&rseq->cpu_id_start;

	if (cpu >= CPUS)
		fail("cpu_id_start: expected less than %d, saw %u", CPUS, cpu);
	__asm__ goto(
		".pushsection __rseq_cs, \"aw\"\n\t"
		".balign 32\n"
		"3:	.long 0, 0\n\t"
		".quad 1f, (2f - 1f), 4f\n\t"
		".popsection\n\t"
		"lea 3b(%%rip), %%rax\n\t"
		"mov %%rax, %c[cs](%[rseq])\n"
		"1:	cmpl %[cpu], %c[id](%[rseq])\n\t"
		"jnz %l[aborted]\n\t"
		"mov (%[counter]), %%rax\n\t"
		"mov $60, %%ecx\n"
		"5:	dec %%ecx\n\t"
		"jnz 5b\n\t"
		"inc %%rax\n\t"
		"mov %%rax, (%[counter])\n"
		"2:\n\t"
		".pushsection .text.unlikely, \"ax\"\n\t"
		".byte 0x0f, 0xb9, 0x3d\n\t"
		".long " SIGNATURE "\n"
		"4:	jmp %l[aborted]\n\t"
		".popsection\n"
		:
		: [rseq] "r"(rseq), [cpu] "r"(cpu), [counter] "r"(&counters[cpu].n),
		  [cs] "i"(offsetof(struct rseq, rseq_cs)), [id] "i"(offsetof(struct rseq, cpu_id))
		: "rax", "rcx", "memory", "cc"
		: aborted);
	return true;
aborted:
	return false;
}

static void *count(void *arg)
{
	struct rseq *rseq = area();
	long done = 0;

	while (rounds ? done < rounds : !stop) {
		while (!try_add(rseq))
			;
		done++;
	}
	__atomic_add_fetch(&total, done, __ATOMIC_SEQ_CST);
	return arg;
}

static long sum(void)
{
	long n = 0;

	for (int i = 0; i < CPUS; i++)
		n += counters[i].n;
	return n;
}

/* The child keeps the registration: its sequences work too. */
static void in_child(void)
{
	struct birth birth;
	pid_t pid;

	birth_begin(&birth, 0);
	pid = fork();
	if (pid == 0) {
		long before = sum();

		rounds = 100;
		count(NULL);
		expect_eq("sum of the child's counters", before + 100, sum());
		birth_child(&birth);
	}
	birth_end(&birth, pid);
}

int main(int argc, char **argv)
{
	bool held = has_word(argc, argv, "hold");
	pthread_t threads[THREADS];

	if (!&__rseq_size || !__rseq_size || (int)area()->cpu_id < 0)
		skip("libc has not registered restartable sequences");
	rounds = held ? 0 : number_arg(argc, argv, 1, 400000);
	for (int i = 0; i < THREADS; i++)
		must("pthread_create", -pthread_create(&threads[i], NULL, count, NULL));
	hold_if(argc, argv);
	stop = 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	expect_eq("sum of the per-CPU counters", total, sum());
	in_child();
	return 0;
}
