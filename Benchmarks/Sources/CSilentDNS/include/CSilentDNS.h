#pragma once

/* From now on lookups of names wait, as for a name server that does not answer, until this is called with 0. */
void set_dns_silent(int is_silent);

/* How many lookups have waited. */
int silent_lookups(void);
