/* A peer that means harm, for benchmarks/hostile: it sends the bytes of a file again and again, as --chunk, --rate, --times
 * and --deaf say, on many connections. A connection that the daemon closes is opened again, unless all was sent on it.
 *
 *     attack --address SOCKET --send FILE [--greet FILE] [--connections N] [--chunk BYTES] [--rate R] [--times N] [--deaf]
 *     attack --burn SECONDS --rate R
 *
 * --greet is sent first, and its answer waited for. --rate counts chunks (by default a chunk is the whole file) a second, of
 * all connections together; 0: as many as can be. --times: how often each connection sends the file; 0: for ever. --deaf
 * never reads. --burn attacks nobody: it uses the processor, R times a second for so long; that is what an attack would cost
 * others if it did not reach the daemon. Prints "ready" when every connection is open, and JSON at SIGTERM. Frames get
 * the stream ids 1, 3, 5, …
 */
#define _GNU_SOURCE
#include "wire.h"
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static const uint64_t SECOND = 1000000000u;
/* What was not sent in time is not made up for beyond this. */
static const uint64_t LATEST = 100000000u;

struct connection {
    uint32_t id;
    size_t sent; /* bytes of the file that have left */
    size_t left; /* of the chunk */
    unsigned long times;
};

static const char *address;
static struct buffer file, greeting;
static size_t count = 1, chunk;
static double rate, burn_seconds;
static unsigned long times;
static bool deaf;
static struct connection *all;
static struct pollfd *polled;
static uint64_t chunks, answers, reopened;
static volatile sig_atomic_t stopped;

static void stop(int signal) {
    (void)signal;
    stopped = 1;
}

static void load_file(struct buffer *b, const char *path) {
    FILE *stream = fopen(path, "re");
    if (!stream) fail(path);
    for (;;) {
        reserve(b, READ_SIZE);
        size_t n = fread(b->data + b->end, 1, READ_SIZE, stream);
        b->end += n;
        if (n == 0) break;
    }
    if (ferror(stream) || b->end < HEADER) fail(path);
    fclose(stream);
}

static void pause_nanos(uint64_t nanos) {
    struct timespec t = {.tv_sec = (time_t)(nanos / SECOND), .tv_nsec = (long)(nanos % SECOND)};
    nanosleep(&t, NULL);
}

static void greet(int fd) {
    struct buffer in = {0};
    if (send(fd, greeting.data, greeting.end, MSG_NOSIGNAL) != (ssize_t)greeting.end) fail("greeting");
    while (frame_size(&in) == 0 && !stopped) {
        reserve(&in, READ_SIZE);
        ssize_t n = recv(fd, in.data + in.end, in.capacity - in.end, 0);
        if (n <= 0 && errno != EINTR) fail("the answer to the greeting");
        if (n > 0) in.end += (size_t)n;
    }
    if (frame_size(&in) < 0) fail("the answer to the greeting");
    free(in.data);
}

static void open_one(size_t i) {
    int fd = connect_unix(address);
    if (fd < 0) fail(address);
    if (greeting.end) greet(fd);
    polled[i] = (struct pollfd){.fd = fd, .events = deaf ? 0 : POLLIN};
    all[i] = (struct connection){.id = greeting.end ? 3 : 1};
}

static bool wants(const struct connection *c) { return !times || c->times < times; }

static void reopen(size_t i) {
    close(polled[i].fd);
    if (!wants(&all[i])) {
        polled[i].fd = -1; /* poll skips it */
        return;
    }
    reopened++;
    open_one(i);
}

/* Returns false when the connection is gone. */
static bool send_more(size_t i) {
    struct connection *c = &all[i];
    while (c->left) {
        /* All connections send the same bytes, but for the id. */
        store32(file.data + 4, c->id);
        ssize_t n = send(polled[i].fd, file.data + c->sent, c->left, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) return false;
        c->sent += (size_t)n;
        c->left -= (size_t)n;
    }
    if (c->sent == file.end) {
        c->sent = 0;
        c->times++;
        c->id += 2;
    }
    polled[i].events = (short)((deaf ? 0 : POLLIN) | (c->left ? POLLOUT : 0));
    return true;
}

static bool read_away(int fd) {
    static uint8_t space[READ_SIZE];
    ssize_t n = recv(fd, space, sizeof space, MSG_DONTWAIT);
    if (n > 0) answers += (uint64_t)n;
    return n > 0 || (n < 0 && errno == EAGAIN);
}

/* Begins chunks on connections in turns, as the rate allows. */
static void begin_chunks(uint64_t start, uint64_t *due, size_t *turn) {
    uint64_t now = now_nanos();
    uint64_t step = rate > 0 ? (uint64_t)((double)SECOND / rate) : 0;
    if (*due < start) *due = start;
    if (now > LATEST && *due < now - LATEST) *due = now - LATEST;
    for (size_t idle = 0; idle < count && !stopped && (!step || *due <= now); idle++) {
        size_t i = (*turn)++ % count;
        struct connection *c = &all[i];
        if (polled[i].fd < 0 || c->left || !wants(c)) continue;
        size_t rest = file.end - c->sent;
        c->left = chunk < rest ? chunk : rest;
        chunks++;
        *due += step;
        if (!send_more(i)) reopen(i);
        if (step) idle = 0;
    }
}

