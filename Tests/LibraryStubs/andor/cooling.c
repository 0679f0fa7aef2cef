// What the cooler of a camera does.
#include "andor.h"

#include <math.h>

static double celsius(const Camera *camera) {
    double rate = numberOption("cooling", 50), goal = camera->isCoolerOn ? camera->target_C : 20;
    double way = goal - camera->start_C, done = rate * (now_s() - camera->cool_s);
    return fabs(way) <= done ? goal : camera->start_C + (way < 0 ? -done : done);
}

static void cool(Camera *camera, int isOn, double target_C) {
    camera->start_C = celsius(camera);
    camera->cool_s = now_s();
    camera->isCoolerOn = isOn;
    camera->target_C = target_C;
}

unsigned GetTemperatureRange(int *lowest, int *highest) {
    ENTER(1)
    *lowest = -100;
    *highest = 20;
    return leave(DRV_SUCCESS);
}

unsigned SetTemperature(int target_C) {
    ENTER(1)
    if (camera->isAcquiring) return leave(DRV_ACQUIRING);
    if (target_C < -100 || target_C > 20) return leave(DRV_P1INVALID);
    cool(camera, camera->isCoolerOn, target_C);
    return leave(DRV_SUCCESS);
}

unsigned CoolerON(void) {
    ENTER(1)
    if (camera->isAcquiring) return leave(DRV_ACQUIRING);
    cool(camera, 1, camera->target_C);
    return leave(DRV_SUCCESS);
}

unsigned CoolerOFF(void) {
    ENTER(1)
    if (camera->isAcquiring) return leave(DRV_ACQUIRING);
    cool(camera, 0, camera->target_C);
    return leave(DRV_SUCCESS);
}

unsigned IsCoolerOn(int *isOn) {
    ENTER(1)
    *isOn = camera->isCoolerOn;
    return leave(DRV_SUCCESS);
}

unsigned SetCoolerMode(int mode) {
    ENTER(1)
    if (mode < 0 || mode > 1) return leave(DRV_P1INVALID);
    camera->keepsCold = mode;
    return leave(DRV_SUCCESS);
}

unsigned SetFanMode(int mode) {
    ENTER(1)
    return leave(mode < 0 || mode > 2 ? DRV_P1INVALID : DRV_SUCCESS);
}

static unsigned temperatureState(const Camera *camera) {
    if (!camera->isCoolerOn) return DRV_TEMP_OFF;
    if (fabs(celsius(camera) - camera->target_C) > 0.5) return DRV_TEMP_NOT_REACHED;
    if (numberOption("drift", 0) != 0) return DRV_TEMP_DRIFT;
    double rate = numberOption("cooling", 50);
    double there_s = camera->cool_s + fabs(camera->target_C - camera->start_C) / rate;
    return now_s() - there_s < 10 / rate ? DRV_TEMP_NOT_STABILIZED : DRV_TEMP_STABILIZED;
}

unsigned GetTemperatureF(float *value) {
    ENTER(1)
    if (camera->isAcquiring) return leave(DRV_ACQUIRING);
    *value = (float)celsius(camera) + (numberOption("drift", 0) != 0 ? 3 : 0);
    return leave(temperatureState(camera));
}

unsigned GetTemperature(int *value) {
    ENTER(1)
    if (camera->isAcquiring) return leave(DRV_ACQUIRING);
    *value = (int)lrint(celsius(camera));
    return leave(temperatureState(camera));
}
