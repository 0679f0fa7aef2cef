// The codes, properties and structures of the library that the stand-in for it answers with.
#include "../options.h"

#include <stdint.h>

enum { MOST_CAMERAS = 2, MOST_BUFFERS = 4096 };

// Codes are negative; everything else is success.
enum {
    SUCCESS = 1,
    BUSY = (int)0x80000101,
    NOTREADY = (int)0x80000103,
    TIMEOUT = (int)0x80000106,
    NOCAMERA = (int)0x80000206,
    INVALIDCAMERA = (int)0x80000806,
    INVALIDHANDLE = (int)0x80000807,
    INVALIDPARAM = (int)0x80000808,
    INVALIDVALUE = (int)0x80000821,
    OUTOFRANGE = (int)0x80000822,
    NOTWRITABLE = (int)0x80000823,
    NOPROPERTY = (int)0x80000828,
    NOVALUETEXT = (int)0x8000082d,
    INVALIDFRAMEINDEX = (int)0x80000833,
    NOTSUPPORT = (int)0x80000f03,
    FAILREADCAMERA = (int)0x83001002,
};

enum {
    TRIGGERSOURCE = 0x00100110,
    TRIGGERACTIVE = 0x00100120,
    TRIGGERMODE = 0x00100210,
    TRIGGERPOLARITY = 0x00100220,
    EXPOSURETIME = 0x001F0110,
    SENSORTEMPERATURE = 0x00200310,
    SENSORCOOLER = 0x00200320,
    SENSORTEMPERATURETARGET = 0x00200330,
    SENSORCOOLERSTATUS = 0x00200340,
    READOUTSPEED = 0x00400110,
    BINNING = 0x00401110,
    SUBARRAYHPOS = 0x00402110,
    SUBARRAYHSIZE = 0x00402120,
    SUBARRAYVPOS = 0x00402130,
    SUBARRAYVSIZE = 0x00402140,
    SUBARRAYMODE = 0x00402150,
    READOUTTIME = 0x00403010,
    FRAMERATE = 0x00403810,
    FRAMEINTERVAL = 0x00403820,
    BITSPERCHANNEL = 0x00420130,
    IMAGEWIDTH = 0x00420210,
    IMAGEHEIGHT = 0x00420220,
    ROWBYTES = 0x00420230,
    FRAMEBYTES = 0x00420240,
    PIXELTYPE = 0x00420270,
};

typedef struct {
    int32_t id;
    const char *name;
    int32_t type;
    double low, high, step, value;
    int isWritable;
} Property;

typedef struct {
    int isOpen, isCapturing, isSnap, buffers, propertyCount;
    Property properties[32];
    uint16_t *memory;
    long total, locked, triggers, waited, lostAtCamera;
    double begin_s, start_C, cool_s;
} Camera;

extern Camera cameras[MOST_CAMERAS];

// The camera of a handle; NULL for none.
Camera *cameraOf(void *handle);
Property *find(Camera *camera, int id);
double value(Camera *camera, int id);
// Every call goes through here: it is what refuses and hangs.
int enter(const char *name, void *handle);
