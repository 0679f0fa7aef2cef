// Lua's patterns with a matcher that answers to an interrupt: a pattern may need time without end. The functions behave
// as the manual of Lua 5.4 says in 6.4.1; the tests compare them with the standard ones.
#define _GNU_SOURCE
#include <ctype.h>
#include <string.h>

#include "vm.h"

enum { DEEPEST = 200, MOST_CAPTURES = 32, OPEN = -1, POSITION = -2, BETWEEN_POLLS = 0x3fff };

typedef struct {
    const char *start;
    ptrdiff_t length;
} capture;

typedef struct {
    lua_State *state;
    const char *subject, *end, *pattern_end;
    unsigned steps;
    int depth, count;
    capture captures[MOST_CAPTURES];
} matcher;

static void step(matcher *m) {
    if ((++m->steps & BETWEEN_POLLS) == 0) sb_poll(m->state);
}

static int in_class(int byte, int class) {
    int found;
    switch (tolower(class)) {
    case 'a': found = isalpha(byte); break;
    case 'c': found = iscntrl(byte); break;
    case 'd': found = isdigit(byte); break;
    case 'g': found = isgraph(byte); break;
    case 'l': found = islower(byte); break;
    case 'p': found = ispunct(byte); break;
    case 's': found = isspace(byte); break;
    case 'u': found = isupper(byte); break;
    case 'w': found = isalnum(byte); break;
    case 'x': found = isxdigit(byte); break;
    default: return class == byte;
    }
    return isupper(class) ? !found : found != 0;
}

// Where the item at `p` (one class, without its repetition) ends.
static const char *item_end(matcher *m, const char *p) {
    if (*p == '%') {
        if (p + 1 == m->pattern_end) luaL_error(m->state, "malformed pattern (ends with '%%')");
        return p + 2;
    }
    if (*p != '[') return p + 1;
    p += p + 1 < m->pattern_end && p[1] == '^' ? 2 : 1;
    for (int first = 1;; first = 0) {
        if (p >= m->pattern_end) luaL_error(m->state, "malformed pattern (missing ']')");
        if (*p == ']' && !first) return p + 1;
        p += *p == '%' && p + 1 < m->pattern_end ? 2 : 1;
    }
}

// Whether the set from '[' at `p` to ']' at `last` holds a byte.
static int in_set(int byte, const char *p, const char *last) {
    int wanted = p[1] != '^';
    for (p += wanted ? 1 : 2; p < last; p++) {
        if (*p == '%') {
            if (in_class(byte, (unsigned char)*++p)) return wanted;
        } else if (p + 2 < last && p[1] == '-') {
            if ((unsigned char)p[0] <= byte && byte <= (unsigned char)p[2]) return wanted;
            p += 2;
        } else if ((unsigned char)*p == byte) {
            return wanted;
        }
    }
    return !wanted;
}

static int fits(matcher *m, const char *s, const char *p, const char *end) {
    step(m);
    if (s >= m->end) return 0;
    int byte = (unsigned char)*s;
    switch (*p) {
    case '.': return 1;
    case '%': return in_class(byte, (unsigned char)p[1]);
    case '[': return in_set(byte, p, end - 1);
    default: return (unsigned char)*p == byte;
    }
}

static const char *match(matcher *m, const char *s, const char *p);

static const char *match_balanced(matcher *m, const char *s, const char *p) {
    if (p + 3 >= m->pattern_end) luaL_error(m->state, "malformed pattern (missing arguments to '%%b')");
    if (s >= m->end || *s != p[2]) return NULL;
    for (size_t level = 1; ++s < m->end;) {
        step(m);
        if (*s == p[3]) {
            if (--level == 0) return s + 1;
        } else if (*s == p[2]) {
            level++;
        }
    }
    return NULL;
}

static const char *match_frontier(matcher *m, const char *s, const char **p) {
    const char *set = *p + 2;
    if (set >= m->pattern_end || *set != '[') luaL_error(m->state, "missing '[' after '%%f' in pattern");
    const char *end = item_end(m, set);
    int before = s == m->subject ? 0 : (unsigned char)s[-1], here = s < m->end ? (unsigned char)*s : 0;
    *p = end;
    return !in_set(before, set, end - 1) && in_set(here, set, end - 1) ? s : NULL;
}

