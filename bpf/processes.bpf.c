// SPDX-License-Identifier: GPL-2.0-only
/*
 * A task iterator (Documentation/bpf/bpf_iterators.rst) that gives the stream of
 * abi/vigia_records.h, as the kernel module does, on hosts without the module. Needs 5.17
 * (bpf_loop).
 */
#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "vigia_records.h"

/* include/linux/sched.h */
#define PF_KTHREAD 0x00200000
#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_REPORT 0x007f
#define TASK_NOLOAD 0x0400
#define TASK_IDLE (TASK_UNINTERRUPTIBLE | TASK_NOLOAD)
#define TASK_RTLOCK_WAIT 0x1000
#define TASK_FROZEN 0x8000

#define THREADS_MAX (1 << 22) /* PID_MAX_LIMIT */

char LICENSE[] SEC("license") = "GPL";

/* The state of the current reading. */
__u32 processes;    /* given so far */
__s32 last_pid;	    /* of the last process */
__u32 reader_level; /* depth of the reader's pid namespace, and the namespace */
__u64 reader_ns;
const volatile __u32 page_shift = 12;		   /* set by the loader */
const volatile char state_letters[8] = "RSDTtXZP"; /* fs/proc/array.c, task_state_array */

static char state_of(struct task_struct *task)
{
	unsigned int now = task->__state;
	unsigned int state = (now | (unsigned int)task->exit_state) & TASK_REPORT;
	unsigned int place = 0, bit;

	if ((now & TASK_IDLE) == TASK_IDLE)
		return 'I';
	if (now & (TASK_RTLOCK_WAIT | TASK_FROZEN))
		return 'D';
	for (bit = 0; bit < 7; bit++) {
		if (state & (1u << bit))
			place = bit + 1;
	}
	return state_letters[place & 7];
}

/* Returns the entry of @pid at the reader's level. Computes with the address as a number. */
static struct upid *at_level(struct pid *pid)
{
	return (void *)&pid->numbers[0] + reader_level * bpf_core_type_size(struct upid);
}

/* Returns the pid of @leader's process in the reader's namespace; 0 when it has none there. */
static int number_of(struct task_struct *leader)
{
	struct pid *pid;

	/* The kernel's own pid, of the first namespace. */
	if (reader_level == 0)
		return leader->tgid;
	pid = BPF_CORE_READ(leader, thread_pid);
	if (!pid || BPF_CORE_READ(pid, level) < reader_level ||
	    (__u64)BPF_CORE_READ(at_level(pid), ns) != reader_ns)
		return 0;
	return BPF_CORE_READ(at_level(pid), nr);
}

static void find_reader(void)
{
	struct pid *pid = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), thread_pid);

	reader_level = BPF_CORE_READ(pid, level);
	reader_ns = (__u64)BPF_CORE_READ(at_level(pid), ns);
}

struct walk {
	struct list_head *at;
	struct list_head *head;
	struct vigia_record *record;
};

static long add_thread(__u32 index, struct walk *walk)
{
	struct task_struct *thread;

	if (!walk->at || walk->at == walk->head)
		return 1;
	thread = (void *)walk->at - bpf_core_field_offset(struct task_struct, thread_node);
	walk->record->user_ns += BPF_CORE_READ(thread, utime);
	walk->record->system_ns += BPF_CORE_READ(thread, stime);
	walk->record->runtime_ns += BPF_CORE_READ(thread, se.sum_exec_runtime);
	walk->at = BPF_CORE_READ(thread, thread_node.next);
	return 0;
}

static void sum_threads(struct task_struct *task, struct vigia_record *record)
{
	struct signal_struct *signal = task->signal;

	record->user_ns = signal->utime;
	record->system_ns = signal->stime;
	record->runtime_ns = signal->sum_sched_runtime;
	if (signal->nr_threads == 1) {
		record->user_ns += task->utime;
		record->system_ns += task->stime;
		record->runtime_ns += task->se.sum_exec_runtime;
	} else {
		struct walk walk = {
			.head = &signal->thread_head,
			.at = signal->thread_head.next,
			.record = record,
		};

		bpf_loop(THREADS_MAX, add_thread, &walk, 0);
	}
}

/* Returns whether no thread ended meanwhile: an end moves its times from the list to the sums. */
static bool sum_at_rest(struct task_struct *task, struct vigia_record *record)
{
	unsigned int *sequence = &task->signal->stats_lock.seqcount.seqcount.sequence;
	unsigned int before = *sequence;

	barrier();
	sum_threads(task, record);
	barrier();
	return !(before & 1) && *sequence == before;
}

static void read_runtime(struct task_struct *task, struct vigia_record *record)
{
	/* No loop: 6.1 refuses a loop with a call that has a callback. */
	if (!sum_at_rest(task, record) && !sum_at_rest(task, record))
		sum_at_rest(task, record);
}

