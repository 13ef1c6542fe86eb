/* What generated stubs need. */
#ifndef _MACH_MIG_H_
#define _MACH_MIG_H_

#include <mach/kern_return.h>
#include <mach/masix_linkage.h>
#include <mach/message.h>
#include <mach/port.h>
#include <mach/vm_types.h>

typedef void (*mig_stub_routine_t)(mach_msg_header_t *InHeadP, mach_msg_header_t *OutHeadP);
typedef mig_stub_routine_t mig_routine_t;
typedef mig_routine_t (*mig_server_routine_t)(mach_msg_header_t *InHeadP);
typedef kern_return_t (*mig_impl_routine_t)(void);

typedef struct mig_symtab {
    char *ms_routine_name;
    int ms_routine_number;
    void (*ms_routine)(void);
} mig_symtab_t;

MASIX_C_BEGIN

/* A reply port for this thread, made when first asked for. */
extern mach_port_t mig_get_reply_port(void);
/* The reply has come: the port may serve again. */
extern void mig_put_reply_port(mach_port_t reply_port);
/* A late reply may still come: the port is destroyed. */
extern void mig_dealloc_reply_port(mach_port_t reply_port);

extern void mig_allocate(vm_address_t *addr_p, vm_size_t size);
extern void mig_deallocate(vm_address_t addr, vm_size_t size);

/* Copies at most len bytes, the last of which is 0; how many, that one included. */
extern int mig_strncpy(char *dest, const char *src, int len) MASIX_XNU(mig_strncpy);

/* Makes the reply's header: to the sender of the request, with MIG_BAD_ID in it. */
extern void mig_reply_setup(const mach_msg_header_t *request, mach_msg_header_t *reply) MASIX_XNU(mig_reply_setup);

MASIX_C_END

#endif
