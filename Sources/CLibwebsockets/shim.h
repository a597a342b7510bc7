// What Swift cannot reach of libwebsockets by itself, each with its reason. Everything else is called directly.
#ifndef SWIFT_CLIBWEBSOCKETS_SHIM_H
#define SWIFT_CLIBWEBSOCKETS_SHIM_H

#include <libwebsockets.h>

// 4.0 crashes when a context ends early. scripts/setup asks for the same version.
#if LWS_LIBRARY_VERSION_MAJOR < 4 || (LWS_LIBRARY_VERSION_MAJOR == 4 && LWS_LIBRARY_VERSION_MINOR < 1)
#error "swift-libwebsockets needs libwebsockets 4.1 or later; these headers are older"
#endif

// The version these headers describe: a macro computed from macros, which Swift does not import.
static const int clws_compiled_version_major = LWS_LIBRARY_VERSION_MAJOR;
static const int clws_compiled_version_minor = LWS_LIBRARY_VERSION_MINOR;

// Declared by <pthread.h> only with _GNU_SOURCE, which Swift's module of the C library is built without.
#ifdef __linux__
#include <pthread.h>
int pthread_setname_np(pthread_t thread, const char *name);
#endif

#endif