static const char *match_again(matcher *m, const char *s, int digit) {
    int number = digit - '1';
    if (number < 0 || number >= m->count || m->captures[number].length == OPEN)
        luaL_error(m->state, "invalid capture index %%%d", number + 1);
    ptrdiff_t length = m->captures[number].length;
    if (length < 0) return NULL;
    m->steps |= BETWEEN_POLLS ^ 0xff;  // such a comparison may be long
    step(m);
    return m->end - s >= length && !memcmp(m->captures[number].start, s, (size_t)length) ? s + length : NULL;
}

static const char *begin_capture(matcher *m, const char *s, const char *p) {
    if (m->count >= MOST_CAPTURES) luaL_error(m->state, "too many captures");
    int at_position = p + 1 < m->pattern_end && p[1] == ')';
    m->captures[m->count++] = (capture){s, at_position ? POSITION : OPEN};
    const char *end = match(m, s, p + (at_position ? 2 : 1));
    if (!end) m->count--;
    return end;
}

static const char *end_capture(matcher *m, const char *s, const char *p) {
    int number = m->count - 1;
    while (number >= 0 && m->captures[number].length != OPEN) number--;
    if (number < 0) luaL_error(m->state, "invalid pattern capture");
    m->captures[number].length = s - m->captures[number].start;
    const char *end = match(m, s, p + 1);
    if (!end) m->captures[number].length = OPEN;
    return end;
}

// As many as fit, or fewer where the rest asks for it.
static const char *match_most(matcher *m, const char *s, const char *p, const char *end, ptrdiff_t least) {
    ptrdiff_t count = 0;
    while (fits(m, s + count, p, end)) count++;
    for (; count >= least; count--) {
        const char *found = match(m, s + count, end + 1);
        if (found) return found;
    }
    return NULL;
}

// As few as the rest allows.
static const char *match_least(matcher *m, const char *s, const char *p, const char *end) {
    for (;; s++) {
        const char *found = match(m, s, end + 1);
        if (found) return found;
        if (!fits(m, s, p, end)) return NULL;
    }
}

static const char *match_items(matcher *m, const char *s, const char *p) {
    while (p != m->pattern_end) {
        if (*p == '(') return begin_capture(m, s, p);
        if (*p == ')') return end_capture(m, s, p);
        if (*p == '$' && p + 1 == m->pattern_end) return s == m->end ? s : NULL;
        int after = *p == '%' && p + 1 < m->pattern_end ? (unsigned char)p[1] : 0;
        if (after == 'b') {
            if (!(s = match_balanced(m, s, p))) return NULL;
            p += 4;
            continue;
        }
        if (after == 'f') {
            if (!match_frontier(m, s, &p)) return NULL;
            continue;
        }
        if (isdigit(after)) {
            if (!(s = match_again(m, s, after))) return NULL;
            p += 2;
            continue;
        }
        const char *end = item_end(m, p);
        switch (end < m->pattern_end ? *end : 0) {
        case '*': return match_most(m, s, p, end, 0);
        case '+': return match_most(m, s, p, end, 1);
        case '-': return match_least(m, s, p, end);
        case '?': {
            const char *found = fits(m, s, p, end) ? match(m, s + 1, end + 1) : NULL;
            if (found) return found;
            p = end + 1;
            break;
        }
        default:
            if (!fits(m, s, p, end)) return NULL;
            s++;
            p = end;
        }
    }
    return s;
}

// The end of a match of the pattern from `p` at `s`, or NULL.
static const char *match(matcher *m, const char *s, const char *p) {
    if (++m->depth > DEEPEST) luaL_error(m->state, "pattern too complex");
    const char *end = match_items(m, s, p);
    m->depth--;
    return end;
}

static const char *match_whole(matcher *m, const char *s, const char *p) {
    m->depth = m->count = 0;
    return match(m, s, p);
}

static matcher prepare(lua_State *state, const char *subject, size_t length, const char *pattern_end) {
    matcher m = {.state = state, .subject = subject, .end = subject + length, .pattern_end = pattern_end};
    return m;
}

