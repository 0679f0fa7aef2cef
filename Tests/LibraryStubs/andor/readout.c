// How a camera is read: amplifiers, speeds, gains, the part of the sensor, and the times that follow.
#include "andor.h"

#include <stdio.h>

static const float speeds[2][4] = {{17, 10, 5, 1}, {3, 1, 0.08f, 0}};
static const int speedCounts[2] = {4, 3};
static const float shifts[5] = {0.3f, 0.5f, 0.9f, 1.7f, 3.3f};
static const float preampGains[3] = {1, 2, 3};


#define SETTER(name, condition, code, assignment)                 \
    unsigned name(int value) {                                    \
        ENTER(1)                                                  \
        if (camera->isAcquiring) return leave(DRV_ACQUIRING);     \
        if (!(condition)) return leave(code);                     \
        assignment;                                               \
        return leave(DRV_SUCCESS);                                \
    }

SETTER(SetReadMode, value >= 0 && value <= 4, DRV_P1INVALID, camera->readMode = value)
SETTER(SetAcquisitionMode, value >= 1 && value <= 5, DRV_P1INVALID, camera->mode = value)
SETTER(SetNumberKinetics, value > 0, DRV_P1INVALID, camera->kinetics = value)
SETTER(SetADChannel, value == 0, DRV_P1INVALID, )
SETTER(SetOutputAmplifier, value >= 0 && value < 2, DRV_P1INVALID, camera->amplifier = value)
SETTER(SetVSSpeed, value >= 0 && value < 5, DRV_P1INVALID, camera->shift = value)
SETTER(SetVSAmplitude, value >= 0 && value < 5, DRV_P1INVALID, )
SETTER(SetPreAmpGain, value >= 0 && value < 3, DRV_P1INVALID, camera->preamp = value)
SETTER(SetFrameTransferMode, value == 0 || value == 1, DRV_P1INVALID, camera->isFrameTransfer = value)
SETTER(SetBaselineClamp, value == 0 || value == 1, DRV_P1INVALID, )
SETTER(SetBaselineOffset, value % 100 == 0, DRV_P1INVALID, )
SETTER(SetEMGainMode, value >= 0 && value <= 3, DRV_P1INVALID, camera->gainMode = value)
SETTER(SetEMAdvanced, value == 0 || value == 1, DRV_P1INVALID, camera->isAdvanced = value)
SETTER(SetMetaData, numberOption("metadata", 1) != 0, DRV_NOT_AVAILABLE, camera->hasMetadata = value)
SETTER(SetHighCapacity, value == 0 || value == 1, DRV_P1INVALID, )

static int isTrigger(int mode) { return mode == 0 || mode == 1 || mode == 6 || mode == 7 || mode == 10; }

unsigned IsTriggerModeAvailable(int mode) {
    ENTER(1)
    return leave(isTrigger(mode) ? DRV_SUCCESS : DRV_INVALID_MODE);
}

SETTER(SetTriggerMode, isTrigger(value), DRV_P1INVALID, camera->trigger = value)

static int highestGain(const Camera *camera) { return camera->isAdvanced ? 1000 : 300; }

unsigned GetEMGainRange(int *lowest, int *highest) {
    ENTER(1)
    *lowest = 2;
    *highest = camera->gainMode == 3 ? highestGain(camera) : 4095;
    return leave(DRV_SUCCESS);
}

SETTER(SetEMCCDGain, camera->gainMode != 3 || (value >= 2 && value <= highestGain(camera)), DRV_P1INVALID,
    camera->gain = value)

unsigned GetEMCCDGain(int *gain) {
    ENTER(1)
    *gain = camera->gain;
    return leave(DRV_SUCCESS);
}

unsigned GetEMAdvanced(int *state) {
    ENTER(1)
    *state = camera->isAdvanced;
    return leave(DRV_SUCCESS);
}

#define COUNT(name, number)          \
    unsigned name(int *count) {      \
        ENTER(1)                     \
        *count = number;             \
        return leave(DRV_SUCCESS);   \
    }

COUNT(GetNumberADChannels, 1)
COUNT(GetNumberAmp, 2)
COUNT(GetNumberVSSpeeds, 5)
COUNT(GetNumberPreAmpGains, 3)

