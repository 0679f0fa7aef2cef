// What the files of the shim share.
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "LuaShim.h"

struct sb_vm {
    lua_State *main;
    lua_State *volatile current;
    void *owner;
    sb_dispatch dispatch;
    sb_release release;
    sb_unwinding on_unwinding;
    size_t used, limit, native_bytes;
    size_t native_live;  // what objects hold outside of Lua
    int enforce;  // whether the limit holds: only while Lua code runs
    int depth;    // sb_call inside sb_call
    atomic_int unwinding;
    int was_interrupted;  // whether the last outermost call ended so
    int exit_code;
    int bad_argument;
    atomic_int pending;
    pthread_t thread;
    char *traceback;
    char *inner_traceback;  // of a coroutine that an error has left
};

sb_vm *sb_of(lua_State *state);
int sb_is_sentinel(lua_State *state, int index);
int sb_raise_interrupt(lua_State *state);
void sb_arm(lua_State *state);
int sb_in_finalizer(lua_State *state);
int sb_resume(lua_State *state, lua_State *coroutine, int arguments);
// These expect the library's table on top of the stack; the last one nothing.
void sb_replace_set_metatable(lua_State *state);
void sb_replace_table_functions(lua_State *state);
void sb_replace_repeat(lua_State *state);
void sb_replace_pattern_functions(lua_State *state);
void sb_replace_processes(lua_State *state);

// What every loop in C does now and then: ends it when an interrupt has been asked for.
static inline void sb_poll(lua_State *state) {
    if (atomic_load_explicit(&sb_of(state)->pending, memory_order_relaxed)) sb_raise_interrupt(state);
}
void sb_keep_inner_traceback(lua_State *state, lua_State *coroutine);
void sb_forget_inner_traceback(sb_vm *vm);