// Pushes capture `number`; capture 0 of a pattern without captures is the whole match.
static void push_capture(matcher *m, int number, const char *s, const char *end) {
    if (number >= m->count) {
        if (number > 0) luaL_error(m->state, "invalid capture index %%%d", number + 1);
        lua_pushlstring(m->state, s, (size_t)(end - s));
        return;
    }
    capture found = m->captures[number];
    if (found.length == OPEN) luaL_error(m->state, "unfinished capture");
    if (found.length == POSITION)
        lua_pushinteger(m->state, found.start - m->subject + 1);
    else
        lua_pushlstring(m->state, found.start, (size_t)found.length);
}

static int push_captures(matcher *m, const char *s, const char *end) {
    int count = m->count == 0 && s ? 1 : m->count;
    luaL_checkstack(m->state, count, "too many captures");
    for (int number = 0; number < count; number++) push_capture(m, number, s, end);
    return count;
}

// The offset that a script's `init` means.
static size_t offset_of(lua_Integer position, size_t length) {
    if (position > 0) return (size_t)position - 1;
    return position == 0 || position < -(lua_Integer)length ? 0 : length + (size_t)position;
}

static int is_plain(const char *pattern, size_t length) {
    for (size_t index = 0; index < length; index++)
        if (pattern[index] && strchr("^$*+?.([%-", pattern[index])) return 0;
    return 1;
}

static int find_or_match(lua_State *state, int finds) {
    size_t length, pattern_length;
    const char *subject = luaL_checklstring(state, 1, &length);
    const char *pattern = luaL_checklstring(state, 2, &pattern_length);
    size_t offset = offset_of(luaL_optinteger(state, 3, 1), length);
    if (offset > length) {
        luaL_pushfail(state);
        return 1;
    }
    if (finds && (lua_toboolean(state, 4) || is_plain(pattern, pattern_length))) {
        const char *found = memmem(subject + offset, length - offset, pattern, pattern_length);
        if (!found) {
            luaL_pushfail(state);
            return 1;
        }
        lua_pushinteger(state, found - subject + 1);
        lua_pushinteger(state, found - subject + (lua_Integer)pattern_length);
        return 2;
    }
    matcher m = prepare(state, subject, length, pattern + pattern_length);
    int is_anchored = pattern_length > 0 && *pattern == '^';
    for (const char *s = subject + offset; s <= m.end; s++) {
        const char *end = match_whole(&m, s, pattern + is_anchored);
        if (end && finds) {
            lua_pushinteger(state, s - subject + 1);
            lua_pushinteger(state, end - subject);
            return push_captures(&m, NULL, NULL) + 2;
        }
        if (end) return push_captures(&m, s, end);
        if (is_anchored) break;
    }
    luaL_pushfail(state);
    return 1;
}

static int find(lua_State *state) { return find_or_match(state, 1); }
static int match_function(lua_State *state) { return find_or_match(state, 0); }

// Upvalues: subject, pattern, the offset to go on from, and that of the last match's end (which an empty match must
// not have again).
static int next_match(lua_State *state) {
    size_t length, pattern_length;
    const char *subject = lua_tolstring(state, lua_upvalueindex(1), &length);
    const char *pattern = lua_tolstring(state, lua_upvalueindex(2), &pattern_length);
    size_t offset = (size_t)lua_tointeger(state, lua_upvalueindex(3));
    const char *last = subject + lua_tointeger(state, lua_upvalueindex(4));
    matcher m = prepare(state, subject, length, pattern + pattern_length);
    for (; offset <= length; offset++) {
        const char *s = subject + offset, *end = match_whole(&m, s, pattern);
        if (!end || end == last) continue;
        lua_pushinteger(state, end - subject);
        lua_copy(state, -1, lua_upvalueindex(3));
        lua_replace(state, lua_upvalueindex(4));
        return push_captures(&m, s, end);
    }
    return 0;
}

