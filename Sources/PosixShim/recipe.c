#include <string.h>

#include "LightOff.h"
#include "PosixShim.h"

static bool add(struct px_slice *list, int *count, struct px_slice part) {
    if (*count >= PX_PARTS) return false;
    list[(*count)++] = part;
    return true;
}

static bool copy_text(char *text, size_t capacity, const uint8_t *bytes, size_t count) {
    if (count >= capacity) return false;
    memcpy(text, bytes, count);
    text[count] = 0;
    return true;
}

bool px_read_recipe(struct px_recipe *recipe, const uint8_t *bytes, size_t count) {
    memset(recipe, 0, sizeof *recipe);
    if (count > PX_STORAGE) return false;
    memcpy(recipe->storage, bytes, count);
    int expected = 0;
    for (size_t i = 0; i < count;) {
        if (count - i < 3) return false;
        int kind = bytes[i];
        size_t size = (size_t)bytes[i + 1] | (size_t)bytes[i + 2] << 8;
        i += 3;
        if (count - i < size) return false;
        struct px_slice part = {(uint16_t)i, (uint16_t)size};
        const uint8_t *value = bytes + i;
        bool good = true;
        switch (kind) {
            case PX_NAME: good = copy_text(recipe->name, sizeof recipe->name, value, size); break;
            case PX_PATH: good = copy_text(recipe->path, sizeof recipe->path, value, size); break;
            case PX_BAUD:
                good = size == 4;
                if (good) memcpy(&recipe->baud, value, 4);
                break;
            case PX_POISON: recipe->poison = part; break;
            case PX_LINE_END: recipe->line_end = part; break;
            case PX_OFF: good = size > 0 && add(recipe->off, &recipe->offs, part); break;
            case PX_QUERY: good = size > 0 && add(recipe->query, &recipe->queries, part); break;
            case PX_EXPECTED: good = size > 0 && add(recipe->expected, &expected, part); break;
            case PX_QUESTION: good = size > 0 && add(recipe->question, &recipe->questions, part); break;
            case PX_BINARY: recipe->binary = size == 1 && value[0]; break;
            case PX_PAUSE:
            case PX_GAP:
                good = size == 2;
                if (good) *(kind == PX_GAP ? &recipe->gap_ms : &recipe->pause_ms) = value[0] | value[1] << 8;
                break;
            default: good = false;
        }
        if (!good) return false;
        i += size;
    }
    return recipe->path[0] && px_is_baud(recipe->baud) && recipe->offs > 0 && expected == recipe->queries &&
           (recipe->binary || recipe->line_end.count > 0);
}

static bool begins_with_one(const uint8_t *line, size_t size, const uint8_t *words, size_t count) {
    for (size_t start = 0; start < count;) {
        size_t end = start;
        while (end < count && words[end] != '\n') end++;
        if (end > start && end - start <= size && memcmp(line, words + start, end - start) == 0) return true;
        start = end + 1;
    }
    return false;
}

size_t px_line_size(const uint8_t *bytes, size_t count, const uint8_t *words, size_t words_count) {
    for (size_t start = 0; start < count;) {
        const uint8_t *end = memchr(bytes + start, '\n', count - start);
        if (!end) return 0;
        size_t next = (size_t)(end - bytes) + 1;
        if (begins_with_one(bytes + start, next - start, words, words_count)) return next;
        start = next;
    }
    return 0;
}

static bool is_same(const struct px_recipe *recipe, struct px_slice part, const uint8_t *bytes, size_t count) {
    return part.count == count && memcmp(recipe->storage + part.start, bytes, count) == 0;
}

static bool ends_with(const struct px_recipe *recipe, struct px_slice part, const uint8_t *bytes, size_t count) {
    return count >= part.count && is_same(recipe, part, bytes + count - part.count, part.count);
}

bool px_is_whole(const struct px_recipe *recipe, const uint8_t *bytes, size_t count) {
    if (recipe->binary) return count > 0;
    if (!ends_with(recipe, recipe->line_end, bytes, count)) return false;
    for (size_t i = 0; i < count - recipe->line_end.count; i++)
        if (bytes[i] == '\r' || bytes[i] == '\n') return false;
    return true;
}

bool px_is_harmless(const struct px_recipe *recipe, const uint8_t *bytes, size_t count) {
    if (!px_is_whole(recipe, bytes, count)) return false;
    size_t size = count - recipe->line_end.count;
    if (size == 0 || is_same(recipe, recipe->poison, bytes, size)) return true;
    for (int i = 0; i < recipe->offs; i++)
        if (is_same(recipe, recipe->off[i], bytes, size)) return true;
    for (int i = 0; i < recipe->queries; i++)
        if (is_same(recipe, recipe->query[i], bytes, size)) return true;
    for (int i = 0; i < recipe->questions; i++) {
        struct px_slice word = recipe->question[i];
        if (size < word.count || memcmp(recipe->storage + word.start, bytes, word.count) != 0) continue;
        // A word, not the beginning of another one; a question mark at its end needs nothing behind it.
        uint8_t last = recipe->storage[word.start + word.count - 1];
        if (size == word.count || recipe->binary || last == ' ' || last == '?' || bytes[word.count] == ' ') return true;
    }
    return false;
}