static bool all_done(void) {
    for (size_t i = 0; i < count; i++)
        if (polled[i].fd >= 0 && (all[i].left || wants(&all[i]))) return false;
    return true;
}

static void attack(void) {
    uint64_t start = now_nanos(), due = start;
    size_t turn = 0;
    while (!stopped) {
        begin_chunks(start, &due, &turn);
        if (times && all_done()) {
            pause_nanos(SECOND);
            continue;
        }
        uint64_t now = now_nanos(), wait = rate > 0 && due > now ? due - now : 0;
        /* A millisecond at least: the attacker's own time is not what is measured. */
        if (rate > 0 && wait < SECOND / 1000) wait = SECOND / 1000;
        struct timespec t = {.tv_sec = (time_t)(wait / SECOND), .tv_nsec = (long)(wait % SECOND)};
        bool full = rate == 0;
        for (size_t i = 0; i < count && full; i++) full = polled[i].fd < 0 || all[i].left;
        if (full) t = (struct timespec){.tv_nsec = (long)LATEST};
        if (ppoll(polled, count, &t, NULL) <= 0) continue;
        for (size_t i = 0; i < count && !stopped; i++) {
            short got = polled[i].revents;
            if (polled[i].fd < 0 || !got) continue;
            bool lives = !(got & POLLERR) &&
                         (deaf ? !(got & POLLHUP) : !(got & (POLLIN | POLLHUP)) || read_away(polled[i].fd));
            if (lives && (got & POLLOUT)) lives = send_more(i);
            if (!lives) reopen(i);
        }
    }
}

static void burn(void) {
    uint64_t due = now_nanos(), work = (uint64_t)(burn_seconds * 1e9), step = (uint64_t)(1e9 / rate);
    while (!stopped) {
        uint64_t now = now_nanos();
        if (now < due) pause_nanos(due - now);
        if (now > due + LATEST) due = now - LATEST;
        /* By the processor's clock: time that others take is not used. */
        struct timespec t;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        uint64_t end = (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec + work;
        do clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        while ((uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec < end && !stopped);
        due += step;
        chunks++;
    }
}

static void parse(int argc, char **argv) {
    static const struct option options[] = {
        {"address", 1, 0, 'a'}, {"send", 1, 0, 's'},  {"greet", 1, 0, 'g'}, {"connections", 1, 0, 'c'},
        {"chunk", 1, 0, 'k'},   {"rate", 1, 0, 'R'},  {"times", 1, 0, 't'}, {"deaf", 0, 0, 'd'},
        {"burn", 1, 0, 'b'},    {0}};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (o) {
        case 'a': address = optarg; break;
        case 's': load_file(&file, optarg); break;
        case 'g': load_file(&greeting, optarg); break;
        case 'c': count = strtoul(optarg, NULL, 10); break;
        case 'k': chunk = strtoul(optarg, NULL, 10); break;
        case 'R': rate = strtod(optarg, NULL); break;
        case 't': times = strtoul(optarg, NULL, 10); break;
        case 'd': deaf = true; break;
        case 'b': burn_seconds = strtod(optarg, NULL); break;
        default: exit(2);
        }
    }
    if (optind == argc && count && rate >= 0 && (burn_seconds > 0 ? rate > 0 : address && file.end)) return;
    fputs("usage: attack --address SOCKET --send FILE [OPTION…] | attack --burn SECONDS --rate R\n", stderr);
    exit(2);
}

int main(int argc, char **argv) {
    parse(argc, argv);
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_TIMERSLACK, 1ul);
    if (chunk == 0) chunk = file.end;
    if (burn_seconds > 0) {
        puts("ready");
        fflush(stdout);
        burn();
    } else {
        struct rlimit files = {0};
        getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
        all = checked(calloc(count, sizeof *all));
        polled = checked(calloc(count, sizeof *polled));
        for (size_t i = 0; i < count && !stopped; i++) open_one(i);
        puts("ready");
        fflush(stdout);
        attack();
    }
    size_t open = 0;
    for (size_t i = 0; i < count && polled; i++) {
        polled[i].events = POLLRDHUP;
        open += polled[i].fd >= 0 && poll(&polled[i], 1, 0) >= 0 && !(polled[i].revents & (POLLRDHUP | POLLHUP | POLLERR));
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("{\"chunks\":%llu,\"answer_bytes\":%llu,\"reopened\":%llu,\"open\":%zu,\"cpu_seconds\":%.4f}\n",
           (unsigned long long)chunks, (unsigned long long)answers, (unsigned long long)reopened, open, cpu);
    return 0;
}
