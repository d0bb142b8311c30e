/* SPDX-License-Identifier: MIT */
#include "fake_explore.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#define CHOICES 96

enum move_kind { MOVE_STEP, MOVE_REAP, MOVE_INTERRUPT, MOVE_CONTINUE };

struct move {
	enum move_kind kind;
	int step;
	pid_t tid;
};

struct player {
	const struct explore_scenario *scenario;
	const struct explore_options *options;
	struct fake *f;
	int count;
	/* A life: all steps from a task's beginning to its end. By each step: the life's first one, */
	int life[EXPLORE_STEPS];
	int birth[EXPLORE_STEPS];   /* the creator's event, -1 if there is none; */
	int makes[EXPLORE_STEPS];   /* of births: the first step of the new task, -1: none */
	bool begun[EXPLORE_STEPS];  /* by a life's first step: the task has been made */
	bool gone[EXPLORE_STEPS];   /* played, or will never come */
	bool played[EXPLORE_STEPS]; /* really */
	unsigned choice[CHOICES], width[CHOICES], depth;
	bool killed, detached;
	unsigned children, forks, exits, signals, executed; /* events seen */
	unsigned long long fork_id[EXPLORE_STEPS];
	char path[2048];
};

static void stuck(const struct player *p, const char *what)
{
	const struct explore_options *o = p->options;

	print_error(
		"%s (kill at %u of %d%s, detach at %u%s): %s\n  order:%s\n  wrong: %s\n  log: %s\n",
		p->scenario->name, o->kill_at, o->victim, o->orphans ? ", orphans" : "",
		o->detach_at, o->hold ? ", hold" : "", what, p->path, p->f->wrong, p->f->log);
	fail();
}

static bool is_birth(int status)
{
	return status == FAKE_FORK || status == FAKE_VFORK || status == FAKE_CLONE;
}

static int next_of(const struct player *p, pid_t tid)
{
	for (int i = 0; i < p->count; i++)
		if (p->scenario->steps[i].tid == tid && !p->gone[i])
			return i;
	return -1;
}

static bool after_is_over(const struct player *p, const struct explore_step *step)
{
	const struct explore_step *before;
	const struct fake_task *task;

	if (!step->after)
		return true;
	before = &p->scenario->steps[step->after - 1];
	task = fake_find(p->f, before->tid);
	return p->gone[step->after - 1] &&
	       (!task || task->state != (WIFSTOPPED(before->status) ? FAKE_STOPPED : FAKE_DEAD));
}

static bool may_step(const struct player *p, int i)
{
	const struct explore_step *step = &p->scenario->steps[i];
	const struct fake_task *task = fake_find(p->f, step->tid);
	int birth = p->birth[i];

	if (p->gone[i] || !after_is_over(p, step))
		return false;
	if (step->status == FAKE_EXEC && step->peer) {
		const struct fake_task *caller = fake_find(p->f, step->peer);

		return caller && caller->state == FAKE_RUNS && caller->tgid == step->tid &&
		       next_of(p, step->peer) < 0 && task && task->state != FAKE_DEAD;
	}
	if (next_of(p, step->tid) != i)
		return false;
	if (p->begun[p->life[i]])
		return task && task->state == FAKE_RUNS && task->traced;
	if (birth < 0)
		return true; /* nobody tells of it */
	/* before its creator's event, if the creator is in that call */
	task = fake_find(p->f, p->scenario->steps[birth].tid);
	return next_of(p, p->scenario->steps[birth].tid) == birth && task &&
	       task->state == FAKE_RUNS && task->traced && p->begun[p->life[birth]] &&
	       after_is_over(p, &p->scenario->steps[birth]);
}

/* Inside of a call whose event or exit-stop is due, an interrupt has to wait for it. */
static bool may_interrupt(const struct player *p, const struct fake_task *task)
{
	int next = next_of(p, task->tid);
	int status = next < 0 ? 0 : p->scenario->steps[next].status;

	if (task->state != FAKE_RUNS || !task->interrupted || !task->traced)
		return false;
	if (next < 0 || !p->begun[p->life[next]])
		return true;
	if (p->life[next] == next && p->birth[next] >= 0)
		return false; /* its first stop is of that kind anyway */
	if (status == FAKE_SYSCALL || status == FAKE_VFORK_DONE)
		return false;
	return !is_birth(status) || p->makes[next] < 0 || !p->begun[p->makes[next]];
}

