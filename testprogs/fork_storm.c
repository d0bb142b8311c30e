/* SPDX-License-Identifier: MIT */
/* mutatee: fork_storm -- forks while signals pour in: none lost, none doubled, in order, with their
 *	siginfo
 * arguments: [FORKS] (default 100)
 * variants: pie static
 * bites: rax=56 rbx signal
 * time: 60
 *
 * A sender queues SIGRTMIN with consecutive values, never more than 64 ahead, and SIGUSR1 in
 * between, until the parent has made its forks. Real-time signals must all come, in order; of
 * SIGUSR1, which is not queued, at least one.
 */
#include "common/cpu.h"
#include "common/mutatee.h"

#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AHEAD 64

struct shared {
	volatile int stop;
	volatile int sent;
	volatile int received;
	volatile int plain_sent;
};

static struct shared *shared;
static struct cpu_check check;
static volatile pid_t sender, receiver;
static volatile int plain_received;

static void on_queued(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	if (getpid() != receiver)
		fail("signal in %d: expected it in %d only", getpid(), receiver);
	expect_eq("si_code of a queued signal", SI_QUEUE, info->si_code);
	expect_eq("si_pid of a queued signal", sender, info->si_pid);
	expect_eq("si_value of a queued signal", shared->received, info->si_value.sival_int);
	shared->received++;
}

static void on_plain(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	expect_eq("si_code of SIGUSR1", SI_USER, info->si_code);
	expect_eq("si_pid of SIGUSR1", sender, info->si_pid);
	plain_received++;
}

static void handle(int sig, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction act = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART };

	must("sigaction", sigaction(sig, &act, NULL));
}

static _Noreturn void send_storm(void)
{
	while (!shared->stop && getppid() == receiver) {
		union sigval value = { .sival_int = shared->sent };

		if (shared->sent - shared->received >= AHEAD) {
			sched_yield();
			continue;
		}
		if (sigqueue(receiver, SIGRTMIN, value)) {
			if (errno == ESRCH)
				break;
			if (errno != EAGAIN)
				fail("sigqueue: expected success, saw errno %d", errno);
			sched_yield();
			continue;
		}
		shared->sent++;
		if (shared->sent % 8 == 0) {
			kill(receiver, SIGUSR1);
			shared->plain_sent++;
		}
	}
	_exit(0);
}

static void one(uint64_t seed)
{
	struct birth birth;
	pid_t pid;

	birth_begin(&birth, BIRTH_OTHERS);
	pid = fork();
	if (pid == 0)
		birth_child(&birth);
	birth_end(&birth, pid);

	birth_begin(&birth, BIRTH_OTHERS);
	cpu_prepare(&check, seed, CPU_NO_AC);
	check.want.gpr[CPU_RAX] = SYS_fork;
	birth_end(&birth, cpu_birth(&check, &birth));
}

int main(int argc, char **argv)
{
	long forks = number_arg(argc, argv, 1, 100);
	sigset_t both, old;

	shared = shared_memory(sizeof(*shared));
	receiver = getpid();
	handle(SIGRTMIN, on_queued);
	handle(SIGUSR1, on_plain);
	sigemptyset(&both);
	sigaddset(&both, SIGRTMIN);
	sigaddset(&both, SIGUSR1);
	sigprocmask(SIG_BLOCK, &both, &old);
	sender = (pid_t)must("fork", fork());
	if (!sender)
		send_storm();
	sigprocmask(SIG_SETMASK, &old, NULL);
	for (uint64_t i = 0; i < (uint64_t)forks / 2 || shared->received < 1000; i++)
		one(i);
	shared->stop = 1;
	wait_for_exit(sender, 0, 0);
	/*
	 * All were queued before the sender ended, so they were delivered before its wait returned.
	 */
	expect_eq("queued signals received", shared->sent, shared->received);
	if (!plain_received || plain_received > shared->plain_sent)
		fail("SIGUSR1: expected 1 to %d, saw %d", shared->plain_sent, plain_received);
	expect_no_child(0);
	return 0;
}
