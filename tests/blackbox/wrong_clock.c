/* A library that is loaded before the C library and moves a process' clock ahead. The first eight
   bytes of the file WRONG_CLOCK are the seconds; a change has effect at once. Only the time of day
   is wrong, as after a wrong setting of the clock. Waits are the kernel's and stay right: a wait until
   a time of day (gRPC's) ends at the process' own time, not at the kernel's.

   BOOT_SPEED, a number, makes the time since the boot pass as many times faster. Processes that
   measure a minute's lease by it need a second or two of a test. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static const volatile int64_t *ahead_s;
static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int64_t boot_speed = 1;
static long (*real_syscall)(long, ...);

__attribute__((constructor)) static void begin(void) {
  real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  real_syscall = dlsym(RTLD_NEXT, "syscall");
  const char *path = getenv("WRONG_CLOCK");
  const int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  void *const mapped = file < 0 ? MAP_FAILED : mmap(NULL, 8, PROT_READ, MAP_SHARED, file, 0);
  if (mapped == MAP_FAILED) abort(); /* a test must not go on with the right time */
  ahead_s = mapped;
  const char *speed = getenv("BOOT_SPEED");
  if (speed && (boot_speed = strtoll(speed, NULL, 10)) < 1) abort();
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  if (!real_clock_gettime) begin();
  const int result = real_clock_gettime(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    now->tv_sec += *ahead_s;
  }
  if (result == 0 && clock == CLOCK_BOOTTIME) {
    const int64_t ns = now->tv_nsec * boot_speed;
    now->tv_sec = now->tv_sec * boot_speed + ns / 1000000000;
    now->tv_nsec = ns % 1000000000;
  }
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  (void)zone;
  struct timespec precise;
  const int result = clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return result;
}

time_t time(time_t *into) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (into) *into = now.tv_sec;
  return now.tv_sec;
}

long syscall(long number, ...) {
  va_list all;
  va_start(all, number);
  long given[6];
  for (int i = 0; i < 6; ++i) given[i] = va_arg(all, long);
  va_end(all);
  if (!real_syscall) begin();
  struct timespec until;
  if (number == SYS_futex && (given[1] & FUTEX_CLOCK_REALTIME) && given[3]) {
    until = *(const struct timespec *)given[3];
    until.tv_sec -= *ahead_s;
    given[3] = (long)&until;
  }
  return real_syscall(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}