/* The leader's status comes last. */
static bool may_reap(const struct player *p, const struct fake_task *task)
{
	if (task->state != FAKE_DEAD || !task->traced)
		return false;
	for (int i = 0; i < FAKE_TASKS && task->tid == task->tgid; i++)
		if (p->f->tasks[i].state != FAKE_NONE && p->f->tasks[i].tgid == task->tgid &&
		    &p->f->tasks[i] != task)
			return false;
	return true;
}

static unsigned moves(const struct player *p, struct move *out)
{
	unsigned count = 0;

	for (int i = 0; i < p->count; i++)
		if (may_step(p, i))
			out[count++] = (struct move){ MOVE_STEP, i, p->scenario->steps[i].tid };
	for (int i = 0; i < FAKE_TASKS; i++) {
		const struct fake_task *task = &p->f->tasks[i];
		const struct task *ours = task_find(&p->f->session->tasks, task->tid);

		if (task->state == FAKE_NONE)
			continue;
		if (may_reap(p, task))
			out[count++] = (struct move){ MOVE_REAP, -1, task->tid };
		if (may_interrupt(p, task))
			out[count++] = (struct move){ MOVE_INTERRUPT, -1, task->tid };
		if (task->state == FAKE_STOPPED && ours && ours->hold == TASK_HELD_USER)
			out[count++] = (struct move){ MOVE_CONTINUE, -1, task->tid };
	}
	return count;
}

/* The task that the birth at step `i` makes, if it has not shown itself already. */
static void make_child(struct player *p, int i)
{
	const struct explore_step *birth = &p->scenario->steps[i];
	pid_t tgid = birth->tgid ? birth->tgid : birth->peer;
	struct fake_task *child;

	if (p->makes[i] < 0 || p->begun[p->makes[i]])
		return;
	p->begun[p->makes[i]] = true;
	child = fake_task(p->f, birth->peer, tgid);
	child->traced = true; /* from its birth on */
	child->ppid = fake_find(p->f, birth->tid)->tgid;
}

static void begin_life(struct player *p, int i)
{
	const struct explore_step *step = &p->scenario->steps[i];
	struct fake_task *task;

	if (p->birth[i] >= 0) {
		make_child(p, p->birth[i]);
		return;
	}
	p->begun[i] = true;
	task = fake_task(p->f, step->tid, step->tgid ? step->tgid : step->tid);
	task->regs.r.orig_rax = 56;
	task->regs.r.rdi = step->clone_flags;
}

static void play_step(struct player *p, int i)
{
	const struct explore_step *step = &p->scenario->steps[i];

	p->gone[i] = p->played[i] = true;
	if (!p->begun[p->life[i]])
		begin_life(p, i);
	if (is_birth(step->status)) {
		make_child(p, i);
		fake_calls(p->f, step->tid, 57);
	}
	if (step->status == FAKE_EXEC && step->peer) {
		fake_find(p->f, step->peer)->state = FAKE_NONE;
		/* whatever it was in the kernel took it out of it; what it had begun is there */
		fake_find(p->f, step->tid)->state = FAKE_RUNS;
		for (int j = 0; j < i; j++)
			p->gone[j] = p->gone[j] || p->scenario->steps[j].tid == step->tid;
	}
	if (step->status == FAKE_SYSCALL)
		fake_return(p->f, step->tid, step->rax);
	else
		fake_give_msg(p->f, step->tid, step->status,
			      (unsigned long)(step->peer ? step->peer : step->tid));
}

/* Killed in the call that makes a task: the task may be there all the same. */
static bool leaves_orphan(const struct player *p, int i, const struct fake_task *task)
{
	if (!p->options->orphans || !is_birth(p->scenario->steps[i].status) ||
	    task->state != FAKE_DEAD || !task->killed_running)
		return false;
	for (int j = p->life[i]; j < i; j++)
		if (p->scenario->steps[j].tid == task->tid && !p->played[j])
			return false;
	return true;
}

