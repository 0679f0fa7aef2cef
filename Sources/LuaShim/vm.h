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
    int enforce;  // whether the limit holds: only while Lua code runs
    int depth;    // sb_call inside sb_call
    int unwinding;
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
void sb_keep_inner_traceback(lua_State *state, lua_State *coroutine);
void sb_forget_inner_traceback(sb_vm *vm);
