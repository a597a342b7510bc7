#define _GNU_SOURCE
#include "CSilentDNS.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

static atomic_int silent;
static atomic_int lookups;

void set_dns_silent(int is_silent) { atomic_store(&silent, is_silent); }
int silent_lookups(void) { return atomic_load(&lookups); }

/* Stands in for the C library's in the program that this is linked into, and calls it: so the product's own lookups wait,
   on its own threads, without a name server. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    typedef int function(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    function *real = (function *)dlsym(RTLD_NEXT, "getaddrinfo");
    if (!real) { return EAI_SYSTEM; }
    if (!hints || !(hints->ai_flags & AI_NUMERICHOST)) {
        if (atomic_load(&silent)) { atomic_fetch_add(&lookups, 1); }
        /* As long as resolv.conf(5) lets a lookup take by default. */
        for (int turn = 0; turn < 10000 && atomic_load(&silent); turn++) {
            struct timespec pause = {0, 1000000};
            nanosleep(&pause, NULL);
        }
    }
    return real(node, service, hints, result);
}
