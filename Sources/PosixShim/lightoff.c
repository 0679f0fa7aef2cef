#define _GNU_SOURCE
#include "LightOff.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "PosixShim.h"

enum { OPENING, SENDING, SPACING, PAUSING, REPEATING, CALMING, ASKING, ENDED };
enum { ATTEMPTS = 4, OPENING_MS = 300, QUIET_MS = 60, LONGEST_MS = 6000 };
static const int limits_ms[ATTEMPTS] = {300, 600, 900, 900};

static void append(struct px_off *off, struct px_slice part) {
    if (off->message_count + part.count > sizeof off->message) return;
    memcpy(off->message + off->message_count, off->recipe->storage + part.start, part.count);
    off->message_count += part.count;
}

// Everything in one write: nothing can come between the poison and off. A device that drops what stands behind the
// first line of a write gets one part at a time: the poison, then each command.
static void compose(struct px_off *off, bool with_poison) {
    const struct px_recipe *recipe = off->recipe;
    bool is_spaced = recipe->gap_ms > 0;
    off->message_count = off->message_sent = 0;
    if (with_poison && (!is_spaced || off->part == 0)) {
        append(off, recipe->poison);
        append(off, recipe->line_end);
    }
    for (int i = 0; i < recipe->offs; i++) {
        if (is_spaced && i + 1 != off->part) continue;
        append(off, recipe->off[i]);
        append(off, recipe->line_end);
    }
}

static void finish(struct px_off *off, int result, int64_t now_us) {
    off->phase = ENDED;
    off->result = result;
    off->ended_us = now_us;
}

// A lost port is not opened again: the same name may belong to another device by then.
static void lose_port(struct px_off *off, int64_t now_us) {
    close(off->port);
    off->port = -1;
    finish(off, PX_OFF_GONE, now_us);
}

static void begin_attempt(struct px_off *off, int64_t now_us) {
    off->attempt++;
    off->limit_us = now_us + limits_ms[off->attempt - 1] * 1000;
    off->heard_count = 0;
    off->part = off->query = 0;
    px_drop_input(off->port);
    compose(off, true);
    off->phase = SENDING;
    off->wake_us = off->limit_us;
}

static void next_attempt(struct px_off *off, int64_t now_us) {
    if (off->attempt < ATTEMPTS)
        begin_attempt(off, now_us);
    else
        finish(off, PX_OFF_NOT_PROVEN, now_us);
}

static void begin_query(struct px_off *off, int64_t now_us) {
    const struct px_recipe *recipe = off->recipe;
    if (off->query == recipe->queries) {
        finish(off, recipe->queries ? PX_OFF_PROVEN : PX_OFF_SENT, now_us);
        return;
    }
    off->heard_count = 0;
    off->message_count = off->message_sent = 0;
    append(off, recipe->query[off->query]);
    append(off, recipe->line_end);
    off->phase = ASKING;
    off->wake_us = off->limit_us = now_us + limits_ms[off->attempt - 1] * 1000;
}

// Whether one whole line of what was heard is the expected one; for bytes, whether they are in it.
static bool is_proven(const struct px_off *off) {
    struct px_slice part = off->recipe->expected[off->query];
    const uint8_t *expected = off->recipe->storage + part.start;
    if (off->recipe->binary) return memmem(off->heard, off->heard_count, expected, part.count) != NULL;
    size_t start = 0;
    for (size_t i = 0; i < off->heard_count; i++) {
        if (off->heard[i] != '\r' && off->heard[i] != '\n') continue;
        size_t first = start, last = i;
        while (first < last && off->heard[first] == ' ') first++;
        while (last > first && off->heard[last - 1] == ' ') last--;
        if (last - first == part.count && memcmp(off->heard + first, expected, part.count) == 0) return true;
        start = i + 1;
    }
    return false;
}

// Sends what is left; false when the port is gone.
static bool send_rest(struct px_off *off) {
    while (off->message_sent < off->message_count) {
        ssize_t sent = write(off->port, off->message + off->message_sent, off->message_count - off->message_sent);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return errno == EAGAIN;
        off->message_sent += (size_t)sent;
    }
    return true;
}

// Takes what has come: its size, or -1 when the port is gone.
static int listen_once(struct px_off *off) {
    uint8_t bytes[512];
    ssize_t count;
    do count = read(off->port, bytes, sizeof bytes);
    while (count < 0 && errno == EINTR);
    if (count < 0) return errno == EAGAIN ? 0 : -1;
    // The last bytes matter: drop the oldest half of what does not fit.
    if (off->heard_count + (size_t)count > sizeof off->heard) {
        size_t half = sizeof off->heard / 2;
        memmove(off->heard, off->heard + off->heard_count - half, half);
        off->heard_count = half;
    }
    memcpy(off->heard + off->heard_count, bytes, (size_t)count);
    off->heard_count += (size_t)count;
    return (int)count;
}

short px_off_events(const struct px_off *off) {
    short events = POLLIN;
    if (off->message_sent < off->message_count) events |= POLLOUT;
    return events;
}

