// The codes of the library that the stand-in for it answers with, and its types on Linux.
#include "../options.h"

typedef int at_32;
typedef unsigned at_u32;

enum {
    DRV_SUCCESS = 20002,
    DRV_ERROR_ACK = 20013,
    DRV_NO_NEW_DATA = 20024,
    DRV_TEMP_OFF = 20034,
    DRV_TEMP_NOT_STABILIZED = 20035,
    DRV_TEMP_STABILIZED = 20036,
    DRV_TEMP_NOT_REACHED = 20037,
    DRV_TEMP_DRIFT = 20040,
    DRV_GENERAL_ERRORS = 20049,
    DRV_P1INVALID = 20066,
    DRV_P2INVALID = 20067,
    DRV_P3INVALID = 20068,
    DRV_P4INVALID = 20069,
    DRV_ACQUIRING = 20072,
    DRV_IDLE = 20073,
    DRV_NOT_INITIALIZED = 20075,
    DRV_P5INVALID = 20076,
    DRV_P6INVALID = 20077,
    DRV_INVALID_MODE = 20078,
    DRV_ERROR_NOCAMERA = 20990,
    DRV_NOT_SUPPORTED = 20991,
    DRV_NOT_AVAILABLE = 20992,
};

enum { WIDTH = 512, HEIGHT = 512, MOST_CAMERAS = 4 };

typedef struct {
    int isInitialized, isAcquiring, isFrameTransfer, isCropped, amplifier, speed, shift, preamp, trigger, readMode, mode;
    int hbin, vbin, left, right, bottom, top, gain, gainMode, isAdvanced, hasMetadata, isCoolerOn, keepsCold, kinetics;
    int shutterMode, width, height, isFlipped;
    float exposure_s, cycle_s;
    double target_C, start_C, cool_s;
    double begin_s;
    long total, read, triggers, lost, nextHole, shutDowns;
} Camera;

extern Camera cameras[MOST_CAMERAS];
extern int current;

// Every call goes through here: it notes calls at the same time, and is what refuses and hangs.
unsigned enter(const char *name, int needsCamera);
unsigned leave(unsigned status);
// What the camera does by its settings.
void timings(const Camera *camera, double *exposure_s, double *cycle_s);

#define ENTER(needsCamera)                             \
    unsigned entered = enter(__func__, (needsCamera)); \
    if (entered != DRV_SUCCESS) return leave(entered); \
    Camera *camera = &cameras[current];                \
    (void)camera;
