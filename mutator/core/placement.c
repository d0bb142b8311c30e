/* SPDX-License-Identifier: MIT */
/* placement.c - on which CPU the tracer runs; placement.h says why. */
#include "core/placement.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define NS_PER_MS 1000000ULL

/* A tracee whose stops are further apart gains nothing that could be noticed. */
static const uint64_t quick_gap = NS_PER_MS / 2;
/* BEHIND, and this long no stop: the tracee computes, sleeps, or we were starved. */
static const uint64_t long_gap = 2 * NS_PER_MS;
/* Entering BEHIND costs a migration, some ten stops' worth: only after a run of them. */
static const unsigned quick_run = 32;
/* Questions cost some µs: at the first stops, for targets pinned from the start, then rarely. */
static const unsigned ask_rarely = 64;
/* BEHIND that lasted for fewer stops was not worth it. */
static const uint64_t worth_it = 512;
static const uint64_t first_back_off = 100 * NS_PER_MS;
static const uint64_t last_back_off = 60000 * NS_PER_MS;

void placement_policy_init(struct placement_policy *p)
{
	memset(p, 0, sizeof(*p));
	p->now.cpu = -1;
	p->last_only_cpu = -1;
	p->ask_after = 1;
	p->back_off = first_back_off;
}

static void leave(struct placement_policy *p, uint64_t now)
{
	if (p->now.place == PLACEMENT_BEHIND) {
		p->not_before = now + p->back_off;
		if (p->behind_from >= worth_it)
			p->back_off = first_back_off;
		else if (p->back_off < last_back_off)
			p->back_off *= 2;
	}
	if (p->now.place != PLACEMENT_ALONE)
		p->quick = 0;
	p->now.place = PLACEMENT_ALONE;
	p->now.cpu = -1;
}

/* Whether BEHIND could be right, by what is known without asking. */
static bool behind_thinkable(const struct placement_policy *p, uint64_t now, unsigned tasks)
{
	return tasks == 1 && p->quick >= quick_run && now >= p->not_before;
}

enum placement_ask placement_note(struct placement_policy *p, uint64_t now, unsigned tasks)
{
	uint64_t gap = p->last_stop ? now - p->last_stop : long_gap + 1;

	p->last_stop = now;
	p->quick = gap <= quick_gap ? p->quick + 1 : 0;
	if (p->now.place == PLACEMENT_BEHIND) {
		p->behind_from++;
		if (tasks != 1 || gap > long_gap) {
			leave(p, now);
			return PLACEMENT_LEAVE;
		}
	}
	if (++p->since_ask < p->ask_after)
		return PLACEMENT_ASK_NOTHING;
	p->since_ask = 0;
	if (p->ask_after < ask_rarely)
		p->ask_after *= 2;
	if (p->now.place == PLACEMENT_BEHIND || behind_thinkable(p, now, tasks))
		return PLACEMENT_ASK_ALL;
	return PLACEMENT_ASK_AFFINITY;
}

/*
 * While another CPU is idle, a wake-up goes there. Where none is, tracer and tracee meet on one
 * CPU anyway, and an idle-class tracer would only starve. Half leaves a margin for bursts.
 */
static bool load_permits(const struct placement_sample *s)
{
	return s->runnable > 0 && (unsigned)s->runnable <= (s->cpus > 2 ? s->cpus / 2 : 1);
}

struct placement_order placement_decide(struct placement_policy *p, uint64_t now,
					enum placement_ask asked, const struct placement_sample *s)
{
	/* Twice the same, so that two tracees pinned apart don't pull the tracer to and fro. */
	bool pinned = s->only_cpu >= 0 && s->only_cpu == p->last_only_cpu;

	p->last_only_cpu = s->only_cpu;
	if (pinned) {
		p->now.place = PLACEMENT_BESIDE;
		p->now.cpu = s->only_cpu;
		return p->now;
	}
	if (s->only_cpu < 0 && asked == PLACEMENT_ASK_ALL && s->may_behind && s->cpu >= 0 &&
	    load_permits(s)) {
		if (p->now.place != PLACEMENT_BEHIND)
			p->behind_from = 0;
		p->now.place = PLACEMENT_BEHIND;
		p->now.cpu = s->cpu;
		return p->now;
	}
	leave(p, now);
	return p->now;
}

