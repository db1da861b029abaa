/* The floor: the least work with which one process can relay calls to worker processes.
 *
 * One thread, epoll, a LIFO stack of idle slots, a FIFO of waiting calls. It forwards whole ttrpc frames and rewrites the
 * stream id, nothing else: no lookup, no limits, no isolation, no records. Each worker is a process that serves ttrpc
 * (FNRPC_LISTENER) and takes up to --depth calls at once.
 *
 *     relay --listen PATH [--workers 1] [--depth 1] COMMAND
 */
#define _GNU_SOURCE
#include "wire.h"
#include <getopt.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct peer {
    int fd;
    bool is_worker, gone, full, dirty;
    struct buffer in, out;
    struct peer *next_dirty;
    struct slot *slots; /* of a worker */
};

struct slot {
    struct peer *worker, *client; /* client: NULL when it left before its reply */
    uint32_t client_stream;
    uint32_t worker_stream;
};

struct waiting {
    struct waiting *next;
    struct peer *client;
    size_t size;
    uint8_t frame[];
};

static int epoll;
static struct slot **idle; /* stack, most recently used on top */
static size_t idle_count, slot_count, depth = 1, worker_count = 1;
static struct slot *all_slots;
static struct waiting *first, **last = &first;
static struct peer *dirty;
static pid_t *pids;
static const char *listen_path;
static volatile sig_atomic_t stopping;

static void stop(int signal_number) {
    (void)signal_number;
    stopping = 1;
}

static void mark(struct peer *p) {
    if (p->dirty) return;
    p->dirty = true;
    p->next_dirty = dirty;
    dirty = p;
}

static void forward(struct peer *to, const uint8_t *frame, size_t size, uint32_t stream) {
    append(&to->out, frame, size);
    store32(to->out.data + to->out.end - size + 4, stream);
    mark(to);
}

static void dispatch(struct slot *s, struct peer *client, const uint8_t *frame, size_t size) {
    s->client = client;
    s->client_stream = load32(frame + 4);
    forward(s->worker, frame, size, s->worker_stream);
}

static void from_client(struct peer *client, const uint8_t *frame, size_t size) {
    if (idle_count) {
        dispatch(idle[--idle_count], client, frame, size);
        return;
    }
    struct waiting *w = checked(malloc(sizeof *w + size));
    *w = (struct waiting){.client = client, .size = size};
    memcpy(w->frame, frame, size);
    *last = w;
    last = &w->next;
}

static void from_worker(struct peer *worker, const uint8_t *frame, size_t size) {
    uint32_t index = load32(frame + 4) / 2;
    if (index >= depth) return;
    struct slot *s = &worker->slots[index];
    if (s->client) forward(s->client, frame, size, s->client_stream);
    s->client = NULL;
    if (!first) {
        idle[idle_count++] = s;
        return;
    }
    struct waiting *w = first;
    first = w->next;
    if (!first) last = &first;
    dispatch(s, w->client, w->frame, w->size);
    free(w);
}

static void leave(struct peer *p) {
    if (p->gone) return;
    if (p->is_worker) {
        fprintf(stderr, "relay: a worker has gone\n");
        exit(1);
    }
    p->gone = true;
    close(p->fd);
    for (size_t i = 0; i < slot_count; i++)
        if (all_slots[i].client == p) all_slots[i].client = NULL;
    for (struct waiting **at = &first; *at;) {
        struct waiting *w = *at;
        if (w->client == p) {
            *at = w->next;
            free(w);
        } else {
            at = &w->next;
        }
    }
    for (last = &first; *last;) last = &(*last)->next;
    mark(p); /* freed at the end of the round, when no event can name it any more */
}

static void interest(struct peer *p, int operation, bool full) {
    p->full = full;
    struct epoll_event event = {.events = EPOLLIN | (full ? EPOLLOUT : 0), .data.ptr = p};
    if (epoll_ctl(epoll, operation, p->fd, &event) < 0) fail("epoll_ctl");
}

static void readable(struct peer *p) {
    int state = fill(p->fd, &p->in);
    if (state < 0) leave(p);
    if (state <= 0) return;
    ssize_t size;
    while ((size = frame_size(&p->in)) > 0) {
        const uint8_t *frame = p->in.data + p->in.begin;
        if (p->is_worker)
            from_worker(p, frame, (size_t)size);
        else
            from_client(p, frame, (size_t)size);
        p->in.begin += (size_t)size;
    }
    if (size < 0) leave(p);
}

