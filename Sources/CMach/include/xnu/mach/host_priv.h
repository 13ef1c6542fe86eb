/* Calls on a node. */
#ifndef _MACH_HOST_PRIV_H_
#define _MACH_HOST_PRIV_H_

#include <mach/mach_host.h>

#endif
