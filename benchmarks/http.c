/* One caller of a function of format http-stream, without a daemon: POST /call over its Unix socket, HTTP/1.1, one
 * connection that stays, the headers that the daemon sends. Clock, histogram and output are load.c's, and so are the
 * system calls: it waits by epoll, and reads and writes once for a call. Prints one line of JSON; exits 1 on any error.
 */
#define _GNU_SOURCE
#include "cpu.h"
#include "latency.h"
#include <getopt.h>
#include <sys/epoll.h>

enum { STALL_MILLIS = 10000 };

static const char *address, *body = "", *type = "application/json", *expected;
static double seconds = 5, warmup = 1;
static uint64_t calls;
static struct latency latency;
static struct buffer in, out;

_Noreturn static void give_up(const char *what) {
    fprintf(stderr, "http: %s\n", what);
    exit(1);
}

/* The id has 26 digits, and no two calls have the same. */
static void add_request(void) {
    char head[512], deadline[32];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += 30;
    strftime(deadline, sizeof deadline, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &utc));
    int size = snprintf(head, sizeof head,
                        "POST /call HTTP/1.1\r\nHost: localhost\r\nFn-Call-Id: 01%024llu\r\nFn-Deadline: %s.%03ldZ\r\n"
                        "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                        (unsigned long long)calls++, deadline, now.tv_nsec / 1000000, type, strlen(body));
    if (size < 0 || (size_t)size >= sizeof head) give_up("the request's head is too long");
    append(&out, head, (size_t)size);
    append(&out, body, strlen(body));
}

/* The value of a header in a head that ends with a NUL; NULL: it is not there. */
static const char *header(const char *head, const char *name) {
    for (const char *line = strstr(head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n"))
        if (!strncasecmp(line + 2, name, strlen(name))) return line + 2 + strlen(name);
    return NULL;
}

/* Takes a whole answer; false: it is not all there yet. */
static bool take_answer(void) {
    char *data = (char *)in.data + in.begin;
    size_t size = in.end - in.begin;
    char *end = size ? memmem(data, size, "\r\n\r\n", 4) : NULL;
    if (!end) return false;
    end[2] = 0;
    const char *length = header(data, "content-length:");
    size_t wanted = length ? strtoul(length, NULL, 10) : 0, head = (size_t)(end + 4 - data);
    if (strncmp(data, "HTTP/1.1 200", 12) != 0) give_up(data);
    if (!length) give_up("the answer has no length");
    end[2] = '\r';
    if (size - head < wanted) return false;
    if (size - head > wanted) give_up("more came than an answer");
    if (expected && (wanted != strlen(expected) || memcmp(data + head, expected, wanted) != 0))
        give_up("the answer is not what was expected");
    in.begin = in.end = 0;
    return true;
}

static void call(int epoll, int fd) {
    struct epoll_event event;
    add_request();
    if (drain(fd, &out) != 1) give_up("the request was not taken");
    do {
        int count = epoll_wait(epoll, &event, 1, STALL_MILLIS);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        if (count == 0) give_up("no answer for 10 s");
        if (fill(fd, &in) < 0) give_up("the connection was closed");
    } while (!take_answer());
}

static void parse(int count, char **values) {
    static const struct option options[] = {{"address", 1, 0, 'a'}, {"data", 1, 0, 'd'},   {"type", 1, 0, 't'}, {"expect", 1, 0, 'e'},
                                            {"seconds", 1, 0, 's'}, {"warmup", 1, 0, 'w'}, {0}};
    for (int o; (o = getopt_long(count, values, "", options, NULL)) != -1;) {
        switch (o) {
        case 'a': address = optarg; break;
        case 'd': body = optarg; break;
        case 't': type = optarg; break;
        case 'e': expected = optarg; break;
        case 's': seconds = strtod(optarg, NULL); break;
        case 'w': warmup = strtod(optarg, NULL); break;
        default: address = NULL;
        }
    }
    if (address && optind == count && seconds > 0) return;
    fprintf(stderr, "usage: http --address PATH [--data TEXT] [--type TYPE] [--expect TEXT] [--seconds 5] [--warmup 1]\n");
    exit(2);
}

int main(int count, char **values) {
    parse(count, values);
    int fd = connect_unix(address), epoll = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) fail(address);
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
    uint64_t now = now_nanos(), from = now + (uint64_t)(warmup * 1e9), until = from + (uint64_t)(seconds * 1e9), sent;
    double cpu = own_micros();
    while ((sent = now) < until) {
        call(epoll, fd);
        now = now_nanos();
        if (sent < from) cpu = own_micros();
        else latency_record(&latency, now - sent);
    }
    if (!latency.calls) give_up("no call was measured");
    double elapsed = (double)(now - from) / 1e9;
    printf("{\"calls\":%llu,\"errors\":0,\"seconds\":%.3f,\"rate\":%.0f,", (unsigned long long)latency.calls, elapsed,
           (double)latency.calls / elapsed);
    printf("\"p50_us\":%.2f,\"p90_us\":%.2f,\"p99_us\":%.2f,\"max_us\":%.2f,\"client_cpu_us_per_call\":%.2f}\n",
           latency_micros(&latency, 0.5), latency_micros(&latency, 0.9), latency_micros(&latency, 0.99),
           (double)latency.longest / 1000, (own_micros() - cpu) / (double)latency.calls);
    return 0;
}
