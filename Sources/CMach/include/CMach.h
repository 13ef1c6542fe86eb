/* What the Swift side of the library tells its C side. */
#ifndef MASIX_CMACH_H
#define MASIX_CMACH_H

#include <stdint.h>

/* The name for `bootstrap_port`, to be told once the task has one. */
void masix_mach_set_bootstrap_port(uint32_t port);

#endif
