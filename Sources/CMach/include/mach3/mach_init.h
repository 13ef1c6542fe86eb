/* What every program has from its start. */
#ifndef _MACH_INIT_H
#define _MACH_INIT_H 1

#include <mach/mach_types.h>

#include <mach/mach_traps.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The name server. Null until the program first asks for a right of its own; the bootstrap calls take null for it. */
extern mach_port_t bootstrap_port;

extern vm_size_t vm_page_size;
extern vm_size_t vm_page_mask;
extern int vm_page_shift;

#ifdef __cplusplus
}
#endif

#define round_page(x) ((((vm_offset_t)(x) + vm_page_size - 1) / vm_page_size) * vm_page_size)
#define trunc_page(x) ((((vm_offset_t)(x)) / vm_page_size) * vm_page_size)

#endif
