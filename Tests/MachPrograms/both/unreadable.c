/* Memory that is not the program's: S1, S3, and its counterpart at reception. */
#include "dialect.h"
#include <sys/mman.h>

int main(void) {
    mach_port_t port = new_port(), reply = new_receive();
    struct letter letter;
    char *nothing = mmap(NULL, 4 * vm_page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(nothing != MAP_FAILED);
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, reply, MACH_MSG_TYPE_MAKE_SEND_ONCE, 1);
    put_memory(&letter, nothing, 100, FALSE);
    IS("S3: out-of-line memory that cannot be read", post(&letter, 0, 0), MACH_SEND_INVALID_MEMORY);
    CHECK("S3: the header rights are gone", waiting_id(reply) == MACH_NOTIFY_SEND_ONCE);
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    put_memory(&letter, nothing, 3 * vm_page_size, FALSE);
    IS("S3: out-of-line memory that cannot be read", post(&letter, 0, 0), MACH_SEND_INVALID_MEMORY);
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    put_rights(&letter, (mach_port_t *)nothing, 3, MACH_MSG_TYPE_COPY_SEND, FALSE);
    IS("S3: an array that cannot be read", post(&letter, 0, 0), MACH_SEND_INVALID_MEMORY);

    IS("S1: a message that cannot be read",
       mach_msg((mach_msg_header_t *)nothing, MACH_SEND_MSG, sizeof(mach_msg_header_t), 0, 0, 0, 0), MACH_SEND_INVALID_DATA);
    send_id(port, 2, 0, 0);
    IS("1.13: a buffer that cannot be written",
       mach_msg((mach_msg_header_t *)nothing, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, 500, port, 1000, 0), MACH_RCV_INVALID_DATA);
    IS("1.13: a result that cannot be written", mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, (mach_port_t *)nothing), KERN_INVALID_ADDRESS);
    return result();
}
