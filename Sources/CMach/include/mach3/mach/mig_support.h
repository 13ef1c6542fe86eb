/* What stubs that mig generates call. */
#ifndef _MACH_MIG_SUPPORT_H
#define _MACH_MIG_SUPPORT_H 1

#include <mach/message.h>
#include <mach/std_types.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Nothing needs to be made ready. */
extern void mig_init(void *first);

/* A reply port for this thread, made when first asked for. */
extern mach_port_t mig_get_reply_port(void);
/* The reply has come: the port may serve again. */
extern void mig_put_reply_port(mach_port_t port);
/* A late reply may still come: the port is destroyed. */
extern void mig_dealloc_reply_port(mach_port_t port);

extern void mig_allocate(vm_address_t *addr_p, vm_size_t size);
extern void mig_deallocate(vm_address_t addr, vm_size_t size);

/* Copies at most len bytes, the last of which is 0; how many, that one included. */
extern vm_size_t mig_strncpy(char *dst, const char *src, vm_size_t len);

/* Makes the reply's header: to the sender of the request, with MIG_BAD_ID in it. */
extern void mig_reply_setup(const mach_msg_header_t *request, mach_msg_header_t *reply);

#ifdef __cplusplus
}
#endif

#endif
