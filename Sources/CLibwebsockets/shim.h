// What Swift cannot reach of libwebsockets by itself, each with its reason. Everything else is called directly.
#ifndef SWIFT_CLIBWEBSOCKETS_SHIM_H
#define SWIFT_CLIBWEBSOCKETS_SHIM_H

#include <libwebsockets.h>

#endif