int placement_init(struct placement *p, struct kernel *k, enum placement_mode mode, int cpu)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	memset(p, 0, sizeof(*p));
	p->kernel = k;
	p->mode = mode;
	p->wanted_cpu = cpu;
	p->cpus = cpus > 0 ? (unsigned)cpus : 1;
	p->in_force.cpu = -1;
	placement_policy_init(&p->policy);
	CPU_ZERO(&p->own);
	if (mode == PLACEMENT_OFF)
		return 0;
	if (mode == PLACEMENT_CPU && (cpu < 0 || cpu >= CPU_SETSIZE))
		return -EINVAL;
	if (kernel_get_affinity(k, 0, &p->own) < 0) {
		p->mode =
			PLACEMENT_OFF; /* more CPUs than cpu_set_t holds, or a kernel that can't */
		return mode == PLACEMENT_CPU ? -EINVAL : 0;
	}
	if (mode == PLACEMENT_CPU)
		return CPU_ISSET((unsigned)cpu, &p->own) ? 0 : -EINVAL;
	if (CPU_COUNT(&p->own) == 1)
		p->mode = PLACEMENT_OFF; /* somebody has decided already */
	return 0;
}

static int go_to(struct placement *p, int cpu)
{
	cpu_set_t set;

	if (!CPU_ISSET((unsigned)cpu, &p->own))
		return -EINVAL; /* the user keeps the tracer away from there */
	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	return kernel_set_affinity(p->kernel, 0, &set);
}

static void set_idle(struct placement *p, bool on)
{
	if (p->idle == on)
		return;
	if (kernel_set_idle(p->kernel, on) == 0)
		p->idle = on;
	else if (on)
		p->no_behind = true; /* refused once, refused always */
}

static void apply(struct placement *p, struct placement_order order)
{
	if (order.place == p->in_force.place && order.cpu == p->in_force.cpu)
		return;
	if (order.place != PLACEMENT_BEHIND)
		set_idle(p, false);
	if (order.place == PLACEMENT_ALONE) {
		kernel_set_affinity(p->kernel, 0, &p->own);
		p->in_force = order;
		return;
	}
	if (go_to(p, order.cpu) < 0) {
		placement_release(p);
		p->mode = PLACEMENT_OFF; /* asking again and again would only cost */
		return;
	}
	p->in_force = order;
	if (order.place == PLACEMENT_BEHIND)
		set_idle(p, true);
	if (p->no_behind && order.place == PLACEMENT_BEHIND)
		placement_release(p);
}

/* A real-time task keeps its CPU as long as it likes: a tracer that is there too may never run. */
static bool shares_its_cpu(struct placement *p, pid_t tid)
{
	int class = kernel_sched_class(p->kernel, tid);

	return class == -ENOSYS || class == SCHED_OTHER || class == SCHED_BATCH ||
	       class == SCHED_IDLE;
}

/* False: the task is dying, there is nothing to decide on. */
static bool sample(struct placement *p, pid_t tid, enum placement_ask ask,
		   struct placement_sample *s)
{
	cpu_set_t set;
	int cpu;

	*s = (struct placement_sample){ .only_cpu = -1, .cpu = -1, .runnable = -1, .cpus = p->cpus };
	if (kernel_get_affinity(p->kernel, tid, &set) < 0)
		return false;
	if (CPU_COUNT(&set) == 1 && shares_its_cpu(p, tid)) {
		for (cpu = 0; !CPU_ISSET((unsigned)cpu, &set); cpu++)
			;
		s->only_cpu = cpu;
	}
	if (ask == PLACEMENT_ASK_ALL && !p->no_behind && shares_its_cpu(p, tid)) {
		s->cpu = kernel_task_cpu(p->kernel, tid);
		s->runnable = kernel_runnable(p->kernel);
		s->may_behind = true;
	}
	return true;
}

void placement_on_stop(struct placement *p, pid_t tid, unsigned tasks, uint64_t now)
{
	struct placement_sample s;
	enum placement_ask ask;

	if (p->mode == PLACEMENT_OFF)
		return;
	if (p->mode == PLACEMENT_CPU) {
		apply(p, (struct placement_order){ PLACEMENT_BESIDE, p->wanted_cpu });
		return;
	}
	ask = placement_note(&p->policy, now, tasks);
	if (ask == PLACEMENT_ASK_NOTHING)
		return;
	if (ask != PLACEMENT_LEAVE) {
		if (!sample(p, tid, ask, &s))
			return;
		placement_decide(&p->policy, now, ask, &s);
	}
	apply(p, p->policy.now);
}

void placement_release(struct placement *p)
{
	set_idle(p, false);
	if (p->in_force.place != PLACEMENT_ALONE)
		kernel_set_affinity(p->kernel, 0, &p->own);
	p->in_force = (struct placement_order){ PLACEMENT_ALONE, -1 };
	placement_policy_init(&p->policy);
}