unsigned GetAmpDesc(int index, char *name, int length) {
    ENTER(1)
    if (index < 0 || index > 1) return leave(DRV_P1INVALID);
    snprintf(name, (size_t)length, "%s", index == 0 ? "Electron Multiplying" : "Conventional");
    return leave(DRV_SUCCESS);
}

unsigned GetBitDepth(int channel, int *depth) {
    ENTER(1)
    if (channel != 0) return leave(DRV_P1INVALID);
    *depth = 16;
    return leave(DRV_SUCCESS);
}

unsigned GetNumberHSSpeeds(int channel, int amplifier, int *count) {
    ENTER(1)
    if (channel != 0) return leave(DRV_P1INVALID);
    if (amplifier < 0 || amplifier > 1) return leave(DRV_P2INVALID);
    *count = speedCounts[amplifier];
    return leave(DRV_SUCCESS);
}

unsigned GetHSSpeed(int channel, int amplifier, int index, float *speed) {
    ENTER(1)
    if (channel != 0) return leave(DRV_P1INVALID);
    if (amplifier < 0 || amplifier > 1) return leave(DRV_P2INVALID);
    if (index < 0 || index >= speedCounts[amplifier]) return leave(DRV_P3INVALID);
    *speed = speeds[amplifier][index];
    return leave(DRV_SUCCESS);
}

unsigned SetHSSpeed(int amplifier, int index) {
    ENTER(1)
    if (camera->isAcquiring) return leave(DRV_ACQUIRING);
    if (amplifier < 0 || amplifier > 1) return leave(DRV_P1INVALID);
    if (index < 0 || index >= speedCounts[amplifier]) return leave(DRV_P2INVALID);
    camera->speed = index;
    return leave(DRV_SUCCESS);
}

unsigned GetVSSpeed(int index, float *speed) {
    ENTER(1)
    if (index < 0 || index >= 5) return leave(DRV_P1INVALID);
    *speed = shifts[index];
    return leave(DRV_SUCCESS);
}

unsigned GetFastestRecommendedVSSpeed(int *index, float *speed) {
    ENTER(1)
    *index = 1;
    *speed = shifts[1];
    return leave(DRV_SUCCESS);
}

unsigned GetPreAmpGain(int index, float *gain) {
    ENTER(1)
    if (index < 0 || index >= 3) return leave(DRV_P1INVALID);
    *gain = preampGains[index];
    return leave(DRV_SUCCESS);
}

unsigned IsPreAmpGainAvailable(int channel, int amplifier, int speed, int gain, int *isThere) {
    ENTER(1)
    *isThere = channel == 0 && (amplifier == 0 || gain < 2) && speed >= 0 && gain >= 0 && gain < 3;
    return leave(DRV_SUCCESS);
}

unsigned SetShutter(int type, int mode, int closing_ms, int opening_ms) {
    ENTER(1)
    if (camera->isAcquiring) return leave(DRV_ACQUIRING);
    if (type < 0 || type > 1) return leave(DRV_P1INVALID);
    if (mode < 0 || mode > 2) return leave(DRV_P2INVALID);
    if (closing_ms < 0 || opening_ms < 0) return leave(DRV_P3INVALID);
    camera->shutterMode = mode;
    return leave(DRV_SUCCESS);
}

unsigned GetMaximumBinning(int readMode, int direction, int *most) {
    ENTER(1)
    if (readMode != 4) return leave(DRV_P1INVALID);
    if (direction < 0 || direction > 1) return leave(DRV_P2INVALID);
    *most = 16;
    return leave(DRV_SUCCESS);
}

unsigned SetImage(int hbin, int vbin, int left, int right, int bottom, int top) {
    ENTER(1)
    if (camera->isAcquiring) return leave(DRV_ACQUIRING);
    if (hbin < 1 || hbin > 16) return leave(DRV_P1INVALID);
    if (vbin < 1 || vbin > 16) return leave(DRV_P2INVALID);
    if (left < 1 || left > right) return leave(DRV_P3INVALID);
    if (right > WIDTH || (right - left + 1) % hbin != 0) return leave(DRV_P4INVALID);
    if (bottom < 1 || bottom > top) return leave(DRV_P5INVALID);
    if (top > HEIGHT || (top - bottom + 1) % vbin != 0) return leave(DRV_P6INVALID);
    camera->isCropped = 0;
    camera->hbin = hbin;
    camera->vbin = vbin;
    camera->left = left;
    camera->right = right;
    camera->bottom = bottom;
    camera->top = top;
    return leave(DRV_SUCCESS);
}

