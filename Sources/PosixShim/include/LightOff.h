// How the lights of one serial line are put off, and how it is proven. The keeper does it while it lives, the program
// itself when the keeper is lost: this is the one description of it.
#pragma once
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The parts of a recipe as a message: each a byte for the kind, two for the size (little endian) and the bytes.
enum {
    PX_NAME = 1,        // of the light, for messages
    PX_PATH = 2,        // of the port
    PX_BAUD = 3,        // four bytes
    PX_POISON = 4,      // spoils a half command that may stand in the line
    PX_LINE_END = 5,    // ends each command
    PX_OFF = 6,         // a command that puts light off; may be repeated
    PX_QUERY = 7,       // asks the state; each is followed by PX_EXPECTED
    PX_EXPECTED = 8,    // the line of the answer when the light is off
    PX_QUESTION = 9,    // the first word of a command that only asks; may be repeated
    PX_BINARY = 10,     // one byte: commands are bytes, not lines
    PX_PAUSE = 11,      // two bytes: ms of silence after which the device forgets a half command
    PX_GAP = 12         // two bytes: ms between the poison and each command, for devices that drop all but the first
};

enum { PX_STORAGE = 2048, PX_PARTS = 16 };

struct px_slice {
    uint16_t start, count;
};

struct px_recipe {
    char name[64];
    char path[256];
    int baud;
    bool binary;
    int pause_ms, gap_ms;
    struct px_slice poison, line_end;
    struct px_slice off[PX_PARTS], query[PX_PARTS], expected[PX_PARTS], question[PX_PARTS];
    int offs, queries, questions;
    uint8_t storage[PX_STORAGE];
};

// The size of the bytes up to the end of the first whole line that begins with one of the words, which are separated by
// line feeds; 0 where there is none.
size_t px_line_size(const uint8_t *bytes, size_t count, const uint8_t *words, size_t words_count);
// Reads a recipe; false where it is not whole.
bool px_read_recipe(struct px_recipe *recipe, const uint8_t *bytes, size_t count);
// Whether a command is one whole line (or, for a binary device, anything).
bool px_is_whole(const struct px_recipe *recipe, const uint8_t *bytes, size_t count);
// Whether a whole command can switch nothing on: off, a question, the poison, an empty line.
bool px_is_harmless(const struct px_recipe *recipe, const uint8_t *bytes, size_t count);

// How putting off ended.
enum {
    PX_OFF_PROVEN = 0,      // the device says so
    PX_OFF_SENT = 1,        // sent; the device cannot be asked
    PX_OFF_NOT_PROVEN = 2,  // sent, but the device did not say so
    PX_OFF_GONE = 3         // the port is gone
};

// Putting the lights of a line off, step by step, so that one thread does it on many lines at once.
struct px_off {
    const struct px_recipe *recipe;
    int port;  // -1: it is opened first
    int phase;
    int attempt;
    int part;  // of the poison and the commands, where they are sent one by one
    int query;
    int result;
    int64_t begun_us, sent_us, ended_us;  // sent_us is 0 until all of it is with the port
    int64_t wake_us, limit_us, quiet_us;
    uint8_t message[PX_STORAGE];
    size_t message_count, message_sent;
    uint8_t heard[2048];
    size_t heard_count;
};

// Begins with an open port or -1; sends at once what the port takes.
void px_off_begin(struct px_off *off, const struct px_recipe *recipe, int port, int64_t now_us);
// What to poll the port for.
short px_off_events(const struct px_off *off);
// Goes on at an event or at wake_us; true when it has ended. The port may have become another, or -1.
bool px_off_step(struct px_off *off, int64_t now_us, short events);
// Does it on many lines at once and waits for the end, at most 4 s.
void px_off_all(struct px_off *offs, const struct px_recipe *recipes, int count);
