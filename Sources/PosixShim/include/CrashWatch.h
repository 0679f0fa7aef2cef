// What Swift cannot do inside a signal handler.
#pragma once

// Runs `stop` at once when the program crashes (SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV), whoever sends the
// signal. The handler does nothing but wake `helpers` threads, made here, that each call `stop`, and wait for them
// for no longer than a second; no lock that the crashed thread holds can keep the handler. Then one line is written to
// standard error and the program ends by the signal itself, so that its status is right.
// With `keepx_handlers` the handlers that were there before (Swift's backtracer) run after that.
// Returns 0, or an error number.
int px_watch_crashes(void (*stop)(void), int helpers, int keepx_handlers);

// Gives the calling thread a stack for the handler, so that an overflow of its own stack is handled too.
void px_use_alternate_stack(void);
