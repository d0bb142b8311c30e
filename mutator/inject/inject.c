/* SPDX-License-Identifier: MIT */
/* inject.c - hangs payloads into a session: rules, the hooks of core/session.h, what boards leave. */
#include <cpuid.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "inject/run.h"

#define RETIRED_RECORDS 4096

/* Bytes of xsave's area for all that is enabled here: CPUID leaf 0xd, EBX (Intel SDM vol. 1, 13.2). */
static size_t xsave_size(void)
{
	unsigned a, b, c, d;

	if (!__get_cpuid_count(0xd, 0, &a, &b, &c, &d))
		return 0;
	return (b + 63u) / 64 * 64;
}

static void keep_records(struct inject *inject, const struct scion_block *block)
{
	uint64_t head = block->ring_head;
	uint64_t size = block->ring_size;
	const struct scion_ring_record *ring = (const void *)(block + 1);

	/* the target may have written anything here */
	if (!head || size > (REGION_BOARD - BOARD_BLOCK - sizeof(*block)) / sizeof(*ring) ||
	    size & (size - 1) || !size)
		return;
	if (!inject->retired)
		inject->retired = calloc(RETIRED_RECORDS, sizeof(*inject->retired));
	if (!inject->retired)
		return;
	for (uint64_t i = head > size ? head - size : 0; i < head; i++) {
		inject->retired[inject->retired_next++ % RETIRED_RECORDS] = ring[i & (size - 1)];
		if (inject->retired_len < RETIRED_RECORDS)
			inject->retired_len++;
	}
}

void inject_retire(void *arg, struct board *board)
{
	struct scion_session *s = arg;
	struct inject *inject = s->inject;

	inject->retired_count += board_block(board)->count;
	keep_records(inject, board_block(board));
	if (board->prev_board)
		board->prev_board->next_board = board->next_board;
	else
		inject->boards = board->next_board;
	if (board->next_board)
		board->next_board->prev_board = board->prev_board;
	kernel_unmap(s->kernel, board->map, REGION_BOARD);
	free(board);
}

/* Threads share their process's space; of others that share memory only kcmp(2) knows. */
struct space *inject_find_space(struct scion_session *s, const struct task *task)
{
	struct task *other, *next;

	TASK_EACH(&s->tasks, other, next)
	if (other != task && other->space &&
	    (other->tgid == task->tgid || kernel_same_vm(s->kernel, other->tid, task->tid) == 1))
		return space_get(other->space);
	return space_new();
}

static void on_born(struct scion_session *s, struct task *creator, struct task *child,
		    bool shares_vm)
{
	uint64_t slots = 0;

	if (!creator || child->space)
		return;
	if (!creator->space)
		creator->space = inject_find_space(s, creator);
	if (!creator->space)
		return;
	creator->space->bare_forks += !shares_vm && creator->space->state == SPACE_EMPTY;
	for (unsigned i = 0; creator->run && i < creator->run->count; i++)
		if (creator->run->items[i].slot >= 0)
			slots |= 1ull << creator->run->items[i].slot;
	child->space = shares_vm ? space_get(creator->space) : space_copy(creator->space, slots);
}

static void on_image_gone(struct scion_session *s, struct task *task)
{
	struct space *space = task->space;

	if (task->run) {
		enum run_phase phase = task->run->phase;

		if (!run_harvest(s, task))
			run_fail_items(s, task, SCION_ESRCH, 0, 0, "the task ended before it");
		run_free(s, task);
		if (phase == RUN_LOADING || phase == RUN_UNLOADING)
			space->state = SPACE_EMPTY;
	}
	task->space = NULL;
	if (!space)
		return;
	if (space->refs > 1)
		run_wake(s, space);
	space_put(space, inject_retire, s);
}

static bool applies(const struct task *task, const struct inject_rule *rule,
		    const struct session_point *point)
{
	unsigned bit = point->side == SCION_SIDE_CHILD ? SCION_CHILD : SCION_PARENT;

	if (rule->at == SCION_AT_ATTACH && task->attach_due)
		return true;
	return rule->at == point->at && (!point->side || rule->sides & bit);
}

static struct run *collect(struct scion_session *s, struct task *task,
			   const struct session_point *point)
{
	struct inject *inject = s->inject;
	struct run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	for (unsigned i = 0; i < inject->rule_count && run->count < RUN_ITEMS; i++) {
		const struct inject_rule *rule = &inject->rules[i];

		if (!applies(task, rule, point))
			continue;
		run->items[run->count++] = (struct run_item){ rule->payload, rule->at, -1, -1, 0 };
	}
	task->attach_due = false;
	if (task->wanted && run->count < RUN_ITEMS && point->at != SCION_AT_EXIT && !point->signo) {
		run->items[run->count++] =
			(struct run_item){ task->wanted, SCION_AT_DEMAND, -1, -1, 0 };
		run->notify = true;
		task->wanted = NULL;
	}
	if (!run->count) {
		free(run);
		return NULL;
	}
	return run;
}

