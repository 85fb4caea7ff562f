// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/vigia: one JSON document of the machine and its processes.
 * /proc/vigia_bin: the processes alone, in the format of abi/vigia_records.h.
 *
 * The module makes a document while it is read, a process at a time, so memory does not grow with
 * the number of processes. After the end of a read the next read goes on with the next higher pid.
 * So a file can only be read forward, or again from its start. An open file is for one reader: two
 * readers that share it each get parts of one document.
 */
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/proc_fs.h>
#include <linux/sched/task.h>
#include <linux/threads.h>

#include "vigia.h"

/* Large enough for a process' record with a command line of usual length. */
#define BUFFER_BYTES (64 * 1024)
#define COMMAND_BYTES_MAX (64 * 1024)

static unsigned int command_bytes = 4096;
module_param(command_bytes, uint, 0444);
MODULE_PARM_DESC(command_bytes, "most bytes of a command line, up to 65536; default 4096");

static unsigned int gid;
module_param(gid, uint, 0444);
MODULE_PARM_DESC(gid, "number of the group that may read the files in /proc; default 0");

/* The elements of the sequence that are no process. A process' position is its pid. */
static char begin_token, end_token;
#define BEGIN_POSITION 0
#define END_POSITION ((loff_t)PID_MAX_LIMIT + 1)

static void *element_at(struct vigia_reader *reader, loff_t *position)
{
	struct task_struct *task;
	pid_t pid;

	if (*position == BEGIN_POSITION)
		return &begin_token;
	if (*position > END_POSITION)
		return NULL;
	if (*position < END_POSITION) {
		task = vigia_find_process(reader->ns, *position, &pid);
		if (task) {
			*position = pid;
			return task;
		}
	}
	*position = END_POSITION;
	return &end_token;
}

static bool is_process(void *element)
{
	return element && element != &begin_token && element != &end_token;
}

static void *vigia_start(struct seq_file *file, loff_t *position)
{
	struct vigia_reader *reader = file->private;

	if (*position == BEGIN_POSITION)
		reader->processes = 0;
	return element_at(reader, position);
}

static void *vigia_next(struct seq_file *file, void *element, loff_t *position)
{
	struct vigia_reader *reader = file->private;

	/* Count here: the kernel shows an element again when the buffer was too small. */
	if (is_process(element)) {
		reader->processes++;
		put_task_struct(element);
	}
	cond_resched();
	++*position;
	return element_at(reader, position);
}

static void vigia_stop(struct seq_file *file, void *element)
{
	if (is_process(element))
		put_task_struct(element);
}

static int show_json(struct seq_file *file, void *element)
{
	struct vigia_reader *reader = file->private;
	struct vigia_record record;
	size_t bytes = 0;

	if (element == &begin_token) {
		vigia_json_begin(file);
		return 0;
	}
	if (element == &end_token) {
		vigia_json_end(file);
		return 0;
	}
	vigia_read_process(element, file->index, reader->ns, seq_user_ns(file), &record);
	if (!(record.flags & VIGIA_KERNEL_THREAD))
		bytes = vigia_read_command(element, reader->command, reader->command_max);
	vigia_read_cgroup(element, reader->cgroup);
	if (reader->processes > 0)
		seq_putc(file, ',');
	vigia_json_process(file, &record, reader->command, bytes, reader->cgroup);
	return 0;
}

static int show_record(struct seq_file *file, void *element)
{
	struct vigia_reader *reader = file->private;
	struct vigia_record record = { .kind = VIGIA_END, .pid = reader->processes };

	if (element == &begin_token) {
		const struct vigia_header header = {
			.magic = VIGIA_MAGIC,
			.schema = VIGIA_SCHEMA,
			.record_bytes = sizeof(record),
		};

		seq_write(file, &header, sizeof(header));
		return 0;
	}
	if (element != &end_token)
		vigia_read_process(element, file->index, reader->ns, seq_user_ns(file), &record);
	seq_write(file, &record, sizeof(record));
	return 0;
}

static const struct seq_operations json_sequence = {
	.start = vigia_start,
	.next = vigia_next,
	.stop = vigia_stop,
	.show = show_json,
};

static const struct seq_operations record_sequence = {
	.start = vigia_start,
	.next = vigia_next,
	.stop = vigia_stop,
	.show = show_record,
};

static int vigia_release(struct inode *inode, struct file *file)
{
	struct seq_file *sequence = file->private_data;
	struct vigia_reader *reader = sequence->private;

	put_pid_ns(reader->ns);
	kvfree(reader->command);
	kvfree(reader->cgroup);
	return seq_release_private(inode, file);
}

static int vigia_open(struct inode *inode, struct file *file)
{
	const struct seq_operations *operations = pde_data(inode);
	struct vigia_reader *reader;
	struct seq_file *sequence;

	reader = __seq_open_private(file, operations, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	sequence = file->private_data;
	reader->ns = get_pid_ns(task_active_pid_ns(current));
	/* The sequence's own buffer would grow by pages. A read gives as much as this one holds. */
	sequence->buf = kvmalloc(BUFFER_BYTES, GFP_KERNEL_ACCOUNT);
	sequence->size = sequence->buf ? BUFFER_BYTES : 0;
	reader->command_max = min_t(unsigned int, command_bytes, COMMAND_BYTES_MAX);
	if (operations == &json_sequence) {
		/* One byte more keeps the allocation non-empty when command_bytes is 0. */
		reader->command = kvmalloc(reader->command_max + 1, GFP_KERNEL_ACCOUNT);
		reader->cgroup = kvmalloc(PATH_MAX, GFP_KERNEL_ACCOUNT);
	}
	if (!sequence->buf ||
	    (operations == &json_sequence && (!reader->command || !reader->cgroup))) {
		vigia_release(inode, file);
		return -ENOMEM;
	}
	return 0;
}

static ssize_t vigia_read(struct kiocb *request, struct iov_iter *to)
{
	struct seq_file *sequence = request->ki_filp->private_data;

	if (request->ki_pos != 0 && request->ki_pos != sequence->read_pos)
		return -ESPIPE;
	return seq_read_iter(request, to);
}

static loff_t vigia_seek(struct file *file, loff_t offset, int whence)
{
	if (whence == SEEK_CUR && offset == 0)
		return file->f_pos;
	if (whence != SEEK_SET || offset != 0)
		return -ESPIPE;
	return seq_lseek(file, offset, whence);
}

static const struct proc_ops operations = {
	.proc_open = vigia_open,
	.proc_read_iter = vigia_read,
	.proc_lseek = vigia_seek,
	.proc_release = vigia_release,
};

static int create_file(const char *name, const struct seq_operations *sequence)
{
	struct proc_dir_entry *entry;

	entry = proc_create_data(name, 0440, NULL, &operations, (void *)sequence);
	if (!entry)
		return -ENOMEM;
	proc_set_user(entry, GLOBAL_ROOT_UID, KGIDT_INIT(gid));
	return 0;
}

static int __init vigia_init(void)
{
	int error;

	vigia_find_boot_id();
	error = create_file("vigia", &json_sequence);
	if (error)
		return error;
	error = create_file("vigia_bin", &record_sequence);
	if (error)
		remove_proc_entry("vigia", NULL);
	return error;
}

/* Removing a file waits for current reads and releases open files. */
static void __exit vigia_exit(void)
{
	remove_proc_entry("vigia_bin", NULL);
	remove_proc_entry("vigia", NULL);
}

module_init(vigia_init);
module_exit(vigia_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("olimpiadas");
MODULE_DESCRIPTION("Processes, processors and memory as JSON and as records");
MODULE_VERSION(VIGIA_VERSION);
