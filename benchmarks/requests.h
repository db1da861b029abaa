/* What the load generator sends: whole frames, made once; only their stream ids change. */
#ifndef BENCH_REQUESTS_H
#define BENCH_REQUESTS_H
#include "message.h"

static const char *app = "demo", *function, *service, *method, *payload_text, *content_type, *requests_path;
static size_t payload_size = 64;
static struct bytes payload;
static struct bytes *requests;
static size_t request_count, next_request;

_Noreturn static void wrong_request(const char *what) {
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}

static void add_request(struct bytes message) {
    struct buffer frame = {0};
    uint8_t header[HEADER] = {[8] = 1};
    append(&frame, header, HEADER);
    put_text(&frame, 1, service);
    put_text(&frame, 2, method);
    put(&frame, 3, message.data, message.size);
    if (frame.end - HEADER > MAX_FRAME) wrong_request("the request does not fit into a frame");
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
        if (size > MAX_FRAME) wrong_request("a request does not fit into a frame");
        uint8_t *message = checked(malloc(size + 1));
        if (fread(message, 1, size, file) != size) wrong_request("the file of requests ends in the middle of one");
        add_request((struct bytes){message, size});
        free(message);
    }
    if (got || !request_count) wrong_request("the file of requests ends in a length, or has none");
    fclose(file);
}

/* The next one. */
static struct bytes take_request(void) {
    struct bytes request = requests[next_request];
    if (++next_request == request_count) next_request = 0;
    return request;
}
#endif