/* A counter's sum may lag for a moment, because each processor holds back a part. */
static __u64 bytes_of(__s64 pages)
{
	return pages < 0 ? 0 : (__u64)pages << page_shift;
}

static void read_memory(struct task_struct *task, struct vigia_record *record)
{
	struct mm_struct *mm = task->mm;

	if (!mm || record->flags & VIGIA_KERNEL_THREAD)
		return;
	record->vsz_bytes = (__u64)mm->total_vm << page_shift;
	/* CO-RE relocates an array index only when it is a constant. */
	if (bpf_core_type_exists(struct mm_rss_stat)) {
		/* That kernel's verifier rejects plain loads from atomic_long_t. */
		struct mm_struct___before_6_2 *older = (void *)mm;

		record->rss_file_bytes = bytes_of(
			BPF_CORE_READ(older, rss_stat.count[MM_FILEPAGES].counter));
		record->rss_anon_bytes = bytes_of(
			BPF_CORE_READ(older, rss_stat.count[MM_ANONPAGES].counter));
		record->rss_shmem_bytes = bytes_of(
			BPF_CORE_READ(older, rss_stat.count[MM_SHMEMPAGES].counter));
	} else {
		record->rss_file_bytes = bytes_of(mm->rss_stat[MM_FILEPAGES].count);
		record->rss_anon_bytes = bytes_of(mm->rss_stat[MM_ANONPAGES].count);
		record->rss_shmem_bytes = bytes_of(mm->rss_stat[MM_SHMEMPAGES].count);
	}
	/* No reference was held: memory that the task gave up may have changed since. */
	barrier();
	if (task->mm != mm) {
		record->vsz_bytes = 0;
		record->rss_file_bytes = 0;
		record->rss_anon_bytes = 0;
		record->rss_shmem_bytes = 0;
	}
}

/* Returns the group of the controller `memory`, which may have a hierarchy of version 1. */
static struct cgroup *memory_cgroup_of(struct css_set *groups)
{
	struct cgroup_subsys_state **at = (void *)&groups->subsys[0];

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return groups->dfl_cgrp;
	at += bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	return (*at)->cgroup;
}

/* Does the same as cgroup_of() of the module. */
static __u64 cgroup_id_of(struct task_struct *task)
{
	struct cgroup *unified = task->cgroups->dfl_cgrp;
	struct cgroup *memory = memory_cgroup_of(task->cgroups);

	return memory->root != unified->root ? memory->kn->id : unified->kn->id;
}

SEC("iter/task")
int vigia_processes(struct bpf_iter__task *context)
{
	struct seq_file *file = context->meta->seq;
	struct task_struct *task = context->task;
	struct vigia_record record = {};

	/* The end has this sequence number too when there was one process. */
	if (context->meta->seq_num == 0 && task) {
		const struct vigia_header header = {
			.magic = VIGIA_MAGIC,
			.schema = VIGIA_SCHEMA,
			.record_bytes = sizeof(record),
		};

		processes = 0;
		last_pid = 0;
		find_reader();
		bpf_seq_write(file, &header, sizeof(header));
	}
	if (!task) {
		record.kind = VIGIA_END;
		record.pid = processes;
		bpf_seq_write(file, &record, sizeof(record));
		return 0;
	}
	if (task->pid != task->tgid)
		return 0;
	record.pid = number_of(task);
	/* Skip a process that has just gone, and a thread that became the leader by an exec after
	 * the iterator found it. */
	if (record.pid <= last_pid || task->signal->nr_threads == 0)
		return 0;
	record.read_ns = bpf_ktime_get_boot_ns();
	/*
	 * The slow part is memory that is in no cache. So read the scattered fields first, by plain
	 * loads in a row: the processor then waits for all of them at once.
	 */
	record.kind = VIGIA_PROCESS;
	record.flags = task->flags & PF_KTHREAD ? VIGIA_KERNEL_THREAD : 0;
	record.threads = task->signal->nr_threads;
	record.oom_score_adj = task->signal->oom_score_adj;
	record.uid = task->real_cred->uid.val;
	record.start_ns = task->start_boottime;
	record.exec_id = task->self_exec_id;
	__builtin_memcpy(record.name, task->comm, sizeof(record.name));
	read_memory(task, &record);
	read_runtime(task, &record);
	record.ppid = number_of(task->real_parent->group_leader);
	record.state = state_of(task);
	record.cgroup_id = cgroup_id_of(task);
	/* When the buffer is full, the kernel calls this again for the same process. */
	if (bpf_seq_write(file, &record, sizeof(record)) == 0) {
		processes++;
		last_pid = record.pid;
	}
	return 0;
}
