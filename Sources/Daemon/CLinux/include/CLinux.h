/*
 * What the Linux kernel offers and Swift's Glibc module hides. One section per subject.
 *
 * Unless it says otherwise a function returns a value of 0 or more, or minus an errno. Every descriptor that is made
 * here is close-on-exec.
 */
#ifndef FNRPC_CLINUX_H
#define FNRPC_CLINUX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- Processes ---- */

/* `source` in this process becomes `target` in the started one. */
struct fnrpc_fd_mapping {
    int source;
    int target;
};

/*
 * Starts `path` with the descriptors of `mappings` (targets 0 to count-1, each exactly once) and no others, every
 * signal unblocked and at its default, in a session of its own. Memory is not copied, whatever the size of the caller.
 * Stores a pidfd of the child; returns its process id. The caller must reap it.
 */
pid_t fnrpc_spawn(const char *path, char *const arguments[], char *const environment[],
                  const struct fnrpc_fd_mapping *mappings, size_t mapping_count, int *pidfd);

/* A descriptor of a process; it is readable when the process has ended. */
int fnrpc_pidfd_open(pid_t pid);

/* Sends a signal; -ESRCH if the process has ended and was reaped. */
int fnrpc_pidfd_send_signal(int pidfd, int signal);

/* How a child ended. */
struct fnrpc_exit {
    int32_t code;   /* exit code, or -1 */
    int32_t signal; /* signal that ended it, or 0 */
};

/* Reaps a child that has ended, without waiting: 1 if reaped, 0 if it still runs, -ECHILD if it is not our child. */
int fnrpc_pidfd_reap(int pidfd, struct fnrpc_exit *result);

/* Orphans of children become children of this process (PR_SET_CHILD_SUBREAPER). */
int fnrpc_become_subreaper(void);

/* ---- Memory ---- */

/*
 * Large buffers get pages of their own, which grow without copying and go back to the kernel when they are freed. By itself
 * malloc puts them into its heap after the first was freed; between small things they hold that memory for ever. To be called
 * before any thread.
 */
void fnrpc_return_large_memory(void);

/* ---- Mounts ---- */

/*
 * Gives this process a mount namespace of its own; mounts made from here on are not seen outside and end with it,
 * mounts made outside are still seen. To be called first in main, before any thread.
 */
int fnrpc_private_mounts(void);

/* A tmpfs with noexec, nosuid, nodev; `options` as for mount(8). */
int fnrpc_mount_tmpfs(const char *path, const char *options);

/* Makes a whole file system of fnrpc_mount_tmpfs read-only, for every mount of it. */
int fnrpc_make_read_only(const char *path);

/* Unmounts at once for path look-ups, fully when the last use ends (MNT_DETACH); -EINVAL if nothing is mounted. */
int fnrpc_unmount(const char *path);

/* ---- Files ---- */

/*
 * Opens `name` below `directory` as an O_PATH descriptor. Links are followed, but never out of the directory, over a
 * mount, or by /proc (RESOLVE_BENEATH, RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS).
 */
int fnrpc_open_beneath(int directory, const char *name);

/* A pipe: `ends[0]` to read, `ends[1]` to write. `flags` is 0 or O_NONBLOCK, for both ends. */
int fnrpc_pipe(int ends[2], int flags);

/* The bytes in a pipe that nobody has read, by its write end. Stores whether its read end is open somewhere. */
int fnrpc_pipe_left(int write_end, int *has_reader);

/* ---- Sockets ---- */

/* A connected SOCK_SEQPACKET pair that carries records of up to `record_size` bytes; `ends[0]` is non-blocking. */
int fnrpc_seqpacket_pair(int ends[2], int record_size);

/* A non-blocking stream connection to the Unix socket behind an O_PATH descriptor; never looks at a path. */
int fnrpc_connect_opened(int opened);

/* As fnrpc_connect_opened, to the Unix socket under a path of any length. */
int fnrpc_connect_path(const char *path);

/* Accepts a connection as a non-blocking socket. */
int fnrpc_accept(int listener);

/* Who connected to a Unix socket, as of then. */
struct fnrpc_credentials {
    uint32_t user;
    uint32_t group;
    int32_t process; /* 0: of another process namespace */
};
int fnrpc_peer_credentials(int connection, struct fnrpc_credentials *result);

/*
 * The supplementary groups of who connected to a Unix socket: how many there are. Stored if there is room for all; else
 * -ERANGE, and `*count` says how much room is needed.
 */
int fnrpc_peer_groups(int connection, uint32_t *groups, uint32_t *count);

/*
 * Notices a TCP peer that is gone: probes after 60 s of silence, every 10 s, six times; output that is not
 * acknowledged for 60 s fails too. Sends small messages at once.
 */
int fnrpc_tune_tcp(int connection);

/* ---- Readiness ---- */

/* Descriptors that are asked about together: the epoll instance. Close it when nobody asks any more. */
int fnrpc_epoll(void);

/* Adds a descriptor, or takes it out (`wanted` 0). It is found as long as there is something to read. */
int fnrpc_epoll_change(int epoll, int descriptor, int wanted);

/* Which can be read now, at most `count`: how many were stored. Never waits. */
int fnrpc_epoll_readable(int epoll, int32_t *descriptors, int count);

/* ---- Several sends at once ---- */

/* Sends on many connections with one system call (io_uring). Of one thread: the one that opened it. */
struct fnrpc_ring;

/* Room for so many sends at once, a power of 2. NULL: this kernel has none, or does not let us. */
struct fnrpc_ring *fnrpc_ring_open(uint32_t room);
void fnrpc_ring_close(struct fnrpc_ring *ring);

/* Notes one; at most `room` until they are sent. The bytes have to stay where they are until then. */
void fnrpc_ring_add(struct fnrpc_ring *ring, int connection, const void *bytes, size_t count);

/*
 * Sends what was noted, and never waits for a peer: what send(2) would have returned for each, in their order, as a count or
 * -errno. Else -errno, and nothing is known.
 */
int fnrpc_ring_send(struct fnrpc_ring *ring, ssize_t *results);

/* ---- Threads ---- */

/* Names the calling thread for people who look at it; what is beyond 15 bytes is cut off. */
int fnrpc_name_thread(const char *name);

#endif
