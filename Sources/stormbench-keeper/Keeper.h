// One line with lights, as the keeper has it.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "KeeperWire.h"
#include "LightOff.h"

struct line {
    bool used;
    uint16_t number;
    struct px_recipe recipe;
    int port;    // -1 when gone
    int socket;  // the host's way to it; -1 when the host has closed it
    uint8_t tripped;  // why light is refused, or 0

    bool is_off_running;
    struct px_off off;
    uint8_t cause;
    int64_t cause_us;
    struct kw_outcome outcome;
    bool is_opening;  // the host waits for the answer to KW_OPEN
    uint32_t open_number;

    bool is_asking;
    struct kw_header asked;
    struct kw_ask ask;
    uint8_t end[64];
    int64_t limit_us, heard_us;
    uint8_t command[2048];
    size_t command_count, command_sent;
    uint8_t heard[KW_REPLY];
    size_t heard_count;
};

// Puts the lights of a line off; what the host waited for is answered first.
void line_put_off(struct line *line, uint8_t cause, int64_t now_us);
// Reads one message of the host; false when the host has closed the line.
bool line_take_message(struct line *line, int64_t now_us);
// Goes on after an event of the port, or when its time has come.
void line_step(struct line *line, int64_t now_us, short events);
// What to poll the port for.
short line_events(const struct line *line);
// When line_step wants to be called, or `latest`.
int64_t line_wake(const struct line *line, int64_t latest);
