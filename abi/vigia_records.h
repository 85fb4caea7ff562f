/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The stream of the module's /proc/vigia_bin and of the BPF iterator, in the machine's byte order:
 *
 *   vigia_header, vigia_record of kind PROCESS ..., vigia_record of kind END
 *
 * A stream without its END was cut. The stream lacks the long texts: the command line and the path
 * of the control group. A new exec_id or cgroup_id shows that a text must be read again.
 */
#ifndef VIGIA_RECORDS_H
#define VIGIA_RECORDS_H

#include <linux/types.h>

#define VIGIA_MAGIC 0x41474956u /* "VIGA" */
#define VIGIA_SCHEMA 1u		/* increases with every change of this file or of the JSON */
#define VIGIA_NAME_BYTES 16	/* TASK_COMM_LEN */

struct vigia_header {
	__u32 magic;
	__u32 schema;
	__u32 record_bytes; /* sizeof(struct vigia_record) */
	__u32 reserved;
};

enum vigia_kind {
	VIGIA_PROCESS = 1,
	VIGIA_END = 2, /* pid: the number of processes; the rest is 0 */
};

enum vigia_flag {
	VIGIA_KERNEL_THREAD = 1, /* it has no command line */
};

/* Processes come in the order of their pids. */
struct vigia_record {
	__u32 kind;
	__s32 pid; /* of the reader's pid namespace, like ppid */
	__s32 ppid;
	__s32 threads;
	__s32 oom_score_adj;
	__u32 uid; /* the real one */
	__u32 flags;
	__u8 state; /* R, S, D, T, t, X, Z, P or I, as proc(5) has them */
	__u8 reserved[3];
	__u64 start_ns;	  /* since boot, with time asleep */
	__u64 read_ns;	  /* time of reading since boot, with time asleep */
	__u64 runtime_ns; /* of all threads, also those that ended; exact */
	__u64 user_ns;	  /* by ticks: runtime_ns is divided in the ratio user_ns : system_ns */
	__u64 system_ns;
	__u64 vsz_bytes;
	__u64 rss_anon_bytes;
	__u64 rss_file_bytes;
	__u64 rss_shmem_bytes;
	__u64 cgroup_id; /* in the hierarchy that counts memory: inode of its folder; 0: none */
	__u64 exec_id;	 /* a new one after each exec */
	char name[VIGIA_NAME_BYTES]; /* padded with NUL */
};

#endif
