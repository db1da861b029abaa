/* Load on a ttrpc server.
 *
 * Closed loop: every caller sends a call, waits for its reply, and sends the next. That finds throughput and best-case
 * latency; its p99 is not "latency under load", because a stall delays few calls. Open loop (--rate): calls are due at
 * fixed times whatever the server does, and a latency counts from when the call was due, so that a stall is seen by all
 * calls that it delayed (coordinated omission is corrected). With --tick calls that are due in one tick leave together, and
 * answers are read so often: at high rates the generator would otherwise take the processors from what it measures.
 *
 * Calls fnrpc.v1.Invocation/Invoke when --function is given, --service/--method when those are, else
 * fnrpc.function.v1.Function/Call, which a function and the relay serve. The payload is field 1 of request and reply.
 * With --requests any unary method: the file has the encoded messages, each after its length in four bytes, big endian.
 * They are sent in turn, over and over; of a reply only the status is looked at, and with --expect its payload.
 * Callers are spread over the connections. Prints one line of JSON; exits 1 on any error, but counts answers that say that
 * a queue or limit is full apart with --accept-busy.
 */
#define _GNU_SOURCE
#include "cpu.h"
#include "latency.h"
#include "requests.h"
#include <getopt.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum {
    STALL_SECONDS = 10, /* without any reply: given up */
    SHOWN_ERRORS = 5,
    RESOURCE_EXHAUSTED = 8,
};

struct caller {
    uint64_t sent; /* open loop: when it was due */
    uint32_t stream; /* 0: idle */
};

struct connection {
    int fd;
    bool full;
    uint32_t sequence;
    struct buffer in, out;
    struct caller *callers;
};

static const char *address;
static size_t caller_count = 1, connection_count = 1, per_connection;
static double seconds = 5, warmup = 1, rate;
static uint64_t call_limit, tick; /* tick: nanoseconds */
static long watched;
static bool echo = true, accepts_busy;
static struct bytes expected; /* payload of every reply; without data: any */
static FILE *reply_file; /* where the first reply goes */

static unsigned caller_bits;
static struct latency latency, refusals;
static uint64_t measured_from, errors, started_calls;
static bool measuring, sending = true;
static size_t in_flight;
static struct connection *connections;

_Noreturn static void give_up(const char *what) {
    fprintf(stderr, "load: %s; %zu calls unanswered\n", what, in_flight);
    exit(1);
}

/* Open loop: who can send, a ring, so that every connection has its turn; and when the next call is due. */
static struct idle {
    struct connection *connection;
    size_t caller;
} *idle;
static size_t idle_begin, idle_count;
static uint64_t schedule_start, scheduled;


/* --- the reply */

static bool complain(const char *what) {
    if (errors++ < SHOWN_ERRORS) fprintf(stderr, "load: %s\n", what);
    return false;
}

/* google.rpc.Code; -1: it does not parse. */
static int read_status(struct bytes status, struct bytes *message) {
    uint64_t number, scalar = 0, code = 0;
    struct bytes value;
    while (status.size) {
        if (!field(&status, &number, &scalar, &value)) return -1;
        if (number == 1) code = scalar;
        if (number == 2) *message = value;
    }
    return (int)code;
}

/* Whether it is an answer that counts; `*refused`: or one that says that a queue or limit is full. */
static bool check_status(struct bytes status, bool *refused) {
    struct bytes message = {0};
    int code = read_status(status, &message);
    if (code == 0) return true;
    *refused = accepts_busy && code == RESOURCE_EXHAUSTED;
    if (*refused) return false;
    if (code < 0) return complain("malformed status");
    char what[400];
    snprintf(what, sizeof what, "status %d: %.*s", code, (int)message.size,
             message.size ? (const char *)message.data : "");
    return complain(what);
}

static bool check_reply(struct bytes response, bool *refused) {
    uint64_t number, scalar;
    struct bytes value, call = {0}, got = {0};
    while (response.size) {
        if (!field(&response, &number, &scalar, &value)) return complain("malformed response");
        if (number == 1 && !check_status(value, refused)) return false;
        if (number == 2) call = value;
    }
    if (!expected.data && !reply_file) return true;
    while (call.size) {
        if (!field(&call, &number, &scalar, &value)) return complain("malformed reply");
        if (number == 1) got = value;
    }
    if (expected.data && (got.size != expected.size || (got.size && memcmp(got.data, expected.data, got.size) != 0)))
        return complain("the reply is not what was expected");
    if (reply_file) {
        if (fwrite(got.data, 1, got.size, reply_file) != got.size || fclose(reply_file)) fail("the reply's file");
        reply_file = NULL;
    }
    return true;
}

