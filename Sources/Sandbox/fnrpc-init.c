/*
 * fnrpc-init: process 1 of every sandbox.
 *
 * Waits for an assignment on its control descriptor, starts the function, reaps, reports, and ends the sandbox when
 * the function ends or when the daemon's end of the descriptor is gone. The end of process 1 of a PID namespace ends
 * every process in it, so this program's exit is the sandbox's end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "control.h"

/* The exit codes of this program, for people who look at the runtime's state; the daemon learns from records. */
enum { EXIT_ENDED = 0, EXIT_SETUP = 120, EXIT_PROTOCOL = 121, EXIT_EXEC = 122 };

/* Most words of arguments and environment together: every word has at least its NUL. */
enum { MAX_WORDS = 16384 };

static uint8_t packet[FNRPC_CONTROL_MAX_SIZE];
static char *words[MAX_WORDS + 2];

static void put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, (uint16_t)value);
    put16(at + 2, (uint16_t)(value >> 16));
}

static void put64(uint8_t *at, uint64_t value)
{
    put32(at, (uint32_t)value);
    put32(at + 4, (uint32_t)(value >> 32));
}

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) | (uint32_t)get16(at + 2) << 16;
}

/* Ends the sandbox. The kernel kills the rest of the namespace; kill() first makes that the same without one. */
static _Noreturn void end(int code)
{
    kill(-1, SIGKILL);
    _exit(code);
}

/* Fills the header and sends. The daemon being gone shows up as end of file on the next poll. */
static void report(uint8_t *record, uint16_t type, uint32_t size)
{
    put16(record, FNRPC_CONTROL_VERSION);
    put16(record + 2, type);
    put32(record + 4, size);
    while (send(FNRPC_CONTROL_FD, record, size, MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

static void report_number(uint16_t type, uint32_t value)
{
    uint8_t record[FNRPC_CONTROL_STARTED_SIZE];
    put32(record + FNRPC_CONTROL_HEADER_SIZE, value);
    report(record, type, sizeof record);
}

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t microseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_usec;
}

static void report_exit(int status, const struct rusage *usage, uint64_t wall_ns)
{
    uint8_t record[FNRPC_CONTROL_EXITED_SIZE];
    put32(record + FNRPC_CONTROL_EXITED_CODE, WIFEXITED(status) ? (uint32_t)WEXITSTATUS(status) : UINT32_MAX);
    put32(record + FNRPC_CONTROL_EXITED_SIGNAL, WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status) : 0);
    put64(record + FNRPC_CONTROL_EXITED_USER, microseconds(usage->ru_utime));
    put64(record + FNRPC_CONTROL_EXITED_SYSTEM, microseconds(usage->ru_stime));
    put64(record + FNRPC_CONTROL_EXITED_MAXRSS, (uint64_t)usage->ru_maxrss);
    put64(record + FNRPC_CONTROL_EXITED_WALL, wall_ns);
    report(record, FNRPC_CONTROL_EXITED, sizeof record);
}

/* What the function is started with; points into `packet` and `words`. */
struct assignment {
    char *directory;
    char **arguments;
    char **environment;
};

/* Reads an ASSIGN record of `size` bytes in `packet`; 0 if it is well formed. */
static int parse(size_t size, struct assignment *out)
{
    if (size <= FNRPC_CONTROL_ASSIGN_STRINGS || packet[size - 1] != 0)
        return -1;
    uint32_t argument_count = get32(packet + FNRPC_CONTROL_ASSIGN_ARGUMENTS);
    uint32_t environment_count = get32(packet + FNRPC_CONTROL_ASSIGN_ENVIRONMENT);
    if (argument_count == 0 || argument_count > MAX_WORDS || environment_count > MAX_WORDS - argument_count)
        return -1;

    char *at = (char *)packet + FNRPC_CONTROL_ASSIGN_STRINGS;
    char *stop = (char *)packet + size;
    out->directory = at;
    at += strlen(at) + 1;
    out->arguments = words;
    out->environment = words + argument_count + 1;
    for (uint32_t index = 0; index < argument_count + environment_count; index++) {
        if (at >= stop)
            return -1;
        words[index < argument_count ? index : index + 1] = at;
        at += strlen(at) + 1;
    }
    words[argument_count] = NULL;
    words[argument_count + environment_count + 1] = NULL;
    return at == stop ? 0 : -1;
}

static const char *search_path(char **environment)
{
    for (; *environment; environment++)
        if (strncmp(*environment, "PATH=", 5) == 0)
            return *environment + 5;
    return "/usr/local/bin:/usr/bin:/bin";
}

/* execve, with a search of PATH for a name without a slash; returns the errno that says most. */
static int execute(const struct assignment *task)
{
    const char *name = task->arguments[0];
    if (strchr(name, '/')) {
        execve(name, task->arguments, task->environment);
        return errno;
    }
    int result = ENOENT;
    size_t name_size = strlen(name) + 1;
    const char *from = search_path(task->environment);
    for (;;) {
        const char *to = strchrnul(from, ':');
        size_t length = (size_t)(to - from);
        char path[4096];
        if (name_size > 1 && length > 0 && length + 1 + name_size <= sizeof path) {
            memcpy(path, from, length);
            path[length] = '/';
            memcpy(path + length + 1, name, name_size);
            execve(path, task->arguments, task->environment);
            if (errno != ENOENT && errno != ENOTDIR)
                result = errno;
        }
        if (*to == 0)
            return result;
        from = to + 1;
    }
}

/*
 * Starts the function in a session of its own; its process id, or -1 with `*error` set.
 *
 * vfork: the child shares this memory until execve, so nothing is copied, an error comes back in a variable, and the
 * child is as non-dumpable as its parent for as long as it holds the control descriptor.
 */
__attribute__((noinline)) static pid_t start(const struct assignment *task, volatile int *error)
{
    *error = 0;
    pid_t pid = vfork();
    if (pid == 0) {
        struct sigaction normal = {.sa_handler = SIG_DFL};
        for (int number = 1; number < NSIG; number++)
            sigaction(number, &normal, NULL);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setsid();
        if (chdir(task->directory) != 0)
            *error = errno;
        else
            *error = execute(task);
        _exit(127);
    }
    if (pid < 0)
        *error = errno;
    return *error ? -1 : pid;
}

/* Handles one record from the daemon; returns the function's process id once it runs. */
static pid_t receive(pid_t function, uint64_t *started_ns)
{
    ssize_t count = recv(FNRPC_CONTROL_FD, packet, sizeof packet, MSG_TRUNC);
    if (count < 0 && errno == EINTR)
        return function;
    if (count <= 0)
        end(EXIT_ENDED);
    size_t size = (size_t)count;
    if (size < FNRPC_CONTROL_HEADER_SIZE || size > sizeof packet || get16(packet) != FNRPC_CONTROL_VERSION ||
        get32(packet + 4) != size)
        end(EXIT_PROTOCOL);

    uint16_t type = get16(packet + 2);
    if (type == FNRPC_CONTROL_TIE && size == FNRPC_CONTROL_HEADER_SIZE) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        return function;
    }
    struct assignment task;
    if (type != FNRPC_CONTROL_ASSIGN || function != 0 || parse(size, &task) != 0)
        end(EXIT_PROTOCOL);
    volatile int error = 0;
    *started_ns = monotonic_ns();
    function = start(&task, &error);
    if (function < 0) {
        report_number(FNRPC_CONTROL_EXEC_FAILED, (uint32_t)error);
        end(EXIT_EXEC);
    }
    /* The function's pipes must end when the function closes them. */
    close(0);
    close(1);
    close(2);
    report_number(FNRPC_CONTROL_STARTED, (uint32_t)function);
    return function;
}

