// The functions of `table` and `string.rep` whose loops in C may be long: here they answer to an interrupt.
#include <string.h>

#include "vm.h"

enum { BETWEEN_POLLS = 4096 };

enum { READS = 1, WRITES = 2, LENGTH = 4 };

// A table, or what has the metamethods that the function needs.
static void check_table(lua_State *state, int index, int needs) {
    static const char *const names[] = {"__index", "__newindex", "__len"};
    if (lua_type(state, index) == LUA_TTABLE) return;
    int found = lua_getmetatable(state, index), top = lua_gettop(state);
    for (int bit = 0; found && bit < 3; bit++) {
        if (!(needs & 1 << bit)) continue;
        lua_pushstring(state, names[bit]);
        found = lua_rawget(state, top) != LUA_TNIL;
        lua_settop(state, top);
    }
    if (!found) luaL_checktype(state, index, LUA_TTABLE);
    lua_pop(state, 1);
}

// Copies `count` elements, one after the other from the side that keeps overlapping ones whole.
static void copy(lua_State *state, int from, lua_Integer first, lua_Integer count, int to, lua_Integer start, int up) {
    for (lua_Integer done = 0; done < count; done++) {
        lua_Integer offset = up ? done : count - 1 - done;
        lua_geti(state, from, first + offset);
        lua_seti(state, to, start + offset);
        if (done % BETWEEN_POLLS == BETWEEN_POLLS - 1) sb_poll(state);
    }
}

static int move(lua_State *state) {
    lua_Integer first = luaL_checkinteger(state, 2), last = luaL_checkinteger(state, 3);
    lua_Integer start = luaL_checkinteger(state, 4);
    int to = lua_isnoneornil(state, 5) ? 1 : 5;
    check_table(state, 1, READS);
    check_table(state, to, WRITES);
    if (last >= first) {
        luaL_argcheck(state, first > 0 || last < LUA_MAXINTEGER + first, 3, "too many elements to move");
        lua_Integer count = last - first + 1;
        luaL_argcheck(state, start <= LUA_MAXINTEGER - count + 1, 4, "destination wrap around");
        int up = start > last || start <= first || (to != 1 && !lua_compare(state, 1, to, LUA_OPEQ));
        copy(state, 1, first, count, to, start, up);
    }
    lua_pushvalue(state, to);
    return 1;
}

static int insert(lua_State *state) {
    check_table(state, 1, READS | WRITES | LENGTH);
    lua_Integer end = (lua_Integer)((lua_Unsigned)luaL_len(state, 1) + 1);
    switch (lua_gettop(state)) {
    case 2:
        lua_seti(state, 1, end);
        return 0;
    case 3: {
        lua_Integer position = luaL_checkinteger(state, 2);
        luaL_argcheck(
            state, (lua_Unsigned)position - 1 < (lua_Unsigned)end, 2, "position out of bounds");
        copy(state, 1, position, end - position, 1, position + 1, 0);
        lua_seti(state, 1, position);
        return 0;
    }
    default: return luaL_error(state, "wrong number of arguments to 'insert'");
    }
}

static int take_out(lua_State *state) {
    check_table(state, 1, READS | WRITES | LENGTH);
    lua_Integer size = luaL_len(state, 1), position = luaL_optinteger(state, 2, size);
    if (position != size)
        luaL_argcheck(state, (lua_Unsigned)position - 1 <= (lua_Unsigned)size, 1, "position out of bounds");
    lua_geti(state, 1, position);
    if (position < size) {
        copy(state, 1, position + 1, size - position, 1, position, 1);
        position = size;
    }
    lua_pushnil(state);
    lua_seti(state, 1, position);
    return 1;
}

static int concat(lua_State *state) {
    check_table(state, 1, READS | LENGTH);
    size_t length;
    const char *separator = luaL_optlstring(state, 2, "", &length);
    lua_Integer position = luaL_optinteger(state, 3, 1);
    lua_Integer last = lua_isnoneornil(state, 4) ? luaL_len(state, 1) : luaL_checkinteger(state, 4);
    luaL_Buffer buffer;
    luaL_buffinit(state, &buffer);
    unsigned done = 0;
    for (; position <= last; position++) {
        lua_geti(state, 1, position);
        if (!lua_isstring(state, -1))
            return luaL_error(
                state, "invalid value (%s) at index %I in table for 'concat'", luaL_typename(state, -1),
                (LUAI_UACINT)position);
        luaL_addvalue(&buffer);
        if (position == last) break;
        luaL_addlstring(&buffer, separator, length);
        if (++done % BETWEEN_POLLS == 0) sb_poll(state);
    }
    luaL_pushresult(&buffer);
    return 1;
}

static int polling_less(lua_State *state) {
    sb_poll(state);
    lua_pushboolean(state, lua_compare(state, 1, 2, LUA_OPLT));
    return 1;
}

// A long sort without a function of the script compares by one that polls; upvalue 1 is the standard function.
static int sort(lua_State *state) {
    check_table(state, 1, READS | WRITES | LENGTH);
    lua_Integer size = luaL_len(state, 1);
    if (size > 1 && !lua_isnoneornil(state, 2)) luaL_checktype(state, 2, LUA_TFUNCTION);
    lua_settop(state, 2);
    if (lua_isnil(state, 2) && size > 100000) {
        lua_pushcfunction(state, polling_less);
        lua_replace(state, 2);
    }
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_insert(state, 1);
    lua_call(state, 2, 0);
    return 0;
}

static int repeat(lua_State *state) {
    enum { PIECE = 1 << 20 };
    const size_t longest = (size_t)1 << 31;
    size_t length, gap;
    const char *text = luaL_checklstring(state, 1, &length);
    lua_Integer count = luaL_checkinteger(state, 2);
    const char *separator = luaL_optlstring(state, 3, "", &gap);
    if (count <= 0 || length + gap == 0) {
        lua_pushliteral(state, "");
        return 1;
    }
    if (length >= longest || gap >= longest || (lua_Unsigned)count > longest / (length + gap))
        return luaL_error(state, "resulting string too large");
    size_t period = length + gap, total = period * (size_t)count - gap;
    luaL_Buffer buffer;
    char *bytes = luaL_buffinitsize(state, &buffer, total + 1);
    size_t filled = period < total ? period : total;
    memcpy(bytes, text, length);
    memcpy(bytes + length, separator, filled - length);
    // What is there is doubled, in pieces between which an interrupt is looked for.
    while (filled < total) {
        size_t whole = filled - filled % period, piece = whole < PIECE ? whole : PIECE - PIECE % period;
        if (piece == 0) piece = period;
        if (piece > total - filled) piece = total - filled;
        memcpy(bytes + filled, bytes, piece);
        filled += piece;
        sb_poll(state);
    }
    luaL_pushresultsize(&buffer, total);
    return 1;
}

void sb_replace_table_functions(lua_State *state) {
    static const luaL_Reg functions[] = {
        {"move", move}, {"insert", insert}, {"remove", take_out}, {"concat", concat}, {NULL, NULL}};
    luaL_setfuncs(state, functions, 0);
    lua_getfield(state, -1, "sort");
    lua_pushcclosure(state, sort, 1);
    lua_setfield(state, -2, "sort");
}

void sb_replace_repeat(lua_State *state) {
    lua_pushcfunction(state, repeat);
    lua_setfield(state, -2, "rep");
}