/* A call that was sent during the warm-up does not count. */
static void record(struct latency *l, uint64_t sent, uint64_t now) {
    if (measuring && sent >= measured_from) latency_record(l, now > sent ? now - sent : 0);
}

/* --- the loop */

static void send_call(struct connection *c, size_t index, uint64_t due) {
    if (c->sequence >> (31 - caller_bits)) {
        complain("stream ids are used up; run shorter");
        sending = false;
        return;
    }
    if (call_limit && measuring && started_calls++ >= call_limit) return;
    struct caller *caller = &c->callers[index];
    /* Ids rise and name their caller, so that no table is needed. */
    caller->stream = (c->sequence++ << caller_bits | (uint32_t)index) << 1 | 1;
    caller->sent = due;
    struct bytes request = take_request();
    append(&c->out, request.data, request.size);
    store32(c->out.data + c->out.end - request.size + 4, caller->stream);
    in_flight++;
}

static void add_idle(struct connection *c, size_t index) {
    idle[(idle_begin + idle_count++) % caller_count] = (struct idle){c, index};
}

static void push(int epoll, struct connection *c) {
    int state = drain(c->fd, &c->out);
    if (state < 0) give_up("the connection was closed");
    if ((state == 0) == c->full) return;
    c->full = state == 0;
    struct epoll_event event = {.events = EPOLLIN | (c->full ? EPOLLOUT : 0), .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event) < 0) fail("epoll_ctl");
}

static void pull(struct connection *c) {
    int state = fill(c->fd, &c->in);
    if (state < 0) give_up("the connection was closed");
    if (state == 0) return;
    uint64_t now = now_nanos();
    ssize_t size;
    while ((size = frame_size(&c->in)) > 0) {
        const uint8_t *frame = c->in.data + c->in.begin;
        uint32_t stream = load32(frame + 4);
        size_t index = stream >> 1 & ((1u << caller_bits) - 1);
        c->in.begin += (size_t)size;
        if (frame[8] != 2 || index >= per_connection || c->callers[index].stream != stream) {
            complain("a reply that nobody waits for");
            continue;
        }
        c->callers[index].stream = 0;
        in_flight--;
        bool refused = false;
        if (check_reply((struct bytes){frame + HEADER, (size_t)size - HEADER}, &refused))
            record(&latency, c->callers[index].sent, now);
        else if (refused)
            record(&refusals, c->callers[index].sent, now);
        if (rate > 0)
            add_idle(c, index);
        else if (sending)
            send_call(c, index, now);
    }
    if (size < 0) give_up("a frame over the limit");
}

static void connect_all(int epoll) {
    per_connection = caller_count / connection_count;
    while (1u << caller_bits < per_connection) caller_bits++;
    connections = checked(calloc(connection_count, sizeof *connections));
    for (size_t i = 0; i < connection_count; i++) {
        struct connection *c = &connections[i];
        c->callers = checked(calloc(per_connection, sizeof *c->callers));
        c->fd = connect_unix(address);
        if (c->fd < 0) fail(address);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0) fail("epoll_ctl");
    }
}

static uint64_t next_due(void) { return schedule_start + (uint64_t)((double)scheduled * 1e9 / rate); }

/* Open loop: sends all that is due, as far as there are idle callers. Returns when the next one has to be sent. */
static uint64_t send_due(int epoll) {
    uint64_t due, now = now_nanos();
    while (idle_count && (due = next_due()) <= now && sending) {
        struct idle next = idle[idle_begin];
        idle_begin = (idle_begin + 1) % caller_count;
        idle_count--;
        scheduled++;
        send_call(next.connection, next.caller, due);
    }
    /* Those of one connection leave together, as they do in the closed loop. */
    for (size_t i = 0; i < connection_count; i++)
        if (connections[i].out.begin < connections[i].out.end) push(epoll, &connections[i]);
    return idle_count && sending ? next_due() : UINT64_MAX;
}

