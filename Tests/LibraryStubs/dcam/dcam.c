// A stand-in for Hamamatsu's library of cameras (DCAM-API 4): the same calls, codes and structures, on cameras that are
// only thought of. It is made from what public clients of the library declare, for tests; nothing of Hamamatsu's is in it.
//
// Its options (`options.h`):
//   cameras  how many there are (1)
//   pace     how fast time goes (1); 0: a camera has half a ring of frames more whenever it is asked
//   holes    "frame:count,...": before such a frame the camera itself has lost count frames, as its frame stamps tell
//   cooling  kelvin a second that the cooler can do (50)
//   fixed    1: the cooler has no set point
//   refuse   the name of a function or a property that refuses
//   hang     the name of a function that does not return within hang_s (3) seconds
//   stall    the frame after which a sequence delivers no more
//   off      1: the cameras have been switched off
#include "dcam.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 512, HEIGHT = 256 };

Camera cameras[MOST_CAMERAS];
static int initialized;

static const Property usual[] = {
    {TRIGGERSOURCE, "TRIGGER SOURCE", 1, 1, 3, 1, 1, 1},
    {TRIGGERACTIVE, "TRIGGER ACTIVE", 1, 1, 2, 1, 1, 1},
    {TRIGGERMODE, "TRIGGER MODE", 1, 1, 6, 1, 1, 1},
    {TRIGGERPOLARITY, "TRIGGER POLARITY", 1, 1, 2, 1, 1, 1},
    {EXPOSURETIME, "EXPOSURE TIME", 3, 0.00001, 10, 0.00001, 0.01, 1},
    {SENSORTEMPERATURE, "SENSOR TEMPERATURE", 3, -100, 100, 0.1, 20, 0},
    {SENSORCOOLER, "SENSOR COOLER", 1, 1, 2, 1, 1, 1},
    {SENSORTEMPERATURETARGET, "SENSOR TEMPERATURE TARGET", 3, -30, 10, 1, -10, 1},
    {SENSORCOOLERSTATUS, "SENSOR COOLER STATUS", 1, -4, 5, 1, 1, 0},
    {READOUTSPEED, "READOUT SPEED", 2, 1, 2, 1, 2, 1},
    {BINNING, "BINNING", 1, 1, 4, 1, 1, 1},
    {SUBARRAYHPOS, "SUBARRAY HPOS", 2, 0, WIDTH - 4, 4, 0, 1},
    {SUBARRAYHSIZE, "SUBARRAY HSIZE", 2, 4, WIDTH, 4, WIDTH, 1},
    {SUBARRAYVPOS, "SUBARRAY VPOS", 2, 0, HEIGHT - 4, 4, 0, 1},
    {SUBARRAYVSIZE, "SUBARRAY VSIZE", 2, 4, HEIGHT, 4, HEIGHT, 1},
    {SUBARRAYMODE, "SUBARRAY MODE", 1, 1, 2, 1, 1, 1},
    {READOUTTIME, "TIMING READOUT TIME", 3, 0, 10, 0, 0, 0},
    {FRAMERATE, "INTERNAL FRAME RATE", 3, 0, 1e6, 0, 0, 0},
    {FRAMEINTERVAL, "INTERNAL FRAME INTERVAL", 3, 0, 100, 0, 0, 0},
    {BITSPERCHANNEL, "BIT PER CHANNEL", 2, 16, 16, 1, 16, 0},
    {IMAGEWIDTH, "IMAGE WIDTH", 2, 1, WIDTH, 1, WIDTH, 0},
    {IMAGEHEIGHT, "IMAGE HEIGHT", 2, 1, HEIGHT, 1, HEIGHT, 0},
    {ROWBYTES, "IMAGE ROWBYTES", 2, 1, 2 * WIDTH, 1, 2 * WIDTH, 0},
    {FRAMEBYTES, "IMAGE FRAMEBYTES", 2, 1, 2 * WIDTH * HEIGHT, 1, 2 * WIDTH * HEIGHT, 0},
    {PIXELTYPE, "IMAGE PIXEL TYPE", 1, 1, 2, 1, 2, 0},
};

Camera *cameraOf(void *handle) {
    long place = (Camera *)handle - cameras;
    return handle != NULL && place >= 0 && place < MOST_CAMERAS && cameras[place].isOpen ? &cameras[place] : NULL;
}