/* Those whose parent is through exit belong to init. */
static void orphan(struct player *p)
{
	for (int i = 0; i < FAKE_TASKS; i++) {
		struct fake_task *task = &p->f->tasks[i];
		const struct fake_task *parent = fake_find(p->f, task->ppid);

		if (task->state != FAKE_NONE && task->ppid &&
		    (!parent || parent->state == FAKE_DEAD))
			task->ppid = 1;
	}
}

/* Tasks that were killed or detached do nothing more of what was planned. */
static void settle(struct player *p)
{
	orphan(p);
	for (int i = 0; i < p->count; i++) {
		const struct explore_step *step = &p->scenario->steps[i];
		const struct fake_task *task = fake_find(p->f, step->tid);
		int birth = p->birth[i];

		if (p->gone[i])
			continue;
		if (!p->begun[p->life[i]]) {
			p->gone[i] = birth >= 0 && p->gone[birth] && !p->played[birth];
			continue;
		}
		if (task && task->state != FAKE_DEAD && task->state != FAKE_LEFT)
			continue;
		p->gone[i] = true;
		if (task && leaves_orphan(p, i, task)) {
			p->played[i] = true;
			make_child(p, i);
			if (step->tgid == task->tgid)
				fake_kill(p->f, task->tgid);
		}
	}
	p->killed = p->killed || (p->options->kill_at && p->f->requests >= p->options->kill_at);
}

static void note(struct player *p, const struct move *move)
{
	static const char *const kinds[] = { "step", "reap", "interrupt", "continue" };
	size_t used = strlen(p->path);
	int status = move->step >= 0 ? p->scenario->steps[move->step].status : 0;

	snprintf(p->path + used, sizeof(p->path) - used, " %s(%d%s%s)", kinds[move->kind],
		 move->tid, move->step >= 0 ? ":" : "",
		 move->step >= 0 ? stop_name(stop_classify(status).kind) : "");
}

/* A signal is delivered once, by whichever request left its stop. */
static void check_signal(const struct player *p, int i)
{
	struct stop stop = stop_classify(p->scenario->steps[i].status);
	struct fake_task *task = fake_find(p->f, p->scenario->steps[i].tid);

	if (stop.kind != STOP_SIGNAL || !task ||
	    (task->state != FAKE_RUNS && task->state != FAKE_LEFT))
		return;
	if (task->got_count != 1 || task->got[0] != stop.sig)
		stuck(p, "a signal was lost, or doubled");
	task->got_count = 0;
}

static void make_move(struct player *p, const struct move *move)
{
	const struct fake_task *task = fake_find(p->f, move->tid);

	note(p, move);
	switch (move->kind) {
	case MOVE_STEP:
		play_step(p, move->step);
		check_signal(p, move->step);
		break;
	case MOVE_REAP:
		fake_reap(p->f, move->tid);
		break;
	case MOVE_INTERRUPT:
		fake_give(p->f, move->tid,
			  task->how == KERNEL_LISTEN && task->leaves ? task->status : FAKE_TRAP);
		break;
	case MOVE_CONTINUE:
		assert_int_equal(scion_task_continue(p->f->session, move->tid), SCION_OK);
		break;
	}
	if (p->f->wrong[0])
		stuck(p, "a rule of ptrace(2) was broken");
}

static const struct explore_step *find_birth(const struct player *p, pid_t peer, pid_t creator)
{
	for (int i = 0; i < p->count; i++) {
		const struct explore_step *step = &p->scenario->steps[i];

		if (is_birth(step->status) && step->peer == peer && step->tid == creator)
			return step;
	}
	return NULL;
}

static enum scion_verdict check_event(struct fake *f, const struct scion_event *event)
{
	struct player *p = f->arg;
	const struct fake_task *task = fake_find(f, event->tid);
	const struct explore_step *birth;

