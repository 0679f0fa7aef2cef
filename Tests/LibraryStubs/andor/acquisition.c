// The images of a camera, its circular buffer and what that loses.
#include "andor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_HOLES = 64 };

static struct { long image, count; } holes[MOST_HOLES];
static int holeCount;

static void readHoles(void) {
    char text[256];
    option("holes", "", text, sizeof text);
    holeCount = 0;
    for (char *part = strtok(text, ","); part != NULL && holeCount < MOST_HOLES; part = strtok(NULL, ",")) {
        if (sscanf(part, "%ld:%ld", &holes[holeCount].image, &holes[holeCount].count) == 2) holeCount++;
    }
}

unsigned PrepareAcquisition(void) {
    ENTER(1)
    return leave(camera->isAcquiring ? DRV_ACQUIRING : DRV_SUCCESS);
}

unsigned StartAcquisition(void) {
    ENTER(1)
    if (camera->isAcquiring) return leave(DRV_ACQUIRING);
    if (camera->trigger == 10 && (camera->mode != 5 || camera->isFrameTransfer)) return leave(DRV_INVALID_MODE);
    camera->isAcquiring = 1;
    camera->total = camera->read = camera->triggers = camera->nextHole = 0;
    camera->width = (camera->right - camera->left + 1) / camera->hbin;
    camera->height = (camera->top - camera->bottom + 1) / camera->vbin;
    camera->begin_s = now_s();
    readHoles();
    return leave(DRV_SUCCESS);
}

unsigned AbortAcquisition(void) {
    ENTER(1)
    if (!camera->isAcquiring) return leave(DRV_IDLE);
    camera->isAcquiring = 0;
    return leave(DRV_SUCCESS);
}

unsigned CancelWait(void) { return DRV_SUCCESS; }

unsigned FreeInternalMemory(void) {
    ENTER(1)
    return leave(camera->isAcquiring ? DRV_ACQUIRING : DRV_SUCCESS);
}

unsigned SendSoftwareTrigger(void) {
    ENTER(1)
    if (camera->trigger != 10) return leave(DRV_INVALID_MODE);
    if (!camera->isAcquiring) return leave(DRV_IDLE);
    camera->triggers++;
    return leave(DRV_SUCCESS);
}

// The images that have been taken by now; with a pace of 0 as many as the buffer holds beyond what was read.
static void expose(Camera *camera) {
    if (!camera->isAcquiring) return;
    double pace = numberOption("pace", 1), exposure_s, cycle_s;
    timings(camera, &exposure_s, &cycle_s);
    long taken = pace > 0 ? (long)((now_s() - camera->begin_s) * pace / cycle_s)
                          : camera->read + (long)numberOption("buffer", 64);
    if (camera->trigger == 10) taken = camera->triggers;
    if (camera->trigger == 1 || camera->trigger == 6 || camera->trigger == 7) taken = 0;
    long stall = (long)numberOption("stall", 0);
    if (stall > 0 && taken > stall) taken = stall;
    if (camera->mode == 1 && taken > 1) taken = 1;
    if (camera->mode == 3 && taken > camera->kinetics) taken = camera->kinetics;
    if (taken > camera->total) camera->total = taken;
    if ((camera->mode == 1 && camera->total == 1) || (camera->mode == 3 && camera->total == camera->kinetics))
        camera->isAcquiring = 0;
}

// The images that were not read yet: what the buffer has lost is counted here.
static int unread(Camera *camera, long *first, long *last) {
    expose(camera);
    long oldest = camera->total - (long)numberOption("buffer", 64) + 1, newest = camera->total;
    if (camera->read + 1 < oldest) {
        camera->lost += oldest - camera->read - 1;
        camera->read = oldest - 1;
    }
    while (camera->nextHole < holeCount) {
        long begin = holes[camera->nextHole].image, count = holes[camera->nextHole].count;
        if (camera->read + 1 < begin) {
            if (newest >= begin) newest = begin - 1;
            break;
        }
        camera->nextHole++;
        if (camera->read + 1 == begin) {
            camera->lost += count;
            camera->read += count;
            if (camera->total < camera->read) camera->total = newest = camera->read;
        }
    }
    *first = camera->read + 1;
    *last = newest;
    return newest >= *first;
}

unsigned GetStatus(int *status) {
    ENTER(1)
    expose(camera);
    *status = camera->isAcquiring ? DRV_ACQUIRING : DRV_IDLE;
    return leave(DRV_SUCCESS);
}

unsigned GetNumberNewImages(at_32 *first, at_32 *last) {
    ENTER(1)
    long from, to;
    if (!unread(camera, &from, &to)) return leave(DRV_NO_NEW_DATA);
    *first = (at_32)from;
    *last = (at_32)to;
    return leave(DRV_SUCCESS);
}