// Once all bytes are with the port.
static void after_sending(struct px_off *off, int64_t now_us) {
    if (off->recipe->gap_ms > 0 && off->part < off->recipe->offs) {
        off->phase = SPACING;
        off->wake_us = now_us + off->recipe->gap_ms * 1000;
        off->limit_us += off->recipe->gap_ms * 1000;
        return;
    }
    if (off->sent_us == 0) off->sent_us = now_us;
    int quiet_ms = QUIET_MS * off->attempt;
    if (off->phase == SENDING && off->recipe->pause_ms > 0 && off->recipe->gap_ms == 0) {
        off->phase = PAUSING;
        quiet_ms = off->recipe->pause_ms;
    } else {
        off->phase = CALMING;
    }
    off->quiet_us = quiet_ms * 1000;
    off->wake_us = now_us + off->quiet_us;
    off->limit_us = now_us + off->quiet_us + limits_ms[off->attempt - 1] * 1000;
}

static void try_to_open(struct px_off *off, int64_t now_us) {
    off->port = px_open_serial(off->recipe->path, off->recipe->baud);
    if (off->port >= 0) {
        begin_attempt(off, now_us);
    } else if (now_us >= off->limit_us) {
        off->port = -1;
        finish(off, PX_OFF_GONE, now_us);
    } else {
        off->port = -1;
        off->wake_us = now_us + 20000;
    }
}

void px_off_begin(struct px_off *off, const struct px_recipe *recipe, int port, int64_t now_us) {
    memset(off, 0, sizeof *off);
    off->recipe = recipe;
    off->port = port;
    off->begun_us = now_us;
    if (port < 0) {
        off->phase = OPENING;
        off->limit_us = now_us + OPENING_MS * 1000;
        off->wake_us = now_us;
    } else {
        begin_attempt(off, now_us);
    }
    px_off_step(off, now_us, 0);
}

bool px_off_step(struct px_off *off, int64_t now_us, short events) {
    if (off->phase == ENDED) return true;
    if (now_us - off->begun_us > LONGEST_MS * 1000) {
        finish(off, off->port < 0 ? PX_OFF_GONE : PX_OFF_NOT_PROVEN, now_us);
        return true;
    }
    if (off->phase == OPENING) {
        if (now_us >= off->wake_us) try_to_open(off, now_us);
        if (off->phase == OPENING) return false;
    } else if (events & (POLLHUP | POLLERR | POLLNVAL)) {
        lose_port(off, now_us);
        return true;
    }
    int heard = events & POLLIN ? listen_once(off) : 0;
    if (heard < 0 || !send_rest(off)) {
        lose_port(off, now_us);
        return true;
    }
    bool is_sent = off->message_sent == off->message_count;
    switch (off->phase) {
        case SENDING:
        case REPEATING:
            if (is_sent)
                after_sending(off, now_us);
            else if (now_us >= off->limit_us)
                next_attempt(off, now_us);
            break;
        case SPACING:
            if (now_us < off->wake_us) break;
            off->part++;
            compose(off, false);
            off->phase = SENDING;
            off->wake_us = off->limit_us;
            return px_off_step(off, now_us, 0);
        case PAUSING:
        case CALMING:
            if (heard > 0) off->wake_us = now_us + off->quiet_us;
            if (now_us < off->wake_us && now_us < off->limit_us) break;
            if (off->phase == PAUSING) {
                compose(off, false);
                off->phase = REPEATING;
                off->wake_us = off->limit_us = now_us + limits_ms[off->attempt - 1] * 1000;
            } else {
                begin_query(off, now_us);
            }
            if (off->phase != ENDED) return px_off_step(off, now_us, 0);
            break;
        case ASKING:
            if (is_proven(off)) {
                off->query++;
                begin_query(off, now_us);
                if (off->phase != ENDED) return px_off_step(off, now_us, 0);
            } else if (now_us >= off->limit_us) {
                next_attempt(off, now_us);
                if (off->phase != ENDED) return px_off_step(off, now_us, 0);
            }
            break;
    }
    return off->phase == ENDED;
}

void px_off_all(struct px_off *offs, const struct px_recipe *recipes, int count) {
    struct pollfd polled[64];
    int64_t now = px_now_us(), limit = now + 4000000;
    if (count > 64) count = 64;
    for (int i = 0; i < count; i++) px_off_begin(&offs[i], &recipes[i], -1, now);
    for (;;) {
        int running = 0;
        int64_t wake = limit;
        for (int i = 0; i < count; i++) {
            bool ended = offs[i].phase == ENDED;
            polled[i] = (struct pollfd){.fd = ended ? -1 : offs[i].port, .events = px_off_events(&offs[i])};
            running += !ended;
            if (!ended && offs[i].wake_us < wake) wake = offs[i].wake_us;
        }
        now = px_now_us();
        if (!running || now >= limit) break;
        int64_t wait_ms = (wake - now + 999) / 1000;
        poll(polled, (nfds_t)count, wait_ms < 0 ? 0 : (int)wait_ms);
        now = px_now_us();
        for (int i = 0; i < count; i++) px_off_step(&offs[i], now, polled[i].fd < 0 ? 0 : polled[i].revents);
    }
    for (int i = 0; i < count; i++)
        if (offs[i].phase != ENDED) finish(&offs[i], PX_OFF_NOT_PROVEN, now);
}