int enter(const char *name, void *handle) {
    char text[256];
    option("hang", "", text, sizeof text);
    if (strcmp(text, name) == 0) usleep((useconds_t)(1e6 * numberOption("hang_s", 3)));
    option("refuse", "", text, sizeof text);
    if (strcmp(text, name) == 0) return INVALIDPARAM;
    if (numberOption("off", 0) != 0) return FAILREADCAMERA;
    return handle == NULL || cameraOf(handle) != NULL ? SUCCESS : INVALIDHANDLE;
}

#define ENTER(handle)                      \
    int entered = enter(__func__, handle); \
    if (entered < 0) return entered;

// How the tests look in.
long DCAMStub_Lost(int index) { return cameras[index].lostAtCamera; }
long DCAMStub_IsOpen(int index) { return cameras[index].isOpen; }
long DCAMStub_Initialized(int index) { return index >= 0 ? initialized : 0; }

int dcamapi_init(int32_t *parameters) {
    ENTER(NULL)
    int count = (int)numberOption("cameras", 1);
    if (parameters[0] < 32) return INVALIDPARAM;
    if (count < 1) return NOCAMERA;
    parameters[1] = count > MOST_CAMERAS ? MOST_CAMERAS : count;
    initialized++;
    return SUCCESS;
}

int dcamapi_uninit(void) {
    initialized--;
    return SUCCESS;
}

typedef struct {
    int32_t size, index;
    void *handle;
} Open;

int dcamdev_open(Open *parameters) {
    ENTER(NULL)
    if (parameters->index < 0 || parameters->index >= (int)numberOption("cameras", 1)) return INVALIDCAMERA;
    Camera *camera = &cameras[parameters->index];
    if (camera->isOpen) return INVALIDCAMERA;
    *camera = (Camera){.isOpen = 1, .propertyCount = sizeof usual / sizeof usual[0], .start_C = 20};
    memcpy(camera->properties, usual, sizeof usual);
    parameters->handle = camera;
    return SUCCESS;
}

int dcamdev_close(void *handle) {
    ENTER(handle)
    Camera *camera = cameraOf(handle);
    free(camera->memory);
    camera->memory = NULL;
    camera->isOpen = camera->isCapturing = camera->buffers = 0;
    return SUCCESS;
}

typedef struct {
    int32_t size, id;
    char *text;
    int32_t bytes;
} String;

int dcamdev_getstring(void *handle, String *parameters) {
    ENTER(handle)
    int place = (int)((Camera *)handle - cameras);
    switch (parameters->id) {
    case 0x04000102: snprintf(parameters->text, (size_t)parameters->bytes, "S/N: 00170%d", place + 1); break;
    case 0x04000103: snprintf(parameters->text, (size_t)parameters->bytes, "Hamamatsu (stub)"); break;
    case 0x04000104: snprintf(parameters->text, (size_t)parameters->bytes, "C11440 (stub)"); break;
    default: snprintf(parameters->text, (size_t)parameters->bytes, "1.0"); break;
    }
    return SUCCESS;
}

// MARK: Properties

Property *find(Camera *camera, int id) {
    int isFixed = id == SENSORTEMPERATURETARGET && numberOption("fixed", 0) != 0;
    for (int place = 0; place < camera->propertyCount && !isFixed; place++)
        if (camera->properties[place].id == id) return &camera->properties[place];
    return NULL;
}

static double celsius(Camera *camera) {
    double rate = numberOption("cooling", 50), done = rate * (now_s() - camera->cool_s);
    double goal = find(camera, SENSORCOOLER)->value == 2 ? camera->properties[7].value : 20, way = goal - camera->start_C;
    return fabs(way) <= done ? goal : camera->start_C + (way < 0 ? -done : done);
}

double value(Camera *camera, int id) {
    Property *property = find(camera, id);
    int isPart = find(camera, SUBARRAYMODE)->value == 2;
    double bin = find(camera, BINNING)->value;
    double width = (isPart ? find(camera, SUBARRAYHSIZE)->value : WIDTH) / bin;
    double height = (isPart ? find(camera, SUBARRAYVSIZE)->value : HEIGHT) / bin;
    double readOut = height * bin * 9.74e-6, exposure = find(camera, EXPOSURETIME)->value;
    switch (id) {
    case IMAGEWIDTH: return width;
    case IMAGEHEIGHT: return height;
    case ROWBYTES: return 2 * width;
    case FRAMEBYTES: return 2 * width * height;
    case READOUTTIME: return readOut;
    case FRAMEINTERVAL: return exposure > readOut ? exposure : readOut;
    case FRAMERATE: return 1 / (exposure > readOut ? exposure : readOut);
    case SENSORTEMPERATURE: return celsius(camera);
    case SENSORCOOLERSTATUS:
        if (find(camera, SENSORCOOLER)->value == 1) return 1;
        return fabs(celsius(camera) - camera->properties[7].value) < 0.5 ? 2 : 3;
    default: return property->value;
    }
}

