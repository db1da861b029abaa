#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Processes ---- */

/* Descriptors are moved above this first, so that no dup2 overwrites a source that is still needed. */
enum { SPAWN_FIRST_SPARE = 64, SPAWN_MAX_MAPPINGS = 16 };

static int add_mappings(posix_spawn_file_actions_t *actions, const struct fnrpc_fd_mapping *mappings, size_t count,
                        int spares[SPAWN_MAX_MAPPINGS], size_t *spare_count)
{
    for (size_t index = 0; index < count; index++) {
        int spare = fcntl(mappings[index].source, F_DUPFD_CLOEXEC, SPAWN_FIRST_SPARE);
        if (spare < 0)
            return errno;
        spares[(*spare_count)++] = spare;
        int error = posix_spawn_file_actions_adddup2(actions, spare, mappings[index].target);
        if (error)
            return error;
    }
    return posix_spawn_file_actions_addclosefrom_np(actions, (int)count);
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int error = posix_spawnattr_setsigdefault(attributes, &all);
    if (!error)
        error = posix_spawnattr_setsigmask(attributes, &none);
    if (!error)
        error = posix_spawnattr_setflags(attributes,
                                         POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    return error;
}

pid_t fnrpc_spawn(const char *path, char *const arguments[], char *const environment[],
                  const struct fnrpc_fd_mapping *mappings, size_t mapping_count, int *pidfd)
{
    if (mapping_count > SPAWN_MAX_MAPPINGS)
        return -EINVAL;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return -error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return -error;
    }
    int spares[SPAWN_MAX_MAPPINGS];
    size_t spare_count = 0;
    pid_t pid = -1;
    error = add_mappings(&actions, mappings, mapping_count, spares, &spare_count);
    if (!error)
        error = set_attributes(&attributes);
    /* glibc uses CLONE_VM and CLONE_VFORK: no copy of the page tables, exec errors come back. */
    if (!error)
        error = posix_spawn(&pid, path, &actions, &attributes, arguments, environment);
    while (spare_count > 0)
        close(spares[--spare_count]);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        return -error;

    /* Not reaped yet, so the number still means this child. */
    *pidfd = fnrpc_pidfd_open(pid);
    if (*pidfd >= 0)
        return pid;
    error = *pidfd;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return error;
}

int fnrpc_pidfd_open(pid_t pid)
{
    int descriptor = (int)syscall(SYS_pidfd_open, pid, 0);
    return descriptor < 0 ? -errno : descriptor;
}

int fnrpc_pidfd_send_signal(int pidfd, int signal)
{
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int fnrpc_pidfd_reap(int pidfd, struct fnrpc_exit *result)
{
    siginfo_t info = {0};
    while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0)
        if (errno != EINTR)
            return -errno;
    if (info.si_pid == 0)
        return 0;
    result->code = info.si_code == CLD_EXITED ? info.si_status : -1;
    result->signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
    return 1;
}

int fnrpc_become_subreaper(void)
{
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* ---- Memory ---- */

void fnrpc_return_large_memory(void)
{
    /* Messages of megabytes pay with fresh pages: 4 MB cost 4.7 ms instead of 1.8. At 6 MiB they would not, but seven clients
     * that never read cost 80 MiB instead of 57, and of the 256 MiB of many more all stayed. */
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    /* Setting one ends the adjustment of both; the default would move the heap's end up and down all the time. */
    mallopt(M_TRIM_THRESHOLD, 8 << 20);
}

/* ---- Mounts ---- */

int fnrpc_private_mounts(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0)
        return -errno;
    return 0;
}

int fnrpc_mount_tmpfs(const char *path, const char *options)
{
    return mount("fnrpc", path, "tmpfs", MS_NOEXEC | MS_NOSUID | MS_NODEV, options) < 0 ? -errno : 0;
}

int fnrpc_make_read_only(const char *path)
{
    const unsigned long flags = MS_REMOUNT | MS_RDONLY | MS_NOEXEC | MS_NOSUID | MS_NODEV;
    return mount(NULL, path, NULL, flags, NULL) < 0 ? -errno : 0;
}

