// libuv, which libwebsockets' socket loop plugin runs on: the loop is ours, so that we drive it. Nothing of it needs a wrapper.
#ifndef SWIFT_CLIBUV_SHIM_H
#define SWIFT_CLIBUV_SHIM_H

#include <uv.h>

#endif
