// Lua's standard libraries, with their own protected calls and coroutines so that no script can swallow an interrupt,
// text chunks only, and without what would break the safety of native objects.
#include "vm.h"

static int protected_end(lua_State *state, int status, lua_KContext context) {
    sb_vm *vm = sb_of(state);
    int was_unwinding = (int)(context & 1);
    if (status != LUA_OK && status != LUA_YIELD) {
        if (sb_is_sentinel(state, -1) || (vm->unwinding && !was_unwinding)) return sb_raise_interrupt(state);
        sb_forget_inner_traceback(vm);
        lua_pushboolean(state, 0);
        lua_pushvalue(state, -2);
        return 2;
    }
    return lua_gettop(state) - (int)(context >> 1);
}

static int protected_call(lua_State *state) {
    luaL_checkany(state, 1);
    lua_KContext context = sb_of(state)->unwinding;
    lua_pushboolean(state, 1);
    lua_insert(state, 1);
    int status = lua_pcallk(state, lua_gettop(state) - 2, LUA_MULTRET, 0, context, protected_end);
    return protected_end(state, status, context);
}

// Calls the handler in upvalue 1, but not for an interrupt: one that loops would be entered again and again.
static int handle(lua_State *state) {
    if (sb_is_sentinel(state, 1)) return 1;
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_insert(state, 1);
    lua_call(state, 1, 1);
    return 1;
}

static int protected_call_with_handler(lua_State *state) {
    int count = lua_gettop(state);
    luaL_checktype(state, 2, LUA_TFUNCTION);
    lua_pushvalue(state, 2);
    lua_pushcclosure(state, handle, 1);
    lua_replace(state, 2);
    lua_KContext context = sb_of(state)->unwinding | 2 << 1;
    lua_pushboolean(state, 1);
    lua_pushvalue(state, 1);
    lua_rotate(state, 3, 2);
    int status = lua_pcallk(state, count - 2, LUA_MULTRET, 2, context, protected_end);
    return protected_end(state, status, context);
}

static lua_State *coroutine_at(lua_State *state, int index) {
    lua_State *coroutine = lua_tothread(state, index);
    luaL_argexpected(state, coroutine, index, "coroutine");
    return coroutine;
}

// Resumes and keeps `current` right. Returns the number of results on `state`, or -1 with the error there. A coroutine
// that ends by an error is closed at once, so that the devices in its scopes are.
int sb_resume(lua_State *state, lua_State *coroutine, int arguments) {
    sb_vm *vm = sb_of(state);
    if (!lua_checkstack(coroutine, arguments)) {
        lua_pushliteral(state, "too many arguments to resume");
        return -1;
    }
    int was_unwinding = vm->unwinding;
    lua_xmove(state, coroutine, arguments);
    vm->current = coroutine;
    if (atomic_load(&vm->pending)) sb_arm(coroutine);
    int results = 0;
    int fresh = lua_status(coroutine);
    int status = lua_resume(coroutine, state, arguments, &results);
    int failed = status != LUA_OK && status != LUA_YIELD;
    // A resume of what cannot be resumed leaves the coroutine as it is.
    if (failed && (fresh == LUA_OK || fresh == LUA_YIELD) && lua_status(coroutine) == status) {
        if (!sb_is_sentinel(coroutine, -1)) sb_keep_inner_traceback(state, coroutine);
        lua_resetthread(coroutine);
    }
    vm->current = state;
    if (atomic_load(&vm->pending)) sb_arm(state);
    if (failed) {
        lua_xmove(coroutine, state, 1);
        if (sb_is_sentinel(state, -1) || (vm->unwinding && !was_unwinding)) return sb_raise_interrupt(state);
        return -1;
    }
    if (!lua_checkstack(state, results + 1)) {
        lua_pop(coroutine, results);
        lua_pushliteral(state, "too many results to resume");
        return -1;
    }
    lua_xmove(coroutine, state, results);
    return results;
}

static int coroutine_resume(lua_State *state) {
    lua_State *coroutine = coroutine_at(state, 1);
    int results = sb_resume(state, coroutine, lua_gettop(state) - 1);
    if (results < 0) {
        sb_forget_inner_traceback(sb_of(state));
        lua_pushboolean(state, 0);
        lua_insert(state, -2);
        return 2;
    }
    lua_pushboolean(state, 1);
    lua_insert(state, -(results + 1));
    return results + 1;
}

static int wrapped(lua_State *state) {
    lua_State *coroutine = coroutine_at(state, lua_upvalueindex(1));
    int results = sb_resume(state, coroutine, lua_gettop(state));
    return results < 0 ? lua_error(state) : results;
}

// Runs the close handlers of a coroutine; upvalue 1 is the standard function.
static int coroutine_close(lua_State *state) {
    sb_vm *vm = sb_of(state);
    lua_State *coroutine = coroutine_at(state, 1);
    lua_settop(state, 1);
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_insert(state, 1);
    vm->current = coroutine;
    if (atomic_load(&vm->pending)) sb_arm(coroutine);
    int status = lua_pcall(state, 1, LUA_MULTRET, 0);
    vm->current = state;
    if (atomic_load(&vm->pending)) sb_arm(state);
    if (sb_is_sentinel(state, -1)) return sb_raise_interrupt(state);
    return status == LUA_OK ? lua_gettop(state) : lua_error(state);
}

static int coroutine_wrap(lua_State *state) {
    luaL_checktype(state, 1, LUA_TFUNCTION);
    lua_State *coroutine = lua_newthread(state);
    lua_pushvalue(state, 1);
    lua_xmove(state, coroutine, 1);
    lua_pushcclosure(state, wrapped, 1);
    return 1;
}

