// The frames of a camera and the ring that they are in.
#include "dcam.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENTER(handle)                      \
    int entered = enter(__func__, handle); \
    if (entered < 0) return entered;       \
    Camera *camera = cameraOf(handle);

int dcambuf_alloc(void *handle, int32_t frames) {
    ENTER(handle)
    if (camera->isCapturing || camera->buffers > 0) return BUSY;
    if (frames < 1 || frames > MOST_BUFFERS) return INVALIDPARAM;
    camera->memory = calloc((size_t)frames, (size_t)value(camera, FRAMEBYTES));
    if (camera->memory == NULL) return NOTREADY;
    camera->buffers = frames;
    return SUCCESS;
}

int dcambuf_release(void *handle, int32_t kind) {
    (void)kind;
    ENTER(handle)
    if (camera->isCapturing) return BUSY;
    free(camera->memory);
    camera->memory = NULL;
    camera->buffers = 0;
    return SUCCESS;
}

int dcamcap_start(void *handle, int32_t mode) {
    ENTER(handle)
    if (camera->isCapturing) return BUSY;
    if (camera->buffers == 0) return NOTREADY;
    camera->isCapturing = 1;
    camera->isSnap = mode == 0;
    camera->total = camera->locked = camera->triggers = camera->waited = camera->lostAtCamera = 0;
    camera->begin_s = now_s();
    return SUCCESS;
}

int dcamcap_stop(void *handle) {
    ENTER(handle)
    camera->isCapturing = 0;
    return SUCCESS;
}

int dcamcap_status(void *handle, int32_t *status) {
    ENTER(handle)
    *status = camera->isCapturing ? 1 : camera->buffers > 0 ? 2 : 3;
    return SUCCESS;
}

int dcamcap_firetrigger(void *handle, int32_t kind) {
    (void)kind;
    ENTER(handle)
    if (!camera->isCapturing || value(camera, TRIGGERSOURCE) != 3) return NOTREADY;
    camera->triggers++;
    return SUCCESS;
}

static void advance(Camera *camera) {
    if (!camera->isCapturing) return;
    double pace = numberOption("pace", 1);
    long taken = pace > 0 ? (long)((now_s() - camera->begin_s) * pace / value(camera, FRAMEINTERVAL))
                          : camera->locked + camera->buffers / 2;
    int source = (int)value(camera, TRIGGERSOURCE);
    if (source == 3) taken = camera->triggers;
    if (source == 2) taken = 0;
    long stall = (long)numberOption("stall", 0);
    if (stall > 0 && taken > stall) taken = stall;
    if (camera->isSnap && taken > camera->buffers) taken = camera->buffers;
    if (taken > camera->total) camera->total = taken;
}

// The frames that the camera has lost before one that it has delivered.
static long holesBefore(long number) {
    char text[256];
    option("holes", "", text, sizeof text);
    long lost = 0, frame, count;
    for (char *part = text; part != NULL && sscanf(part, "%ld:%ld", &frame, &count) == 2;) {
        if (number >= frame) lost += count;
        part = strchr(part, ',');
        if (part != NULL) part++;
    }
    return lost;
}

typedef struct {
    int32_t size, kind, newest, count;
} Transfer;

int dcamcap_transferinfo(void *handle, Transfer *info) {
    ENTER(handle)
    advance(camera);
    info->count = (int32_t)camera->total;
    info->newest = camera->total > 0 ? (int32_t)((camera->total - 1) % camera->buffers) : -1;
    return SUCCESS;
}

typedef struct {
    int32_t size, kind, option, index;
    void *memory;
    int32_t rowBytes, type, width, height, left, top, seconds, microseconds, frameStamp, cameraStamp;
} Frame;

