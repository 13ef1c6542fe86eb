/* Everything that a program of the XNU dialect usually needs. */
#ifndef _MACH_MACH_H_
#define _MACH_MACH_H_

#include <mach/mach_error.h>
#include <mach/mach_init.h>
#include <mach/mach_interface.h>
#include <mach/mach_traps.h>
#include <mach/mach_types.h>
#include <mach/mig_errors.h>

#endif