int fnrpc_unmount(const char *path)
{
    return umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
}

/* ---- Files ---- */

int fnrpc_open_beneath(int directory, const char *name)
{
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
    };
    long descriptor;
    /* EAGAIN: something was renamed meanwhile, so the kernel could not be sure. */
    for (int attempt = 0; attempt < 8; attempt++) {
        descriptor = syscall(SYS_openat2, directory, name, &how, sizeof how);
        if (descriptor >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    return descriptor < 0 ? -errno : (int)descriptor;
}

int fnrpc_pipe(int ends[2], int flags)
{
    return pipe2(ends, O_CLOEXEC | flags) < 0 ? -errno : 0;
}

int fnrpc_pipe_left(int write_end, int *has_reader)
{
    struct pollfd entry = {.fd = write_end};
    if (poll(&entry, 1, 0) < 0)
        return -errno;
    *has_reader = !(entry.revents & POLLERR);
    int count = 0;
    return ioctl(write_end, FIONREAD, &count) < 0 ? -errno : count;
}

/* ---- Sockets ---- */

int fnrpc_seqpacket_pair(int ends[2], int record_size)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    /* A record has to fit the send buffer whole, with the kernel's overhead. Root may pass net.core.wmem_max. */
    int size = record_size * 2;
    if ((setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0 &&
         setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) < 0) ||
        fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) {
        int error = errno;
        close(ends[0]);
        close(ends[1]);
        return -error;
    }
    return 0;
}

int fnrpc_connect_opened(int opened)
{
    int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection < 0)
        return -errno;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", opened);
    if (connect(connection, (const struct sockaddr *)&address, sizeof address) == 0)
        return connection;
    int error = errno;
    close(connection);
    return -error;
}

int fnrpc_connect_path(const char *path)
{
    int opened = open(path, O_PATH | O_CLOEXEC);
    if (opened < 0)
        return -errno;
    int connection = fnrpc_connect_opened(opened);
    close(opened);
    return connection;
}

int fnrpc_accept(int listener)
{
    int connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return connection < 0 ? -errno : connection;
}

int fnrpc_peer_credentials(int connection, struct fnrpc_credentials *result)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return -errno;
    *result = (struct fnrpc_credentials){.user = peer.uid, .group = peer.gid, .process = peer.pid};
    return 0;
}

int fnrpc_peer_groups(int connection, uint32_t *groups, uint32_t *count)
{
    socklen_t size = *count * sizeof *groups;
    int result = getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0 ? -errno : 0;
    *count = size / sizeof *groups;
    return result < 0 ? result : (int)*count;
}

int fnrpc_tune_tcp(int connection)
{
    const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},       {SOL_SOCKET, SO_KEEPALIVE, 1},   {IPPROTO_TCP, TCP_KEEPIDLE, 60},
        {IPPROTO_TCP, TCP_KEEPINTVL, 10},    {IPPROTO_TCP, TCP_KEEPCNT, 6},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, 60 * 1000},
    };
    for (size_t index = 0; index < sizeof options / sizeof *options; index++)
        if (setsockopt(connection, options[index].level, options[index].name, &options[index].value, sizeof(int)) < 0)
            return -errno;
    return 0;
}

int fnrpc_epoll(void)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    return epoll < 0 ? -errno : epoll;
}

int fnrpc_epoll_change(int epoll, int descriptor, int wanted)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    return epoll_ctl(epoll, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, descriptor, &event) < 0 ? -errno : 0;
}

int fnrpc_epoll_readable(int epoll, int32_t *descriptors, int count)
{
    struct epoll_event events[64];
    int found = epoll_wait(epoll, events, count < 64 ? count : 64, 0);
    for (int index = 0; index < found; index++)
        descriptors[index] = events[index].data.fd;
    return found < 0 ? -errno : found;
}

int fnrpc_name_thread(const char *name) {
    return prctl(PR_SET_NAME, name) < 0 ? -errno : 0;
}
