/* Calls on tasks and their memory: what Masix has of those that mach.defs describes. */
#ifndef _MACH_MACH_INTERFACE_H
#define _MACH_MACH_INTERFACE_H 1

#include <mach/kern_return.h>
#include <mach/mach_types.h>
#include <mach/message.h>
#include <mach/port.h>
#include <mach/std_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The memory is zero. If not anywhere, the address is given, and rounded down to a page. */
extern kern_return_t vm_allocate(mach_port_t target_task, vm_address_t *address, vm_size_t size, boolean_t anywhere);
/* Frees every page that the range touches. */
extern kern_return_t vm_deallocate(mach_port_t target_task, vm_address_t address, vm_size_t size);

/* TASK_BOOTSTRAP_PORT and TASK_KERNEL_PORT. */
extern kern_return_t task_get_special_port(mach_port_t task, int which_port, mach_port_t *special_port);

extern kern_return_t task_info(
    mach_port_t target_task, int flavor, task_info_t task_info_out, mach_msg_type_number_t *task_info_outCnt);

#ifdef __cplusplus
}
#endif

/* Who a task runs for; as in the other dialect. Two numbers: effective user and group. */
#define TASK_SECURITY_TOKEN 13
#define TASK_SECURITY_TOKEN_COUNT 2
/* Eight: audit user, effective user and group, real user and group, process, session, process version. */
#define TASK_AUDIT_TOKEN 15
#define TASK_AUDIT_TOKEN_COUNT 8

#endif
