#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "PosixShim.h"

int64_t px_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int px_pidfd_open(int pid) {
    int file = (int)syscall(SYS_pidfd_open, pid, 0);
    return file < 0 ? -errno : file;
}

int px_socket_pair(int pair[2]) {
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ? -errno : 0;
}

int px_send(int socket, const void *bytes, size_t count, int file) {
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (file >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.space;
        message.msg_controllen = sizeof control.space;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &file, sizeof(int));
    }
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : (int)sent;
}

int px_receive(int socket, void *bytes, size_t capacity, int *file) {
    struct iovec part = {.iov_base = bytes, .iov_len = capacity};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    *file = -1;
    ssize_t taken;
    do taken = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (taken < 0 && errno == EINTR);
    if (taken < 0) return -errno;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(file, CMSG_DATA(header), sizeof(int));
    return (int)taken;
}

int px_spawn_session(const char *program, char *const arguments[], const int files[], int count) {
    enum { MOST = 8, FIRST = 3 };
    if (count > MOST) return -EINVAL;
    int copies[MOST], made = 0, error = 0, pid = 0;
    // Copies far above their final numbers, so that none is overwritten by another.
    for (; made < count && !error; made += !error) {
        copies[made] = fcntl(files[made], F_DUPFD_CLOEXEC, FIRST + MOST);
        if (copies[made] < 0) error = errno;
    }
    if (!error) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        for (int target = 0; target < FIRST; target++)
            posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_RDWR, 0);
        for (int i = 0; i < count; i++) posix_spawn_file_actions_adddup2(&actions, copies[i], FIRST + i);
        posix_spawn_file_actions_addclosefrom_np(&actions, FIRST + count);
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        extern char **environ;
        error = posix_spawn(&pid, program, &actions, &attributes, arguments, environ);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
    }
    for (int i = 0; i < made; i++) close(copies[i]);
    return error ? -error : pid;
}

int px_shared_memory(const char *name, size_t bytes) {
    int file = (int)syscall(SYS_memfd_create, name, 1u /* MFD_CLOEXEC */);
    if (file < 0) return -errno;
    int error = posix_fallocate(file, 0, (off_t)bytes);
    if (error == 0) return file;
    close(file);
    return -error;
}

void px_prefer_thread(void) {
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), -10);
}
