#define _GNU_SOURCE
#include "CrashWatch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const int traps[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV};
enum { TRAPS = sizeof traps / sizeof *traps, LIMIT_MS = 1000, STACK_BYTES = 64 << 10 };

static struct sigaction earlier[TRAPS];
static void (*first_action)(void), (*second_action)(void);
static int helper_count, chains = 1, wake = -1, done[2] = {-1, -1};
static atomic_int crashes, ended[2];
static _Thread_local int is_helper;

// The messages. One is written before its file is, which is the socket + 1: 0 is free, -1 is being written.
enum { MESSAGES = 8 };
static struct {
    uint8_t bytes[64];
    size_t count;
    atomic_int file;
} messages[MESSAGES];

static long long now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static const char *name_of(int signal) {
    switch (signal) {
    case SIGILL: return "SIGILL";
    case SIGTRAP: return "SIGTRAP";
    case SIGABRT: return "SIGABRT";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    default: return "SIGSEGV";
    }
}

static void tell(const char *text) {
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

// Waits until all helpers have done as many of the actions, at most LIMIT_MS; whether they have.
static int wait_for(int actions) {
    struct pollfd end = {.fd = done[actions - 1], .events = POLLIN};
    long long limit = now_ms() + LIMIT_MS, left = LIMIT_MS;
    while (left > 0 && poll(&end, 1, (int)left) <= 0) left = limit - now_ms();
    return end.revents != 0;
}

static void on_crash(int signal, siginfo_t *info, void *context) {
    (void)context;
    int error = errno;
    for (int index = 0; index < MESSAGES; index++) {
        int file = atomic_load(&messages[index].file);
        if (file > 0) (void)send(file - 1, messages[index].bytes, messages[index].count, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (first_action && !is_helper) {
        int is_first = atomic_fetch_add(&crashes, 1) == 0;
        uint64_t count = (uint64_t)helper_count;
        ssize_t written = is_first ? write(wake, &count, sizeof count) : 0;
        (void)written;
        int is_dark = wait_for(1);
        if (is_first) {
            tell("stormbench: crashed (");
            tell(name_of(signal));
            tell(is_dark ? "); the lights are off\n" : "); NOT EVERY LIGHT HAS CONFIRMED THAT IT IS OFF\n");
        }
        wait_for(2);
    }
    struct sigaction next = {.sa_handler = SIG_DFL};
    for (int index = 0; chains && index < TRAPS; index++)
        if (traps[index] == signal) next = earlier[index];
    sigaction(signal, &next, NULL);
    // A fault of the processor happens again when this returns; a signal that was sent is sent again.
    if (info->si_code <= 0) syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal);
    errno = error;
}

static void *help(void *context) {
    is_helper = 1;
    uint64_t count;
    while (read(wake, &count, sizeof count) < 0 && errno == EINTR) {}
    for (int index = 0; index < 2; index++) {
        (index ? second_action : first_action)();
        if (atomic_fetch_add(&ended[index], 1) + 1 < helper_count) continue;
        count = 1;
        ssize_t written = write(done[index], &count, sizeof count);
        (void)written;
    }
    return context;
}

static void install(void) {
    struct sigaction ours = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&ours.sa_mask);
    // A program that is started by a thread of a pool inherits SIGABRT blocked.
    sigset_t crashes;
    sigemptyset(&crashes);
    for (int index = 0; index < TRAPS; index++) {
        sigaction(traps[index], &ours, &earlier[index]);
        sigaddset(&crashes, traps[index]);
    }
    pthread_sigmask(SIG_UNBLOCK, &crashes, NULL);
}

static pthread_once_t installed = PTHREAD_ONCE_INIT;

int px_send_on_crash(int socket, const void *bytes, size_t count) {
    if (socket < 0 || count > sizeof messages->bytes) return EINVAL;
    for (int index = 0; index < MESSAGES; index++) {
        int unused = 0;
        if (!atomic_compare_exchange_strong(&messages[index].file, &unused, -1)) continue;
        memcpy(messages[index].bytes, bytes, count);
        messages[index].count = count;
        atomic_store(&messages[index].file, socket + 1);
        pthread_once(&installed, install);
        return 0;
    }
    return ENOSPC;
}

void px_forget_crash(int socket) {
    for (int index = 0; index < MESSAGES; index++) {
        int file = socket + 1;
        atomic_compare_exchange_strong(&messages[index].file, &file, 0);
    }
}

int px_watch_crashes(void (*first)(void), void (*second)(void), int helpers, int keeps_handlers) {
    wake = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);
    for (int index = 0; index < 2; index++) done[index] = eventfd(0, EFD_CLOEXEC);
    if (wake < 0 || done[0] < 0 || done[1] < 0) return errno;
    // The helpers take no signals that are sent to the program.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int problem = 0;
    for (int index = 0; index < helpers && !problem; index++) {
        pthread_t thread;
        problem = pthread_create(&thread, NULL, help, NULL);
        if (!problem) pthread_detach(thread);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (problem) return problem;
    helper_count = helpers;
    chains = keeps_handlers;
    second_action = second;
    first_action = first;
    pthread_once(&installed, install);
    return 0;
}

static void give_back(void *stack) {
    stack_t off = {.ss_flags = SS_DISABLE};
    sigaltstack(&off, NULL);
    munmap(stack, STACK_BYTES);
}

static pthread_key_t key;
static void make_key(void) { pthread_key_create(&key, give_back); }

void px_use_alternate_stack(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_key);
    if (pthread_getspecific(key)) return;
    void *memory = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) return;
    stack_t stack = {.ss_sp = memory, .ss_size = STACK_BYTES};
    if (sigaltstack(&stack, NULL) == 0) pthread_setspecific(key, memory);
}
