/* Closed-loop load: every caller sends a call, waits for its reply, and sends the next. It therefore finds throughput and
 * best-case latency; its p99 is not "latency under load".
 *
 * Speaks ttrpc: fnrpc.v1.Invocation/Invoke when --function is given, else fnrpc.function.v1.Function/Call, which a
 * function and the relay serve. Callers are spread over the connections. Prints one line of JSON; exits 1 on any error.
 */
#define _GNU_SOURCE
#include "wire.h"
#include <getopt.h>
#include <sys/epoll.h>

enum {
    SUB_BITS = 7, /* 128 steps for each power of two: under 0.8 % of error */
    BUCKETS = 40 << SUB_BITS,
    STALL_SECONDS = 10, /* without any reply: given up */
    SHOWN_ERRORS = 5,
};

struct caller {
    uint64_t sent;
    uint32_t stream; /* 0: idle */
};

struct connection {
    int fd;
    bool full;
    uint32_t sequence;
    struct buffer in, out;
    struct caller *callers;
};

static const char *address, *app = "demo", *function, *payload_text, *content_type = "application/octet-stream";
static size_t caller_count = 1, connection_count = 1, payload_size = 64, per_connection;
static double seconds = 5, warmup = 1;
static uint64_t call_limit;
static long watched;
static bool echo = true;
static FILE *reply_file; /* where the first reply goes */

static struct bytes payload;
static struct buffer request; /* a whole frame; only its stream id changes */
static unsigned caller_bits;
static uint64_t histogram[BUCKETS], measured_from, calls, errors, longest, started_calls;
static bool measuring, sending = true;
static size_t in_flight;

_Noreturn static void give_up(const char *what) {
    fprintf(stderr, "load: %s; %zu calls unanswered\n", what, in_flight);
    exit(1);
}

/* --- the request */

static void put_varint(struct buffer *b, size_t value) {
    for (; value > 0x7f; value >>= 7) append(b, &(uint8_t){(uint8_t)(value | 0x80)}, 1);
    append(b, &(uint8_t){(uint8_t)value}, 1);
}

static void put(struct buffer *b, unsigned number, const void *data, size_t size) {
    append(b, &(uint8_t){(uint8_t)(number << 3 | 2)}, 1);
    put_varint(b, size);
    append(b, data, size);
}

static void put_text(struct buffer *b, unsigned number, const char *text) { put(b, number, text, strlen(text)); }

static void prepare(void) {
    if (payload_text) payload_size = strlen(payload_text);
    uint8_t *data = checked(malloc(payload_size + 1));
    for (size_t i = 0; i < payload_size; i++) data[i] = (uint8_t)("0123456789abcdef"[i % 16]);
    if (payload_text) memcpy(data, payload_text, payload_size);
    payload = (struct bytes){data, payload_size};

    struct buffer call = {0};
    put(&call, 1, payload.data, payload.size);
    put_text(&call, 2, content_type);
    if (function) {
        put_text(&call, 4, app);
        put_text(&call, 5, function);
    }
    uint8_t header[HEADER] = {[8] = 1};
    append(&request, header, HEADER);
    put_text(&request, 1, function ? "fnrpc.v1.Invocation" : "fnrpc.function.v1.Function");
    put_text(&request, 2, function ? "Invoke" : "Call");
    put(&request, 3, call.data, call.end);
    if (request.end - HEADER > MAX_FRAME) give_up("the request does not fit into a frame");
    store32(request.data, (uint32_t)(request.end - HEADER));
    free(call.data);
}

/* --- the reply */

static bool varint(struct bytes *in, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; shift < 64 && in->size; shift += 7) {
        uint8_t byte = *in->data++;
        in->size--;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

/* The next length-delimited field, or a number as `number` with `value.data` NULL. */
static bool field(struct bytes *in, uint64_t *number, uint64_t *scalar, struct bytes *value) {
    uint64_t key, size;
    *value = (struct bytes){0};
    if (!varint(in, &key)) return false;
    *number = key >> 3;
    if ((key & 7) == 0) return varint(in, scalar);
    if ((key & 7) != 2 || !varint(in, &size) || size > in->size) return false;
    *value = (struct bytes){in->data, size};
    in->data += size;
    in->size -= size;
    return true;
}

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

/* --- latency */

static size_t bucket(uint64_t nanos) {
    if (nanos < 1u << SUB_BITS) return nanos;
    unsigned shift = 63u - (unsigned)__builtin_clzll(nanos) - SUB_BITS;
    size_t index = ((size_t)(shift + 1) << SUB_BITS) + ((nanos >> shift) & ((1u << SUB_BITS) - 1));
    return index < BUCKETS ? index : BUCKETS - 1;
}

/* The middle of a bucket, in microseconds. */
static double bucket_micros(size_t index) {
    size_t shift = index >> SUB_BITS;
    if (shift) shift--;
    uint64_t base = index < 1u << SUB_BITS ? index : ((index & ((1u << SUB_BITS) - 1)) | 1u << SUB_BITS) << shift;
    return (double)(base + ((1ull << shift) >> 1)) / 1000;
}

static double quantile(double q) {
    uint64_t rank = (uint64_t)(q * (double)calls + 0.5), seen = 0;
    if (rank < 1) rank = 1;
    for (size_t i = 0; i < BUCKETS; i++)
        if ((seen += histogram[i]) >= rank) return bucket_micros(i);
    return 0;
}

/* A call that was sent during the warm-up does not count. */
static void record(uint64_t sent, uint64_t now) {
    if (!measuring || sent < measured_from) return;
    uint64_t nanos = now - sent;
    histogram[bucket(nanos)]++;
    if (nanos > longest) longest = nanos;
    calls++;
}

/* --- the loop */

static void send_call(struct connection *c, size_t index, uint64_t now) {
    if (c->sequence >> (31 - caller_bits)) {
        complain("stream ids are used up; run shorter");
        sending = false;
        return;
    }
    if (call_limit && measuring && started_calls++ >= call_limit) return;
    struct caller *caller = &c->callers[index];
    /* Ids rise and name their caller, so that no table is needed. */
    caller->stream = (c->sequence++ << caller_bits | (uint32_t)index) << 1 | 1;
    caller->sent = now;
    append(&c->out, request.data, request.end);
    store32(c->out.data + c->out.end - request.end + 4, caller->stream);
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
        if (sending) send_call(c, index, now);
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

/* Until `until`, or until everything is answered. */
static void run(int epoll, uint64_t until) {
    struct epoll_event events[256];
    uint64_t last_reply = now_nanos(), now;
    while (in_flight && (now = now_nanos()) < until) {
        uint64_t wait = (until - now) / 1000000 + 1;
        int count = epoll_wait(epoll, events, 256, wait < 1000 ? (int)wait : 1000);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        if (count > 0) last_reply = now;
        if (count == 0 && now - last_reply > STALL_SECONDS * 1000000000ull) give_up("no reply for 10 s");
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) pull(c);
            push(epoll, c);
        }
    }
}

