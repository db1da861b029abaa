/* The floor of fnrpc.v1.Diagnostics/Echo: the least work with which a process can echo ttrpc calls.
 *
 * One thread, epoll, one read and one write for each round. It reads frame headers and finds the payload in the request;
 * it does not look at names, limits, deadlines or ids.
 *
 *     echo --listen PATH [--burn MICROSECONDS]
 *
 * It serves as a function of format ttrpc, too; with --burn each call costs so much processor time.
 */
#define _GNU_SOURCE
#include "message.h"
#include <signal.h>
#include <sys/epoll.h>

struct peer {
    int fd;
    bool full;
    struct buffer in, out;
};

static volatile sig_atomic_t stopping;
static uint64_t burnt; /* nanoseconds for each call */

static void stop(int signal_number) {
    (void)signal_number;
    stopping = 1;
}

static uint64_t thread_nanos(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void burn(void) {
    uint64_t end = burnt ? thread_nanos() + burnt : 0;
    while (burnt && thread_nanos() < end) continue;
}

/* Request field 3 goes back as Response field 2. */
static bool answer(struct peer *p, const uint8_t *frame, size_t size) {
    struct bytes request = {frame + HEADER, size - HEADER}, value, payload = {0};
    uint64_t number, scalar;
    while (request.size) {
        if (!field(&request, &number, &scalar, &value)) return false;
        if (number == 3) payload = value;
    }
    burn();
    uint8_t header[HEADER] = {[8] = 2};
    memcpy(header + 4, frame + 4, 4);
    size_t begin = p->out.end - p->out.begin;
    append(&p->out, header, HEADER);
    if (payload.size) put(&p->out, 2, payload.data, payload.size);
    uint8_t *written = p->out.data + p->out.begin + begin;
    store32(written, (uint32_t)(p->out.data + p->out.end - written - HEADER));
    return true;
}

/* False when the peer has gone or sends nonsense. */
static bool serve(int epoll, struct peer *p, uint32_t events) {
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        if (fill(p->fd, &p->in) < 0) return false;
        ssize_t size;
        while ((size = frame_size(&p->in)) > 0) {
            if (!answer(p, p->in.data + p->in.begin, (size_t)size)) return false;
            p->in.begin += (size_t)size;
        }
        if (size < 0) return false;
    }
    if (p->out.begin == p->out.end) return true;
    int state = drain(p->fd, &p->out);
    if (state < 0) return false;
    if ((state == 0) == p->full) return true;
    p->full = state == 0;
    struct epoll_event event = {.events = EPOLLIN | (p->full ? EPOLLOUT : 0), .data.ptr = p};
    return epoll_ctl(epoll, EPOLL_CTL_MOD, p->fd, &event) == 0;
}

static void welcome(int epoll, int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return;
    struct peer *p = checked(calloc(1, sizeof *p));
    p->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
}

static void leave(struct peer *p) {
    close(p->fd);
    free(p->in.data);
    free(p->out.data);
    free(p);
}

int main(int count, char **values) {
    bool burns = count == 5 && strcmp(values[3], "--burn") == 0;
    if ((count != 3 && !burns) || strcmp(values[1], "--listen") != 0) {
        fprintf(stderr, "usage: echo --listen PATH [--burn MICROSECONDS]\n");
        return 2;
    }
    if (burns) burnt = strtoull(values[4], NULL, 10) * 1000;
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    /* Its name appears when it can be connected to. */
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    if ((size_t)snprintf(path, sizeof path, "%s.new", values[2]) >= sizeof path) fail("a path that is too long");
    struct sockaddr_un name = unix_name(path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), epoll = epoll_create1(EPOLL_CLOEXEC);
    if (listener < 0 || bind(listener, (struct sockaddr *)&name, sizeof name) < 0 || listen(listener, 1024) < 0 ||
        rename(path, values[2]) < 0)
        fail(values[2]);
    struct epoll_event event = {.events = EPOLLIN}, events[256];
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0) fail("epoll");
    puts("ready");
    fflush(stdout);
    while (!stopping) {
        int n = epoll_wait(epoll, events, 256, -1);
        if (n < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < n; i++) {
            struct peer *p = events[i].data.ptr;
            if (!p)
                welcome(epoll, listener);
            else if (!serve(epoll, p, events[i].events))
                leave(p);
        }
    }
    unlink(values[2]);
    return 0;
}
