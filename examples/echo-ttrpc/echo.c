/* Serves fnrpc.function.v1.Function/Call over ttrpc on the Unix socket named by FNRPC_LISTENER and echoes every call. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    HEADER = 10,
    MAX_FRAME = 4 << 20, /* ttrpc's limit */
    READ_SIZE = 256 << 10,
    /* Room for the tags and lengths around an echoed payload. */
    REPLY_EXTRA = 64,
    TYPE_REQUEST = 1,
    TYPE_RESPONSE = 2,
    INVALID_ARGUMENT = 3,
    RESOURCE_EXHAUSTED = 8,
    UNIMPLEMENTED = 12,
};

struct bytes {
    const uint8_t *data;
    size_t size;
};

struct buffer {
    uint8_t *data;
    size_t begin, end, capacity;
};

struct connection {
    int fd;
    bool writable_wanted;
    struct buffer in, out;
};

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* Makes room for `size` more bytes at the end. */
static void reserve(struct buffer *b, size_t size) {
    if (b->begin == b->end) b->begin = b->end = 0;
    if (b->capacity - b->end >= size) return;
    memmove(b->data, b->data + b->begin, b->end - b->begin);
    b->end -= b->begin;
    b->begin = 0;
    if (b->capacity - b->end >= size) return;
    b->capacity = (b->end + size) * 2;
    b->data = realloc(b->data, b->capacity);
    if (!b->data) fail("realloc");
}

/* --- protobuf */

static bool varint(struct bytes *in, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; shift < 70 && in->size; shift += 7) {
        uint8_t byte = *in->data++;
        in->size--;
        if (shift < 64) *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

/* Takes the next field off `in`; `value` holds its bytes if it is length-delimited. False at a malformed one. */
static bool field(struct bytes *in, uint32_t *number, struct bytes *value) {
    uint64_t key, size;
    *value = (struct bytes){0};
    if (!varint(in, &key) || key >> 3 == 0 || key >> 3 > UINT32_MAX) return false;
    *number = (uint32_t)(key >> 3);
    switch (key & 7) {
    case 0: return varint(in, &size);
    case 1: size = 8; break;
    case 5: size = 4; break;
    case 2:
        if (!varint(in, &size)) return false;
        break;
    default: return false;
    }
    if (size > in->size) return false;
    if ((key & 7) == 2) *value = (struct bytes){in->data, size};
    in->data += size;
    in->size -= size;
    return true;
}

static size_t varint_size(size_t value) {
    size_t size = 1;
    while (value >>= 7) size++;
    return size;
}

static uint8_t *put_head(uint8_t *out, unsigned number, size_t size) {
    *out++ = (uint8_t)(number << 3 | 2);
    for (; size > 0x7f; size >>= 7) *out++ = (uint8_t)(size | 0x80);
    *out++ = (uint8_t)size;
    return out;
}

static uint8_t *put(uint8_t *out, unsigned number, struct bytes value) {
    out = put_head(out, number, value.size);
    if (value.size) memcpy(out, value.data, value.size);
    return out + value.size;
}

static size_t put_size(struct bytes value) { return 1 + varint_size(value.size) + value.size; }

/* --- frames */

static uint32_t load32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint8_t *put_header(uint8_t *out, size_t size, uint32_t stream) {
    const uint8_t header[HEADER] = {size >> 24,   size >> 16,   size >> 8, size,          stream >> 24,
                                    stream >> 16, stream >> 8, stream,    TYPE_RESPONSE, 0};
    memcpy(out, header, HEADER);
    return out + HEADER;
}

static void refuse(struct connection *c, uint32_t stream, int code, const char *message) {
    struct bytes text = {(const uint8_t *)message, strlen(message)};
    size_t status = 2 + put_size(text);
    size_t size = 1 + varint_size(status) + status;
    reserve(&c->out, HEADER + size);
    uint8_t *out = put_header(c->out.data + c->out.end, size, stream);
    out = put_head(out, 1, status);
    *out++ = 8;
    *out++ = (uint8_t)code;
    out = put(out, 2, text);
    c->out.end = (size_t)(out - c->out.data);
}

static bool is(struct bytes value, const char *text) {
    return value.size == strlen(text) && memcmp(value.data, text, value.size) == 0;
}

static void answer(struct connection *c, uint32_t stream, struct bytes request) {
    struct bytes service = {0}, method = {0}, call = {0}, payload = {0}, type = {0}, value;
    uint32_t number;
    while (request.size) {
        if (!field(&request, &number, &value)) return refuse(c, stream, INVALID_ARGUMENT, "malformed request");
        if (number == 1) service = value;
        if (number == 2) method = value;
        if (number == 3) call = value;
    }
    if (!is(service, "fnrpc.function.v1.Function") || !is(method, "Call"))
        return refuse(c, stream, UNIMPLEMENTED, "only fnrpc.function.v1.Function/Call is served here");
    while (call.size) {
        if (!field(&call, &number, &value)) return refuse(c, stream, INVALID_ARGUMENT, "malformed call");
        if (number == 1) payload = value;
        if (number == 2) type = value;
    }
    size_t inner = (payload.size ? put_size(payload) : 0) + (type.size ? put_size(type) : 0);
    size_t size = 1 + varint_size(inner) + inner;
    if (size > MAX_FRAME) return refuse(c, stream, RESOURCE_EXHAUSTED, "the reply does not fit into a frame");
    reserve(&c->out, HEADER + size + REPLY_EXTRA);
    uint8_t *out = put_header(c->out.data + c->out.end, size, stream);
    out = put_head(out, 2, inner);
    if (payload.size) out = put(out, 1, payload);
    if (type.size) out = put(out, 2, type);
    c->out.end = (size_t)(out - c->out.data);
}

/* --- the loop */

static void interest(int epoll, struct connection *c, bool writable) {
    if (c->writable_wanted == writable) return;
    c->writable_wanted = writable;
    /* While replies do not leave, no more requests are read: the output stays bounded. */
    struct epoll_event event = {.events = writable ? EPOLLOUT : EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event) < 0) fail("epoll_ctl");
}

