#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "Keeper.h"
#include "PosixShim.h"

static void answer(struct line *line, uint8_t status) {
    struct {
        struct kw_header header;
        uint8_t bytes[KW_REPLY];
    } message;
    message.header = line->asked;
    message.header.status = status;
    memcpy(message.bytes, line->heard, line->heard_count);
    line->is_asking = false;
    if (line->socket >= 0) px_send(line->socket, &message, sizeof message.header + line->heard_count, -1);
    line->heard_count = 0;
}

static void lose_port(struct line *line) {
    if (line->port >= 0) close(line->port);
    line->port = -1;
    if (line->is_asking) answer(line, KW_GONE);
}

void line_put_off(struct line *line, uint8_t cause, int64_t now_us) {
    if (line->is_asking) {
        line->heard_count = 0;
        answer(line, KW_TRIPPED);
    }
    if (line->is_off_running) return;
    line->cause = cause;
    line->cause_us = now_us;
    if (line->port < 0) {
        line->outcome = (struct kw_outcome){.line = line->number, .result = PX_OFF_GONE};
        return;
    }
    line->is_off_running = true;
    px_off_begin(&line->off, &line->recipe, line->port, now_us);
}

// Takes what has come: its size, or -1 when the port is gone.
static int listen_once(struct line *line) {
    size_t space = sizeof line->heard - line->heard_count;
    if (space == 0) return 0;
    ssize_t count;
    do count = read(line->port, line->heard + line->heard_count, space);
    while (count < 0 && errno == EINTR);
    if (count < 0) return errno == EAGAIN ? 0 : -1;
    line->heard_count += (size_t)count;
    return (int)count;
}

static void refuse(struct line *line, uint8_t status) {
    line->heard_count = 0;
    answer(line, status);
}

static void begin(struct line *line, int64_t now_us) {
    line->is_asking = true;
    line->command_sent = 0;
    line->heard_count = 0;
    line->heard_us = now_us;
    line->limit_us = now_us + (int64_t)line->ask.limit_ms * 1000;
    if (line->port < 0) {
        refuse(line, KW_GONE);
        return;
    }
    if (line->asked.kind == KW_ASK) {
        if (!px_is_whole(&line->recipe, line->command, line->command_count)) {
            refuse(line, KW_NOT_WHOLE);
            return;
        }
        if (line->tripped && !px_is_harmless(&line->recipe, line->command, line->command_count)) {
            refuse(line, KW_TRIPPED);
            return;
        }
        int stale = listen_once(line);
        if (stale < 0) {
            lose_port(line);
            return;
        }
        if (stale > 0 && !line->ask.take_stale) {
            answer(line, KW_STALE);
            return;
        }
        line->heard_count = 0;
    }
    line_step(line, now_us, 0);
}

bool line_take_message(struct line *line, int64_t now_us) {
    struct {
        struct kw_header header;
        struct kw_ask ask;
        uint8_t bytes[sizeof line->end + sizeof line->command];
    } message;
    int file;
    int count = px_receive(line->socket, &message, sizeof message, &file);
    if (file >= 0) close(file);
    if (count == -EAGAIN) return true;
    if (count <= 0) return false;
    line->asked = message.header;
    line->command_count = 0;
    size_t fixed = sizeof message.header + sizeof message.ask;
    size_t end = message.ask.end == KW_ENDS_WITH || message.ask.end == KW_ENDS_LINE ? message.ask.size : 0;
    bool is_known = message.header.kind == KW_ASK || message.header.kind == KW_DISCARD;
    if ((size_t)count < fixed || !is_known || end > sizeof line->end || (size_t)count - fixed < end) {
        refuse(line, KW_FAILED);
        return true;
    }
    line->ask = message.ask;
    memcpy(line->end, message.bytes, end);
    size_t rest = (size_t)count - fixed - end;
    if (rest > sizeof line->command) {
        refuse(line, KW_FAILED);
        return true;
    }
    memcpy(line->command, message.bytes + end, rest);
    line->command_count = rest;
    begin(line, now_us);
    return true;
}

static bool is_complete(const struct line *line) {
    switch (line->ask.end) {
        case KW_NO_REPLY: return true;
        case KW_HAS_SIZE: return line->heard_count >= line->ask.size;
        case KW_ENDS_WITH: return memmem(line->heard, line->heard_count, line->end, line->ask.size) != NULL;
        case KW_ENDS_LINE: return px_line_size(line->heard, line->heard_count, line->end, line->ask.size) > 0;
        default: return false;
    }
}

static void step_ask(struct line *line, int64_t now_us, short events) {
    if (events & (POLLHUP | POLLERR | POLLNVAL)) {
        lose_port(line);
        return;
    }
    while (line->command_sent < line->command_count) {
        ssize_t sent = write(line->port, line->command + line->command_sent, line->command_count - line->command_sent);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno != EAGAIN) {
            lose_port(line);
            return;
        }
        if (sent < 0) break;
        line->command_sent += (size_t)sent;
    }
    if (events & POLLIN) {
        int count = listen_once(line);
        if (count < 0) {
            lose_port(line);
            return;
        }
        if (count > 0) line->heard_us = now_us;
    }
    bool is_sent = line->command_sent == line->command_count;
    bool needs_bytes = line->asked.kind == KW_ASK;
    bool is_quiet = line->ask.end == KW_ENDS_QUIET && (line->heard_count > 0 || !needs_bytes) &&
                    now_us >= line->heard_us + (int64_t)line->ask.size * 1000;
    if (is_sent && (is_complete(line) || is_quiet))
        answer(line, KW_OK);
    else if (now_us >= line->limit_us || line->heard_count == sizeof line->heard)
        answer(line, line->heard_count > 0 ? KW_PART : KW_SILENT);
}

void line_step(struct line *line, int64_t now_us, short events) {
    if (line->is_off_running) {
        bool ended = px_off_step(&line->off, now_us, events);
        line->port = line->off.port;
        if (!ended) return;
        line->is_off_running = false;
        const struct px_off *off = &line->off;
        line->outcome = (struct kw_outcome){
            .line = line->number,
            .result = (uint8_t)off->result,
            .attempts = (uint8_t)off->attempt,
            .sent_us = off->sent_us ? (uint32_t)(off->sent_us - line->cause_us) : 0,
            .told_us = (uint32_t)(off->ended_us - line->cause_us),
        };
    } else if (line->is_asking) {
        step_ask(line, now_us, events);
    } else if (events & (POLLHUP | POLLERR | POLLNVAL)) {
        lose_port(line);
    }
}

short line_events(const struct line *line) {
    if (line->is_off_running) return px_off_events(&line->off);
    if (!line->is_asking) return 0;  // a hang-up is told all the same
    return (short)(POLLIN | (line->command_sent < line->command_count ? POLLOUT : 0));
}

int64_t line_wake(const struct line *line, int64_t latest) {
    int64_t wake = latest;
    if (line->is_off_running) wake = line->off.wake_us;
    else if (line->is_asking) {
        wake = line->limit_us;
        int64_t quiet = line->heard_us + (int64_t)line->ask.size * 1000;
        if (line->ask.end == KW_ENDS_QUIET && quiet < wake &&
            (line->heard_count > 0 || line->asked.kind == KW_DISCARD))
            wake = quiet;
    }
    return wake < latest ? wake : latest;
}
