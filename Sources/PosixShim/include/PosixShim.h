// What Swift cannot reach on Linux: variadic calls, macros, extensions, and the little that must be safe in a signal
// handler. Functions return -errno where they fail.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "CrashWatch.h"
#include "KeeperWire.h"
#include "LightOff.h"

// Microseconds of a clock that goes on while this program is stopped.
int64_t px_now_us(void);

// A file that becomes readable when the process ends.
int px_pidfd_open(int pid);

// A pair of sockets that keep messages whole, closed in programs that are started later.
int px_socket_pair(int pair[2]);
// Sends one message with an open file (or none: -1), without waiting.
int px_send(int socket, const void *bytes, size_t count, int file);
// Takes one message and the file that came with it (else -1), without waiting: its size, 0 at the end of the peer.
int px_receive(int socket, void *bytes, size_t capacity, int *file);

// Starts a program in a session of its own that keeps nothing of this one open but the given files, as 3, 4, ...
int px_spawn_session(const char *program, char *const arguments[], const int files[], int count);

// A pseudo-terminal in raw mode: the file of its master; `name` takes the path of the other end.
int px_open_terminal(char *name, size_t capacity);
// Whether the number is a speed that a serial port can have.
bool px_is_baud(int baud);
// Opens a serial port for this program alone: raw, 8 bits, no parity, no handshake, not hung up on closing. -EBUSY
// where another program has it, -ENOTTY where it is no serial port, -EINVAL for a speed it does not have.
int px_open_serial(const char *path, int baud);
// Drops what has come in, and goes on after an XOFF that was never answered.
void px_drop_input(int port);

// Memory that can be shared with other programs by its file: all of it is there, so that no later access fails for want
// of memory. The file, or -errno.
int px_shared_memory(const char *name, size_t bytes);

// Lets the calling thread run before others where that is allowed.
void px_prefer_thread(void);
