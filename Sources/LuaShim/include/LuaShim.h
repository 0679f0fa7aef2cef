// What Swift cannot say to Lua 5.4 by itself: Lua raises errors with longjmp, which must never cross a Swift frame.
//
// Every function that Lua calls is the trampoline of this file. It calls one Swift function that catches everything
// and returns a status; the error is then raised here, in C. Swift enters Lua only by sb_call, which is protected.
// Memory errors cannot be raised under a Swift frame, because the memory limit is enforced only while Lua code runs.
#pragma once
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stddef.h>
#include <stdint.h>

// One Lua machine with its interrupt flag, memory limit and way into Swift.
typedef struct sb_vm sb_vm;

// What the Swift side returns instead of raising; 0 and more are numbers of results.
enum {
    SB_RAISE = -1,         // the error value is on top of the stack
    SB_BAD_ARGUMENT = -2,  // the message is on top, the argument's index was given to sb_bad_argument
    SB_INTERRUPT = -3      // unwind to the outermost call; no pcall stops it
};

// The status of sb_call when an interrupt or an exit ended it, beside Lua's own.
enum { SB_INTERRUPTED = 100 };

// Calls a Swift function object: `owner` as given to sb_set_owner, the running coroutine, the function's pointer.
typedef int (*sb_dispatch)(void *owner, lua_State *state, void *function);
// Gives up the Swift object of a userdata that is collected.
typedef void (*sb_release)(void *owner, void *object);
// Told when an interrupt begins to unwind, so that close handlers run undisturbed, and (with 0) when it has to be raised
// once more, because it fell into a finalizer.
typedef void (*sb_unwinding)(void *owner, int begins);

// Makes a machine that belongs to the calling thread; NULL when memory is short.
sb_vm *sb_new(sb_dispatch dispatch, sb_release release, sb_unwinding unwinding);
// Says what the three functions are given as `owner`; before anything else is done with the machine.
void sb_set_owner(sb_vm *vm, void *owner);
// Ends its work: pending userdata are released. An interrupt still ends finalizers.
void sb_close(sb_vm *vm);
// Gives up its memory, after sb_close; no thread may know of it any more.
void sb_free(sb_vm *vm);
// The main coroutine.
lua_State *sb_main(sb_vm *vm);
// The coroutine that runs now.
lua_State *sb_running(sb_vm *vm);
// Sets the limit of Lua's memory and what its objects hold outside of it, in bytes; 0 for none.
void sb_set_memory_limit(sb_vm *vm, size_t bytes);
// Says what the objects hold outside of Lua, in bytes.
void sb_set_native_memory(sb_vm *vm, size_t bytes);
// Lua's own memory in use, in bytes.
size_t sb_memory(sb_vm *vm);
// Opens the standard libraries in their safe form and leaves nothing on the stack.
// Returns LUA_OK or a status with the message on the stack.
int sb_open_libraries(sb_vm *vm);

// Stops the machine's work from any thread; what runs in Lua ends at its next instruction.
void sb_interrupt(sb_vm *vm);
// Wakes the machine's thread again from a system call that began after the stop was asked for.
void sb_nudge(sb_vm *vm);
// Forgets a stop that nobody has acted on.
void sb_clear_interrupt(sb_vm *vm);
// Whether a stop has been asked for and not yet acted on.
int sb_is_interrupted(sb_vm *vm);
// Whether close handlers run because of a stop.
int sb_is_unwinding(sb_vm *vm);
// Makes the unwinding that SB_INTERRUPT begins an exit with this code.
void sb_request_exit(sb_vm *vm, int code);
// The exit code asked for, or -1.
int sb_exit_code(sb_vm *vm);

// Names the argument that SB_BAD_ARGUMENT is about.
void sb_bad_argument(sb_vm *vm, int index);
// Calls the function below its `arguments` on the stack, as lua_pcall does; keeps a traceback of an error.
int sb_call(sb_vm *vm, lua_State *state, int arguments, int results);
// Compiles text (never bytecode); leaves a function or a message on the stack.
int sb_load(sb_vm *vm, lua_State *state, const char *text, size_t length, const char *name);
// The traceback of the last error that sb_call returned, or NULL.
const char *sb_traceback(sb_vm *vm);
// Pushes "file:line:" of the function at `level`; an empty string where it is not known.
void sb_push_where(lua_State *state, int level);
// Pushes a C function that turns its argument into a string as print does (may raise: use sb_call).
void sb_push_tostring(lua_State *state);
// Pushes a C function that indexes its first argument with its second (may raise: use sb_call).
void sb_push_index(lua_State *state);

// Pushes a Lua function that calls `function` by way of the dispatcher.
void sb_push_function(lua_State *state, void *function);
// Pushes a userdata that owns `object`; its metatable is the one registered for `tag`.
void sb_push_object(lua_State *state, uintptr_t tag, void *object);
// What the value at `index` is: 0 no object of ours, 1 one of another class, 2 a closed one, 3 one of class `tag`.
int sb_object_kind(lua_State *state, int index, uintptr_t tag);
// The Swift object of the userdata at `index` (any class), or NULL.
void *sb_to_object(lua_State *state, int index);
// The same, taken out: the userdata is closed from now on.
void *sb_take_object(lua_State *state, int index);
// The class tag of the userdata at `index`, or 0.
uintptr_t sb_object_tag(lua_State *state, int index);
// Pops four values (methods, getters, setters, fallback function) and pushes a metatable that looks members up in
// them; registers it for `tag`.
void sb_push_metatable(lua_State *state, uintptr_t tag);
// Pushes the metatable of a class, or nil.
void sb_push_class(lua_State *state, uintptr_t tag);
// Tells the collector that an object of this many bytes outside of Lua was made.
void sb_native_allocation(lua_State *state, size_t bytes);
// Runs a full collection.
void sb_collect(lua_State *state);

static inline int sb_registry(void) { return LUA_REGISTRYINDEX; }
static inline void sb_pop(lua_State *state, int count) { lua_settop(state, -count - 1); }
static inline void sb_insert(lua_State *state, int index) { lua_rotate(state, index, 1); }
static inline void sb_remove(lua_State *state, int index) {
    lua_rotate(state, index, -1);
    lua_settop(state, -2);
}
static inline int sb_absolute(lua_State *state, int index) { return lua_absindex(state, index); }
static inline void sb_push_globals(lua_State *state) { lua_rawgeti(state, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS); }
static inline int sb_ref(lua_State *state) { return luaL_ref(state, LUA_REGISTRYINDEX); }
static inline void sb_unref(lua_State *state, int ref) { luaL_unref(state, LUA_REGISTRYINDEX, ref); }
static inline const char *sb_lua_release(void) { return LUA_RELEASE; }

// Runs a text in a machine of its own without libraries, in which only the function `word` is known: it gives back the
// table that it is given. `status` becomes LUA_OK with the text's value on the stack, or a status with the message.
// It runs for at most `steps` instructions. NULL when memory is short.
lua_State *sb_run_plain(const char *text, size_t size, const char *name, const char *word, int steps, int *status);
// Gives that machine up.
void sb_end_plain(lua_State *state);
