// The machine: allocation with a limit, the trampoline, interrupts and protected calls.
#define _GNU_SOURCE
#include "vm.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char sentinel;
static _Thread_local sb_vm *machine_of_this_thread;

static void *allocate(void *context, void *block, size_t old_size, size_t size) {
    sb_vm *vm = context;
    size_t old = block ? old_size : 0;
    if (size == 0) {
        vm->used -= old;
        free(block);
        return NULL;
    }
    if (size > old && vm->enforce && vm->limit && vm->used - old + size + vm->native_live > vm->limit)
        return NULL;
    void *new_block = realloc(block, size);
    if (!new_block) {
        if (size <= old) return block;
        if (vm->enforce) return NULL;
        fputs("stormbench: out of memory\n", stderr);
        abort();
    }
    vm->used += size - old;
    return new_block;
}

sb_vm *sb_of(lua_State *state) { return *(sb_vm **)lua_getextraspace(state); }

int sb_is_sentinel(lua_State *state, int index) {
    return lua_type(state, index) == LUA_TLIGHTUSERDATA && lua_touserdata(state, index) == &sentinel;
}

int sb_raise_interrupt(lua_State *state) {
    sb_vm *vm = sb_of(state);
    if (sb_in_finalizer(state)) {
        // The collector forgets an error: the hook raises this one again behind the finalizer.
        vm->unwinding = 0;
        atomic_store(&vm->pending, 1);
        vm->on_unwinding(vm->owner, 0);
        sb_arm(state);
    } else {
        atomic_store(&vm->pending, 0);
        lua_sethook(state, NULL, 0, 0);
        vm->unwinding = 1;
        vm->on_unwinding(vm->owner, 1);
    }
    lua_pushlightuserdata(state, &sentinel);
    return lua_error(state);
}

static void stop_hook(lua_State *state, lua_Debug *record) {
    (void)record;
    lua_sethook(state, NULL, 0, 0);
    if (atomic_load(&sb_of(state)->pending)) sb_raise_interrupt(state);
}

void sb_arm(lua_State *state) {
    lua_sethook(state, stop_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

// Runs on the machine's own thread: lua_sethook is made to be called in a signal there.
static void on_wake(int signal) {
    (void)signal;
    sb_vm *vm = machine_of_this_thread;
    if (vm && atomic_load(&vm->pending)) sb_arm(vm->current);
}

static void install_wake(void) {
    // Without SA_RESTART, so that a read at the prompt ends too.
    struct sigaction action = {.sa_handler = on_wake};
    sigemptyset(&action.sa_mask);
    sigaction(SIGURG, &action, NULL);
}

sb_vm *sb_new(sb_dispatch dispatch, sb_release release, sb_unwinding unwinding) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install_wake);
    sb_vm *vm = calloc(1, sizeof *vm);
    if (!vm) return NULL;
    vm->dispatch = dispatch;
    vm->release = release;
    vm->on_unwinding = unwinding;
    vm->exit_code = -1;
    vm->thread = pthread_self();
    vm->main = lua_newstate(allocate, vm);
    if (!vm->main) {
        free(vm);
        return NULL;
    }
    // A thread that a dispatch queue's worker made inherits a mask that blocks everything.
    sigset_t wake;
    sigemptyset(&wake);
    sigaddset(&wake, SIGURG);
    pthread_sigmask(SIG_UNBLOCK, &wake, NULL);
    *(sb_vm **)lua_getextraspace(vm->main) = vm;
    vm->current = vm->main;
    machine_of_this_thread = vm;
    return vm;
}

void sb_set_owner(sb_vm *vm, void *owner) { vm->owner = owner; }

void sb_close(sb_vm *vm) {
    lua_close(vm->main);
    machine_of_this_thread = NULL;
}

void sb_free(sb_vm *vm) {
    free(vm->traceback);
    free(vm->inner_traceback);
    free(vm);
}

lua_State *sb_main(sb_vm *vm) { return vm->main; }
lua_State *sb_running(sb_vm *vm) { return vm->current; }
void sb_set_memory_limit(sb_vm *vm, size_t bytes) { vm->limit = bytes; }
void sb_set_native_memory(sb_vm *vm, size_t bytes) { vm->native_live = bytes; }
size_t sb_memory(sb_vm *vm) { return vm->used; }

void sb_interrupt(sb_vm *vm) {
    atomic_store(&vm->pending, 1);
    pthread_kill(vm->thread, SIGURG);
}

void sb_nudge(sb_vm *vm) {
    if (atomic_load(&vm->pending)) pthread_kill(vm->thread, SIGURG);
}

void sb_clear_interrupt(sb_vm *vm) {
    atomic_store(&vm->pending, 0);
    lua_sethook(vm->main, NULL, 0, 0);
}

