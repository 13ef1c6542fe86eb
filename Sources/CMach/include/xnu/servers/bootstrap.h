/* Names for ports, by the name server of the node. */
#ifndef _SERVERS_BOOTSTRAP_H_
#define _SERVERS_BOOTSTRAP_H_

#include <mach/mach_init.h>
#include <mach/mach_types.h>
#include <mach/masix_linkage.h>

/* With the null at the end. */
#define BOOTSTRAP_MAX_NAME_LEN 128
typedef char name_t[BOOTSTRAP_MAX_NAME_LEN];

#define BOOTSTRAP_SUCCESS 0
#define BOOTSTRAP_NOT_PRIVILEGED 1100
#define BOOTSTRAP_NAME_IN_USE 1101
#define BOOTSTRAP_UNKNOWN_SERVICE 1102
#define BOOTSTRAP_SERVICE_ACTIVE 1103
#define BOOTSTRAP_BAD_COUNT 1104
#define BOOTSTRAP_NO_MEMORY 1105
#define BOOTSTRAP_NO_CHILDREN 1106

MASIX_C_BEGIN

/* Makes a port, registers a send right under the name, and gives the receive right. */
extern kern_return_t bootstrap_check_in(mach_port_t bp, const char *service_name, mach_port_t *sp);
/* Registers a send right under the name; the caller keeps its own. */
extern kern_return_t bootstrap_register(mach_port_t bp, const char *service_name, mach_port_t sp);
/* A send right for what is registered under the name. */
extern kern_return_t bootstrap_look_up(mach_port_t bp, const char *service_name, mach_port_t *sp);

extern const char *bootstrap_strerror(kern_return_t r);

MASIX_C_END

#endif
