/* Types and numbers of the Mach 3 root: those of gnumach-dev, and what this root adds. Compiling is most of the test. */
#include <mach/mach.h>
#include "dialect.h"

_Static_assert(sizeof(mach_msg_header_t) == 32, "header");
_Static_assert(sizeof(mach_msg_type_t) == 4, "type");
_Static_assert(sizeof(mach_msg_type_long_t) == 12, "long type");
_Static_assert(sizeof(mach_port_status_t) == 36, "status");
_Static_assert(sizeof(mach_port_t) == 4, "port");
_Static_assert(sizeof(vm_address_t) == 8, "address");
_Static_assert(MACH_RCV_LARGE == 0x800, "1.13");
_Static_assert(MACH_MSGH_BITS_UNUSED == 0x07ff0000, "1.14");

int main(void) {
    CHECK("vm_page_size", vm_page_size >= 4096 && round_page(1) == vm_page_size && trunc_page(vm_page_size + 1) == vm_page_size);
    CHECK("error.h", err_get_system(MACH_RCV_TOO_LARGE) == 4 && err_get_sub(MACH_RCV_TOO_LARGE) == 1 && err_get_code(MACH_RCV_TOO_LARGE) == 4);
    mach_port_t name = new_port();
    IS("syscall_mach_port_deallocate", syscall_mach_port_deallocate(SELF, name), KERN_SUCCESS);
    CHECK("syscall_mach_port_deallocate", kind(name) == MACH_PORT_TYPE_RECEIVE);
    return result();
}
