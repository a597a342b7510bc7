#pragma once
#include <stddef.h>

#if defined(__GLIBC__) || defined(__linux__)
#include <malloc.h>
#endif

#if defined(__GLIBC__)
/* What was allocated and not freed, in bytes. Swift's Glibc module leaves out malloc.h. */
static inline size_t allocated_bytes(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static inline void give_back_free_memory(void) { malloc_trim(0); }
#else
/* Other C libraries do not tell. */
static inline size_t allocated_bytes(void) { return 0; }
static inline void give_back_free_memory(void) {}
#endif
