// What Swift cannot do inside a signal handler: the one handler of crashes (SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE,
// SIGSEGV, whoever sends the signal). It first sends the messages of `px_send_on_crash`, then does what
// `px_watch_crashes` asked for; each works without the other. In the end the program dies by the signal itself, so that
// its status is right.
#pragma once
#include <stddef.h>

// Runs `first`, then `second` when the program crashes. The handler does nothing but wake `helpers` threads, made here,
// that each call both, and wait for either no longer than a second; no lock that the crashed thread holds can keep the
// handler. After `first`, which puts the lights off, one line is written to standard error. With `keeps_handlers` the
// handlers that were there before (Swift's backtracer) run after that. Called once. Returns 0, or an error number.
int px_watch_crashes(void (*first)(void), void (*second)(void), int helpers, int keeps_handlers);

// Sends the message (at most 64 bytes, copied) on the socket when the program crashes, before anything else and without
// waiting, until `px_forget_crash`, which is called before the socket is closed. At most 8 sockets. Returns 0, or an
// error number.
int px_send_on_crash(int socket, const void *bytes, size_t count);
void px_forget_crash(int socket);

// Gives the calling thread a stack for the handler, so that an overflow of its own stack is handled too.
void px_use_alternate_stack(void);
