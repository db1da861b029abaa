/* A latency histogram in the manner of HDR: 128 steps for each power of two of nanoseconds, under 0.8 % of error. */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H
#include <stddef.h>
#include <stdint.h>

enum { SUB_BITS = 7, BUCKETS = 40 << SUB_BITS };

struct latency {
    uint64_t counts[BUCKETS], calls, longest; /* longest: nanoseconds */
};

static inline void latency_record(struct latency *l, uint64_t nanos) {
    size_t index = nanos;
    if (nanos >= 1u << SUB_BITS) {
        unsigned shift = 63u - (unsigned)__builtin_clzll(nanos) - SUB_BITS;
        index = ((size_t)(shift + 1) << SUB_BITS) + ((nanos >> shift) & ((1u << SUB_BITS) - 1));
    }
    l->counts[index < BUCKETS ? index : BUCKETS - 1]++;
    if (nanos > l->longest) l->longest = nanos;
    l->calls++;
}

/* Microseconds that the share `q` of all calls did not exceed: the middle of their bucket. */
static inline double latency_micros(const struct latency *l, double q) {
    uint64_t rank = (uint64_t)(q * (double)l->calls + 0.5), seen = 0;
    if (rank < 1) rank = 1;
    for (size_t index = 0; index < BUCKETS; index++) {
        if ((seen += l->counts[index]) < rank) continue;
        size_t shift = index >> SUB_BITS;
        if (shift) shift--;
        uint64_t base = index < 1u << SUB_BITS ? index : ((index & ((1u << SUB_BITS) - 1)) | 1u << SUB_BITS) << shift;
        return (double)(base + ((1ull << shift) >> 1)) / 1000;
    }
    return 0;
}
#endif