/* Built-in payloads but these do nothing with the block; of users' ones it is not known. */
static bool uses_block(const struct scion_payload *payload)
{
	return !payload->builtin || !strcmp(payload->name, "count") ||
	       !strcmp(payload->name, "ring");
}

/* Its children have had to load the region themselves, in some ten stops each. */
static bool forks_bare(const struct task *task)
{
	return task->space && task->space->state == SPACE_EMPTY && task->space->bare_forks > 1;
}

/*
 * All offspring share a block only if it is there before the first fork. And with rules for
 * children or their exits only, a process that forks again loads the region once, and its children
 * inherit it.
 */
static bool should_preload(const struct scion_session *s, const struct task *task,
			   const struct session_point *point)
{
	const struct space *space = task->space;

	if (point->at == SCION_AT_EXEC || point->at == SCION_AT_ATTACH)
		return s->inject->block_used && (!space || space->state == SPACE_EMPTY);
	return point->at == SCION_AT_FORK && point->side == SCION_SIDE_PARENT && point->regs &&
	       !task->birth.vfork && forks_bare(task);
}

static bool wants(struct scion_session *s, struct task *task, enum scion_payload_event at)
{
	if (s->inject->block_used && (at == SCION_AT_EXEC || at == SCION_AT_ATTACH))
		return true;
	if (at == SCION_AT_FORK && s->inject->at_mask & 1u << SCION_AT_EXIT && forks_bare(task))
		return true;
	if (task->attach_due && s->inject->at_mask & 1u << SCION_AT_ATTACH)
		return true;
	return s->inject->at_mask & 1u << at || task->wanted;
}

/*
 * A caught signal's payload runs at the first instruction of the handler: blocked for a payload before
 * it, a signal would go back into its queue behind others of the same number. The frame is made by
 * the kernel, which then stops a stepped tracee (signal_setup_done in kernel/signal.c; no SIGTRAP is
 * sent). For signals that are not caught no order can be seen, and no frame is made.
 */
static bool waits_for_handler(struct scion_session *s, struct task *task, int sig)
{
	struct kernel_proc proc;

	if (s->mode == SESSION_DETACHING || task->unwanted ||
	    kernel_proc(s->kernel, task->tid, &proc) < 0 || !(proc.sig_caught >> (sig - 1) & 1))
		return false;
	task->handler_of = sig;
	return true;
}

static enum session_hook_result on_point(struct scion_session *s, struct task *task,
					 struct session_point *point)
{
	enum session_hook_result result;
	struct run *run;
	bool preload = false;

	if (!wants(s, task, point->at))
		return HOOK_PASS;
	if (point->at == SCION_AT_SIGNAL && !task->handler_of &&
	    waits_for_handler(s, task, point->signo))
		return HOOK_PASS;
	run = collect(s, task, point);
	if (!run && should_preload(s, task, point)) {
		run = calloc(1, sizeof(*run));
		preload = true;
	}
	if (!run)
		return HOOK_PASS;
	if (point->regs)
		run->home = *point->regs;
	else if (kernel_get_regs(s->kernel, task->tid, &run->home) < 0) {
		free(run);
		return HOOK_PASS; /* dying */
	}
	run->go = *point->go;
	run->side = point->side;
	run->signo = point->signo ? point->signo : task->handler_of;
	run->requeued = point->signo;
	run->fork_id = task->birth.id;
	run->peer = task->birth.peer;
	run->fork_ret = point->side ? (int64_t)run->home.r.rax : 0;
	if (point->at == SCION_AT_EXIT)
		regs_undo_entry(&run->home);
	if (point->at == SCION_AT_SIGNAL && point->signo != SIGSTOP)
		task->signal_ran = point->signo;
	if (preload)
		return run_preload(s, task, run);
	result = run_begin(s, task, run);
	if (result == HOOK_PASS && task->run)
		*point->go = task->run->go;
	return result;
}

static enum session_hook_result on_unload(struct scion_session *s, struct task *task)
{
	struct space *space = task->space;

	if (!space || space->state != SPACE_READY || task->go.sig ||
	    (task->state != FOLLOW_RUNNING && task->state != FOLLOW_LISTENING) || !task->stopped)
		return HOOK_PASS;
	return unload_begin(s, task);
}

static void on_free(struct scion_session *s)
{
	struct inject *inject = s->inject;

	while (inject->boards)
		inject_retire(s, inject->boards);
	free(inject->retired);
	free(inject->rules);
	free(inject);
	s->inject = NULL;
	s->hooks = NULL;
}

