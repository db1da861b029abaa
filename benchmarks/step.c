/* Counts the instructions that threads execute in user mode, by single-stepping them: exact, and the same on every x86-64
 * machine, also where the processor's counters are out of reach. It slows the threads down a thousandfold.
 *
 *   step OUTPUT THREAD…      thread ids of one process
 *
 * Prints "ready" when every thread is watched; SIGINT ends it. OUTPUT then has a line for each address that was executed:
 * "HEX COUNT". The kernel's work inside a system call does not count, the call itself is one instruction. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

enum { BUCKETS = 1 << 20 }; /* far more than the addresses on any path */

static struct {
    uint64_t address, count;
} counts[BUCKETS];
static volatile sig_atomic_t stopping;
static cpu_set_t here; /* one processor for all of us: waking another one costs much more than a step */

static void stop(int number) {
    (void)number;
    stopping = 1;
}

_Noreturn static void fail(const char *what) {
    fprintf(stderr, "step: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void count(uint64_t address) {
    size_t place = (address * 0x9e3779b97f4a7c15u) >> 44;
    for (size_t tries = 0; tries < BUCKETS; tries++, place = (place + 1) % BUCKETS) {
        if (counts[place].count && counts[place].address != address) continue;
        counts[place].address = address;
        counts[place].count++;
        return;
    }
    errno = ENOMEM;
    fail("too many addresses");
}

/* What a stop was for: goes on to the next one. */
static void go_on(pid_t thread, int status) {
    int number = WSTOPSIG(status);
    if (status >> 16) {
        number = 0; /* a stop that we asked for */
    } else if (number == SIGTRAP) {
        number = 0;
        errno = 0;
        long address = ptrace(PTRACE_PEEKUSER, thread, offsetof(struct user_regs_struct, rip), NULL);
        if (errno) fail("PTRACE_PEEKUSER");
        count((uint64_t)address);
    }
    if (ptrace(PTRACE_SINGLESTEP, thread, NULL, (long)number) && errno != ESRCH) fail("PTRACE_SINGLESTEP");
}

static void attach(pid_t thread) {
    if (ptrace(PTRACE_SEIZE, thread, NULL, NULL) || ptrace(PTRACE_INTERRUPT, thread, NULL, NULL)) fail("attach");
    if (sched_setaffinity(thread, sizeof here, &here)) fail("sched_setaffinity");
}

/* Whether the end of a step waits behind another stop. */
static bool step_waits(pid_t thread) {
    struct __ptrace_peeksiginfo_args from = {.nr = 1};
    siginfo_t info;
    for (; ptrace(PTRACE_PEEKSIGINFO, thread, &from, &info) == 1; from.off++)
        if (info.si_signo == SIGTRAP) return true;
    return false;
}

static void detach(pid_t thread, const cpu_set_t *before) {
    int status;
    sched_setaffinity(thread, sizeof *before, before);
    if (ptrace(PTRACE_INTERRUPT, thread, NULL, NULL)) return;
    if (waitpid(thread, &status, __WALL) != thread || !WIFSTOPPED(status)) return;
    /* A SIGTRAP that nobody takes any more would be a crash to the process. */
    if (status >> 16 && step_waits(thread)) {
        if (ptrace(PTRACE_CONT, thread, NULL, NULL)) return;
        if (waitpid(thread, &status, __WALL) != thread || !WIFSTOPPED(status)) return;
    }
    int number = status >> 16 || WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
    ptrace(PTRACE_DETACH, thread, NULL, (long)number);
}

static void write_counts(const char *path) {
    FILE *file = fopen(path, "w");
    if (!file) fail(path);
    for (size_t place = 0; place < BUCKETS; place++)
        if (counts[place].count)
            fprintf(file, "%llx %llu\n", (unsigned long long)counts[place].address, (unsigned long long)counts[place].count);
    if (fclose(file)) fail(path);
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: step OUTPUT THREAD…\n");
        return 2;
    }
    /* No SA_RESTART: the signal must end waitpid. */
    sigaction(SIGINT, &(struct sigaction){.sa_handler = stop}, NULL);
    cpu_set_t before;
    if (sched_getaffinity((pid_t)strtol(argv[2], NULL, 10), sizeof before, &before)) fail(argv[2]);
    CPU_SET(sched_getcpu(), &here);
    if (sched_setaffinity(0, sizeof here, &here)) fail("sched_setaffinity");
    for (int i = 2; i < argc; i++) attach((pid_t)strtol(argv[i], NULL, 10));
    puts("ready");
    fflush(stdout);
    while (!stopping) {
        int status;
        pid_t thread = waitpid(-1, &status, __WALL);
        if (thread < 0 && errno != EINTR) fail("waitpid");
        if (thread > 0 && WIFSTOPPED(status)) go_on(thread, status);
    }
    for (int i = 2; i < argc; i++) detach((pid_t)strtol(argv[i], NULL, 10), &before);
    write_counts(argv[1]);
    return 0;
}
