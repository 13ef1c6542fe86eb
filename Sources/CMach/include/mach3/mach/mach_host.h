/* Calls on a node: what Masix has of those that mach_host.defs describes. */
#ifndef _MACH_MACH_HOST_H
#define _MACH_MACH_HOST_H 1

#include <mach/kern_return.h>
#include <mach/mach_types.h>
#include <mach/message.h>
#include <mach/port.h>
#include <mach/std_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* HOST_BASIC_INFO. */
extern kern_return_t host_info(mach_port_t host, int flavor, host_info_t host_info_out, mach_msg_type_number_t *host_info_outCnt);
extern kern_return_t host_get_time(mach_port_t host, time_value_t *current_time);
extern kern_return_t host_kernel_version(mach_port_t host, kernel_version_t kernel_version);

#ifdef __cplusplus
}
#endif

#endif