/* Everything that one round of events brought for a peer leaves in one write. */
static void flush_all(void) {
    while (dirty) {
        struct peer *p = dirty;
        dirty = p->next_dirty;
        p->dirty = false;
        if (!p->gone) {
            int state = drain(p->fd, &p->out);
            if (state >= 0 && (state == 0) != p->full) interest(p, EPOLL_CTL_MOD, state == 0);
            if (state < 0) leave(p);
            continue;
        }
        free(p->in.data);
        free(p->out.data);
        free(p);
    }
}

static struct peer *add_peer(int fd, bool is_worker) {
    struct peer *p = checked(calloc(1, sizeof *p));
    p->fd = fd;
    p->is_worker = is_worker;
    interest(p, EPOLL_CTL_ADD, false);
    return p;
}

static void start_worker(size_t index, char **command) {
    char path[sizeof ((struct sockaddr_un *)0)->sun_path], listener[sizeof path + 8];
    if (snprintf(path, sizeof path, "%s.worker%zu", listen_path, index) >= (int)sizeof path) fail("path too long");
    snprintf(listener, sizeof listener, "unix:%s", path);
    pid_t parent = getpid();
    pids[index] = fork();
    if (pids[index] < 0) fail("fork");
    if (pids[index] == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* no worker outlives the relay, however it ends */
        if (getppid() != parent) _exit(1);
        setenv("FNRPC_LISTENER", listener, 1);
        execvp(command[0], command);
        fail(command[0]);
    }
    int fd = -1;
    uint64_t deadline = now_nanos() + 5000000000u;
    while ((fd = connect_unix(path)) < 0 && now_nanos() < deadline) usleep(1000);
    if (fd < 0) fail("the worker does not listen");
    unlink(path);
    struct peer *p = add_peer(fd, true);
    p->slots = all_slots + index * depth;
    for (size_t i = 0; i < depth; i++) {
        p->slots[i] = (struct slot){.worker = p, .worker_stream = (uint32_t)(2 * i + 1)};
        idle[idle_count++] = &p->slots[i];
    }
}

static int listen_unix(void) {
    struct sockaddr_un name = unix_name(listen_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) < 0 || listen(fd, 1024) < 0) fail(listen_path);
    return fd;
}

static char **parse(int count, char **values) {
    static const struct option options[] = {{"listen", required_argument, 0, 'l'},
                                            {"workers", required_argument, 0, 'w'},
                                            {"depth", required_argument, 0, 'd'},
                                            {0}};
    for (int o; (o = getopt_long(count, values, "+", options, NULL)) != -1;) {
        if (o == 'l') listen_path = optarg;
        if (o == 'w') worker_count = strtoul(optarg, NULL, 10);
        if (o == 'd') depth = strtoul(optarg, NULL, 10);
        if (o == '?') exit(2);
    }
    if (!listen_path || optind == count || !worker_count || worker_count > 1024 || !depth || depth > 1024) {
        fprintf(stderr, "usage: relay --listen PATH [--workers 1-1024] [--depth 1-1024] COMMAND\n");
        exit(2);
    }
    return values + optind;
}

int main(int count, char **values) {
    char **command = parse(count, values);
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    slot_count = worker_count * depth;
    all_slots = checked(calloc(slot_count, sizeof *all_slots));
    idle = checked(calloc(slot_count, sizeof *idle));
    pids = checked(calloc(worker_count, sizeof *pids));
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) fail("epoll_create1");
    for (size_t i = 0; i < worker_count; i++) start_worker(i, command);

    int listener = listen_unix();
    struct epoll_event event = {.events = EPOLLIN}, events[256];
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0) fail("epoll_ctl");
    puts("ready");
    fflush(stdout);
    while (!stopping) {
        int n = epoll_wait(epoll, events, 256, -1);
        if (n < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < n; i++) {
            struct peer *p = events[i].data.ptr;
            if (!p) {
                int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                if (fd >= 0) add_peer(fd, false);
                continue;
            }
            if (events[i].events & EPOLLOUT) mark(p);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !p->gone) readable(p);
        }
        flush_all();
    }
    unlink(listen_path);
    for (size_t i = 0; i < worker_count; i++) kill(pids[i], SIGKILL);
    while (wait(NULL) > 0) continue;
    return 0;
}
