/* What the load generator and the floors share: frames, byte queues, Unix sockets. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 10, MAX_FRAME = 4 << 20, READ_SIZE = 64 << 10 };

struct bytes {
    const uint8_t *data;
    size_t size;
};

/* A byte queue: filled at `end`, emptied at `begin`. */
struct buffer {
    uint8_t *data;
    size_t begin, end, capacity;
};

_Noreturn static inline void fail(const char *what) {
    perror(what);
    exit(1);
}

static inline void *checked(void *memory) {
    if (!memory) fail("out of memory");
    return memory;
}

/* Makes room for `size` more bytes at the end. */
static inline void reserve(struct buffer *b, size_t size) {
    if (b->begin == b->end) b->begin = b->end = 0;
    if (b->capacity - b->end >= size) return;
    if (b->begin) memmove(b->data, b->data + b->begin, b->end - b->begin);
    b->end -= b->begin;
    b->begin = 0;
    if (b->capacity - b->end >= size) return;
    b->capacity = (b->end + size) * 2;
    b->data = checked(realloc(b->data, b->capacity));
}

static inline void append(struct buffer *b, const void *data, size_t size) {
    reserve(b, size);
    memcpy(b->data + b->end, data, size);
    b->end += size;
}

static inline uint32_t load32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void store32(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

/* The size of the whole frame at the head of the queue; 0: not all there yet; -1: not a frame. */
static inline ssize_t frame_size(const struct buffer *b) {
    if (b->end - b->begin < HEADER) return 0;
    uint32_t size = load32(b->data + b->begin);
    if (size > MAX_FRAME) return -1;
    return b->end - b->begin < HEADER + (size_t)size ? 0 : (ssize_t)(HEADER + size);
}

/* One read into the queue. 1: bytes came; 0: none for now; -1: the connection is gone. */
static inline int fill(int fd, struct buffer *b) {
    reserve(b, READ_SIZE);
    ssize_t n = recv(fd, b->data + b->end, b->capacity - b->end, MSG_DONTWAIT);
    if (n > 0) {
        b->end += (size_t)n;
        return 1;
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

/* Writes what it can. 1: empty; 0: the socket is full; -1: the connection is gone. */
static inline int drain(int fd, struct buffer *b) {
    while (b->begin < b->end) {
        ssize_t n = send(fd, b->data + b->begin, b->end - b->begin, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0)
            b->begin += (size_t)n;
        else if (errno == EAGAIN)
            return 0;
        else if (errno != EINTR)
            return -1;
    }
    return 1;
}

static inline struct sockaddr_un unix_name(const char *path) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof name.sun_path) {
        fprintf(stderr, "%s: longer than a socket's path may be\n", path);
        exit(1);
    }
    strcpy(name.sun_path, path);
    return name;
}

/* Returns -1 when nobody listens. */
static inline int connect_unix(const char *path) {
    struct sockaddr_un name = unix_name(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    if (connect(fd, (struct sockaddr *)&name, sizeof name) == 0) return fd;
    close(fd);
    return -1;
}

static inline uint64_t now_nanos(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
#endif
