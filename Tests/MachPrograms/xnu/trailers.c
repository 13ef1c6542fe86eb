/* Trailers: 1.12, and V4 with them. */
#include <bsm/libbsm.h>
#include "dialect.h"

static struct letter letter;
static mach_port_t port;

/* Receives with a trailer asked for; a pointer to it. */
static mach_msg_mac_trailer_t *with(int elements) {
    memset(&letter, 0xee, sizeof letter);
    send_id(port, 7, 0, 0);
    IS("1.12: received",
       mach_msg(
           &letter.head, MACH_RCV_MSG | MACH_RCV_TIMEOUT | MACH_RCV_TRAILER_TYPE(MACH_MSG_TRAILER_FORMAT_0) | MACH_RCV_TRAILER_ELEMENTS(elements),
           0, sizeof letter.bytes, port, 1000, MACH_PORT_NULL),
       MACH_MSG_SUCCESS);
    CHECK("1.12: not counted in msgh_size", letter.head.msgh_size == sizeof(mach_msg_header_t));
    mach_msg_mac_trailer_t *trailer = (mach_msg_mac_trailer_t *)(letter.bytes + round_msg(letter.head.msgh_size));
    CHECK("1.12: its type", trailer->msgh_trailer_type == MACH_MSG_TRAILER_FORMAT_0);
    return trailer;
}

int main(void) {
    port = new_port();
    CHECK("1.12: always the 8 bytes", with(MACH_RCV_TRAILER_NULL)->msgh_trailer_size == 8);
    mach_msg_mac_trailer_t *trailer = with(MACH_RCV_TRAILER_SEQNO);
    CHECK("1.12: a sequence number", trailer->msgh_trailer_size == 12 && trailer->msgh_seqno == 1);
    trailer = with(MACH_RCV_TRAILER_SENDER);
    CHECK("1.12: a security token", trailer->msgh_trailer_size == 20 && trailer->msgh_seqno == 2);
    CHECK("1.14: effective user and group", trailer->msgh_sender.val[0] == geteuid() && trailer->msgh_sender.val[1] == getegid());
    trailer = with(MACH_RCV_TRAILER_AUDIT);
    CHECK("1.12: an audit token", trailer->msgh_trailer_size == 52);
    CHECK("1.14: effective user and group",
          audit_token_to_euid(trailer->msgh_audit) == geteuid() && audit_token_to_egid(trailer->msgh_audit) == getegid());
    CHECK("1.14: real user and group",
          audit_token_to_ruid(trailer->msgh_audit) == getuid() && audit_token_to_rgid(trailer->msgh_audit) == getgid());
    CHECK("1.14: the process", audit_token_to_pid(trailer->msgh_audit) == getpid());
    audit_token_t mine;
    mach_msg_type_number_t count = TASK_AUDIT_TOKEN_COUNT;
    IS("1.12: task_info says the same", task_info(SELF, TASK_AUDIT_TOKEN, (task_info_t)&mine, &count), KERN_SUCCESS);
    CHECK("1.12: task_info says the same", memcmp(&mine, &trailer->msgh_audit, sizeof mine) == 0);
    IS("mach_port_set_context", mach_port_set_context(SELF, port, 0x1122334455667788), KERN_SUCCESS);
    trailer = with(MACH_RCV_TRAILER_CTX);
    CHECK("1.12: room for a context", trailer->msgh_trailer_size == 60);
    CHECK("1.12: the context", trailer->msgh_context == 0x1122334455667788);
    CHECK("1.12: AV", with(MACH_RCV_TRAILER_AV)->msgh_trailer_size == sizeof(mach_msg_mac_trailer_t));
    CHECK("1.12: labels", with(MACH_RCV_TRAILER_LABELS)->msgh_trailer_size == sizeof(mach_msg_mac_trailer_t));

    /* A notification is the kernel's. */
    mach_port_deallocate(SELF, new_once(port));
    memset(&letter, 0, sizeof letter);
    IS("1.12: a notification",
       mach_msg(
           &letter.head, MACH_RCV_MSG | MACH_RCV_TIMEOUT | MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_AUDIT), 0, sizeof letter.bytes, port,
           1000, MACH_PORT_NULL),
       MACH_MSG_SUCCESS);
    trailer = (mach_msg_mac_trailer_t *)(letter.bytes + round_msg(letter.head.msgh_size));
    CHECK("1.12: process 0", letter.head.msgh_id == MACH_NOTIFY_SEND_ONCE && audit_token_to_pid(trailer->msgh_audit) == 0);

    IS("1.12: a form that there is not",
       mach_msg(
           &letter.head, MACH_RCV_MSG | MACH_RCV_TIMEOUT | MACH_RCV_TRAILER_TYPE(5), 0, sizeof letter.bytes, port, 0, MACH_PORT_NULL),
       MACH_RCV_INVALID_TRAILER);

    /* Room for it. */
    send_id(port, 8, 0, 0);
    IS("V4: the trailer needs room",
       mach_msg(
           &letter.head, MACH_RCV_MSG | MACH_RCV_LARGE | MACH_RCV_TIMEOUT | MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_AUDIT), 0,
           sizeof(mach_msg_header_t) + 51, port, 1000, MACH_PORT_NULL),
       MACH_RCV_TOO_LARGE);
    CHECK("1.14 V4: msgh_size is without it", letter.head.msgh_size == sizeof(mach_msg_header_t));
    IS("V4: so does the least one",
       mach_msg(
           &letter.head, MACH_RCV_MSG | MACH_RCV_LARGE | MACH_RCV_TIMEOUT, 0, sizeof(mach_msg_header_t) + 7, port, 1000, MACH_PORT_NULL),
       MACH_RCV_TOO_LARGE);
    IS("V4: just enough",
       mach_msg(
           &letter.head, MACH_RCV_MSG | MACH_RCV_LARGE | MACH_RCV_TIMEOUT, 0, sizeof(mach_msg_header_t) + 8, port, 1000, MACH_PORT_NULL),
       MACH_MSG_SUCCESS);

    mach_port_t set = new_set();
    mach_port_move_member(SELF, port, set);
    send_id(port, 9, 0, 0);
    memset(&letter, 0, sizeof letter);
    IS("V4: whose message is too large",
       mach_msg(
           &letter.head, MACH_RCV_MSG | MACH_RCV_LARGE | MACH_RCV_LARGE_IDENTITY | MACH_RCV_TIMEOUT, 0, sizeof(mach_msg_header_t), set, 1000,
           MACH_PORT_NULL),
       MACH_RCV_TOO_LARGE);
    CHECK("V4: the member, with LARGE_IDENTITY", letter.head.msgh_local_port == port);
    return result();
}