	switch (event->type) {
	case SCION_EVENT_CHILD:
		p->children++;
		birth = find_birth(p, event->tid, event->peer);
		if (event->peer ? !birth || event->vfork != (birth->status == FAKE_VFORK) :
				  !p->killed && !p->detached && birth)
			stuck(p, "a child of somebody else's");
		if (!task || task->state == FAKE_RUNS)
			stuck(p, "a child was reported while it runs");
		break;
	case SCION_EVENT_FORK:
		p->forks++;
		birth = find_birth(p, event->peer, event->tid);
		if (!birth || event->value != event->peer || event->expected != event->peer ||
		    event->thread != !!birth->tgid)
			stuck(p, "a fork with a wrong value");
		break;
	case SCION_EVENT_EXEC:
		p->executed++;
		break;
	case SCION_EVENT_EXIT:
		p->exits++;
		break;
	case SCION_EVENT_SIGNAL:
		p->signals++;
		break;
	case SCION_EVENT_RELEASE:
		if (!event->fork_id || !event->side)
			stuck(p, "a release of nothing");
		return SCION_CONTINUE;
	default:
		break;
	}
	return p->options->hold ? SCION_HOLD : SCION_CONTINUE;
}

/* Without kills and detaching, everything that happened was told, once. */
static void check_sums(const struct player *p)
{
	unsigned children = 0, forks = 0, exits = 0, signals = 0;

	for (int i = 0; i < p->count; i++) {
		const struct explore_step *step = &p->scenario->steps[i];

		if (!p->played[i])
			continue;
		children += p->life[i] == i && WIFSTOPPED(step->status) &&
			    (p->birth[i] >= 0 || step->clone_flags);
		forks += step->status == FAKE_SYSCALL;
		exits += !WIFSTOPPED(step->status);
		signals += WIFSTOPPED(step->status) && step->status >> 16 == 0 &&
			   step->status != FAKE_SYSCALL;
	}
	if (p->children != children || p->forks != forks || p->exits != exits ||
	    p->signals != signals)
		stuck(p, "events are missing, or doubled");
}

static void check_end(struct player *p)
{
	const struct scion_session *s = p->f->session;

	for (int i = 0; i < p->count; i++)
		if (!p->gone[i])
			stuck(p, "a stop was never left: what comes next can't come");
	for (int i = 0; i < FAKE_TASKS; i++) {
		const struct fake_task *task = &p->f->tasks[i];

		if (task->state == FAKE_NONE || (task->state == FAKE_LEFT && p->detached))
			continue;
		stuck(p, task->state == FAKE_STOPPED ? "a task is left in a ptrace-stop" :
						       "a task is left attached");
	}
	if (task_count(&s->tasks) || s->early || s->alarms || p->f->alarm)
		stuck(p, "the session does not end");
	if (!p->killed && !p->detached)
		check_sums(p);
}

static void begin(struct player *p)
{
	const pid_t *threads = p->scenario->threads;
	struct fake *f = p->f;

	f->on_event = check_event;
	f->arg = p;
	if (!threads[0]) {
		struct explore_options none = { 0 };
		const struct explore_options *options = p->options;

		p->options = &none; /* the launch itself is as always */
		fake_start(f, 10);
		p->options = options;
	}
	p->children = p->forks = p->exits = p->signals = 0;
	f->requests = 0;
	f->kill_at = p->options->kill_at;
	f->victim = p->options->victim;
	for (int i = 0; i < p->count; i++)
		p->begun[i] = p->life[i] == i && p->birth[i] < 0 &&
			      !p->scenario->steps[i].clone_flags;
	for (int i = 0; i < 3 && threads[i]; i++)
		fake_task(f, threads[i], threads[0]);
	if (threads[0])
		scion_attach(f->session, threads[0], 0);
	for (int i = 0; i < FAKE_TASKS; i++) /* refused, or not seized: not our business */
		if (f->tasks[i].state == FAKE_DEAD && !f->tasks[i].traced)
			f->tasks[i].state = FAKE_NONE;
	settle(p);
}