static int gmatch(lua_State *state) {
    size_t length;
    luaL_checklstring(state, 1, &length);
    luaL_checkstring(state, 2);
    size_t offset = offset_of(luaL_optinteger(state, 3, 1), length);
    lua_settop(state, 2);
    lua_pushinteger(state, (lua_Integer)(offset > length ? length + 1 : offset));
    lua_pushinteger(state, -1);
    lua_pushcclosure(state, next_match, 4);
    return 1;
}

// Adds the replacement text at stack index 3 with its %0 ... %9.
static void add_text(matcher *m, luaL_Buffer *buffer, const char *s, const char *end) {
    size_t length;
    const char *text = lua_tolstring(m->state, 3, &length), *stop = text + length;
    for (const char *percent; (percent = memchr(text, '%', (size_t)(stop - text))) != NULL; text = percent + 2) {
        luaL_addlstring(buffer, text, (size_t)(percent - text));
        int sign = percent + 1 < stop ? (unsigned char)percent[1] : 0;
        if (sign == '%') {
            luaL_addchar(buffer, '%');
        } else if (sign == '0') {
            luaL_addlstring(buffer, s, (size_t)(end - s));
        } else if (isdigit(sign)) {
            push_capture(m, sign - '1', s, end);
            luaL_tolstring(m->state, -1, NULL);
            lua_remove(m->state, -2);
            luaL_addvalue(buffer);
        } else {
            luaL_error(m->state, "invalid use of '%%' in replacement string");
        }
    }
    luaL_addlstring(buffer, text, (size_t)(stop - text));
}

// Adds what takes the place of a match; returns whether that changes anything.
static int add_replacement(matcher *m, luaL_Buffer *buffer, const char *s, const char *end, int kind) {
    lua_State *state = m->state;
    if (kind == LUA_TFUNCTION) {
        lua_pushvalue(state, 3);
        lua_call(state, push_captures(m, s, end), 1);
    } else if (kind == LUA_TTABLE) {
        push_capture(m, 0, s, end);
        lua_gettable(state, 3);
    } else {
        add_text(m, buffer, s, end);
        return 1;
    }
    if (!lua_toboolean(state, -1)) {
        lua_pop(state, 1);
        luaL_addlstring(buffer, s, (size_t)(end - s));
        return 0;
    }
    if (!lua_isstring(state, -1))
        luaL_error(state, "invalid replacement value (a %s)", luaL_typename(state, -1));
    luaL_addvalue(buffer);
    return 1;
}

static int gsub(lua_State *state) {
    size_t length, pattern_length;
    const char *subject = luaL_checklstring(state, 1, &length);
    const char *pattern = luaL_checklstring(state, 2, &pattern_length), *last = NULL;
    int kind = lua_type(state, 3);
    luaL_argexpected(
        state, kind == LUA_TNUMBER || kind == LUA_TSTRING || kind == LUA_TFUNCTION || kind == LUA_TTABLE, 3,
        "string/function/table");
    lua_Integer most = luaL_optinteger(state, 4, (lua_Integer)length + 1), count = 0;
    int is_anchored = pattern_length > 0 && *pattern == '^', has_changed = 0;
    matcher m = prepare(state, subject, length, pattern + pattern_length);
    luaL_Buffer buffer;
    luaL_buffinit(state, &buffer);
    const char *s = subject;
    while (count < most) {
        const char *end = match_whole(&m, s, pattern + is_anchored);
        if (end && end != last) {
            count++;
            has_changed |= add_replacement(&m, &buffer, s, end, kind);
            s = last = end;
        } else if (s < m.end) {
            luaL_addchar(&buffer, *s++);
        } else {
            break;
        }
        if (is_anchored) break;
    }
    if (has_changed) {
        luaL_addlstring(&buffer, s, (size_t)(m.end - s));
        luaL_pushresult(&buffer);
    } else {
        lua_pushvalue(state, 1);
    }
    lua_pushinteger(state, count);
    return 2;
}

void sb_replace_pattern_functions(lua_State *state) {
    static const luaL_Reg functions[] = {
        {"find", find}, {"match", match_function}, {"gmatch", gmatch}, {"gsub", gsub}, {NULL, NULL}};
    luaL_setfuncs(state, functions, 0);
}