/* Reaps everything that has ended; ends the sandbox if the function is among it. */
static void reap(pid_t function, uint64_t started_ns)
{
    for (;;) {
        int status = 0;
        struct rusage usage;
        pid_t pid = wait4(-1, &status, WNOHANG, &usage);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            return;
        if (pid == function) {
            report_exit(status, &usage, monotonic_ns() - started_ns);
            end(EXIT_ENDED);
        }
    }
}

int main(void)
{
    const struct rlimit no_core = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &no_core) != 0 ||
        fcntl(FNRPC_CONTROL_FD, F_SETFD, FD_CLOEXEC) != 0)
        return EXIT_SETUP;
    /* Nothing of the runtime's may reach the function. */
    syscall(SYS_close_range, FNRPC_CONTROL_FD + 1, ~0u, 0);

    /* Blocked, not ignored: the kernel drops unblocked default signals to process 1. */
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0)
        return EXIT_SETUP;

    uint8_t ready[FNRPC_CONTROL_READY_SIZE];
    report(ready, FNRPC_CONTROL_READY, sizeof ready);

    pid_t function = 0;
    uint64_t started_ns = 0;
    for (;;) {
        struct pollfd events[2] = {{FNRPC_CONTROL_FD, POLLIN, 0}, {signals, POLLIN, 0}};
        if (poll(events, 2, -1) < 0)
            continue;
        if (events[1].revents) {
            struct signalfd_siginfo info;
            while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
                if (info.ssi_signo == SIGTERM && function > 0)
                    kill(-function, SIGTERM);
                else if (info.ssi_signo == SIGTERM)
                    end(EXIT_ENDED);
            }
            reap(function, started_ns);
        }
        if (events[0].revents & POLLIN)
            function = receive(function, &started_ns);
        else if (events[0].revents)
            end(EXIT_ENDED);
    }
}
