#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "PosixShim.h"

static const struct {
    int baud;
    speed_t speed;
} speeds[] = {
    {1200, B1200},     {2400, B2400},     {4800, B4800},       {9600, B9600},     {19200, B19200},
    {38400, B38400},   {57600, B57600},   {115200, B115200},   {230400, B230400}, {460800, B460800},
    {500000, B500000}, {921600, B921600}, {1000000, B1000000},
};

static bool find_speed(int baud, speed_t *speed) {
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++)
        if (speeds[i].baud == baud) {
            *speed = speeds[i].speed;
            return true;
        }
    return false;
}

bool px_is_baud(int baud) {
    speed_t speed;
    return find_speed(baud, &speed);
}

// Raw, with the modem's lines left alone: a laser must not be reset because a program ended.
static int configure(int port, speed_t speed) {
    struct termios settings;
    if (tcgetattr(port, &settings) < 0) return errno;
    cfmakeraw(&settings);
    settings.c_cflag &= ~(tcflag_t)(HUPCL | CRTSCTS | CSTOPB | PARENB);
    settings.c_cflag |= CLOCAL | CREAD | CS8;
    settings.c_iflag &= ~(tcflag_t)(IXOFF | IXANY);
    settings.c_cc[VMIN] = 0;
    settings.c_cc[VTIME] = 0;
    if (cfsetspeed(&settings, speed) < 0 || tcsetattr(port, TCSANOW, &settings) < 0) return errno;
    // tcsetattr is content when it could do any of it.
    if (tcgetattr(port, &settings) < 0) return errno;
    return cfgetospeed(&settings) == speed && (settings.c_lflag & (tcflag_t)(ICANON | ECHO)) == 0 ? 0 : EINVAL;
}

int px_open_serial(const char *path, int baud) {
    speed_t speed;
    if (!find_speed(baud, &speed)) return -EINVAL;
    int port = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (port < 0) return -errno;
    int error = 0;
    if (!isatty(port))
        error = ENOTTY;
    else if (flock(port, LOCK_EX | LOCK_NB) < 0)
        error = errno == EWOULDBLOCK ? EBUSY : errno;
    else if (ioctl(port, TIOCEXCL) < 0)
        error = errno;
    else
        error = configure(port, speed);
    if (error) {
        close(port);
        return -error;
    }
    return port;
}

void px_drop_input(int port) {
    tcflush(port, TCIFLUSH);
    tcflow(port, TCOON);
}

int px_open_terminal(char *name, size_t capacity) {
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0) return -errno;
    int locked = 0;
    unsigned number = 0;
    struct termios settings;
    if (ioctl(master, TIOCSPTLCK, &locked) < 0 || ioctl(master, TIOCGPTN, &number) < 0 ||
        tcgetattr(master, &settings) < 0) {
        int error = errno;
        close(master);
        return -error;
    }
    cfmakeraw(&settings);
    cfsetspeed(&settings, B115200);
    tcsetattr(master, TCSANOW, &settings);
    snprintf(name, capacity, "/dev/pts/%u", number);
    return master;
}
