/* What every program has from its start. */
#ifndef _MACH_MACH_INIT_H_
#define _MACH_MACH_INIT_H_

#include <mach/mach_traps.h>
#include <mach/mach_types.h>
#include <mach/masix_linkage.h>
#include <mach/vm_param.h>

MASIX_C_BEGIN

/* The name server. Null until the program first asks for a right of its own; the bootstrap calls take null for it. */
extern mach_port_t bootstrap_port;

MASIX_C_END

#endif