/* Writes what is waiting; false when the connection is gone. */
static bool flush(int epoll, struct connection *c) {
    while (c->out.begin < c->out.end) {
        ssize_t n = send(c->fd, c->out.data + c->out.begin, c->out.end - c->out.begin, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) {
            interest(epoll, c, true);
            return true;
        }
        if (n < 0) return false;
        c->out.begin += (size_t)n;
    }
    interest(epoll, c, false);
    return true;
}

/* Answers all whole frames that one read brings; false when the connection is gone or breaks the framing. */
static bool readable(int epoll, struct connection *c) {
    reserve(&c->in, READ_SIZE);
    ssize_t n = recv(c->fd, c->in.data + c->in.end, c->in.capacity - c->in.end, 0);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    if (n == 0) return false;
    c->in.end += (size_t)n;
    while (c->in.end - c->in.begin >= HEADER) {
        const uint8_t *frame = c->in.data + c->in.begin;
        uint32_t size = load32(frame), stream = load32(frame + 4);
        if (size > MAX_FRAME) return false;
        if (c->in.end - c->in.begin < HEADER + size) break;
        c->in.begin += HEADER + size;
        if (frame[8] != TYPE_REQUEST) continue;
        answer(c, stream, (struct bytes){frame + HEADER, size});
    }
    return flush(epoll, c);
}

static int listen_at(const char *address) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (!address || strncmp(address, "unix:", 5) != 0 || strlen(address) + 5 > sizeof name.sun_path) {
        fprintf(stderr, "FNRPC_LISTENER must be unix:PATH\n");
        exit(1);
    }
    const char *path = address + 5;
    /* The name appears only when the socket is ready for a connection. */
    snprintf(name.sun_path, sizeof name.sun_path, "%s.new", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    if (bind(fd, (struct sockaddr *)&name, sizeof name) < 0) fail(name.sun_path);
    if (chmod(name.sun_path, 0666) < 0 || listen(fd, 128) < 0 || rename(name.sun_path, path) < 0) fail(path);
    return fd;
}

int main(void) {
    int listener = listen_at(getenv("FNRPC_LISTENER"));
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[64];
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0) fail("epoll");
    for (;;) {
        int count = epoll_wait(epoll, events, 64, -1);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c) {
                int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (fd < 0) continue;
                c = calloc(1, sizeof *c);
                if (!c) fail("calloc");
                c->fd = fd;
                event = (struct epoll_event){.events = EPOLLIN, .data.ptr = c};
                if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
                continue;
            }
            bool alive = c->writable_wanted ? flush(epoll, c) : readable(epoll, c);
            if (alive) continue;
            close(c->fd);
            free(c->in.data);
            free(c->out.data);
            free(c);
        }
    }
}