typedef struct {
    int32_t size, id, option, reserved, attribute, group, unit, attribute2;
    double low, high, step, standard;
    int32_t more[6];
} Attributes;

int dcamprop_getattr(void *handle, Attributes *parameters) {
    ENTER(handle)
    Property *property = find(cameraOf(handle), parameters->id);
    if (property == NULL) return NOPROPERTY;
    parameters->attribute = property->type | 0x10000 | (property->isWritable ? 0x20000 : 0);
    parameters->low = property->low;
    parameters->high = property->high;
    parameters->step = property->step;
    parameters->standard = property->value;
    return SUCCESS;
}

int dcamprop_getvalue(void *handle, int32_t id, double *result) {
    ENTER(handle)
    if (find(cameraOf(handle), id) == NULL) return NOPROPERTY;
    *result = value(cameraOf(handle), id);
    return SUCCESS;
}

int dcamprop_setgetvalue(void *handle, int32_t id, double *wanted, int32_t option_) {
    (void)option_;
    ENTER(handle)
    Camera *camera = cameraOf(handle);
    Property *property = find(camera, id);
    if (property == NULL) return NOPROPERTY;
    if (!property->isWritable) return NOTWRITABLE;
    if (camera->isCapturing && id != EXPOSURETIME) return BUSY;
    char text[256];
    option("refuse", "", text, sizeof text);
    if (strcmp(text, property->name) == 0) return INVALIDVALUE;
    double given = *wanted;
    if (!(given >= property->low && given <= property->high)) return OUTOFRANGE;
    if (id == BINNING && given == 3) return INVALIDVALUE;
    if (id == TRIGGERMODE && given != 1 && given != 6) return INVALIDVALUE;
    if (property->type == 2 && property->step > 1) given -= fmod(given, property->step);
    if (id == SUBARRAYHPOS && given + find(camera, SUBARRAYHSIZE)->value > WIDTH) return OUTOFRANGE;
    if (id == SUBARRAYHSIZE && given + find(camera, SUBARRAYHPOS)->value > WIDTH) return OUTOFRANGE;
    if (id == SUBARRAYVPOS && given + find(camera, SUBARRAYVSIZE)->value > HEIGHT) return OUTOFRANGE;
    if (id == SUBARRAYVSIZE && given + find(camera, SUBARRAYVPOS)->value > HEIGHT) return OUTOFRANGE;
    if (id == SENSORCOOLER || id == SENSORTEMPERATURETARGET) {
        camera->start_C = celsius(camera);
        camera->cool_s = now_s();
    }
    property->value = *wanted = given;
    return SUCCESS;
}

int dcamprop_setvalue(void *handle, int32_t id, double wanted) { return dcamprop_setgetvalue(handle, id, &wanted, 0); }

int dcamprop_getnextid(void *handle, int32_t *id, int32_t option_) {
    (void)option_;
    ENTER(handle)
    Camera *camera = cameraOf(handle);
    for (int place = 0; place < camera->propertyCount; place++) {
        if (camera->properties[place].id > *id) {
            *id = camera->properties[place].id;
            return SUCCESS;
        }
    }
    return NOPROPERTY;
}

int dcamprop_getname(void *handle, int32_t id, char *text, int32_t bytes) {
    ENTER(handle)
    Property *property = find(cameraOf(handle), id);
    if (property == NULL) return NOPROPERTY;
    snprintf(text, (size_t)bytes, "%s", property->name);
    return SUCCESS;
}

typedef struct {
    int32_t size, id;
    double value;
    char *text;
    int32_t bytes;
} ValueText;

int dcamprop_getvaluetext(void *handle, ValueText *parameters) {
    ENTER(handle)
    if (find(cameraOf(handle), parameters->id) == NULL) return NOPROPERTY;
    if (parameters->id == BINNING && parameters->value == 3) return NOVALUETEXT;
    snprintf(parameters->text, (size_t)parameters->bytes, "%d", (int)parameters->value);
    return SUCCESS;
}