/* User and system time of the watched process, in microseconds; 10 ms fine. */
static double process_micros(void) {
    if (!watched) return 0;
    char path[40], text[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", watched);
    FILE *file = fopen(path, "re");
    if (!file || !fgets(text, sizeof text, file)) fail(path);
    fclose(file);
    unsigned long user, system;
    char *rest = strrchr(text, ')');
    if (!rest || sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) fail(path);
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static void usage(void) {
    fprintf(stderr, "usage: load --address PATH [--app demo --function NAME] [--callers 1] [--connections 1]\n"
                    "            [--seconds 5 | --calls N] [--warmup 1] [--size 64 | --data TEXT [--type TYPE]]\n"
                    "            [--any-reply] [--reply FILE] [--pid PID]\n");
    exit(2);
}

static void parse(int count, char **values) {
    static const struct option options[] = {
        {"address", 1, 0, 'a'}, {"app", 1, 0, 'A'},     {"function", 1, 0, 'f'}, {"callers", 1, 0, 'n'},
        {"connections", 1, 0, 'c'}, {"seconds", 1, 0, 's'}, {"calls", 1, 0, 'N'},    {"warmup", 1, 0, 'w'},
        {"size", 1, 0, 'z'},    {"data", 1, 0, 'd'},    {"type", 1, 0, 't'},     {"any-reply", 0, 0, 'y'},
        {"pid", 1, 0, 'p'},     {"reply", 1, 0, 'r'},   {0}};
    for (int o; (o = getopt_long(count, values, "", options, NULL)) != -1;) {
        switch (o) {
        case 'a': address = optarg; break;
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
        caller_count / connection_count > 4096 || payload_size > MAX_FRAME || seconds <= 0 || warmup < 0)
        usage();
}

int main(int count, char **values) {
    parse(count, values);
    prepare();
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct connection *all = connect_all(epoll);
    double cpu = process_micros();
    measured_from = now_nanos();
    measuring = warmup == 0;
    for (size_t i = 0; i < connection_count; i++) {
        for (size_t k = 0; k < per_connection; k++) send_call(&all[i], k, now_nanos());
        push(epoll, &all[i]);
    }
    if (!measuring) {
        run(epoll, measured_from + (uint64_t)(warmup * 1e9));
        cpu = process_micros();
        measured_from = now_nanos();
        measuring = true;
    }
    run(epoll, call_limit ? UINT64_MAX : measured_from + (uint64_t)(seconds * 1e9));
    double elapsed = (double)(now_nanos() - measured_from) / 1e9;
    cpu = process_micros() - cpu;
    uint64_t measured = calls;
    measuring = sending = false;
    run(epoll, now_nanos() + STALL_SECONDS * 1000000000ull);
    if (in_flight) give_up("some calls were never answered");

    printf("{\"calls\":%llu,\"errors\":%llu,\"seconds\":%.3f,\"rate\":%.0f,", (unsigned long long)measured,
           (unsigned long long)errors, elapsed, (double)measured / elapsed);
    printf("\"p50_us\":%.2f,\"p90_us\":%.2f,\"p99_us\":%.2f,\"p999_us\":%.2f,\"max_us\":%.2f,", quantile(0.5),
           quantile(0.9), quantile(0.99), quantile(0.999), (double)longest / 1000);
    if (watched && measured) printf("\"cpu_us_per_call\":%.2f,", cpu / (double)measured);
    printf("\"callers\":%zu,\"connections\":%zu,\"payload\":%zu}\n", caller_count, connection_count, payload.size);
    return errors || !measured ? 1 : 0;
}
