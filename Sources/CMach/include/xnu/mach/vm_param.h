/* Pages. */
#ifndef _MACH_VM_PARAM_H_
#define _MACH_VM_PARAM_H_

#include <mach/masix_linkage.h>
#include <mach/vm_types.h>

#define VM_MIN_ADDRESS ((vm_address_t)0)

MASIX_C_BEGIN
extern vm_size_t vm_page_size;
extern vm_size_t vm_page_mask;
extern int vm_page_shift;
MASIX_C_END

#define PAGE_SIZE vm_page_size
#define PAGE_MASK vm_page_mask
#define PAGE_SHIFT vm_page_shift

#define mach_vm_round_page(x) (((mach_vm_offset_t)(x) + vm_page_mask) & ~((mach_vm_offset_t)vm_page_mask))
#define mach_vm_trunc_page(x) ((mach_vm_offset_t)(x) & ~((mach_vm_offset_t)vm_page_mask))
#define round_page(x) (((vm_offset_t)(x) + vm_page_mask) & ~((vm_offset_t)vm_page_mask))
#define trunc_page(x) ((vm_offset_t)(x) & ~((vm_offset_t)vm_page_mask))

#endif
