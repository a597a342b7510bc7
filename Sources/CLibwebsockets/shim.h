// What Swift cannot reach of libwebsockets by itself, each with its reason. Everything else is called directly.
#ifndef SWIFT_CLIBWEBSOCKETS_SHIM_H
#define SWIFT_CLIBWEBSOCKETS_SHIM_H

#include <libwebsockets.h>

// LWS_PRE is a macro that calls another macro, which Swift does not import.
static const size_t clws_pre = LWS_PRE;

// LWS_WRITE_RAW is a macro naming an enumerator, which Swift does not import.
static const enum lws_write_protocol clws_write_raw = LWS_WRITE_RAW;

// The version these headers describe: a macro computed from macros, which Swift does not import.
static const int clws_compiled_version_major = LWS_LIBRARY_VERSION_MAJOR;
static const int clws_compiled_version_minor = LWS_LIBRARY_VERSION_MINOR;

// From 4.2 on libwebsockets keeps TLS sessions itself, by address and port: they would be resumed for another name than
// the one they were verified for. A macro with a shifted long long, which Swift does not import; none before 4.2.
#ifdef LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE
static const uint64_t clws_option_disable_tls_session_cache = LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE;
#else
static const uint64_t clws_option_disable_tls_session_cache = 0;
#endif

// lws_sul_schedule() compares with a negative time to cancel; lws_sul_cancel() is missing before 4.1.
static inline void clws_sul_cancel(struct lws_context *context, lws_sorted_usec_list_t *sul)
{
    lws_sul_schedule(context, 0, sul, sul->cb, LWS_SET_TIMER_USEC_CANCEL);
}

#endif
