#pragma once
#include <string.h>
#include <zlib.h>

/// Unpacks a raw deflate stream of known unpacked length; 0 when it is sound.
static inline int czlib_inflate(const unsigned char *input, unsigned input_length, unsigned char *output, unsigned output_length) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return -1;
    stream.next_in = (unsigned char *)input;
    stream.avail_in = input_length;
    stream.next_out = output;
    stream.avail_out = output_length;
    int result = inflate(&stream, Z_FINISH);
    unsigned long written = stream.total_out;
    inflateEnd(&stream);
    return result == Z_STREAM_END && written == output_length ? 0 : -1;
}