/* With --tick waits until it is time to look at the clock and at answers again; returns the present. */
static uint64_t next_look(void) {
    static uint64_t looked;
    uint64_t next = looked + tick;
    struct timespec time = {.tv_sec = (time_t)(next / 1000000000), .tv_nsec = (long)(next % 1000000000)};
    if (tick) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
    return looked = now_nanos();
}

/* Until `until`, or until everything is answered. */
static void run(int epoll, uint64_t until) {
    struct epoll_event events[256];
    uint64_t last_reply = now_nanos(), now;
    while ((now = next_look()) < until) {
        uint64_t wake = tick ? now : until;
        if (rate > 0) {
            uint64_t due = send_due(epoll);
            if (due < wake) wake = due;
        }
        if (!in_flight && !(rate > 0 && sending)) return;
        uint64_t wait = wake > now ? wake - now : 0;
        if (wait > 1000000000) wait = 1000000000;
        struct timespec time = {.tv_sec = (time_t)(wait / 1000000000), .tv_nsec = (long)(wait % 1000000000)};
        int count = epoll_pwait2(epoll, events, 256, &time, NULL);
        if (count < 0 && errno != EINTR) fail("epoll_pwait2");
        if (count > 0 || !in_flight) last_reply = now;
        if (count == 0 && now - last_reply > STALL_SECONDS * 1000000000ull) give_up("no reply for 10 s");
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) pull(c);
            push(epoll, c);
        }
    }
}

static void usage(void) {
    fprintf(stderr, "usage: load --address PATH [--app demo --function NAME | --service NAME --method NAME]\n"
                    "            [--callers 1] [--connections 1] [--rate CALLS-PER-SECOND [--tick MICROSECONDS]]\n"
                    "            [--seconds 5 | --calls N] [--warmup 1] [--size 64 | --data TEXT] [--type TYPE]\n"
                    "            [--requests FILE] [--any-reply | --expect TEXT] [--reply FILE] [--accept-busy] [--pid PID]\n");
    exit(2);
}

static void parse(int count, char **values) {
    static const struct option options[] = {
        {"address", 1, 0, 'a'}, {"app", 1, 0, 'A'},     {"function", 1, 0, 'f'}, {"callers", 1, 0, 'n'},
        {"connections", 1, 0, 'c'}, {"seconds", 1, 0, 's'}, {"calls", 1, 0, 'N'},    {"warmup", 1, 0, 'w'},
        {"size", 1, 0, 'z'},    {"data", 1, 0, 'd'},    {"type", 1, 0, 't'},     {"any-reply", 0, 0, 'y'},
        {"pid", 1, 0, 'p'},     {"reply", 1, 0, 'r'},   {"service", 1, 0, 'S'},  {"method", 1, 0, 'M'},
        {"rate", 1, 0, 'R'},    {"requests", 1, 0, 'q'}, {"accept-busy", 0, 0, 'b'}, {"tick", 1, 0, 'T'},
        {"expect", 1, 0, 'e'},  {0}};
    for (int o; (o = getopt_long(count, values, "", options, NULL)) != -1;) {
        switch (o) {
        case 'a': address = optarg; break;
        case 'S': service = optarg; break;
        case 'M': method = optarg; break;
        case 'q':
            requests_path = optarg;
            echo = false;
            break;
        case 'R': rate = strtod(optarg, NULL); break;
        case 'A': app = optarg; break;
        case 'f': function = optarg; break;
        case 'n': caller_count = strtoul(optarg, NULL, 10); break;
        case 'c': connection_count = strtoul(optarg, NULL, 10); break;
        case 's': seconds = strtod(optarg, NULL); break;
        case 'N': call_limit = strtoull(optarg, NULL, 10); break;
        case 'w': warmup = strtod(optarg, NULL); break;
        case 'z': payload_size = strtoul(optarg, NULL, 10); break;
        case 'd': payload_text = optarg; break;
        case 't': content_type = optarg; break;
        case 'r':
            reply_file = fopen(optarg, "we");
            if (!reply_file) fail(optarg);
            break;
        case 'y': echo = false; break;
        case 'T': tick = strtoull(optarg, NULL, 10) * 1000; break;
        case 'b': accepts_busy = true; break;
        case 'e':
            echo = false;
            expected = (struct bytes){(const uint8_t *)optarg, strlen(optarg)};
            break;
        case 'p': watched = strtol(optarg, NULL, 10); break;
        default: usage();
        }
    }
    if (optind != count || !address || !connection_count || !caller_count || caller_count % connection_count ||
        caller_count / connection_count > 4096 || payload_size > MAX_FRAME || seconds <= 0 || warmup < 0 ||
        rate < 0 || !service != !method || (service && function) || (requests_path && !service) ||
        (rate > 0 && call_limit) || (tick && rate == 0))
        usage();
}

