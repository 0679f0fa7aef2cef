// The keeper of the lights: a small program in a session of its own that alone has the ports of serial lights open.
// The microscope's program (the host) sends it whole lines. When the host dies, freezes or asks, it puts every light
// off, reads that back, and allows only off and questions until the host has acknowledged.
//   stormbench-keeper HOST LEASE_MS LOG     with the host's sockets as files 3 and 4; started by the host
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "Keeper.h"
#include "PosixShim.h"

enum { CONTROL = 3, ALARM = 4 };

static struct line lines[KW_LINES];
static int log_file = -1;
static int host;
static uint8_t tripped;  // why, or 0
static bool is_leaving, is_done_owed;
static uint32_t done_number;
static uint8_t done_cause;
static int control = CONTROL, alarm_socket = ALARM;

static const char *cause_name(uint8_t cause) {
    switch (cause) {
        case KW_ASKED: return "asked";
        case KW_HOST_GONE: return "host gone";
        case KW_HOST_FROZEN: return "host frozen";
        case KW_TOLD_TO_END: return "told to end";
        case KW_OPENED: return "opened";
        default: return "closed";
    }
}

static const char *result_name(uint8_t result) {
    switch (result) {
        case PX_OFF_PROVEN: return "off, confirmed";
        case PX_OFF_SENT: return "off sent, cannot be confirmed";
        case PX_OFF_GONE: return "PORT GONE";
        default: return "off sent, NOT CONFIRMED";
    }
}

__attribute__((format(printf, 1, 2))) static void record(const char *format, ...) {
    if (log_file < 0) return;
    char text[512], when[32];
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &parts);
    int count = snprintf(text, sizeof text, "%s.%03ldZ %d: ", when, now.tv_nsec / 1000000, host);
    va_list arguments;
    va_start(arguments, format);
    count += vsnprintf(text + count, sizeof text - (size_t)count, format, arguments);
    va_end(arguments);
    if (count > (int)sizeof text - 2) count = sizeof text - 2;
    text[count++] = '\n';
    if (write(log_file, text, (size_t)count) < 0) log_file = -1;
}

static void trip(uint8_t cause, int64_t now_us) {
    bool is_news = !tripped;
    if (!tripped || cause != KW_ASKED) tripped = cause;
    for (int i = 0; i < KW_LINES; i++) {
        if (!lines[i].used) continue;
        lines[i].tripped = cause;
        line_put_off(&lines[i], cause, now_us);
    }
    is_done_owed = true;
    done_cause = cause;
    if (is_news) record("%s: lights are put off", cause_name(cause));
}

static void lose_host(int64_t now_us) {
    if (control >= 0) close(control);
    if (alarm_socket >= 0) close(alarm_socket);
    control = alarm_socket = -1;
    if (is_leaving) return;
    is_leaving = true;
    trip(KW_HOST_GONE, now_us);
}

static void free_line(struct line *line) {
    if (line->port >= 0) close(line->port);
    if (line->socket >= 0) close(line->socket);
    line->used = false;
}

// Answers KW_OPEN; the host gets its end of the line's socket.
static void answer_open(struct line *line, int error, int host_end) {
    struct {
        struct kw_header header;
        struct kw_outcome outcome;
    } message = {{KW_OPEN, KW_OK, line->number, line->open_number}, line->outcome};
    message.outcome.error = error;
    if (error) message.header.status = KW_FAILED;
    px_send(control, &message, sizeof message, host_end);
    if (host_end >= 0) close(host_end);
}

static void open_line(const struct kw_header *header, const uint8_t *bytes, size_t count, int64_t now_us) {
    struct line *line = NULL;
    static struct line none;
    for (int i = 0; i < KW_LINES && !line; i++)
        if (!lines[i].used) {
            line = &lines[i];
            memset(line, 0, sizeof *line);
            line->number = (uint16_t)i;
        }
    if (!line) {
        none.open_number = header->number;
        answer_open(&none, EMFILE, -1);
        return;
    }
    line->open_number = header->number;
    line->socket = line->port = -1;
    if (!px_read_recipe(&line->recipe, bytes, count)) {
        answer_open(line, EINVAL, -1);
        return;
    }
    line->port = px_open_serial(line->recipe.path, line->recipe.baud);
    if (line->port < 0) {
        answer_open(line, -line->port, -1);
        return;
    }
    line->used = line->is_opening = true;
    line->tripped = tripped;
    line_put_off(line, KW_OPENED, now_us);
}