// Calls the standard function in upvalue 1 and passes an interrupt on that it would return as a plain error.
static int passing_interrupts(lua_State *state) {
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_insert(state, 1);
    lua_call(state, lua_gettop(state) - 1, LUA_MULTRET);
    if (lua_gettop(state) >= 2 && sb_is_sentinel(state, 2)) return sb_raise_interrupt(state);
    return lua_gettop(state);
}

// `load` and `loadfile`: the mode (argument of the index in upvalue 2) is always text.
static int text_only(lua_State *state) {
    int mode = (int)lua_tointeger(state, lua_upvalueindex(2));
    if (lua_gettop(state) < mode) lua_settop(state, mode);
    lua_pushliteral(state, "t");
    lua_replace(state, mode);
    return passing_interrupts(state);
}

static int do_file(lua_State *state) {
    const char *name = luaL_checkstring(state, 1);
    lua_settop(state, 1);
    if (luaL_loadfilex(state, name, "t") != LUA_OK) return lua_error(state);
    lua_call(state, 0, LUA_MULTRET);
    return lua_gettop(state) - 1;
}

// The searcher of `require` for Lua files, for text only; upvalue 1 is the table `package`.
static int search_text(lua_State *state) {
    luaL_checkstring(state, 1);
    lua_getfield(state, lua_upvalueindex(1), "searchpath");
    lua_pushvalue(state, 1);
    lua_getfield(state, lua_upvalueindex(1), "path");
    lua_call(state, 2, 2);
    if (lua_isnil(state, -2)) return 1;
    lua_pop(state, 1);
    const char *name = lua_tostring(state, -1);
    if (luaL_loadfilex(state, name, "t") != LUA_OK)
        return luaL_error(state, "cannot load module '%s': %s", lua_tostring(state, 1), lua_tostring(state, -1));
    lua_insert(state, -2);
    return 2;
}

static void wrap_standard(lua_State *state, const char *name, lua_CFunction function, int mode) {
    lua_getfield(state, -1, name);
    lua_pushinteger(state, mode);
    lua_pushcclosure(state, function, 2);
    lua_setfield(state, -2, name);
}

static int open_libraries(lua_State *state) {
    luaL_requiref(state, LUA_GNAME, luaopen_base, 1);
    lua_pushcfunction(state, protected_call);
    lua_setfield(state, -2, "pcall");
    lua_pushcfunction(state, protected_call_with_handler);
    lua_setfield(state, -2, "xpcall");
    lua_pushcfunction(state, do_file);
    lua_setfield(state, -2, "dofile");
    wrap_standard(state, "load", text_only, 3);
    wrap_standard(state, "loadfile", text_only, 2);
    sb_replace_set_metatable(state);

    luaL_requiref(state, LUA_TABLIBNAME, luaopen_table, 1);
    sb_replace_table_functions(state);
    luaL_requiref(state, LUA_MATHLIBNAME, luaopen_math, 1);
    luaL_requiref(state, LUA_UTF8LIBNAME, luaopen_utf8, 1);
    luaL_requiref(state, LUA_IOLIBNAME, luaopen_io, 1);
    luaL_requiref(state, LUA_OSLIBNAME, luaopen_os, 1);
    sb_replace_processes(state);
    lua_settop(state, 0);

    luaL_requiref(state, LUA_STRLIBNAME, luaopen_string, 1);
    lua_pushnil(state);
    lua_setfield(state, -2, "dump");
    sb_replace_repeat(state);
    sb_replace_pattern_functions(state);

    luaL_requiref(state, LUA_COLIBNAME, luaopen_coroutine, 1);
    lua_pushcfunction(state, coroutine_resume);
    lua_setfield(state, -2, "resume");
    lua_pushcfunction(state, coroutine_wrap);
    lua_setfield(state, -2, "wrap");
    lua_getfield(state, -1, "close");
    lua_pushcclosure(state, coroutine_close, 1);
    lua_setfield(state, -2, "close");
    lua_settop(state, 0);

    // A hook or a metatable set by a script would undo the interrupt and the type checks of objects.
    luaL_requiref(state, LUA_DBLIBNAME, luaopen_debug, 0);
    lua_createtable(state, 0, 2);
    lua_getfield(state, 1, "traceback");
    lua_setfield(state, 2, "traceback");
    lua_getfield(state, 1, "getinfo");
    lua_setfield(state, 2, "getinfo");
    luaL_getsubtable(state, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushvalue(state, 2);
    lua_setfield(state, 3, LUA_DBLIBNAME);
    lua_settop(state, 2);
    lua_setglobal(state, LUA_DBLIBNAME);
    lua_settop(state, 0);

    luaL_requiref(state, LUA_LOADLIBNAME, luaopen_package, 1);
    lua_pushliteral(state, "");
    lua_setfield(state, 1, "cpath");
    lua_pushnil(state);
    lua_setfield(state, 1, "loadlib");
    lua_getfield(state, 1, "searchers");
    lua_pushvalue(state, 1);
    lua_pushcclosure(state, search_text, 1);
    lua_rawseti(state, 2, 2);
    for (int index = 3; index <= 4; index++) {
        lua_pushnil(state);
        lua_rawseti(state, 2, index);
    }
    return 0;
}

int sb_open_libraries(sb_vm *vm) {
    lua_pushcfunction(vm->main, open_libraries);
    return lua_pcall(vm->main, 0, 0, 0);
}