static void start(int epoll) {
    prctl(PR_SET_TIMERSLACK, 1ul);
    schedule_start = now_nanos();
    idle = checked(calloc(caller_count, sizeof *idle));
    for (size_t k = 0; k < per_connection; k++) {
        for (size_t i = 0; i < connection_count; i++) {
            if (rate > 0)
                add_idle(&connections[i], k);
            else
                send_call(&connections[i], k, now_nanos());
        }
    }
    for (size_t i = 0; i < connection_count; i++) push(epoll, &connections[i]);
}

static void report(double elapsed, double own_cpu, double server_cpu, uint64_t unsent) {
    double calls = (double)latency.calls;
    printf("{\"calls\":%llu,\"errors\":%llu,\"seconds\":%.3f,\"rate\":%.0f,", (unsigned long long)latency.calls,
           (unsigned long long)errors, elapsed, calls / elapsed);
    printf("\"p50_us\":%.2f,\"p90_us\":%.2f,\"p99_us\":%.2f,\"p999_us\":%.2f,\"max_us\":%.2f,",
           latency_micros(&latency, 0.5), latency_micros(&latency, 0.9), latency_micros(&latency, 0.99),
           latency_micros(&latency, 0.999), (double)latency.longest / 1000);
    if (accepts_busy)
        printf("\"refused\":%llu,\"refused_p50_us\":%.2f,\"refused_p99_us\":%.2f,", (unsigned long long)refusals.calls,
               latency_micros(&refusals, 0.5), latency_micros(&refusals, 0.99));
    if (watched && latency.calls) printf("\"cpu_us_per_call\":%.2f,", server_cpu / calls);
    if (latency.calls) printf("\"client_cpu_us_per_call\":%.2f,", own_cpu / calls);
    /* Calls that were due and could not be sent, because every caller waited: the server cannot keep this rate. */
    if (rate > 0) printf("\"rate_asked\":%.0f,\"unsent\":%llu,", rate, (unsigned long long)unsent);
    printf("\"callers\":%zu,\"connections\":%zu,\"payload\":%zu}\n", caller_count, connection_count, payload.size);
}

int main(int count, char **values) {
    parse(count, values);
    if (requests_path)
        read_requests();
    else
        prepare();
    if (echo) expected = payload;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    connect_all(epoll);
    double cpu = process_micros(watched), own_cpu = own_micros();
    measured_from = now_nanos();
    measuring = warmup == 0;
    start(epoll);
    if (!measuring) {
        run(epoll, measured_from + (uint64_t)(warmup * 1e9));
        cpu = process_micros(watched);
        own_cpu = own_micros();
        measured_from = now_nanos();
        measuring = true;
    }
    run(epoll, call_limit ? UINT64_MAX : measured_from + (uint64_t)(seconds * 1e9));
    uint64_t end = now_nanos(), unsent = 0;
    if (rate > 0 && next_due() < end) unsent = (uint64_t)((double)(end - schedule_start) * rate / 1e9) + 1 - scheduled;
    cpu = process_micros(watched) - cpu;
    own_cpu = own_micros() - own_cpu;
    /* Closed loop: what is answered later does not count. Open loop: leaving the slowest out would flatter. */
    if (rate == 0) measuring = false;
    sending = false;
    run(epoll, end + STALL_SECONDS * 1000000000ull);
    if (in_flight) give_up("some calls were never answered");
    report((double)(end - measured_from) / 1e9, own_cpu, cpu, unsent);
    return errors || !latency.calls ? 1 : 0;
}
