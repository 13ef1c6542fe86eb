/* Calls on a node. */
#ifndef _MACH_MACH_HOST_H_
#define _MACH_MACH_HOST_H_

#include <mach/mach_types.h>
#include <mach/masix_linkage.h>

MASIX_C_BEGIN

/* HOST_BASIC_INFO. */
extern kern_return_t host_info(
    host_t host, host_flavor_t flavor, host_info_t host_info_out, mach_msg_type_number_t *host_info_outCnt) MASIX_XNU(host_info);
extern kern_return_t host_get_time(host_t host, time_value_t *current_time) MASIX_XNU(host_get_time);
extern kern_return_t host_kernel_version(host_t host, kernel_version_t kernel_version);
extern kern_return_t host_page_size(host_t host, vm_size_t *out_page_size);

MASIX_C_END

#endif
