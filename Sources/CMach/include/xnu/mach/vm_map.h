/* Memory of a task, addresses as long as pointers. */
#ifndef _MACH_VM_MAP_H_
#define _MACH_VM_MAP_H_

#include <mach/mach_types.h>
#include <mach/masix_linkage.h>

MASIX_C_BEGIN

/* With VM_FLAGS_ANYWHERE the address is chosen, otherwise it is given, and rounded down to a page. The memory is zero. */
extern kern_return_t vm_allocate(vm_map_t target_task, vm_address_t *address, vm_size_t size, int flags);

/* Frees every page that the range touches. */
extern kern_return_t vm_deallocate(vm_map_t target_task, vm_address_t address, vm_size_t size);

MASIX_C_END

#endif
