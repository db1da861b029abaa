/* Serves fnrpc.function.v1.Function and echo.v1.Echo over ttrpc on the Unix socket named by FNRPC_LISTENER. Any number of
 * connections, calls and streams at once, in one thread. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire.h"

enum {
    READ_SIZE = 256 << 10,
    /* While so much waits for the peer, nothing is read from it: the output stays bounded. */
    MAX_WAITING = 1 << 20,
    /* What a server stream writes in one turn. */
    TURN_SIZE = 64 << 10,
};

/* What an open stream does with what comes. */
enum kind {
    PARTS,  /* fnrpc.function.v1.Function/CallStream */
    COUNT,  /* echo.v1.Echo/ClientStream */
    MIRROR, /* echo.v1.Echo/Bidi */
    REPEAT, /* echo.v1.Echo/ServerStream: nothing comes */
};

struct stream {
    struct stream *next;
    uint32_t id;
    enum kind kind;
    uint64_t messages, size; /* COUNT: what came */
    struct bytes text;       /* REPEAT: what is sent; owned */
    uint64_t sent, count;    /* REPEAT */
};

struct connection {
    int fd;
    uint32_t interest;
    struct buffer in, out;
    struct stream *streams;
};

static bool is(struct bytes value, const char *text) {
    return value.size == strlen(text) && memcmp(value.data, text, value.size) == 0;
}

static struct stream *open_stream(struct connection *c, uint32_t id, enum kind kind) {
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream) fail("calloc");
    stream->id = id;
    stream->kind = kind;
    stream->next = c->streams;
    c->streams = stream;
    return stream;
}

static void close_stream(struct stream **link) {
    struct stream *stream = *link;
    *link = stream->next;
    free((void *)stream->text.data);
    free(stream);
}

/* --- unary calls */

/* Function/Call: payload and content type come back. */
static void call(struct connection *c, uint32_t id, struct bytes request) {
    struct bytes payload = {0}, type = {0};
    struct field field;
    while (request.size) {
        if (!take_field(&request, &field)) return refuse(&c->out, id, INVALID_ARGUMENT, "malformed call");
        if (field.number == 1) payload = field.bytes;
        if (field.number == 2) type = field.bytes;
    }
    size_t inner = bytes_size(payload) + bytes_size(type);
    size_t size = 1 + varint_size(inner) + inner;
    if (size > MAX_FRAME) return refuse(&c->out, id, RESOURCE_EXHAUSTED, "the reply does not fit into a frame");
    uint8_t *out = begin_frame(&c->out, size, id, TYPE_RESPONSE, 0);
    out = put_head(out, 2, inner);
    out = put_bytes(out, 1, payload);
    end_frame(&c->out, put_bytes(out, 2, type));
}

/* --- streams */

/* Echo/ServerStream: sends the text `count` times, as fast as it is read. */
static void repeat(struct connection *c, uint32_t id, struct bytes request) {
    struct bytes text = {0};
    struct field field;
    uint64_t count = 0;
    while (request.size) {
        if (!take_field(&request, &field)) return refuse(&c->out, id, INVALID_ARGUMENT, "malformed message");
        if (field.number == 1) text = field.bytes;
        if (field.number == 2) count = field.value;
    }
    struct stream *stream = open_stream(c, id, REPEAT);
    uint8_t *copy = malloc(text.size + 1);
    if (!copy) fail("malloc");
    if (text.size) memcpy(copy, text.data, text.size);
    stream->text = (struct bytes){copy, text.size};
    stream->count = count;
}

/* Writes what server streams have to say, a turn's worth of each. */
static void generate(struct connection *c) {
    for (struct stream **link = &c->streams; *link;) {
        struct stream *s = *link;
        size_t limit = c->out.end - c->out.begin + TURN_SIZE;
        while (s->kind == REPEAT && s->sent < s->count && c->out.end - c->out.begin < limit) {
            s->sent++;
            uint8_t *out = begin_frame(&c->out, bytes_size(s->text) + number_size(s->sent), s->id, TYPE_DATA, 0);
            out = put_bytes(out, 1, s->text);
            end_frame(&c->out, put_number(out, 2, s->sent));
        }
        if (s->kind == REPEAT && s->sent == s->count) {
            send_close(&c->out, s->id);
            close_stream(link);
        } else {
            link = &s->next;
        }
    }
}

/* Function/CallStream: what a part carries comes back. The names in the first one are the daemon's business. */
static bool echo_part(struct connection *c, uint32_t id, struct bytes part) {
    struct bytes payload = {0}, type = {0};
    struct field field;
    while (part.size) {
        if (!take_field(&part, &field)) return false;
        if (field.number == 1) payload = field.bytes;
        if (field.number == 2) type = field.bytes;
    }
    size_t size = bytes_size(payload) + bytes_size(type);
    if (!size) return true;
    uint8_t *out = begin_frame(&c->out, size, id, TYPE_DATA, 0);
    end_frame(&c->out, put_bytes(put_bytes(out, 1, payload), 2, type));
    return true;
}

