/* SPDX-License-Identifier: GPL-2.0-only */
/*
 *   pid namespace --> process.c --> vigia_record --> main.c: /proc/vigia_bin
 *                     texts     -->   json.c     --> main.c: /proc/vigia
 *                     host.c    --/
 */
#ifndef VIGIA_H
#define VIGIA_H

#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "vigia_records.h"

#if !defined(CONFIG_64BIT) || !defined(CONFIG_CGROUPS)
#error "vigia needs a kernel of 64 bits with control groups"
#endif

/* The state of an open file between reads. */
struct vigia_reader {
	struct pid_namespace *ns;
	u32 processes; /* given so far */
	unsigned int command_max;
	char *command; /* command_max bytes */
	char *cgroup;  /* PATH_MAX bytes */
};

/* process.c */

/*
 * Returns the first process whose pid in @ns is @from or higher, with a reference, or NULL. Stores
 * its pid in @pid.
 */
struct task_struct *vigia_find_process(struct pid_namespace *ns, pid_t from, pid_t *pid);

/* Reads the figures of @task, the leader of its threads. May sleep. */
void vigia_read_process(struct task_struct *task, pid_t pid, struct pid_namespace *ns,
			struct user_namespace *user_ns, struct vigia_record *record);

/* Divides the runtime in the ratio of its ticks, as the kernel does for /proc. */
void vigia_divide_runtime(const struct vigia_record *record, u64 *user_ns, u64 *system_ns);

/*
 * Reads the arguments of @task with blanks between them, at most @max bytes. Returns their length.
 * Reads anonymous memory alone: memory of a file may block for ever. May sleep.
 */
size_t vigia_read_command(struct task_struct *task, char *buffer, size_t max);

/*
 * Stores the path of @task in the hierarchy that counts memory, as the reader's cgroup namespace
 * shows it, within PATH_MAX bytes; "" when there is none.
 */
void vigia_read_cgroup(struct task_struct *task, char *buffer);

/* json.c */

/* A document is: begin, processes with commas between them, end. */
void vigia_json_begin(struct seq_file *file);
void vigia_json_process(struct seq_file *file, const struct vigia_record *record,
			const char *command, size_t command_bytes, const char *cgroup);
void vigia_json_end(struct seq_file *file);

/* host.c */

/* Writes "host":{...}, the figures of the whole machine. */
void vigia_json_host(struct seq_file *file);
/* Called at the module's start. */
void vigia_find_boot_id(void);
/* Returns "" when the id could not be read. */
const char *vigia_boot_id(void);

#endif