static void finish_opening(struct line *line) {
    int pair[2] = {-1, -1};
    line->is_opening = false;
    int error = line->port < 0 ? EIO : -px_socket_pair(pair);
    line->socket = pair[0];
    if (!error) fcntl(line->socket, F_SETFL, O_NONBLOCK);
    answer_open(line, error, pair[1]);
    if (error) free_line(line);
}

static void acknowledge(struct kw_header header) {
    header.status = KW_OK;
    for (int i = 0; i < KW_LINES; i++) {
        struct line *line = &lines[i];
        if (!line->used || line->is_opening) continue;
        bool is_dark = !line->is_off_running && line->outcome.result <= PX_OFF_SENT;
        if (is_dark) line->tripped = 0;
        else header.status = KW_TRIPPED;
    }
    if (header.status == KW_OK) tripped = 0;
    px_send(control, &header, sizeof header, -1);
}

// One message of the first or the second socket; false when there is none.
static bool take_message(int socket, int64_t now_us) {
    static struct {
        struct kw_header header;
        uint8_t bytes[PX_STORAGE];
    } message;
    int file;
    int count = px_receive(socket, &message, sizeof message, &file);
    if (file >= 0) close(file);
    if (count == 0 || (count < 0 && count != -EAGAIN)) lose_host(now_us);
    if (count < (int)sizeof message.header) return false;
    size_t rest = (size_t)count - sizeof message.header;
    switch (message.header.kind) {
        case KW_OPEN: open_line(&message.header, message.bytes, rest, now_us); break;
        case KW_ACKNOWLEDGE: acknowledge(message.header); break;
        case KW_QUIT:
            is_leaving = true;
            trip(KW_CLOSED, now_us);
            break;
        case KW_OFF:
            // Requests of several threads are told together, by the greatest number; a crash has none.
            if (message.header.number > done_number) done_number = message.header.number;
            if (message.header.line == KW_EVERY_LINE) {
                trip(KW_ASKED, now_us);
                break;
            }
            if (message.header.line < KW_LINES && lines[message.header.line].used) {
                line_put_off(&lines[message.header.line], KW_ASKED, now_us);
            }
            is_done_owed = true;
            done_cause = KW_ASKED;
            break;
        case KW_BEAT: {
            struct {
                struct kw_header header;
                struct kw_state state;
            } answer = {.header = message.header, .state = {.tripped = tripped}};
            for (int i = 0; i < KW_LINES; i++) {
                answer.state.busy += lines[i].used && lines[i].is_off_running;
                if (lines[i].used && !lines[i].is_off_running && lines[i].port < 0) answer.state.gone |= 1u << i;
            }
            px_send(alarm_socket, &answer, sizeof answer, -1);
            break;
        }
    }
    return true;
}

// Tells what became of the lights once all lines have ended.
static void tell_done(void) {
    struct {
        struct kw_header header;
        struct kw_outcome outcomes[KW_LINES];
    } message = {.header = {KW_DONE, done_cause, KW_EVERY_LINE, done_number}};
    int count = 0;
    for (int i = 0; i < KW_LINES; i++) {
        if (!lines[i].used) continue;
        message.outcomes[count++] = lines[i].outcome;
        record("%s: light %s on %s: %s after %.1f ms, sent after %.1f ms, attempts %d", cause_name(done_cause),
               lines[i].recipe.name, lines[i].recipe.path, result_name(lines[i].outcome.result),
               lines[i].outcome.told_us * 1e-3, lines[i].outcome.sent_us * 1e-3, lines[i].outcome.attempts);
    }
    is_done_owed = false;
    if (alarm_socket >= 0)
        px_send(alarm_socket, &message, sizeof message.header + (size_t)count * sizeof message.outcomes[0], -1);
}

// After every event: what has ended is told, what is not wanted any more is freed. False when all is done.
static bool settle(int64_t now_us) {
    int running = 0;
    for (int i = 0; i < KW_LINES; i++) {
        struct line *line = &lines[i];
        if (!line->used || line->is_off_running) {
            running += line->used;
            continue;
        }
        if (line->is_opening)
            finish_opening(line);
        else if (line->socket < 0 && line->cause == KW_CLOSED)
            free_line(line);
        else if (line->socket < 0)
            line_put_off(line, KW_CLOSED, now_us);
        running += line->used && line->is_off_running;
    }
    if (running) return true;
    if (is_done_owed) tell_done();
    return !is_leaving;
}

