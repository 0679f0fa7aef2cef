// The messages between the program (host) and the keeper of its lights. Each travels whole, in the byte order of the
// machine: a header, then what the kind asks for.
#pragma once
#include <stdint.h>

enum { KW_VERSION = 2, KW_LARGEST = 16384 + 64, KW_REPLY = 16384, KW_EVERY_LINE = 0xffff, KW_LINES = 32 };

struct kw_header {
    uint8_t kind;
    uint8_t status;
    uint16_t line;
    uint32_t number;  // of the request; its answer has the same
};

enum {
    // On the first socket. The keeper begins with KW_HELLO, status KW_VERSION.
    KW_HELLO = 1,
    KW_OPEN = 2,         // a recipe; answered with kw_outcome and the socket of the line once its lights are off
    KW_ACKNOWLEDGE = 3,  // allows light again after a trip, where every line is off; answered
    KW_QUIT = 4,         // lights off, ports closed, keeper ends
    // On the second socket, which the host may write to from a signal handler.
    KW_BEAT = 5,  // the host lives; answered with kw_state
    KW_OFF = 6,   // lights of one line off at once, or of KW_EVERY_LINE and trip; answered with KW_DONE
    KW_DONE = 7,  // status: why, as below; then one kw_outcome for every line
    // On the socket of a line.
    KW_ASK = 8,     // kw_ask, the end of the reply, the command; answered with the reply
    KW_DISCARD = 9  // kw_ask: reads until the line has been quiet; answered with what came
};

// The status of an answer on the socket of a line.
enum {
    KW_OK = 0,
    KW_SILENT = 1,     // nothing came within the limit
    KW_PART = 2,       // something came, but not the end
    KW_GONE = 3,       // the port is gone
    KW_TRIPPED = 4,    // refused: the lights were put off and that was not acknowledged
    KW_STALE = 5,      // not sent: bytes stood in the line that nobody had asked for; they follow
    KW_NOT_WHOLE = 6,  // refused: not exactly one line
    KW_FAILED = 7      // no such thing
};

// Why the lights were put off.
enum { KW_ASKED = 1, KW_HOST_GONE = 2, KW_HOST_FROZEN = 3, KW_TOLD_TO_END = 4, KW_OPENED = 5, KW_CLOSED = 6 };

// How the reply to a command ends.
enum { KW_NO_REPLY = 0, KW_ENDS_WITH = 1, KW_HAS_SIZE = 2, KW_ENDS_QUIET = 3, KW_ENDS_LINE = 4 };

struct kw_ask {
    uint32_t limit_ms;
    uint8_t end;
    uint8_t take_stale;  // 1: drop what stands in the line and send all the same
    uint16_t size;       // of the end (or the words of px_line_size) that follows, of the reply, or ms of quiet
};

// What became of the lights of a line.
struct kw_outcome {
    uint16_t line;
    uint8_t result;    // PX_OFF_PROVEN ...
    uint8_t attempts;
    int32_t error;     // errno of a port that could not be opened
    uint32_t sent_us;  // from the cause to off being with the port
    uint32_t told_us;  // from the cause to the end
};

// The state of the keeper.
struct kw_state {
    uint8_t tripped;  // why, or 0
    uint8_t busy;     // number of lines on which lights are being put off
    uint16_t reserved;
    uint32_t gone;  // a bit for each line whose port is gone
};