// A disc that stays, and the number of the frame in the first two pixels.
static void paint(Camera *camera, long number, uint16_t *pixels, int width, int height) {
    int isPart = value(camera, SUBARRAYMODE) == 2, bin = (int)value(camera, BINNING);
    int left = isPart ? (int)value(camera, SUBARRAYHPOS) : 0, top = isPart ? (int)value(camera, SUBARRAYVPOS) : 0;
    for (int row = 0; row < height; row++) {
        for (int column = 0; column < width; column++) {
            int dx = left + column * bin - 200, dy = top + row * bin - 120;
            pixels[row * width + column] = (uint16_t)(100 + (dx * dx + dy * dy < 900 ? 300 : 0) * bin * bin);
        }
    }
    pixels[0] = (uint16_t)(number & 0xffff);
    pixels[1] = (uint16_t)(number >> 16);
}

int dcambuf_lockframe(void *handle, Frame *frame) {
    ENTER(handle)
    advance(camera);
    long newest = camera->total - 1;
    long index = frame->index < 0 ? newest % camera->buffers : frame->index;
    if (newest < 0 || index >= camera->buffers || index > newest) return INVALIDFRAMEINDEX;
    long number = newest - ((newest - index) % camera->buffers + camera->buffers) % camera->buffers;
    int width = (int)value(camera, IMAGEWIDTH), height = (int)value(camera, IMAGEHEIGHT);
    uint16_t *pixels = camera->memory + index * width * height;
    paint(camera, number, pixels, width, height);
    if (number >= camera->locked) camera->locked = number + 1;
    camera->lostAtCamera = holesBefore(number);
    double time_s = 1000 + value(camera, FRAMEINTERVAL) * (double)(number + camera->lostAtCamera);
    frame->memory = pixels;
    frame->rowBytes = 2 * width;
    frame->type = 2;
    frame->width = width;
    frame->height = height;
    frame->left = frame->top = 0;
    frame->seconds = (int32_t)time_s;
    frame->microseconds = (int32_t)(1e6 * (time_s - (int32_t)time_s));
    frame->frameStamp = (int32_t)(number + camera->lostAtCamera);
    frame->cameraStamp = 0;
    return SUCCESS;
}

typedef struct {
    int32_t size, events;
    void *wait, *camera;
} WaitOpen;

int dcamwait_open(WaitOpen *parameters) {
    if (cameraOf(parameters->camera) == NULL) return INVALIDHANDLE;
    parameters->wait = parameters->camera;
    return SUCCESS;
}

int dcamwait_close(void *wait) {
    (void)wait;
    return SUCCESS;
}

int dcamwait_abort(void *wait) {
    (void)wait;
    return SUCCESS;
}

typedef struct {
    int32_t size, happened, mask, timeout;
} WaitStart;

int dcamwait_start(void *handle, WaitStart *parameters) {
    ENTER(handle)
    for (double end = now_s() + 1e-3 * parameters->timeout; now_s() < end; usleep(500)) {
        advance(camera);
        if (camera->total > camera->waited) {
            camera->waited = camera->total;
            parameters->happened = 2;
            return SUCCESS;
        }
    }
    return TIMEOUT;
}

// Whatever else clients look for is there and does nothing.
#define UNUSED(name)    \
    int name(void);     \
    int name(void) { return NOTSUPPORT; }
UNUSED(dcamdev_showpanel)
UNUSED(dcamdev_getcapability)
UNUSED(dcamdev_setdata)
UNUSED(dcamdev_getdata)
UNUSED(dcamprop_queryvalue)
UNUSED(dcambuf_attach)
UNUSED(dcambuf_copyframe)
UNUSED(dcambuf_copymetadata)
UNUSED(dcamcap_record)
UNUSED(dcamrec_openA)
UNUSED(dcamrec_openW)
UNUSED(dcamrec_close)
UNUSED(dcamrec_lockframe)
UNUSED(dcamrec_copyframe)
UNUSED(dcamrec_writemetadata)
UNUSED(dcamrec_lockmetadata)
UNUSED(dcamrec_copymetadata)
UNUSED(dcamrec_lockmetadatablock)
UNUSED(dcamrec_copymetadatablock)
UNUSED(dcamrec_pause)
UNUSED(dcamrec_resume)
UNUSED(dcamrec_status)