static unsigned choose(struct player *p, unsigned width)
{
	if (p->depth == CHOICES)
		stuck(p, "this does not end");
	p->width[p->depth] = width;
	if (p->choice[p->depth] >= width)
		p->choice[p->depth] = 0;
	return p->choice[p->depth++];
}

static void play(struct player *p)
{
	struct move possible[64];
	unsigned count;

	p->f = fake_open(NULL);
	begin(p);
	for (;;) {
		if (p->options->detach_at && p->depth + 1 == p->options->detach_at &&
		    !p->detached) {
			p->detached = true;
			strcat(p->path, " detach");
			assert_int_equal(scion_detach(p->f->session), SCION_OK);
			settle(p);
		}
		count = moves(p, possible);
		if (!count && p->f->session->early) {
			strcat(p->path, " tick");
			fake_tick(p->f, 2000000000);
			settle(p);
			count = moves(p, possible);
		}
		if (!count)
			break;
		make_move(p, &possible[choose(p, count)]);
		settle(p);
	}
	check_end(p);
	fake_close(p->f);
}

/* The next order: the last choice that has another one, and the first of everything behind it. */
static bool advance(struct player *p)
{
	while (p->depth && p->choice[p->depth - 1] + 1 >= p->width[p->depth - 1])
		p->depth--;
	if (!p->depth)
		return false;
	p->choice[p->depth - 1]++;
	memset(p->choice + p->depth, 0, (CHOICES - p->depth) * sizeof(p->choice[0]));
	return true;
}

/* The tables of lives: a task begins at a birth that names it, and ends with its end. */
static void draw_lives(struct player *p)
{
	const struct explore_step *steps = p->scenario->steps;

	for (int i = 0; i < p->count; i++) {
		int before = i;

		do
			before--;
		while (before >= 0 && steps[before].tid != steps[i].tid);
		p->makes[i] = p->birth[i] = -1;
		if (before >= 0 && WIFSTOPPED(steps[before].status)) {
			p->life[i] = p->life[before];
			p->birth[i] = p->birth[before];
			continue;
		}
		p->life[i] = i;
		for (int j = before + 1; j < i; j++)
			if (is_birth(steps[j].status) && steps[j].peer == steps[i].tid)
				p->birth[i] = j;
		if (p->birth[i] >= 0)
			p->makes[p->birth[i]] = i;
	}
}

static unsigned explore_all(const struct explore_scenario *scenario,
			    const struct explore_options *options, unsigned *deepest, bool *killed)
{
	struct player *p = calloc(1, sizeof(*p));
	unsigned orders = 0;

	assert_non_null(p);
	p->scenario = scenario;
	p->options = options;
	while (p->count < EXPLORE_STEPS && scenario->steps[p->count].tid)
		p->count++;
	draw_lives(p);
	do {
		p->depth = 0;
		p->killed = p->detached = false;
		p->path[0] = 0;
		memset(p->gone, 0, sizeof(p->gone));
		memset(p->played, 0, sizeof(p->played));
		play(p);
		orders++;
		*deepest = p->depth > *deepest ? p->depth : *deepest;
		*killed = *killed || p->killed;
	} while (advance(p));
	free(p);
	return orders;
}

unsigned explore(const struct explore_scenario *scenario, const struct explore_options *options)
{
	unsigned deepest = 0;
	bool killed = false;

	return explore_all(scenario, options, &deepest, &killed);
}

unsigned explore_kills(const struct explore_scenario *scenario, struct explore_options options)
{
	unsigned deepest = 0, orders = 0;
	bool killed = true;

	for (options.kill_at = 1; killed; options.kill_at++) {
		killed = false;
		orders += explore_all(scenario, &options, &deepest, &killed);
	}
	return orders;
}

unsigned explore_detach(const struct explore_scenario *scenario, struct explore_options options)
{
	unsigned deepest = 1, orders = 0;
	bool killed = false;

	explore_all(scenario, &options, &deepest, &killed);
	for (options.detach_at = 1; options.detach_at <= deepest; options.detach_at++)
		orders += explore_all(scenario, &options, &deepest, &killed);
	return orders;
}