static int begin(int count, char **arguments, int64_t *lease_us, int *host_file, int *signal_file) {
    if (count != 4 || fcntl(CONTROL, F_GETFD) < 0 || fcntl(ALARM, F_GETFD) < 0) {
        dprintf(STDERR_FILENO, "stormbench-keeper is started by stormbench, which gives it its sockets\n");
        return 2;
    }
    host = atoi(arguments[1]);
    *lease_us = (int64_t)atoi(arguments[2]) * 1000;
    log_file = open(arguments[3], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    fcntl(CONTROL, F_SETFD, FD_CLOEXEC);
    fcntl(ALARM, F_SETFD, FD_CLOEXEC);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) signal(ignored[i], SIG_IGN);
    *signal_file = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    *host_file = px_pidfd_open(host);
    px_prefer_thread();
    if (chdir("/") < 0) record("cannot leave the working folder");
    struct kw_header hello = {KW_HELLO, KW_VERSION, 0, (uint32_t)getpid()};
    px_send(control, &hello, sizeof hello, -1);
    return 0;
}

int main(int count, char **arguments) {
    int64_t lease_us = 0;
    int host_file = -1, signal_file = -1;
    int status = begin(count, arguments, &lease_us, &host_file, &signal_file);
    if (status) return status;
    int64_t beat_us = 0;  // 0 until the host has begun to beat
    for (;;) {
        enum { FIRST_LINE = 4 };
        struct pollfd polled[FIRST_LINE + 2 * KW_LINES];
        polled[0] = (struct pollfd){.fd = alarm_socket, .events = POLLIN};
        polled[1] = (struct pollfd){.fd = control, .events = POLLIN};
        polled[2] = (struct pollfd){.fd = host_file, .events = POLLIN};
        polled[3] = (struct pollfd){.fd = signal_file, .events = POLLIN};
        int64_t now = px_now_us(), wake = now + 60000000;
        if (beat_us && !tripped && beat_us + lease_us < wake) wake = beat_us + lease_us;
        for (int i = 0; i < KW_LINES; i++) {
            struct line *line = &lines[i];
            // The host's next request waits while one is served or lights are put off.
            bool is_free = line->used && !line->is_asking && !line->is_off_running;
            polled[FIRST_LINE + 2 * i] = (struct pollfd){.fd = is_free ? line->socket : -1, .events = POLLIN};
            int port = !line->used ? -1 : line->is_off_running ? line->off.port : line->port;
            polled[FIRST_LINE + 2 * i + 1] = (struct pollfd){.fd = port, .events = line_events(line)};
            if (line->used) wake = line_wake(line, wake);
        }
        int64_t wait_ms = wake <= now ? 0 : (wake - now + 999) / 1000;
        if (poll(polled, FIRST_LINE + 2 * KW_LINES, (int)wait_ms) < 0) continue;
        now = px_now_us();
        bool is_alive = false;
        if (polled[2].revents) {
            lose_host(now);
            close(host_file);
            host_file = -1;
        }
        // Of the second socket everything: off may stand behind beats.
        while (alarm_socket >= 0 && polled[0].revents && take_message(alarm_socket, now)) {
            is_alive = true;
            if (!beat_us) beat_us = now;
        }
        if (control >= 0 && polled[1].revents) is_alive |= take_message(control, now);
        if (polled[3].revents) {
            struct signalfd_siginfo information;
            if (read(signal_file, &information, sizeof information) > 0 && !is_leaving) {
                is_leaving = true;
                trip(KW_TOLD_TO_END, now);
            }
        }
        for (int i = 0; i < KW_LINES; i++) {
            struct line *line = &lines[i];
            if (!line->used) continue;
            bool was_asking = line->is_asking;
            line_step(line, now, polled[FIRST_LINE + 2 * i + 1].fd < 0 ? 0 : polled[FIRST_LINE + 2 * i + 1].revents);
            if (was_asking && !line->is_asking) is_alive = true;  // the clock starts again after a request
            if (!polled[FIRST_LINE + 2 * i].revents || line->is_asking || line->is_off_running) continue;
            if (line_take_message(line, now)) {
                is_alive = true;
            } else {
                close(line->socket);
                line->socket = -1;
            }
        }
        if (beat_us && is_alive) beat_us = now;
        if (beat_us && !tripped && !is_leaving && now - beat_us >= lease_us) trip(KW_HOST_FROZEN, now);
        if (!settle(px_now_us())) break;
    }
    record("ends");
    return 0;
}
