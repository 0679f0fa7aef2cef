#pragma once
// libtiff for Swift: its variadic functions as typed inline functions, and messages collected instead of printed.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <tiffio.h>

/// What libtiff said about one open file: the first error since the last reset, and the number of errors.
typedef struct {
    char error[400];
    int errors;
} ctiff_messages;

static inline int ctiff_collect_error(TIFF *tif, void *messages, const char *module, const char *format, va_list list) {
    (void)tif;
    (void)module;
    ctiff_messages *collected = (ctiff_messages *)messages;
    if (collected->errors++ == 0) vsnprintf(collected->error, sizeof collected->error, format, list);
    return 1;
}

static inline int ctiff_ignore_warning(TIFF *tif, void *messages, const char *module, const char *format, va_list list) {
    (void)tif;
    (void)messages;
    (void)module;
    (void)format;
    (void)list;
    return 1;
}

/// Opens a file; errors go to `messages`, which must outlive the handle. No single allocation exceeds `limit` bytes.
static inline TIFF *ctiff_open(const char *path, const char *mode, ctiff_messages *messages, tmsize_t limit) {
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options) return NULL;
    TIFFOpenOptionsSetErrorHandlerExtR(options, ctiff_collect_error, messages);
    TIFFOpenOptionsSetWarningHandlerExtR(options, ctiff_ignore_warning, messages);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, limit);
    TIFF *tif = TIFFOpenExt(path, mode, options);
    TIFFOpenOptionsFree(options);
    return tif;
}

/// A 16-bit field, libtiff's default, or `otherwise`.
static inline uint16_t ctiff_u16(TIFF *tif, uint32_t tag, uint16_t otherwise) {
    uint16_t value = 0;
    return TIFFGetFieldDefaulted(tif, tag, &value) ? value : otherwise;
}

/// A 32-bit field, libtiff's default, or `otherwise`.
static inline uint32_t ctiff_u32(TIFF *tif, uint32_t tag, uint32_t otherwise) {
    uint32_t value = 0;
    return TIFFGetFieldDefaulted(tif, tag, &value) ? value : otherwise;
}

/// A rational field, or `otherwise`.
static inline float ctiff_float(TIFF *tif, uint32_t tag, float otherwise) {
    float value = 0;
    return TIFFGetField(tif, tag, &value) ? value : otherwise;
}

/// A text field, or NULL; it lives until the directory changes.
static inline const char *ctiff_string(TIFF *tif, uint32_t tag) {
    char *value = NULL;
    return TIFFGetField(tif, tag, &value) ? value : NULL;
}

/// The grey values of a palette of `count` entries; 0 where it is missing or one of them is a colour.
static inline int ctiff_palette_greys(TIFF *tif, int count, uint8_t *greys) {
    uint16_t *red = NULL, *green = NULL, *blue = NULL;
    if (!TIFFGetField(tif, TIFFTAG_COLORMAP, &red, &green, &blue) || !red || !green || !blue) return 0;
    int is_narrow = 1;  // some programs write palettes of 8 bits
    for (int entry = 0; entry < count; entry++) {
        if (red[entry] != green[entry] || red[entry] != blue[entry]) return 0;
        if (red[entry] > 255) is_narrow = 0;
    }
    for (int entry = 0; entry < count; entry++) greys[entry] = (uint8_t)(is_narrow ? red[entry] : red[entry] >> 8);
    return 1;
}

static inline int ctiff_set_integer(TIFF *tif, uint32_t tag, uint32_t value) { return TIFFSetField(tif, tag, value); }

static inline int ctiff_set_real(TIFF *tif, uint32_t tag, double value) { return TIFFSetField(tif, tag, value); }

static inline int ctiff_set_string(TIFF *tif, uint32_t tag, const char *value) {
    return TIFFSetField(tif, tag, value);
}

static inline int ctiff_set_extra_samples(TIFF *tif, uint16_t count, const uint16_t *kinds) {
    return TIFFSetField(tif, TIFFTAG_EXTRASAMPLES, count, kinds);
}
