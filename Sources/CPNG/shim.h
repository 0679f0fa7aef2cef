#pragma once
// libpng for Swift. libpng reports errors by longjmp; every jump here begins and ends inside one C function.
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <png.h>

/// One PNG image in memory: rows from the top, samples interleaved, 16-bit samples in the machine's byte order.
typedef struct {
    uint32_t width, height;
    int channels, bits;   ///< 1 to 4 channels of 8 or 16 bits
    double pixels_per_m;  ///< 0 where the file does not say
    uint8_t *samples;     ///< to be freed by the caller
    int greys;            ///< entries of `grey` where the samples are indices of a palette without colours, or 0
    uint8_t grey[256];    ///< the grey values of the palette
    char message[200];    ///< the error, when a function returned 0
} cpng_image;

static inline void cpng_error(png_structp png, png_const_charp message) {
    cpng_image *image = (cpng_image *)png_get_error_ptr(png);
    snprintf(image->message, sizeof image->message, "%s", message);
    longjmp(png_jmpbuf(png), 1);
}

static inline void cpng_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

/// Reads a file. With `indices`, the samples of a palette image are its indices, otherwise its colours; grey of 1, 2 or
/// 4 bits becomes 8 bits with its full range. Returns 0 with a message where that fails or more than `limit` bytes are needed.
static inline int cpng_read(const char *path, int indices, size_t limit, cpng_image *image) {
    memset(image, 0, sizeof *image);
    FILE *file = fopen(path, "rb");
    if (!file) {
        snprintf(image->message, sizeof image->message, "it cannot be opened");
        return 0;
    }
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, image, cpng_error, cpng_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    png_bytep *volatile rows = NULL;
    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_read_struct(&png, &info, NULL);
        free((void *)rows);
        free(image->samples);
        image->samples = NULL;
        fclose(file);
        return 0;
    }
    png_init_io(png, file);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_read_info(png, info);
    int kind = png_get_color_type(png, info);
    if (kind == PNG_COLOR_TYPE_PALETTE) {
        png_colorp palette = NULL;
        int entries = 0;
        if (indices && png_get_PLTE(png, info, &palette, &entries) && entries <= 256) {
            image->greys = entries;
            for (int entry = 0; entry < entries; entry++) {
                if (palette[entry].red != palette[entry].green || palette[entry].red != palette[entry].blue) image->greys = 0;
                image->grey[entry] = palette[entry].red;
            }
        }
        if (indices) png_set_packing(png);
        else png_set_expand(png);
    } else {
        png_set_expand(png);
    }
    if (png_get_bit_depth(png, info) == 16) png_set_swap(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    image->width = png_get_image_width(png, info);
    image->height = png_get_image_height(png, info);
    image->channels = png_get_channels(png, info);
    image->bits = png_get_bit_depth(png, info);
    long position = ftell(file);
    int unit = 0;
    png_uint_32 x = 0, y = 0;
    if (png_get_pHYs(png, info, &x, &y, &unit) && unit == PNG_RESOLUTION_METER) image->pixels_per_m = x;
    // Deflate makes at most 1032 of a byte, and a bit of a palette becomes four bytes.
    if (fseek(file, 0, SEEK_END) == 0) {
        long length = ftell(file);
        if (length > 0 && (size_t)length < limit / 33024) limit = (size_t)length * 33024;
        fseek(file, position, SEEK_SET);
    }
    size_t row_bytes = png_get_rowbytes(png, info);
    if (image->height == 0 || row_bytes == 0 || row_bytes > limit / image->height)
        png_error(png, "the image is larger than the limit for one read");
    image->samples = (uint8_t *)malloc(row_bytes * image->height);
    rows = (png_bytep *)malloc(sizeof(png_bytep) * image->height);
    if (!image->samples || !rows) png_error(png, "out of memory");
    for (uint32_t row = 0; row < image->height; row++) rows[row] = image->samples + row * row_bytes;
    png_read_image(png, rows);
    png_read_end(png, NULL);
    png_destroy_read_struct(&png, &info, NULL);
    free((void *)rows);
    fclose(file);
    return 1;
}

/// Writes `image` (whose samples stay the caller's) to a file. Returns 0 with a message where that fails.
static inline int cpng_write(const char *path, cpng_image *image) {
    static const int kinds[] = {
        PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
    FILE *file = fopen(path, "wb");
    if (!file) {
        snprintf(image->message, sizeof image->message, "it cannot be created");
        return 0;
    }
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, image, cpng_error, cpng_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        fclose(file);
        return 0;
    }
    png_init_io(png, file);
    png_set_IHDR(
        png, info, image->width, image->height, image->bits, kinds[image->channels - 1], PNG_INTERLACE_NONE,
        PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (image->pixels_per_m >= 1 && image->pixels_per_m < 2147483647) {
        png_uint_32 density = (png_uint_32)(image->pixels_per_m + 0.5);
        png_set_pHYs(png, info, density, density, PNG_RESOLUTION_METER);
    }
    png_set_compression_level(png, 4);
    png_write_info(png, info);
    if (image->bits == 16) png_set_swap(png);
    size_t row_bytes = (size_t)image->width * (size_t)image->channels * (size_t)(image->bits / 8);
    for (uint32_t row = 0; row < image->height; row++) png_write_row(png, image->samples + row * row_bytes);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    if (fclose(file) != 0) {
        snprintf(image->message, sizeof image->message, "the disk is full or was removed");
        return 0;
    }
    return 1;
}
