// `os.execute` and `io.popen`: the child takes signals as a program from a shell does, and an interrupt ends it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"

extern char **environ;

// Starts a shell; `stream` (or -1) becomes its standard input or output. Returns 0 or an error number.
static int start(pid_t *child, const char *command, int stream, int as) {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    sigset_t none, standard;
    sigemptyset(&none);
    sigemptyset(&standard);
    const int ours[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGURG};
    for (size_t index = 0; index < sizeof ours / sizeof *ours; index++) sigaddset(&standard, ours[index]);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &standard);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&actions);
    if (stream >= 0) posix_spawn_file_actions_adddup2(&actions, stream, as);
    char *arguments[] = {"sh", "-c", (char *)command, NULL};
    int problem = posix_spawn(child, "/bin/sh", &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return problem;
}

// Sends a signal to a process and to all that it has started, the youngest first.
static void signal_tree(pid_t process, int signal, int depth) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)process, (int)process);
    FILE *list = depth < 16 ? fopen(path, "re") : NULL;
    int child;
    while (list && fscanf(list, "%d", &child) == 1) signal_tree(child, signal, depth + 1);
    if (list) fclose(list);
    kill(process, signal);
}

// Waits for a child; once an interrupt is asked for (or `end` says so) it is told to end, more and more firmly.
static int wait_for(sb_vm *vm, pid_t child, int end) {
    const int signals[] = {SIGINT, SIGTERM, SIGKILL};
    long pause_ms = 1, asked_ms = 0;
    for (;;) {
        int status = 0;
        pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child) return status;
        if (ended < 0 && errno != EINTR) return -1;
        if (end || atomic_load(&vm->pending)) {
            end = 1;
            long before_ms = asked_ms;
            asked_ms += pause_ms;
            for (int step = 0; step < 3; step++)
                if (before_ms <= 200 * step && asked_ms > 200 * step) signal_tree(child, signals[step], 0);
        }
        struct timespec pause = {.tv_nsec = pause_ms * 1000000};
        nanosleep(&pause, NULL);
        if (pause_ms < 16) pause_ms *= 2;
    }
}

static int execute(lua_State *state) {
    const char *command = luaL_optstring(state, 1, NULL);
    if (!command) {
        lua_pushboolean(state, access("/bin/sh", X_OK) == 0);
        return 1;
    }
    fflush(NULL);
    pid_t child;
    int problem = start(&child, command, -1, -1);
    if (problem) {
        errno = problem;
        return luaL_fileresult(state, 0, NULL);
    }
    int status = wait_for(sb_of(state), child, 0);
    sb_poll(state);
    if (status >= 0) errno = 0;
    return luaL_execresult(state, status);
}

typedef struct {
    luaL_Stream stream;
    pid_t child;
    int unwinding;  // whether it was opened while an interrupt unwound: a close handler's own command is left in peace
} pipe_stream;

static int close_pipe(lua_State *state) {
    sb_vm *vm = sb_of(state);
    pipe_stream *pipe = luaL_checkudata(state, 1, LUA_FILEHANDLE);
    int end = !pipe->unwinding && (vm->was_interrupted || vm->unwinding);
    if (end) signal_tree(pipe->child, SIGINT, 0);
    fclose(pipe->stream.f);
    int status = wait_for(vm, pipe->child, end);
    if (status >= 0) errno = 0;
    return luaL_execresult(state, status);
}

static int open_pipe(lua_State *state) {
    const char *command = luaL_checkstring(state, 1), *mode = luaL_optstring(state, 2, "r");
    int reads = !strcmp(mode, "r");
    luaL_argcheck(state, reads || !strcmp(mode, "w"), 2, "invalid mode");
    pipe_stream *file = lua_newuserdatauv(state, sizeof *file, 0);
    memset(file, 0, sizeof *file);
    luaL_setmetatable(state, LUA_FILEHANDLE);
    fflush(NULL);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return luaL_fileresult(state, 0, command);
    int ours = ends[reads ? 0 : 1], theirs = ends[reads ? 1 : 0];
    int problem = start(&file->child, command, theirs, reads ? STDOUT_FILENO : STDIN_FILENO);
    close(theirs);
    file->stream.f = problem ? NULL : fdopen(ours, mode);
    if (!file->stream.f) {
        close(ours);
        if (problem) errno = problem;
        return luaL_fileresult(state, 0, command);
    }
    file->unwinding = sb_of(state)->unwinding;
    file->stream.closef = close_pipe;
    return 1;
}

void sb_replace_processes(lua_State *state) {
    lua_getglobal(state, LUA_OSLIBNAME);
    lua_pushcfunction(state, execute);
    lua_setfield(state, -2, "execute");
    lua_getglobal(state, LUA_IOLIBNAME);
    lua_pushcfunction(state, open_pipe);
    lua_setfield(state, -2, "popen");
    lua_pop(state, 2);
}
