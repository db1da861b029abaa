/* As much of ttrpc and protobuf as a function needs: buffers, fields, frames. No copies while reading. */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER = 10,
    MAX_FRAME = 4 << 20, /* ttrpc's limit */
    TYPE_REQUEST = 1,
    TYPE_RESPONSE = 2,
    TYPE_DATA = 3,
    REMOTE_CLOSED = 0x01,
    NO_DATA = 0x04,
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

/* A field of a message: `bytes` of a length-delimited one, else `value`. */
struct field {
    uint32_t number;
    uint64_t value;
    struct bytes bytes;
};

static bool take_varint(struct bytes *in, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; shift < 70 && in->size; shift += 7) {
        uint8_t byte = *in->data++;
        in->size--;
        if (shift < 64) *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

/* Takes the next field off `in`. False at a malformed one. */
static bool take_field(struct bytes *in, struct field *field) {
    uint64_t key, size;
    *field = (struct field){0};
    if (!take_varint(in, &key) || key >> 3 == 0 || key >> 3 > UINT32_MAX) return false;
    field->number = (uint32_t)(key >> 3);
    switch (key & 7) {
    case 0: return take_varint(in, &field->value);
    case 1: size = 8; break;
    case 5: size = 4; break;
    case 2:
        if (!take_varint(in, &size)) return false;
        break;
    default: return false;
    }
    if (size > in->size) return false;
    if ((key & 7) == 2) field->bytes = (struct bytes){in->data, size};
    in->data += size;
    in->size -= size;
    return true;
}

static size_t varint_size(uint64_t value) {
    size_t size = 1;
    while (value >>= 7) size++;
    return size;
}

static uint8_t *put_varint(uint8_t *out, uint64_t value) {
    for (; value > 0x7f; value >>= 7) *out++ = (uint8_t)(value | 0x80);
    *out++ = (uint8_t)value;
    return out;
}

/* Tag and length; field numbers stay below 16. */
static uint8_t *put_head(uint8_t *out, unsigned number, size_t size) {
    *out++ = (uint8_t)(number << 3 | 2);
    return put_varint(out, size);
}

/* An empty field is left out. */
static uint8_t *put_bytes(uint8_t *out, unsigned number, struct bytes value) {
    if (!value.size) return out;
    out = put_head(out, number, value.size);
    memcpy(out, value.data, value.size);
    return out + value.size;
}

static size_t bytes_size(struct bytes value) { return value.size ? 1 + varint_size(value.size) + value.size : 0; }

static uint8_t *put_number(uint8_t *out, unsigned number, uint64_t value) {
    if (!value) return out;
    *out++ = (uint8_t)(number << 3);
    return put_varint(out, value);
}

static size_t number_size(uint64_t value) { return value ? 1 + varint_size(value) : 0; }

/* --- frames */

static uint32_t load32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Begins a frame: writes the header and returns where its data goes; `end_frame` follows. */
static uint8_t *begin_frame(struct buffer *b, size_t size, uint32_t stream, uint8_t type, uint8_t flags) {
    reserve(b, HEADER + size);
    const uint8_t header[HEADER] = {size >> 24,   size >> 16,   size >> 8, size, stream >> 24,
                                    stream >> 16, stream >> 8, stream,    type, flags};
    memcpy(b->data + b->end, header, HEADER);
    return b->data + b->end + HEADER;
}

static void end_frame(struct buffer *b, const uint8_t *out) { b->end = (size_t)(out - b->data); }

/* One message of a stream. */
static void send_data(struct buffer *b, uint32_t stream, struct bytes message) {
    uint8_t *out = begin_frame(b, message.size, stream, TYPE_DATA, 0);
    if (message.size) memcpy(out, message.data, message.size);
    end_frame(b, out + message.size);
}

/* The end of a stream, in a frame of its own: everybody understands that. */
static void send_close(struct buffer *b, uint32_t stream) {
    end_frame(b, begin_frame(b, 0, stream, TYPE_DATA, REMOTE_CLOSED | NO_DATA));
}

static void refuse(struct buffer *b, uint32_t stream, int code, const char *message) {
    struct bytes text = {(const uint8_t *)message, strlen(message)};
    size_t status = 2 + bytes_size(text);
    uint8_t *out = begin_frame(b, 1 + varint_size(status) + status, stream, TYPE_RESPONSE, 0);
    out = put_head(out, 1, status);
    out = put_number(out, 1, (uint64_t)code);
    end_frame(b, put_bytes(out, 2, text));
}

/* A Response whose payload is a message as it is. */
static void respond(struct buffer *b, uint32_t stream, struct bytes message) {
    size_t size = bytes_size(message);
    if (size > MAX_FRAME) return refuse(b, stream, RESOURCE_EXHAUSTED, "the reply does not fit into a frame");
    end_frame(b, put_bytes(begin_frame(b, size, stream, TYPE_RESPONSE, 0), 2, message));
}

#endif