static const struct session_hooks hooks = {
	.stop = run_on_stop,
	.point = on_point,
	.wants = wants,
	.born = on_born,
	.image_gone = on_image_gone,
	.unload = on_unload,
	.tick = run_on_tick,
	.free = on_free,
};

int inject_install(struct scion_session *s)
{
	if (s->inject)
		return SCION_OK;
	s->inject = calloc(1, sizeof(*s->inject));
	if (!s->inject)
		return session_fail(s, SCION_ENOMEM, "out of memory");
	s->inject->xsave = xsave_size();
	s->hooks = &hooks;
	return SCION_OK;
}

/* One task runs at most RUN_ITEMS at a stop. */
static bool is_full(const struct inject *inject, enum scion_payload_event at, unsigned sides)
{
	unsigned parents = 0, children = 0;

	for (unsigned i = 0; i < inject->rule_count; i++) {
		const struct inject_rule *rule = &inject->rules[i];

		if (rule->at != at)
			continue;
		parents += !rule->sides || rule->sides & SCION_PARENT;
		children += !rule->sides || rule->sides & SCION_CHILD;
	}
	return ((!sides || sides & SCION_PARENT) && parents >= RUN_ITEMS) ||
	       ((!sides || sides & SCION_CHILD) && children >= RUN_ITEMS);
}

int scion_at(struct scion_session *s, enum scion_payload_event at, unsigned sides,
	     const struct scion_payload *payload)
{
	bool sided = at == SCION_AT_FORK || at == SCION_AT_THREAD;
	struct inject *inject;
	int error;

	if (!payload || at < SCION_AT_FORK || at > SCION_AT_SIGNAL ||
	    (sided ? sides < SCION_PARENT || sides > SCION_BOTH : sides != 0))
		return session_fail(s, SCION_EINVAL, "no such event for a payload");
	error = inject_install(s);
	if (error)
		return error;
	inject = s->inject;
	if (is_full(inject, at, sides))
		return session_fail(s, SCION_EINVAL, "%d payloads are all that one event can have",
				    RUN_ITEMS);
	if (inject->rule_count == inject->rule_room) {
		unsigned room = inject->rule_room ? 2 * inject->rule_room : 4;
		struct inject_rule *rules = realloc(inject->rules, room * sizeof(*rules));

		if (!rules)
			return session_fail(s, SCION_ENOMEM, "out of memory");
		inject->rules = rules;
		inject->rule_room = room;
	}
	inject->rules[inject->rule_count++] = (struct inject_rule){ at, sides, payload };
	inject->at_mask |= 1u << at;
	inject->block_used |= sided && uses_block(payload);
	if (at == SCION_AT_EXIT)
		s->trace_calls = true;
	return SCION_OK;
}

int scion_inject(struct scion_session *s, pid_t tid, const struct scion_payload *payload)
{
	struct task *task = task_find(&s->tasks, tid);
	int error = inject_install(s);

	if (error)
		return error;
	if (!task || !payload)
		return session_fail(s, SCION_ESRCH, "%d: no such task in this session", tid);
	if (task->wanted)
		return session_fail(s, SCION_EBUSY, "%d: a payload is waiting already", tid);
	task->wanted = payload;
	if (!task->stopped)
		kernel_interrupt(s->kernel, tid);
	return SCION_OK;
}

uint64_t scion_block_count(const struct scion_session *s)
{
	uint64_t sum = s->inject ? s->inject->retired_count : 0;

	for (struct board *b = s->inject ? s->inject->boards : NULL; b; b = b->next_board)
		sum += board_block(b)->count;
	return sum;
}

static bool ring_record(const struct scion_block *block, size_t *index,
			struct scion_ring_record *record)
{
	const struct scion_ring_record *ring = (const void *)(block + 1);
	uint64_t room = (REGION_BOARD - BOARD_BLOCK - sizeof(*block)) / sizeof(*ring);
	uint64_t head = block->ring_head, size = block->ring_size;
	uint64_t held = head < size ? head : size;

	if (!size || size > room || size & (size - 1))
		return false; /* the target wrote here */
	if (*index >= held) {
		*index -= held;
		return false;
	}
	*record = ring[(head - held + *index) & (size - 1)];
	return true;
}

int scion_block_ring(const struct scion_session *s, size_t index, struct scion_ring_record *record)
{
	const struct inject *inject = s->inject;

	if (!inject)
		return SCION_ENOENT;
	if (index < inject->retired_len) {
		size_t first = inject->retired_next - inject->retired_len;

		*record = inject->retired[(first + index) % RETIRED_RECORDS];
		return SCION_OK;
	}
	index -= inject->retired_len;
	for (struct board *b = inject->boards; b; b = b->next_board)
		if (ring_record(board_block(b), &index, record))
			return SCION_OK;
	return SCION_ENOENT;
}
