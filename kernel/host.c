// SPDX-License-Identifier: GPL-2.0-only
/* The figures of the whole machine. */
#include <linux/fs.h>
#include <linux/kernel_stat.h>
#include <linux/mm.h>
#include <linux/sched/loadavg.h>
#include <linux/string.h>
#include <linux/swap.h>
#include <linux/tick.h>
#include <linux/vmstat.h>

#include "vigia.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static char boot_id[37]; /* 36 characters (RFC 9562) and NUL */

void vigia_find_boot_id(void)
{
	struct file *file = filp_open(BOOT_ID, O_RDONLY, 0);
	loff_t position = 0;

	if (IS_ERR(file))
		return;
	if (kernel_read(file, boot_id, sizeof(boot_id) - 1, &position) != sizeof(boot_id) - 1)
		boot_id[0] = '\0';
	filp_close(file, NULL);
}

const char *vigia_boot_id(void)
{
	return boot_id;
}

/*
 * Does the same as fs/proc/stat.c. The counters of an idle processor lack the current idle time,
 * which get_*_us() include. For an offline processor get_*_us() are useless.
 */
static u64 idle_ns(const struct kernel_cpustat *stat, int cpu)
{
	u64 us = cpu_online(cpu) ? get_cpu_idle_time_us(cpu, NULL) : -1ULL;

	return us == -1ULL ? stat->cpustat[CPUTIME_IDLE] : us * NSEC_PER_USEC;
}

static u64 iowait_ns(const struct kernel_cpustat *stat, int cpu)
{
	u64 us = cpu_online(cpu) ? get_cpu_iowait_time_us(cpu, NULL) : -1ULL;

	return us == -1ULL ? stat->cpustat[CPUTIME_IOWAIT] : us * NSEC_PER_USEC;
}

static void read_cpu(int cpu, struct kernel_cpustat *stat)
{
	kcpustat_cpu_fetch(stat, cpu);
	stat->cpustat[CPUTIME_IDLE] = idle_ns(stat, cpu);
	stat->cpustat[CPUTIME_IOWAIT] = iowait_ns(stat, cpu);
}

static void put_cpu_times(struct seq_file *file, const struct kernel_cpustat *stat)
{
	seq_put_decimal_ull(file, "{\"user_ns\":", stat->cpustat[CPUTIME_USER]);
	seq_put_decimal_ull(file, ",\"nice_ns\":", stat->cpustat[CPUTIME_NICE]);
	seq_put_decimal_ull(file, ",\"system_ns\":", stat->cpustat[CPUTIME_SYSTEM]);
	seq_put_decimal_ull(file, ",\"idle_ns\":", stat->cpustat[CPUTIME_IDLE]);
	seq_put_decimal_ull(file, ",\"iowait_ns\":", stat->cpustat[CPUTIME_IOWAIT]);
	seq_put_decimal_ull(file, ",\"irq_ns\":", stat->cpustat[CPUTIME_IRQ]);
	seq_put_decimal_ull(file, ",\"softirq_ns\":", stat->cpustat[CPUTIME_SOFTIRQ]);
	seq_put_decimal_ull(file, ",\"steal_ns\":", stat->cpustat[CPUTIME_STEAL]);
	seq_putc(file, '}');
}

static void put_pages(struct seq_file *file, const char *key, u64 pages)
{
	seq_put_decimal_ull(file, key, pages << PAGE_SHIFT);
}

static void put_memory(struct seq_file *file)
{
	struct sysinfo info;
	long cached;

	si_meminfo(&info);
	cached = global_node_page_state(NR_FILE_PAGES) - total_swapcache_pages() - info.bufferram;
	put_pages(file, ",\"memory\":{\"total_bytes\":", info.totalram);
	put_pages(file, ",\"free_bytes\":", info.freeram);
	put_pages(file, ",\"available_bytes\":", max(si_mem_available(), 0L));
	put_pages(file, ",\"buffers_bytes\":", info.bufferram);
	put_pages(file, ",\"cached_bytes\":", max(cached, 0L));
	put_pages(file, ",\"slab_reclaimable_bytes\":",
		  global_node_page_state_pages(NR_SLAB_RECLAIMABLE_B));
	/* The kernel exports to modules the free swap, but not the total swap. */
	put_pages(file,
		  ",\"swap_total_bytes\":null,\"swap_free_bytes\":", max(get_nr_swap_pages(), 0L));
	seq_putc(file, '}');
}

/* Writes hundredths, rounded as in /proc/loadavg. */
static void put_load(struct seq_file *file, const char *key, unsigned long load)
{
	load += FIXED_1 / 200;
	seq_printf(file, "%s%lu.%02lu", key, LOAD_INT(load), LOAD_FRAC(load));
}

void vigia_json_host(struct seq_file *file)
{
	struct kernel_cpustat sum = {}, one;
	const char *separator = "";
	int cpu, i;

	for_each_possible_cpu(cpu) {
		read_cpu(cpu, &one);
		for (i = 0; i < NR_STATS; i++)
			sum.cpustat[i] += one.cpustat[i];
	}
	seq_puts(file, "\"host\":{\"cpu\":");
	put_cpu_times(file, &sum);
	seq_puts(file, ",\"cpus\":[");
	for_each_online_cpu(cpu) {
		read_cpu(cpu, &one);
		seq_puts(file, separator);
		put_cpu_times(file, &one);
		separator = ",";
	}
	seq_putc(file, ']');
	put_memory(file);
	put_load(file, ",\"load\":{\"one\":", avenrun[0]);
	put_load(file, ",\"five\":", avenrun[1]);
	put_load(file, ",\"fifteen\":", avenrun[2]);
	seq_puts(file, "}}");
}
