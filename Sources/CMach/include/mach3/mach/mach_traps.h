/* The calls that need no name to be made. */
#ifndef _MACH_MACH_TRAPS_H
#define _MACH_MACH_TRAPS_H 1

#include <mach/kern_return.h>
#include <mach/mach_types.h>
#include <mach/port.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A fresh receive right, without a send right; null on a shortage. */
extern mach_port_name_t mach_reply_port(void);

/* Send rights that stand for this task, thread and node. */
extern mach_port_name_t mach_task_self(void);
extern mach_port_name_t mach_thread_self(void);
extern mach_port_name_t mach_host_self(void);

/* Prints to the standard error. */
extern void mach_print(const char *text);

extern kern_return_t syscall_mach_port_allocate(mach_port_t task, mach_port_right_t right, mach_port_t *name);
extern kern_return_t syscall_mach_port_deallocate(mach_port_t task, mach_port_t name);
extern kern_return_t syscall_vm_allocate(mach_port_t task, vm_offset_t *address, vm_size_t size, boolean_t anywhere);
extern kern_return_t syscall_vm_deallocate(mach_port_t task, vm_offset_t address, vm_size_t size);

#ifdef __cplusplus
}
#endif

#endif
