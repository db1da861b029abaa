/* What processes have used of the processors. */
#pragma once
#include <sys/resource.h>
#include <time.h>

#include "wire.h"

static inline double micros(struct timespec time) { return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3; }

/* User and system time of a process, in microseconds; 0: of none. */
static inline double process_micros(long watched) {
    clockid_t clock;
    struct timespec time;
    if (!watched) return 0;
    if (clock_getcpuclockid((pid_t)watched, &clock) || clock_gettime(clock, &time)) fail("the clock of --pid");
    return micros(time);
}

/* The same of this process. */
static inline double own_micros(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}