unsigned GetNumberAvailableImages(at_32 *first, at_32 *last) { return GetNumberNewImages(first, last); }

unsigned GetTotalNumberImagesAcquired(at_32 *count) {
    ENTER(1)
    expose(camera);
    *count = (at_32)camera->total;
    return leave(DRV_SUCCESS);
}

unsigned GetSizeOfCircularBuffer(at_32 *count) {
    ENTER(1)
    *count = (at_32)numberOption("buffer", 64);
    return leave(DRV_SUCCESS);
}

// Two discs that stay, points that blink, and in the lower left corner as it is read the number of the image in two
// pixels. The electron multiplier is read from the other side: what it gives is mirrored.
static void paint(const Camera *camera, long number, unsigned short *pixels) {
    unsigned noise = (unsigned)number * 2654435761u + 12345;
    int bin = camera->hbin;
    for (int row = 0; row < camera->height; row++) {
        for (int column = 0; column < camera->width; column++) {
            noise = noise * 1664525u + 1013904223u;
            int raw = camera->left - 1 + column * bin, y = camera->bottom - 1 + row * camera->vbin;
            int x = camera->amplifier == 0 ? WIDTH - 1 - raw : raw;
            int dx1 = x - 150, dy1 = y - 200, dx2 = x - 380, dy2 = y - 330;
            int light = dx1 * dx1 + dy1 * dy1 < 1600 || dx2 * dx2 + dy2 * dy2 < 900 ? 300 : 0;
            pixels[row * camera->width + column] = (unsigned short)(100 + light * bin * camera->vbin + (noise >> 28));
        }
    }
    for (int spot = 0; spot < 40; spot++) {
        unsigned luck = ((unsigned)(number + 7) * 40u + (unsigned)spot) * 2246822519u;
        luck ^= luck >> 15;
        if (luck % 8 != 0) continue;
        double x = 120 + 0.37 * spot * 4, y = 180 + 1.13 * spot;
        for (int dy = -3; dy <= 3; dy++) {
            for (int dx = -3; dx <= 3; dx++) {
                int px = (int)x + dx, py = (int)y + dy;
                int raw = camera->amplifier == 0 ? WIDTH - 1 - px : px;
                int column = (raw - camera->left + 1) / bin, row = (py - camera->bottom + 1) / camera->vbin;
                if (column < 0 || column >= camera->width || row < 0 || row >= camera->height) continue;
                double distance = (px + 0.5 - x) * (px + 0.5 - x) + (py + 0.5 - y) * (py + 0.5 - y);
                pixels[row * camera->width + column] += (unsigned short)(2000 * exp(-distance / 3.4));
            }
        }
    }
    for (int row = 0; camera->isFlipped && row < camera->height; row++) {
        for (int left = 0, right = camera->width - 1; left < right; left++, right--) {
            unsigned short *line = pixels + row * camera->width, kept = line[left];
            line[left] = line[right];
            line[right] = kept;
        }
    }
    pixels[0] = (unsigned short)(number & 0xffff);
    pixels[1] = (unsigned short)(number >> 16);
}

unsigned GetImages16(at_32 first, at_32 last, unsigned short *pixels, at_u32 size, at_32 *validFirst, at_32 *validLast) {
    ENTER(1)
    long from, to;
    if (!unread(camera, &from, &to)) return leave(DRV_NO_NEW_DATA);
    if (first < from || last > to || last < first) return leave(DRV_GENERAL_ERRORS);
    unsigned frame = (unsigned)(camera->width * camera->height);
    if (size != frame * (unsigned)(last - first + 1)) return leave(DRV_P2INVALID);
    for (at_32 number = first; number <= last; number++) paint(camera, number, pixels + frame * (unsigned)(number - first));
    camera->read = last;
    *validFirst = first;
    *validLast = last;
    return leave(DRV_SUCCESS);
}

unsigned GetOldestImage16(unsigned short *pixels, at_u32 size) {
    ENTER(1)
    long from, to;
    if (!unread(camera, &from, &to)) return leave(DRV_NO_NEW_DATA);
    if (size != (unsigned)(camera->width * camera->height)) return leave(DRV_P2INVALID);
    paint(camera, from, pixels);
    camera->read = from;
    return leave(DRV_SUCCESS);
}

// The time of an image, counted from 0, since the beginning of the acquisition.
unsigned GetMetaDataInfo(void *timeOfStart, float *fromStart_ms, at_u32 index) {
    ENTER(1)
    if (!camera->hasMetadata) return leave(DRV_NOT_AVAILABLE);
    if ((long)index >= camera->total) return leave(DRV_P3INVALID);
    double exposure_s, cycle_s;
    timings(camera, &exposure_s, &cycle_s);
    memset(timeOfStart, 0, 16);
    *fromStart_ms = (float)(1000 * cycle_s * (double)index);
    return leave(DRV_SUCCESS);
}
