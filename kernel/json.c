// SPDX-License-Identifier: GPL-2.0-only
/*
 * JSON (RFC 8259) for any names of processes: a byte that is not UTF-8 (RFC 3629) becomes U+FFFD.
 */
#include <linux/ktime.h>
#include <linux/utsname.h>

#include "vigia.h"

/*
 * Returns the bytes of the character that @text begins with; 0 when there is none. A character has
 * the shortest form, is no surrogate and is at most U+10FFFF (Unicode Standard, table 3-7).
 */
static size_t utf8_length(const u8 *text, size_t bytes)
{
	u8 least = 0x80, most = 0xbf; /* of the second byte */
	size_t length, i;

	if (text[0] < 0x80)
		return 1;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	length = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	if (length > bytes)
		return 0;
	if (text[0] == 0xe0)
		least = 0xa0;
	else if (text[0] == 0xed)
		most = 0x9f;
	else if (text[0] == 0xf0)
		least = 0x90;
	else if (text[0] == 0xf4)
		most = 0x8f;
	if (text[1] < least || text[1] > most)
		return 0;
	for (i = 2; i < length; i++) {
		if (text[i] < 0x80 || text[i] > 0xbf)
			return 0;
	}
	return length;
}

static bool stands_for_itself(u8 byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

static void put_string(struct seq_file *file, const char *key, const char *text, size_t bytes)
{
	const u8 *at = (const u8 *)text;
	const u8 *const end = at + bytes;

	seq_puts(file, key);
	seq_putc(file, '"');
	while (at < end) {
		const u8 *run = at;
		size_t length;

		while (at < end && stands_for_itself(*at))
			at++;
		seq_write(file, run, at - run);
		if (at == end)
			break;
		length = utf8_length(at, end - at);
		if (length > 1) {
			seq_write(file, at, length);
		} else if (length == 0) {
			seq_puts(file, "\\ufffd");
			length = 1;
		} else if (*at == '"' || *at == '\\') {
			seq_putc(file, '\\');
			seq_putc(file, *at);
		} else {
			seq_printf(file, "\\u%04x", *at);
		}
		at += length;
	}
	seq_putc(file, '"');
}

void vigia_json_begin(struct seq_file *file)
{
	const char *boot_id = vigia_boot_id();
	const char *release = utsname()->release;

	seq_put_decimal_ull(file, "{\"schema\":", VIGIA_SCHEMA);
	put_string(file, ",\"source\":\"module\",\"kernel\":", release, strlen(release));
	if (*boot_id)
		put_string(file, ",\"boot_id\":", boot_id, strlen(boot_id));
	else
		seq_puts(file, ",\"boot_id\":null");
	seq_put_decimal_ull(file, ",\"wall_ms\":", ktime_to_ms(ktime_get_real()));
	seq_put_decimal_ull(file, ",\"uptime_ns\":", ktime_get_boottime_ns());
	seq_puts(file, ",\"hidden_processes\":0,");
	vigia_json_host(file);
	seq_puts(file, ",\"processes\":[");
}

void vigia_json_process(struct seq_file *file, const struct vigia_record *record,
			const char *command, size_t command_bytes, const char *cgroup)
{
	u64 user_ns, system_ns;

	vigia_divide_runtime(record, &user_ns, &system_ns);
	seq_put_decimal_ll(file, "\n{\"pid\":", record->pid);
	seq_put_decimal_ll(file, ",\"ppid\":", record->ppid);
	seq_put_decimal_ll(file, ",\"threads\":", record->threads);
	seq_put_decimal_ll(file, ",\"oom_score_adj\":", record->oom_score_adj);
	seq_put_decimal_ull(file, ",\"uid\":", record->uid);
	put_string(file, ",\"state\":", &record->state, 1);
	seq_put_decimal_ull(file, ",\"start_ns\":", record->start_ns);
	seq_put_decimal_ull(file, ",\"read_ns\":", record->read_ns);
	seq_put_decimal_ull(file, ",\"user_ns\":", user_ns);
	seq_put_decimal_ull(file, ",\"system_ns\":", system_ns);
	seq_put_decimal_ull(file, ",\"vsz_bytes\":", record->vsz_bytes);
	seq_put_decimal_ull(file, ",\"rss_anon_bytes\":", record->rss_anon_bytes);
	seq_put_decimal_ull(file, ",\"rss_file_bytes\":", record->rss_file_bytes);
	seq_put_decimal_ull(file, ",\"rss_shmem_bytes\":", record->rss_shmem_bytes);
	put_string(file, ",\"name\":", record->name, strnlen(record->name, sizeof(record->name)));
	put_string(file, ",\"command\":", command, command_bytes);
	put_string(file, ",\"cgroup\":", cgroup, strlen(cgroup));
	seq_putc(file, '}');
}

void vigia_json_end(struct seq_file *file)
{
	seq_puts(file, "\n]}\n");
}
