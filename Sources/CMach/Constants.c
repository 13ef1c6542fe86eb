/* What programs find without a call. */
#include "CMach.h"
#include <mach/mach.h>
#include <unistd.h>

const NDR_record_t NDR_record = {
    .mig_encoding = NDR_PROTOCOL_2_0,
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    .int_rep = NDR_INT_LITTLE_ENDIAN,
#else
    .int_rep = NDR_INT_BIG_ENDIAN,
#endif
    .char_rep = NDR_CHAR_ASCII,
    .float_rep = NDR_FLOAT_IEEE,
};

vm_size_t vm_page_size = 4096;
vm_size_t vm_page_mask = 4095;
int vm_page_shift = 12;

mach_port_t bootstrap_port;

__attribute__((constructor)) static void measure_pages(void) {
    long size = sysconf(_SC_PAGESIZE);
    if (size <= 0) { return; }
    vm_page_size = (vm_size_t)size;
    vm_page_mask = vm_page_size - 1;
    vm_page_shift = __builtin_ctzl((unsigned long)size);
}

/* Whoever attaches the task tells what it found. */
void masix_mach_set_bootstrap_port(mach_port_t port) { bootstrap_port = port; }