unsigned SetIsolatedCropMode(int isActive, int height, int width, int vbin, int hbin) {
    ENTER(1)
    if (camera->isAcquiring) return leave(DRV_ACQUIRING);
    if (isActive == 0) {
        camera->isCropped = 0;
        return leave(DRV_SUCCESS);
    }
    if (height < 1 || height > HEIGHT) return leave(DRV_P2INVALID);
    if (width < 1 || width > WIDTH) return leave(DRV_P3INVALID);
    if (vbin < 1 || height % vbin != 0) return leave(DRV_P4INVALID);
    if (hbin < 1 || width % hbin != 0) return leave(DRV_P5INVALID);
    camera->isCropped = 1;
    camera->hbin = hbin;
    camera->vbin = vbin;
    camera->left = camera->bottom = 1;
    camera->right = width;
    camera->top = height;
    return leave(DRV_SUCCESS);
}

unsigned SetImageFlip(int horizontal, int vertical) {
    ENTER(1)
    if (horizontal < 0 || horizontal > 1) return leave(DRV_P1INVALID);
    if (vertical != 0) return leave(DRV_P2INVALID);
    camera->isFlipped = horizontal;
    return leave(DRV_SUCCESS);
}

unsigned SetExposureTime(float exposure_s) {
    ENTER(1)
    if (camera->isAcquiring) return leave(DRV_ACQUIRING);
    if (!(exposure_s >= 0 && exposure_s < 1e5f)) return leave(DRV_P1INVALID);
    camera->exposure_s = exposure_s;
    return leave(DRV_SUCCESS);
}

unsigned SetKineticCycleTime(float cycle_s) {
    ENTER(1)
    if (camera->isAcquiring) return leave(DRV_ACQUIRING);
    if (!(cycle_s >= 0)) return leave(DRV_P1INVALID);
    camera->cycle_s = cycle_s;
    return leave(DRV_SUCCESS);
}

unsigned GetMaximumExposure(float *most_s) {
    ENTER(1)
    *most_s = 3600;
    return leave(DRV_SUCCESS);
}

static double readOut_s(const Camera *camera) {
    int rows = (camera->top - camera->bottom + 1) / camera->vbin, columns = (camera->right - camera->left + 1) / camera->hbin;
    double shift_s = 1e-6 * shifts[camera->shift];
    int shifted = camera->isCropped ? camera->top : HEIGHT;
    return rows * (columns / (1e6 * speeds[camera->amplifier][camera->speed])) + shifted * shift_s;
}

void timings(const Camera *camera, double *exposure_s, double *cycle_s) {
    double readOut = readOut_s(camera), shift = 1e-6 * shifts[camera->shift] * HEIGHT;
    if (camera->isFrameTransfer) {
        *exposure_s = camera->exposure_s > readOut ? camera->exposure_s : readOut;
        *cycle_s = *exposure_s + shift;
    } else {
        *exposure_s = camera->exposure_s > 1e-5f ? camera->exposure_s : 1e-5;
        *cycle_s = *exposure_s + readOut + shift;
    }
    if (camera->cycle_s > *cycle_s) *cycle_s = camera->cycle_s;
}

unsigned GetAcquisitionTimings(float *exposure_s, float *accumulate_s, float *kinetic_s) {
    ENTER(1)
    double exposure, cycle;
    timings(camera, &exposure, &cycle);
    *exposure_s = (float)exposure;
    *accumulate_s = *kinetic_s = (float)cycle;
    return leave(DRV_SUCCESS);
}

unsigned GetReadOutTime(float *time_s) {
    ENTER(1)
    *time_s = (float)readOut_s(camera);
    return leave(DRV_SUCCESS);
}
