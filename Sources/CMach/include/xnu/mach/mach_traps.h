/* The calls that need no name to be made. */
#ifndef _MACH_MACH_TRAPS_H_
#define _MACH_MACH_TRAPS_H_

#include <mach/mach_types.h>
#include <mach/masix_linkage.h>

MASIX_C_BEGIN

/* A fresh receive right, without a send right; null on a shortage. */
extern mach_port_name_t mach_reply_port(void);

/* Send rights that stand for this task, thread and node. */
extern mach_port_t mach_task_self(void);
extern mach_port_t mach_thread_self(void);
extern mach_port_t mach_host_self(void);

extern kern_return_t syscall_mach_port_allocate(ipc_space_t task, mach_port_right_t right, mach_port_name_t *name);
extern kern_return_t syscall_vm_allocate(vm_map_t task, vm_address_t *address, vm_size_t size, int flags);
extern kern_return_t syscall_vm_deallocate(vm_map_t task, vm_address_t address, vm_size_t size);

MASIX_C_END

/* A variable elsewhere, a call here; some programs say the one, some the other. */
#define mach_task_self() mach_task_self()
#define mach_task_self_ (mach_task_self())
#define current_task() mach_task_self()

#endif
