// zlib. What is wrapped here are the two initialisers that zlib.h offers as macros only, which Swift cannot see; they pass the
// version and the struct size of the header compiled against, by which zlib notices a library that differs from it.
#ifndef SWIFT_CZLIB_SHIM_H
#define SWIFT_CZLIB_SHIM_H

#include <zlib.h>

static inline int czlib_deflateInit2(z_stream *stream, int level, int windowBits, int memLevel) {
    return deflateInit2(stream, level, Z_DEFLATED, windowBits, memLevel, Z_DEFAULT_STRATEGY);
}

static inline int czlib_inflateInit2(z_stream *stream, int windowBits) {
    return inflateInit2(stream, windowBits);
}

#endif
