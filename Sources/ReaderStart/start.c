#define _GNU_SOURCE
#include "ReaderStart.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char reader_name[] = "stormbench-hdf5-reader";

// Before main: a process that was started under the reader's name is nothing else. So every program that can read the
// files, tests and benchmarks among them, has its reader with it.
__attribute__((constructor)) static void serve(int argc, char **argv) {
    if (argc == 1 && strcmp(argv[0], reader_name) == 0 && stormbench_serve_hdf5) _exit(stormbench_serve_hdf5());
}

/// The environment without Swift's backtraces, which would hold a crashed reader for a second.
static char **quiet_environment(void) {
    size_t count = 0;
    while (environ[count]) count++;
    char **copy = malloc((count + 2) * sizeof *copy);
    if (!copy) return NULL;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], "SWIFT_BACKTRACE=", 16) != 0) copy[kept++] = environ[i];
    copy[kept++] = "SWIFT_BACKTRACE=enable=no";
    copy[kept] = NULL;
    return copy;
}

pid_t reader_spawn(int *channel) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
    char **environment = quiet_environment();
    char *arguments[] = {reader_name, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t process = -1;
    int failed = !environment || posix_spawn(&process, "/proc/self/exe", &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    free(environment);
    close(ends[1]);
    if (failed) {
        close(ends[0]);
        return -1;
    }
    *channel = ends[0];
    return process;
}

int reader_end(pid_t process, int channel) {
    close(channel);
    kill(process, SIGKILL);
    int status = 0;
    while (waitpid(process, &status, 0) < 0 && errno == EINTR) {}
    return WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL ? WTERMSIG(status) : 0;
}

int reader_send(int channel, const void *bytes, size_t count) {
    while (count > 0) {
        ssize_t sent = send(channel, bytes, count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return 0;
        bytes = (const char *)bytes + sent;
        count -= (size_t)sent;
    }
    return 1;
}

ssize_t reader_receive(int channel, void *bytes, size_t count, int wait_ms) {
    struct pollfd wait = {.fd = channel, .events = POLLIN};
    if (poll(&wait, 1, wait_ms) <= 0) return -1;
    ssize_t got = recv(channel, bytes, count, 0);
    return got < 0 ? (errno == EINTR ? -1 : 0) : got;
}

int reader_limit(uint64_t bytes, uint64_t seconds) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    int known = fscanf(file, "%lu", &pages) == 1;
    fclose(file);
    rlim_t whole = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + bytes;
    struct rlimit memory, time = {seconds, seconds + 1}, none = {0, 0};
    if (getrlimit(RLIMIT_AS, &memory) != 0) return 0;
    if (memory.rlim_max > whole) memory.rlim_max = whole;  // a limit that is there already stays
    memory.rlim_cur = memory.rlim_max;
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
    memory.rlim_cur = memory.rlim_max = RLIM_INFINITY;  // its shadow grows with what is in use
#endif
#endif
    return known && setrlimit(RLIMIT_AS, &memory) == 0 && setrlimit(RLIMIT_CPU, &time) == 0
        && setrlimit(RLIMIT_CORE, &none) == 0;
}
