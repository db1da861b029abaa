/* The protobuf of the generator and of the echo floor: just enough. */
#ifndef BENCH_MESSAGE_H
#define BENCH_MESSAGE_H
#include "wire.h"

static inline void put_varint(struct buffer *b, size_t value) {
    for (; value > 0x7f; value >>= 7) append(b, &(uint8_t){(uint8_t)(value | 0x80)}, 1);
    append(b, &(uint8_t){(uint8_t)value}, 1);
}

static inline void put(struct buffer *b, unsigned number, const void *data, size_t size) {
    append(b, &(uint8_t){(uint8_t)(number << 3 | 2)}, 1);
    put_varint(b, size);
    append(b, data, size);
}

static inline void put_text(struct buffer *b, unsigned number, const char *text) { put(b, number, text, strlen(text)); }

static inline bool varint(struct bytes *in, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; shift < 64 && in->size; shift += 7) {
        uint8_t byte = *in->data++;
        in->size--;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

/* The next length-delimited field, or a number as `scalar` with `value.data` NULL. */
static inline bool field(struct bytes *in, uint64_t *number, uint64_t *scalar, struct bytes *value) {
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
#endif
