#include "options.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char options[32][2][256];
static int optionCount;
static pthread_mutex_t optionLock = PTHREAD_MUTEX_INITIALIZER;

static void setOption(const char *name, const char *value) {
    int place = 0;
    while (place < optionCount && strcmp(options[place][0], name) != 0) place++;
    if (place == optionCount && optionCount < 32) optionCount++;
    snprintf(options[place][0], 256, "%s", name);
    snprintf(options[place][1], 256, "%s", value);
}

void option(const char *name, const char *otherwise, char *value, size_t size) {
    pthread_mutex_lock(&optionLock);
    const char *found = NULL;
    for (int place = 0; place < optionCount; place++)
        if (strcmp(options[place][0], name) == 0) found = options[place][1];
    if (found == NULL) {
        char key[128] = "STUB_";
        for (size_t at = strlen(key), from = 0; name[from] != 0 && at < 127; from++, at++) {
            key[at] = (char)(name[from] >= 'a' && name[from] <= 'z' ? name[from] - 32 : name[from]);
            key[at + 1] = 0;
        }
        found = getenv(key);
    }
    snprintf(value, size, "%s", found != NULL ? found : otherwise);
    pthread_mutex_unlock(&optionLock);
}

double numberOption(const char *name, double otherwise) {
    char text[256];
    option(name, "", text, sizeof text);
    return text[0] != 0 ? atof(text) : otherwise;
}

double now_s(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void Stub_Set(const char *name, const char *value) {
    pthread_mutex_lock(&optionLock);
    setOption(name, value);
    pthread_mutex_unlock(&optionLock);
}