int sb_is_interrupted(sb_vm *vm) { return atomic_load(&vm->pending); }
int sb_is_unwinding(sb_vm *vm) { return atomic_load(&vm->unwinding); }
void sb_request_exit(sb_vm *vm, int code) { vm->exit_code = code; }
int sb_exit_code(sb_vm *vm) { return vm->exit_code; }
void sb_bad_argument(sb_vm *vm, int index) { vm->bad_argument = index; }
const char *sb_traceback(sb_vm *vm) { return vm->traceback; }

// The one C function that Lua calls for everything written in Swift.
static int trampoline(lua_State *state) {
    sb_vm *vm = sb_of(state);
    luaL_checkstack(state, LUA_MINSTACK, "too many arguments");
    int enforce = vm->enforce;
    vm->enforce = 0;
    int results = vm->dispatch(vm->owner, state, lua_touserdata(state, lua_upvalueindex(1)));
    vm->enforce = enforce;
    switch (results) {
    case SB_RAISE: return lua_error(state);
    case SB_BAD_ARGUMENT: return luaL_argerror(state, vm->bad_argument, lua_tostring(state, -1));
    case SB_INTERRUPT: return sb_raise_interrupt(state);
    default: return results;
    }
}

void sb_push_function(lua_State *state, void *function) {
    lua_pushlightuserdata(state, function);
    lua_pushcclosure(state, trampoline, 1);
}

static void keep(char **place, const char *text) {
    free(*place);
    *place = text ? strdup(text) : NULL;
}

void sb_keep_inner_traceback(lua_State *state, lua_State *coroutine) {
    luaL_traceback(state, coroutine, NULL, 0);
    keep(&sb_of(state)->inner_traceback, lua_tostring(state, -1));
    lua_pop(state, 1);
}

void sb_forget_inner_traceback(sb_vm *vm) { keep(&vm->inner_traceback, NULL); }

static int message_handler(lua_State *state) {
    sb_vm *vm = sb_of(state);
    if (sb_is_sentinel(state, 1)) return 1;
    luaL_traceback(state, state, vm->inner_traceback, 1);
    keep(&vm->traceback, lua_tostring(state, -1));
    sb_forget_inner_traceback(vm);
    lua_settop(state, 1);
    return 1;
}

int sb_call(sb_vm *vm, lua_State *state, int arguments, int results) {
    int base = lua_gettop(state) - arguments;
    lua_pushcfunction(state, message_handler);
    lua_insert(state, base);
    int outermost = vm->depth == 0;
    if (outermost) {
        vm->unwinding = vm->was_interrupted = 0;
        vm->exit_code = -1;
        keep(&vm->traceback, NULL);
        sb_forget_inner_traceback(vm);
    }
    int was_unwinding = vm->unwinding, enforce = vm->enforce;
    vm->enforce = 1;
    vm->depth++;
    int status = lua_pcall(state, arguments, results, base);
    vm->depth--;
    vm->enforce = enforce;
    lua_remove(state, base);
    // A read that a signal has broken off raises an error of its own before the hook comes to its turn.
    int is_pending = status != LUA_OK && outermost && atomic_exchange(&vm->pending, 0);
    if (status != LUA_OK && (is_pending || (vm->unwinding && !was_unwinding) || sb_is_sentinel(state, -1))) {
        status = SB_INTERRUPTED;
        if (is_pending) vm->on_unwinding(vm->owner, 1);
        vm->was_interrupted = outermost && vm->exit_code < 0;
        // An object can be lost between the return of the call that made it and the variable that would close it.
        if (outermost) {
            lua_gc(state, LUA_GCCOLLECT);
            lua_gc(state, LUA_GCCOLLECT);
        }
    }
    if (outermost) vm->unwinding = 0;
    return status;
}

int sb_load(sb_vm *vm, lua_State *state, const char *text, size_t length, const char *name) {
    int enforce = vm->enforce;
    vm->enforce = 1;
    int status = luaL_loadbufferx(state, text, length, name, "t");
    vm->enforce = enforce;
    return status;
}

void sb_push_where(lua_State *state, int level) { luaL_where(state, level); }

static int to_string(lua_State *state) {
    luaL_tolstring(state, 1, NULL);
    return 1;
}

void sb_push_tostring(lua_State *state) { lua_pushcfunction(state, to_string); }

static int index_value(lua_State *state) {
    lua_settop(state, 2);
    lua_gettable(state, 1);
    return 1;
}

void sb_push_index(lua_State *state) { lua_pushcfunction(state, index_value); }

void sb_native_allocation(lua_State *state, size_t bytes) {
    sb_vm *vm = sb_of(state);
    vm->native_bytes += bytes;
    // Steps of whole kilobytes only: a step of 0 means something else.
    if (vm->native_bytes >= 1 << 20) {
        size_t kilobytes = vm->native_bytes >> 10;
        vm->native_bytes = 0;
        lua_gc(state, LUA_GCSTEP, kilobytes > 1 << 20 ? 1 << 20 : (int)kilobytes);
    }
}

void sb_collect(lua_State *state) { lua_gc(state, LUA_GCCOLLECT); }
