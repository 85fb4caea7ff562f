// SPDX-License-Identifier: GPL-2.0-only
/* The figures and texts of one process. */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched/cputime.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/user_namespace.h>

#include "vigia.h"

struct task_struct *vigia_find_process(struct pid_namespace *ns, pid_t from, pid_t *pid)
{
	struct task_struct *task = NULL;
	struct pid *found;

	rcu_read_lock();
	while ((found = find_ge_pid(from, ns))) {
		*pid = pid_nr_ns(found, ns);
		/* Threads that are no leader have pids too. */
		task = pid_task(found, PIDTYPE_TGID);
		if (task) {
			get_task_struct(task);
			break;
		}
		from = *pid + 1;
	}
	rcu_read_unlock();
	return task;
}

static void sum_threads(struct task_struct *task, struct vigia_record *record)
{
	const struct signal_struct *signal = task->signal;
	struct task_struct *thread;

	record->user_ns = signal->utime;
	record->system_ns = signal->stime;
	record->runtime_ns = signal->sum_sched_runtime;
	for_each_thread(task, thread) {
		record->user_ns += READ_ONCE(thread->utime);
		record->system_ns += READ_ONCE(thread->stime);
		record->runtime_ns += READ_ONCE(thread->se.sum_exec_runtime);
	}
}

/*
 * Does the same as thread_group_cputime() of kernel/sched/cputime.c, which modules may not call. A
 * thread that ends moves from the list to the sums under stats_lock. Without a check of that lock
 * the thread could be counted twice or not at all.
 */
static void read_runtime(struct task_struct *task, struct vigia_record *record)
{
	seqlock_t *lock = &task->signal->stats_lock;
	unsigned long flags;
	unsigned int sequence;

	rcu_read_lock();
	sequence = read_seqbegin(lock);
	sum_threads(task, record);
	if (read_seqretry(lock, sequence)) {
		read_seqlock_excl_irqsave(lock, flags);
		sum_threads(task, record);
		read_sequnlock_excl_irqrestore(lock, flags);
	}
	rcu_read_unlock();
}

static void read_memory(struct task_struct *task, struct vigia_record *record)
{
	struct mm_struct *mm = get_task_mm(task);

	if (!mm)
		return; /* a kernel thread, or one that has ended */
	record->vsz_bytes = (u64)mm->total_vm << PAGE_SHIFT;
	record->rss_anon_bytes = (u64)get_mm_counter(mm, MM_ANONPAGES) << PAGE_SHIFT;
	record->rss_file_bytes = (u64)get_mm_counter(mm, MM_FILEPAGES) << PAGE_SHIFT;
	record->rss_shmem_bytes = (u64)get_mm_counter(mm, MM_SHMEMPAGES) << PAGE_SHIFT;
	mmput(mm);
}

/*
 * Returns the group in version 1's controller `memory`. When that is not mounted, returns the group
 * in version 2's hierarchy, where @task's own group may have no controller. REQUIRES: RCU's read
 * lock.
 */
static struct cgroup *cgroup_of(struct task_struct *task)
{
	struct cgroup *unified = task_dfl_cgroup(task);
#ifdef CONFIG_MEMCG
	struct cgroup_subsys_state *css = task_css(task, memory_cgrp_id);

	if (css && css->cgroup && css->cgroup->root != unified->root)
		return css->cgroup;
#endif
	return unified;
}

void vigia_read_process(struct task_struct *task, pid_t pid, struct pid_namespace *ns,
			struct user_namespace *user_ns, struct vigia_record *record)
{
	memset(record, 0, sizeof(*record));
	record->kind = VIGIA_PROCESS;
	record->pid = pid;
	record->ppid = task_ppid_nr_ns(task, ns);
	record->threads = get_nr_threads(task);
	record->oom_score_adj = READ_ONCE(task->signal->oom_score_adj);
	record->uid = from_kuid_munged(user_ns, task_uid(task));
	record->flags = task->flags & PF_KTHREAD ? VIGIA_KERNEL_THREAD : 0;
	record->state = task_state_to_char(task);
	record->start_ns = task->start_boottime;
	record->exec_id = READ_ONCE(task->self_exec_id);
	get_task_comm(record->name, task);
	rcu_read_lock();
	record->cgroup_id = cgroup_id(cgroup_of(task));
	rcu_read_unlock();
	read_memory(task, record);
	record->read_ns = ktime_get_boottime_ns();
	read_runtime(task, record);
}

void vigia_divide_runtime(const struct vigia_record *record, u64 *user_ns, u64 *system_ns)
{
	if (record->system_ns == 0)
		*system_ns = 0;
	else if (record->user_ns == 0)
		*system_ns = record->runtime_ns;
	else
		*system_ns = mul_u64_u64_div_u64(record->system_ns, record->runtime_ns,
						 record->user_ns + record->system_ns);
	*user_ns = record->runtime_ns - *system_ns;
}

/*
 * Does the same as get_mm_cmdline() of fs/proc/base.c. A process may write a title over its
 * arguments and into the environment after them. Then the arguments do not end with a NUL, and the
 * title is all text up to the first NUL.
 */
static size_t read_arguments(struct task_struct *task, struct mm_struct *mm, char *buffer,
			     size_t max)
{
	unsigned long begin, end, environment, environment_end;
	char last = '\0';
	int bytes, more;

	spin_lock(&mm->arg_lock);
	begin = mm->arg_start;
	end = mm->arg_end;
	environment = mm->env_start;
	environment_end = mm->env_end;
	spin_unlock(&mm->arg_lock);
	if (begin >= end)
		return 0;

	bytes = access_process_vm(task, begin, buffer, min_t(unsigned long, max, end - begin),
				  FOLL_ANON);
	if (bytes <= 0)
		return 0;
	if (bytes == end - begin)
		last = buffer[bytes - 1];
	else if (access_process_vm(task, end - 1, &last, 1, FOLL_ANON) != 1)
		return bytes;
	if (last == '\0')
		return bytes;
	if (bytes == end - begin && environment == end && environment_end > end) {
		more = access_process_vm(task, end, buffer + bytes,
					 min_t(unsigned long, max - bytes, environment_end - end),
					 FOLL_ANON);
		bytes += max(more, 0);
	}
	return strnlen(buffer, bytes);
}

size_t vigia_read_command(struct task_struct *task, char *buffer, size_t max)
{
	struct mm_struct *mm = get_task_mm(task);
	size_t bytes, i;

	if (!mm)
		return 0;
	bytes = read_arguments(task, mm, buffer, max);
	/* After an exec meanwhile, the text came from addresses of the old program. */
	if (READ_ONCE(task->mm) != mm)
		bytes = 0;
	mmput(mm);
	while (bytes > 0 && buffer[bytes - 1] == '\0')
		bytes--;
	for (i = 0; i < bytes; i++) {
		if (buffer[i] == '\0')
			buffer[i] = ' ';
	}
	return bytes;
}

void vigia_read_cgroup(struct task_struct *task, char *buffer)
{
	struct cgroup *cgroup;

	rcu_read_lock();
	cgroup = cgroup_of(task);
	if (!cgroup_tryget(cgroup))
		cgroup = NULL;
	rcu_read_unlock();
	buffer[0] = '\0';
	if (!cgroup)
		return;
	if (cgroup_path_ns(cgroup, buffer, PATH_MAX, current->nsproxy->cgroup_ns) < 0)
		buffer[0] = '\0';
	cgroup_put(cgroup);
}
