#include "CLinux.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/socket.h>

struct fnrpc_ring {
    struct io_uring io;
};

struct fnrpc_ring *fnrpc_ring_open(uint32_t room)
{
    struct fnrpc_ring *ring = calloc(1, sizeof *ring);
    if (!ring)
        return NULL;
    /* All are tried, also behind one that fails; nothing happens but in fnrpc_ring_send (Linux 6.1). */
    const unsigned flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    if (io_uring_queue_init(room, &ring->io, flags) == 0)
        return ring;
    free(ring);
    return NULL;
}

void fnrpc_ring_close(struct fnrpc_ring *ring)
{
    io_uring_queue_exit(&ring->io);
    free(ring);
}

void fnrpc_ring_add(struct fnrpc_ring *ring, int connection, const void *bytes, size_t count)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->io);
    if (entry) {
        /* MSG_DONTWAIT: never later, so that the bytes need to be there only until fnrpc_ring_send returns. */
        io_uring_prep_send(entry, connection, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
        io_uring_sqe_set_data64(entry, io_uring_sq_ready(&ring->io) - 1);
    }
}

int fnrpc_ring_send(struct fnrpc_ring *ring, ssize_t *results)
{
    const unsigned count = io_uring_sq_ready(&ring->io);
    unsigned done = 0;
    while (done < count) {
        int submitted = io_uring_submit_and_wait(&ring->io, count - done);
        if (submitted < 0 && submitted != -EINTR && submitted != -EAGAIN && submitted != -EBUSY)
            return submitted;
        struct io_uring_cqe *entry;
        unsigned head, seen = 0;
        io_uring_for_each_cqe(&ring->io, head, entry)
        {
            results[io_uring_cqe_get_data64(entry)] = entry->res;
            seen++;
        }
        io_uring_cq_advance(&ring->io, seen);
        done += seen;
    }
    return 0;
}
