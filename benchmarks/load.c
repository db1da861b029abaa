/* Load on a ttrpc server.
 *
 * Closed loop: every caller sends a call, waits for its reply, and sends the next. That finds throughput and best-case
 * latency; its p99 is not "latency under load", because a stall delays few calls. Open loop (--rate): calls are due at
 * fixed times whatever the server does, and a latency counts from when the call was due, so that a stall is seen by all
 * calls that it delayed (coordinated omission is corrected).
 *
 * Calls fnrpc.v1.Invocation/Invoke when --function is given, --service/--method when those are, else
 * fnrpc.function.v1.Function/Call, which a function and the relay serve. The payload is field 1 of request and reply.
 * With --requests any unary method: the file has the encoded messages, each after its length in four bytes, big endian.
 * They are sent in turn, over and over; of a reply only the status is looked at.
 * Callers are spread over the connections. Prints one line of JSON; exits 1 on any error.
 */
#define _GNU_SOURCE
#include "cpu.h"
#include "latency.h"
#include "message.h"
#include <getopt.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum {
    STALL_SECONDS = 10, /* without any reply: given up */
    SHOWN_ERRORS = 5,
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

static const char *address, *app = "demo", *function, *service, *method, *payload_text, *content_type, *requests_path;
static size_t caller_count = 1, connection_count = 1, payload_size = 64, per_connection;
static double seconds = 5, warmup = 1, rate;
static uint64_t call_limit;
static long watched;
static bool echo = true;
static FILE *reply_file; /* where the first reply goes */

static struct bytes payload;
static struct bytes *requests; /* whole frames; only their stream ids change */
static size_t request_count, next_request;
static unsigned caller_bits;
static struct latency latency;
static uint64_t measured_from, errors, started_calls;
static bool measuring, sending = true;
static size_t in_flight;
/* Open loop: who can send, most recently used on top; and when the next call is due. */
static struct idle {
    struct connection *connection;
    size_t caller;
} *idle;
static size_t idle_count;
static uint64_t schedule_start, scheduled;

_Noreturn static void give_up(const char *what) {
    fprintf(stderr, "load: %s; %zu calls unanswered\n", what, in_flight);
    exit(1);
}

/* --- the request */

static void add_request(struct bytes message) {
    struct buffer frame = {0};
    uint8_t header[HEADER] = {[8] = 1};
    append(&frame, header, HEADER);
    put_text(&frame, 1, service);
    put_text(&frame, 2, method);
    put(&frame, 3, message.data, message.size);
    if (frame.end - HEADER > MAX_FRAME) give_up("the request does not fit into a frame");
    store32(frame.data, (uint32_t)(frame.end - HEADER));
    /* Room for twice as many whenever their number is a power of two. */
    if (!(request_count & (request_count - 1)))
        requests = checked(realloc(requests, (request_count ? request_count * 2 : 1) * sizeof *requests));
    requests[request_count++] = (struct bytes){frame.data, frame.end};
}

static void prepare(void) {
    if (payload_text) payload_size = strlen(payload_text);
    uint8_t *data = checked(malloc(payload_size + 1));
    for (size_t i = 0; i < payload_size; i++) data[i] = (uint8_t)("0123456789abcdef"[i % 16]);
    if (payload_text) memcpy(data, payload_text, payload_size);
    payload = (struct bytes){data, payload_size};

    struct buffer call = {0};
    put(&call, 1, payload.data, payload.size);
    if (!content_type && !service) content_type = "application/octet-stream";
    if (content_type) put_text(&call, 2, content_type);
    if (function) {
        put_text(&call, 4, app);
        put_text(&call, 5, function);
    }
    if (!service) service = function ? "fnrpc.v1.Invocation" : "fnrpc.function.v1.Function";
    if (!method) method = function ? "Invoke" : "Call";
    add_request((struct bytes){call.data, call.end});
    free(call.data);
}

static void read_requests(void) {
    FILE *file = fopen(requests_path, "re");
    if (!file) fail(requests_path);
    uint8_t length[4];
    size_t got;
    while ((got = fread(length, 1, sizeof length, file)) == sizeof length) {
        size_t size = load32(length);
        if (size > MAX_FRAME) give_up("a request does not fit into a frame");
        uint8_t *message = checked(malloc(size + 1));
        if (fread(message, 1, size, file) != size) give_up("the file of requests ends in the middle of one");
        add_request((struct bytes){message, size});
        free(message);
    }
    if (got || !request_count) give_up("the file of requests ends in a length, or has none");
    fclose(file);
}

/* --- the reply */

static bool complain(const char *what) {
    if (errors++ < SHOWN_ERRORS) fprintf(stderr, "load: %s\n", what);
    return false;
}

static bool check_status(struct bytes status) {
    uint64_t number, scalar = 0, code = 0;
    struct bytes value, message = {0};
    while (status.size) {
        if (!field(&status, &number, &scalar, &value)) return complain("malformed status");
        if (number == 1) code = scalar;
        if (number == 2) message = value;
    }
    if (!code) return true;
    char what[400];
    snprintf(what, sizeof what, "status %llu: %.*s", (unsigned long long)code, (int)message.size,
             message.size ? (const char *)message.data : "");
    return complain(what);
}