static bool count_message(struct stream *stream, struct bytes message) {
    struct field field;
    stream->messages++;
    while (message.size) {
        if (!take_field(&message, &field)) return false;
        if (field.number == 1) stream->size += field.bytes.size;
    }
    return true;
}

/* The caller has sent its last message. */
static void finish(struct connection *c, struct stream **link) {
    struct stream *s = *link;
    if (s->kind == COUNT) {
        uint8_t summary[32], *out = put_number(summary, 1, s->messages);
        out = put_number(out, 2, s->size);
        respond(&c->out, s->id, (struct bytes){summary, (size_t)(out - summary)});
    } else {
        send_close(&c->out, s->id);
    }
    close_stream(link);
}

/* A Data frame. */
static void received(struct connection *c, uint32_t id, uint8_t flags, struct bytes message) {
    struct stream **link = &c->streams;
    while (*link && (*link)->id != id) link = &(*link)->next;
    /* It may have crossed the stream's end on the way. */
    if (!*link || (*link)->kind == REPEAT) return;
    bool is_fine = true;
    if (!(flags & NO_DATA)) {
        switch ((*link)->kind) {
        case PARTS: is_fine = echo_part(c, id, message); break;
        case COUNT: is_fine = count_message(*link, message); break;
        default: send_data(&c->out, id, message);
        }
    }
    if (!is_fine) {
        refuse(&c->out, id, INVALID_ARGUMENT, "malformed message");
        close_stream(link);
    } else if (flags & REMOTE_CLOSED) {
        finish(c, link);
    }
}

/* A Request frame. */
static void requested(struct connection *c, uint32_t id, uint8_t flags, struct bytes request) {
    struct bytes service = {0}, method = {0}, payload = {0};
    struct field field;
    while (request.size) {
        if (!take_field(&request, &field)) return refuse(&c->out, id, INVALID_ARGUMENT, "malformed request");
        if (field.number == 1) service = field.bytes;
        if (field.number == 2) method = field.bytes;
        if (field.number == 3) payload = field.bytes;
    }
    bool is_function = is(service, "fnrpc.function.v1.Function");
    if (is_function && is(method, "Call")) return call(c, id, payload);
    bool is_echo = is(service, "echo.v1.Echo");
    if (is_echo && is(method, "Unary")) return respond(&c->out, id, payload);
    if (is_echo && is(method, "ServerStream")) return repeat(c, id, payload);
    if (is_function && is(method, "CallStream"))
        open_stream(c, id, PARTS);
    else if (is_echo && is(method, "ClientStream"))
        open_stream(c, id, COUNT);
    else if (is_echo && is(method, "Bidi"))
        open_stream(c, id, MIRROR);
    else
        return refuse(&c->out, id, UNIMPLEMENTED, "no such service or method");
    /* The method decides what it is; a caller that says that nothing follows has sent an empty stream. */
    if (flags & REMOTE_CLOSED) finish(c, &c->streams);
}

/* --- the loop */

static void interest(int epoll, struct connection *c) {
    size_t waiting = c->out.end - c->out.begin;
    uint32_t wanted = (waiting < MAX_WAITING ? EPOLLIN : 0) | (waiting ? EPOLLOUT : 0);
    if (c->interest == wanted) return;
    c->interest = wanted;
    struct epoll_event event = {.events = wanted, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event) < 0) fail("epoll_ctl");
}

/* Writes what is waiting; false when the connection is gone. */
static bool flush(int epoll, struct connection *c) {
    while (c->out.begin < c->out.end) {
        ssize_t n = send(c->fd, c->out.data + c->out.begin, c->out.end - c->out.begin, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) return false;
        c->out.begin += (size_t)n;
    }
    /* The next part of a server stream leaves in the next turn, so that others have theirs. */
    if (c->streams && c->out.begin == c->out.end) generate(c);
    interest(epoll, c);
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
        uint32_t size = load32(frame), id = load32(frame + 4);
        if (size > MAX_FRAME) return false;
        if (c->in.end - c->in.begin < HEADER + size) break;
        c->in.begin += HEADER + size;
        struct bytes data = {frame + HEADER, size};
        if (frame[8] == TYPE_REQUEST) requested(c, id, frame[9], data);
        if (frame[8] == TYPE_DATA) received(c, id, frame[9], data);
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

static void accept_connection(int epoll, int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    struct connection *c = calloc(1, sizeof *c);
    if (!c) fail("calloc");
    c->fd = fd;
    c->interest = EPOLLIN;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
}

static void close_connection(struct connection *c) {
    while (c->streams) close_stream(&c->streams);
    close(c->fd);
    free(c->in.data);
    free(c->out.data);
    free(c);
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
                accept_connection(epoll, listener);
                continue;
            }
            bool is_alive = true;
            if (events[i].events & EPOLLOUT) is_alive = flush(epoll, c);
            if (is_alive && events[i].events & ~(uint32_t)EPOLLOUT) is_alive = readable(epoll, c);
            if (!is_alive) close_connection(c);
        }
    }
}
