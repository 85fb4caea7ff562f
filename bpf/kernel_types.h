/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fields of the kernel's types that the program reads, by their names. The loader finds their
 * offsets from the running kernel's type information (CO-RE).
 */
#ifndef VIGIA_KERNEL_TYPES_H
#define VIGIA_KERNEL_TYPES_H

#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
	struct list_head *next;
};

struct kuid_t___v {
	__u32 val;
};

struct cred {
	struct kuid_t___v uid;
};

struct pid_namespace;

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct seqcount {
	unsigned int sequence;
};

struct seqcount_spinlock {
	struct seqcount seqcount;
};

struct seqlock___v {
	struct seqcount_spinlock seqcount;
};

struct signal_struct {
	int nr_threads;
	struct list_head thread_head;
	struct seqlock___v stats_lock;
	__u64 utime;
	__u64 stime;
	unsigned long long sum_sched_runtime;
	short oom_score_adj;
};

struct percpu_counter {
	__s64 count;
};

struct mm_struct {
	unsigned long total_vm;
	struct percpu_counter rss_stat[4];
};

/* Before 6.2. */
struct atomic_long {
	__s64 counter;
};

struct mm_rss_stat {
	struct atomic_long count[4];
};

struct mm_struct___before_6_2 {
	struct mm_rss_stat rss_stat;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup_root;

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct css_set {
	struct cgroup_subsys_state *subsys[1];
	struct cgroup *dfl_cgrp;
};

struct sched_entity {
	__u64 sum_exec_runtime;
};

struct task_struct {
	unsigned int __state;
	int exit_state;
	unsigned int flags;
	int pid;
	int tgid;
	struct sched_entity se;
	struct mm_struct *mm;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct list_head thread_node;
	__u64 utime;
	__u64 stime;
	__u64 start_boottime;
	__u64 self_exec_id;
	const struct cred *real_cred;
	char comm[16];
	struct signal_struct *signal;
	struct css_set *cgroups;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

/* The loader replaces the numbers by the running kernel's. */
enum cgroup_subsys_id {
	memory_cgrp_id = 0,
};

enum {
	MM_FILEPAGES = 0,
	MM_ANONPAGES = 1,
	MM_SHMEMPAGES = 3,
};

#endif