static bool check_reply(struct bytes response) {
    uint64_t number, scalar;
    struct bytes value, call = {0}, got = {0};
    while (response.size) {
        if (!field(&response, &number, &scalar, &value)) return complain("malformed response");
        if (number == 1 && !check_status(value)) return false;
        if (number == 2) call = value;
    }
    if (requests_path && !reply_file) return true;
    while (call.size) {
        if (!field(&call, &number, &scalar, &value)) return complain("malformed reply");
        if (number == 1) got = value;
    }
    if (echo && (got.size != payload.size || (got.size && memcmp(got.data, payload.data, got.size) != 0)))
        return complain("the reply differs from what was sent");
    if (reply_file) {
        if (fwrite(got.data, 1, got.size, reply_file) != got.size || fclose(reply_file)) fail("the reply's file");
        reply_file = NULL;
    }
    return true;
}

/* A call that was sent during the warm-up does not count. */
static void record(uint64_t sent, uint64_t now) {
    if (measuring && sent >= measured_from) latency_record(&latency, now > sent ? now - sent : 0);
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
    struct bytes request = requests[next_request];
    if (++next_request == request_count) next_request = 0;
    append(&c->out, request.data, request.size);
    store32(c->out.data + c->out.end - request.size + 4, caller->stream);
    in_flight++;
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
        if (check_reply((struct bytes){frame + HEADER, (size_t)size - HEADER})) record(c->callers[index].sent, now);
        if (rate > 0)
            idle[idle_count++] = (struct idle){c, index};
        else if (sending)
            send_call(c, index, now);
    }
    if (size < 0) give_up("a frame over the limit");
}

static struct connection *connect_all(int epoll) {
    per_connection = caller_count / connection_count;
    while (1u << caller_bits < per_connection) caller_bits++;
    struct connection *all = checked(calloc(connection_count, sizeof *all));
    for (size_t i = 0; i < connection_count; i++) {
        struct connection *c = &all[i];
        c->callers = checked(calloc(per_connection, sizeof *c->callers));
        c->fd = connect_unix(address);
        if (c->fd < 0) fail(address);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0) fail("epoll_ctl");
    }
    return all;
}

static uint64_t next_due(void) { return schedule_start + (uint64_t)((double)scheduled * 1e9 / rate); }

/* Open loop: sends all that is due, as far as there are idle callers. Returns when the next one has to be sent. */
static uint64_t send_due(int epoll) {
    uint64_t due, now = now_nanos();
    while (idle_count && (due = next_due()) <= now && sending) {
        struct idle next = idle[--idle_count];
        scheduled++;
        send_call(next.connection, next.caller, due);
        push(epoll, next.connection);
    }
    return idle_count && sending ? next_due() : UINT64_MAX;
}

/* Until `until`, or until everything is answered. */
static void run(int epoll, uint64_t until) {
    struct epoll_event events[256];
    uint64_t last_reply = now_nanos(), now;
    while ((now = now_nanos()) < until) {
        uint64_t wake = until;
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
                    "            [--callers 1] [--connections 1] [--rate CALLS-PER-SECOND]\n"
                    "            [--seconds 5 | --calls N] [--warmup 1] [--size 64 | --data TEXT] [--type TYPE]\n"
                    "            [--requests FILE] [--any-reply] [--reply FILE] [--pid PID]\n");
    exit(2);
}

static void parse(int count, char **values) {
    static const struct option options[] = {
        {"address", 1, 0, 'a'}, {"app", 1, 0, 'A'},     {"function", 1, 0, 'f'}, {"callers", 1, 0, 'n'},
        {"connections", 1, 0, 'c'}, {"seconds", 1, 0, 's'}, {"calls", 1, 0, 'N'},    {"warmup", 1, 0, 'w'},
        {"size", 1, 0, 'z'},    {"data", 1, 0, 'd'},    {"type", 1, 0, 't'},     {"any-reply", 0, 0, 'y'},
        {"pid", 1, 0, 'p'},     {"reply", 1, 0, 'r'},   {"service", 1, 0, 'S'},  {"method", 1, 0, 'M'},
        {"rate", 1, 0, 'R'},    {"requests", 1, 0, 'q'}, {0}};
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
        case 'p': watched = strtol(optarg, NULL, 10); break;
        default: usage();
        }
    }
    if (optind != count || !address || !connection_count || !caller_count || caller_count % connection_count ||
        caller_count / connection_count > 4096 || payload_size > MAX_FRAME || seconds <= 0 || warmup < 0 ||
        rate < 0 || !service != !method || (service && function) || (requests_path && !service) ||
        (rate > 0 && call_limit))
        usage();
}

static void start(int epoll, struct connection *all) {
    prctl(PR_SET_TIMERSLACK, 1ul);
    schedule_start = now_nanos();
    idle = checked(calloc(caller_count, sizeof *idle));
    for (size_t i = 0; i < connection_count; i++) {
        for (size_t k = 0; k < per_connection; k++) {
            if (rate > 0)
                idle[idle_count++] = (struct idle){&all[i], k};
            else
                send_call(&all[i], k, now_nanos());
        }
        push(epoll, &all[i]);
    }
}

static void report(double elapsed, double own_cpu, double server_cpu, uint64_t unsent) {
    double calls = (double)latency.calls;
    printf("{\"calls\":%llu,\"errors\":%llu,\"seconds\":%.3f,\"rate\":%.0f,", (unsigned long long)latency.calls,
           (unsigned long long)errors, elapsed, calls / elapsed);
    printf("\"p50_us\":%.2f,\"p90_us\":%.2f,\"p99_us\":%.2f,\"p999_us\":%.2f,\"max_us\":%.2f,",
           latency_micros(&latency, 0.5), latency_micros(&latency, 0.9), latency_micros(&latency, 0.99),
           latency_micros(&latency, 0.999), (double)latency.longest / 1000);
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
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct connection *all = connect_all(epoll);
    double cpu = process_micros(watched), own_cpu = own_micros();
    measured_from = now_nanos();
    measuring = warmup == 0;
    start(epoll, all);
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
