// A stand-in for Andor's library of EMCCD cameras (SDK 2): the same calls, codes and states, on cameras that are only
// thought of. It is made from the library's public constants and signatures, for tests; nothing of Andor's is in it.
//
// Its options (`options.h`):
//   cameras  how many there are (1); their serial numbers are 4711, 4712 ...
//   pace     how fast time goes for acquisitions (1); 0: a camera has as many images as its reader asks for
//   buffer   the images that the circular buffer holds (64)
//   holes    "image:count,..." in rising order: before such an image the buffer has run over and count images are gone
//   cooling  kelvin a second that the cooler can do (50)
//   drift    1: a stabilised sensor loses its set point
//   refuse   the name of a function that refuses, with P1INVALID
//   hang     the name of a function that does not return within hang_s (3) seconds
//   stall    the image after which an acquisition delivers no more
//   off      1: the cameras have been switched off
//   metadata 0: there are no time stamps
#include "andor.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Camera cameras[MOST_CAMERAS];
int current;
static atomic_int inside, clashes;

// Every call goes through here: it notes calls at the same time, and is what refuses and hangs.
unsigned enter(const char *name, int needsCamera) {
    if (atomic_fetch_add(&inside, 1) > 0) atomic_fetch_add(&clashes, 1);
    char text[256];
    option("hang", "", text, sizeof text);
    if (strcmp(text, name) == 0) usleep((useconds_t)(1e6 * numberOption("hang_s", 3)));
    option("refuse", "", text, sizeof text);
    if (strcmp(text, name) == 0) return DRV_P1INVALID;
    if (numberOption("off", 0) != 0) return DRV_ERROR_ACK;
    if (needsCamera && !cameras[current].isInitialized) return DRV_NOT_INITIALIZED;
    return DRV_SUCCESS;
}

unsigned leave(unsigned status) {
    atomic_fetch_sub(&inside, 1);
    return status;
}

static int total(void) {
    int count = (int)numberOption("cameras", 1);
    return count < 0 ? 0 : count > MOST_CAMERAS ? MOST_CAMERAS : count;
}

// How the tests look in.
long AndorStub_Lost(int index) { return cameras[index].lost; }
long AndorStub_ShutDowns(int index) { return cameras[index].shutDowns; }
long AndorStub_Shutter(int index) { return cameras[index].shutterMode; }
long AndorStub_KeepsCold(int index) { return cameras[index].keepsCold; }
long AndorStub_Clashes(void) { return atomic_load(&clashes); }

unsigned GetAvailableCameras(at_32 *count) {
    ENTER(0)
    *count = total();
    return leave(DRV_SUCCESS);
}

unsigned GetCameraHandle(at_32 index, at_32 *handle) {
    ENTER(0)
    if (index < 0 || index >= total()) return leave(DRV_P1INVALID);
    *handle = 100 + index;
    return leave(DRV_SUCCESS);
}

unsigned SetCurrentCamera(at_32 handle) {
    ENTER(0)
    if (handle < 100 || handle >= 100 + total()) return leave(DRV_P1INVALID);
    current = handle - 100;
    return leave(DRV_SUCCESS);
}

unsigned GetCurrentCamera(at_32 *handle) {
    ENTER(0)
    *handle = 100 + current;
    return leave(DRV_SUCCESS);
}

unsigned Initialize(char *folder) {
    (void)folder;
    ENTER(0)
    if (total() == 0) return leave(DRV_ERROR_NOCAMERA);
    long shutDowns = camera->shutDowns;
    int keepsCold = camera->keepsCold;
    double target = camera->target_C, start = camera->start_C, since = camera->cool_s;
    int isCold = keepsCold && camera->isCoolerOn;
    *camera = (Camera){
        .isInitialized = 1, .hbin = 1, .vbin = 1, .left = 1, .right = WIDTH, .bottom = 1, .top = HEIGHT, .readMode = 4,
        .mode = 1, .exposure_s = 0.1f, .preamp = 0, .target_C = -20, .start_C = 20, .shutDowns = shutDowns,
        .keepsCold = keepsCold};
    if (isCold) {
        camera->isCoolerOn = 1;
        camera->target_C = target;
        camera->start_C = start;
        camera->cool_s = since;
    }
    return leave(DRV_SUCCESS);
}

unsigned ShutDown(void) {
    ENTER(1)
    camera->isInitialized = 0;
    camera->isAcquiring = 0;
    camera->shutDowns++;
    return leave(DRV_SUCCESS);
}

unsigned GetHeadModel(char *name) {
    ENTER(1)
    strcpy(name, "DU-897 (stub)");
    return leave(DRV_SUCCESS);
}

unsigned GetCameraSerialNumber(int *number) {
    ENTER(1)
    *number = 4711 + current;
    return leave(DRV_SUCCESS);
}

unsigned GetCameraInformation(int index, at_32 *information) {
    ENTER(0)
    if (index < 0 || index >= total()) return leave(DRV_P1INVALID);
    *information = 3 | (cameras[index].isInitialized ? 4 : 0);
    return leave(DRV_SUCCESS);
}

unsigned GetDetector(int *width, int *height) {
    ENTER(1)
    *width = WIDTH;
    *height = HEIGHT;
    return leave(DRV_SUCCESS);
}

unsigned GetPixelSize(float *width, float *height) {
    ENTER(1)
    *width = *height = 16;
    return leave(DRV_SUCCESS);
}

// The structure has words of 4 bytes; clients that declare 8 bytes a word say so by its size, and get them.
unsigned GetCapabilities(void *structure) {
    ENTER(1)
    const unsigned values[11] = {
        0x1b, 3, 0x3b, 1, 4, 0x87b4 | 0x3, 0x2d, 0, 0, 8, 0};
    unsigned size;
    memcpy(&size, structure, sizeof size);
    unsigned width = size == 12 * 8 ? 8 : 4;
    if (size < 12 * 4) return leave(DRV_P1INVALID);
    for (unsigned place = 0; place < 11; place++)
        memcpy((char *)structure + width * (place + 1), &values[place], sizeof values[place]);
    return leave(DRV_SUCCESS);
}

// Whatever else clients look for is there and does nothing.
#define UNUSED(name)         \
    unsigned name(void);     \
    unsigned name(void) { return DRV_NOT_SUPPORTED; }
#include "unused.h"
