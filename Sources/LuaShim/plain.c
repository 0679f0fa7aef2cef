// Lua without libraries, for files that hold nothing but a table.
#include "LuaShim.h"
#include <stdlib.h>

struct budget {
    size_t used, limit;
};

static void *take(void *owner, void *block, size_t old, size_t size) {
    struct budget *budget = owner;
    if (!block) old = 0;
    if (size == 0) {
        budget->used -= old;
        free(block);
        return NULL;
    }
    if (size > old && budget->used + (size - old) > budget->limit) return NULL;
    void *taken = realloc(block, size);
    if (taken) budget->used += size - old;
    return taken;
}

static void stop(lua_State *state, lua_Debug *place) {
    (void)place;
    luaL_error(state, "it runs for too long");
}

static int same(lua_State *state) {
    luaL_checktype(state, 1, LUA_TTABLE);
    lua_settop(state, 1);
    return 1;
}

struct source {
    const char *text, *name, *word;
    size_t size;
};

static int run(lua_State *state) {
    const struct source *source = lua_touserdata(state, 1);
    lua_pushcfunction(state, same);
    lua_setglobal(state, source->word);
    if (luaL_loadbufferx(state, source->text, source->size, source->name, "t") != LUA_OK) return lua_error(state);
    lua_call(state, 0, 1);
    return 1;
}

lua_State *sb_run_plain(const char *text, size_t size, const char *name, const char *word, int steps, int *status) {
    struct budget *budget = calloc(1, sizeof *budget);
    if (!budget) return NULL;
    budget->limit = 32 << 20;
    lua_State *state = lua_newstate(take, budget);
    if (!state) {
        free(budget);
        return NULL;
    }
    lua_sethook(state, stop, LUA_MASKCOUNT, steps);
    struct source source = {text, name, word, size};
    lua_pushcfunction(state, run);
    lua_pushlightuserdata(state, &source);
    *status = lua_pcall(state, 1, 1, 0);
    lua_sethook(state, NULL, 0, 0);
    budget->limit = SIZE_MAX;
    return state;
}

void sb_end_plain(lua_State *state) {
    void *budget = NULL;
    lua_getallocf(state, &budget);
    lua_close(state);
    free(budget);
}
