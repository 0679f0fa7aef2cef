// Userdata that own a Swift object: made, tested, looked into, closed.
#include "vm.h"

typedef struct {
    uint64_t magic;
    uintptr_t tag;
    void *object;
} native_object;

static const uint64_t magic = 0x53746f726d424e43u;

static native_object *native(lua_State *state, int index) {
    if (lua_type(state, index) != LUA_TUSERDATA || lua_rawlen(state, index) != sizeof(native_object)) return NULL;
    native_object *native = lua_touserdata(state, index);
    return native->magic == magic ? native : NULL;
}

void sb_push_class(lua_State *state, uintptr_t tag) { lua_rawgetp(state, LUA_REGISTRYINDEX, (void *)tag); }

void sb_push_object(lua_State *state, uintptr_t tag, void *object) {
    native_object *native = lua_newuserdatauv(state, sizeof *native, 0);
    *native = (native_object){magic, tag, object};
    sb_push_class(state, tag);
    lua_setmetatable(state, -2);
}

int sb_object_kind(lua_State *state, int index, uintptr_t tag) {
    native_object *found = native(state, index);
    return !found ? 0 : found->tag != tag ? 1 : !found->object ? 2 : 3;
}

void *sb_to_object(lua_State *state, int index) {
    native_object *found = native(state, index);
    return found ? found->object : NULL;
}

void *sb_take_object(lua_State *state, int index) {
    native_object *found = native(state, index);
    if (!found) return NULL;
    void *object = found->object;
    found->object = NULL;
    return object;
}

uintptr_t sb_object_tag(lua_State *state, int index) {
    native_object *found = native(state, index);
    return found ? found->tag : 0;
}

static int collect(lua_State *state) {
    void *object = sb_take_object(state, 1);
    sb_vm *vm = sb_of(state);
    if (object) {
        int enforce = vm->enforce;
        vm->enforce = 0;
        vm->release(vm->owner, object);
        vm->enforce = enforce;
    }
    return 0;
}

// Upvalues: methods, getters, fallback.
static int get_member(lua_State *state) {
    lua_settop(state, 2);
    lua_pushvalue(state, 2);
    if (lua_rawget(state, lua_upvalueindex(1)) != LUA_TNIL) return 1;
    lua_pushvalue(state, 2);
    if (lua_rawget(state, lua_upvalueindex(2)) == LUA_TNIL) lua_pushvalue(state, lua_upvalueindex(3));
    lua_pushvalue(state, 1);
    lua_pushvalue(state, 2);
    lua_call(state, 2, 1);
    return 1;
}

// Upvalues: setters, fallback.
static int set_member(lua_State *state) {
    lua_settop(state, 3);
    lua_pushvalue(state, 2);
    if (lua_rawget(state, lua_upvalueindex(1)) != LUA_TNIL) {
        lua_pushvalue(state, 1);
        lua_pushvalue(state, 3);
        lua_call(state, 2, 0);
        return 0;
    }
    lua_pushvalue(state, lua_upvalueindex(2));
    lua_pushvalue(state, 1);
    lua_pushvalue(state, 2);
    lua_pushvalue(state, 3);
    lua_call(state, 3, 0);
    return 0;
}

static int same_object(lua_State *state) {
    void *object = sb_to_object(state, 1);
    lua_pushboolean(state, object && object == sb_to_object(state, 2));
    return 1;
}

// Fields are set raw: the table is new and has no metatable.
static void set_raw(lua_State *state, int table, const char *name) {
    lua_pushstring(state, name);
    lua_rotate(state, -2, 1);
    lua_rawset(state, table);
}

void sb_push_metatable(lua_State *state, uintptr_t tag) {
    int methods = lua_gettop(state) - 3, getters = methods + 1, setters = methods + 2, fallback = methods + 3;
    lua_createtable(state, 0, 16);
    int table = lua_gettop(state);
    lua_pushvalue(state, methods);
    lua_pushvalue(state, getters);
    lua_pushvalue(state, fallback);
    lua_pushcclosure(state, get_member, 3);
    set_raw(state, table, "__index");
    lua_pushvalue(state, setters);
    lua_pushvalue(state, fallback);
    lua_pushcclosure(state, set_member, 2);
    set_raw(state, table, "__newindex");
    lua_pushcfunction(state, collect);
    set_raw(state, table, "__gc");
    lua_pushcfunction(state, same_object);
    set_raw(state, table, "__eq");
    lua_pushboolean(state, 0);
    set_raw(state, table, "__metatable");
    lua_pushvalue(state, table);
    lua_rawsetp(state, LUA_REGISTRYINDEX, (void *)tag);
    lua_insert(state, methods);
    lua_settop(state, methods);
}
