// Finalizers of scripts (`__gc`). Lua runs them without hooks and forgets their errors, so that a loop in one could not
// be stopped and an interrupt would be lost. Here each runs in a coroutine of its own, where hooks work; the interrupt
// is raised again behind it (see sb_raise_interrupt).
#include <string.h>

#include "vm.h"

static int is_called_by_collector(lua_State *state, lua_Debug *record) {
    lua_getinfo(state, "n", record);
    return record->name && !strcmp(record->name, "__gc") && !strcmp(record->namewhat, "metamethod");
}

int sb_in_finalizer(lua_State *state) {
    lua_Debug record;
    for (int level = 0; lua_getstack(state, level, &record); level++)
        if (is_called_by_collector(state, &record)) return 1;
    return 0;
}

// Upvalue 1 is the function that the script gave.
static int finalize(lua_State *state) {
    lua_Debug record;
    if (!lua_getstack(state, 0, &record) || !is_called_by_collector(state, &record)) {
        lua_pushvalue(state, lua_upvalueindex(1));
        lua_insert(state, 1);
        lua_call(state, lua_gettop(state) - 1, LUA_MULTRET);
        return lua_gettop(state);
    }
    sb_vm *vm = sb_of(state);
    lua_settop(state, 1);
    lua_State *coroutine = lua_newthread(state);
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_xmove(state, coroutine, 1);
    lua_pushvalue(state, 1);
    int enforce = vm->enforce;
    vm->enforce = 1;
    int results = sb_resume(state, coroutine, 1);
    vm->enforce = enforce;
    sb_forget_inner_traceback(vm);
    return results < 0 ? lua_error(state) : 0;
}

// Upvalue 1 is the standard function.
static int set_metatable(lua_State *state) {
    if (lua_type(state, 2) == LUA_TTABLE) {
        lua_pushliteral(state, "__gc");
        if (lua_rawget(state, 2) == LUA_TFUNCTION && lua_tocfunction(state, -1) != finalize) {
            lua_pushcclosure(state, finalize, 1);
            lua_pushliteral(state, "__gc");
            lua_insert(state, -2);
            lua_rawset(state, 2);
        } else {
            lua_pop(state, 1);
        }
    }
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_insert(state, 1);
    lua_call(state, lua_gettop(state) - 1, LUA_MULTRET);
    return lua_gettop(state);
}

void sb_replace_set_metatable(lua_State *state) {
    lua_getfield(state, -1, "setmetatable");
    lua_pushcclosure(state, set_metatable, 1);
    lua_setfield(state, -2, "setmetatable");
}
