/* construct and destruct, attributes, peek, the context: the XNU rows of 1.2. */
#include "dialect.h"

int main(void) {
    mach_port_options_t options;
    mach_port_t port = 0;
    mach_port_context_t context = 0;
    memset(&options, 0, sizeof options);
    IS("1.2 construct: nothing wished", mach_port_construct(SELF, &options, 0, &port), KERN_SUCCESS);
    CHECK("1.2 construct: a receive right", kind(port) == MACH_PORT_TYPE_RECEIVE && status(port).mps_qlimit == 5);
    IS("1.2 destruct", mach_port_destruct(SELF, port, 0, 0), KERN_SUCCESS);
    CHECK("1.2 destruct", kind(port) == 0);

    options.flags = MPO_QLIMIT | MPO_INSERT_SEND_RIGHT | MPO_CONTEXT_AS_GUARD;
    options.mpl.mpl_qlimit = 100;
    IS("1.2 construct: everything", mach_port_construct(SELF, &options, 0x1234, &port), KERN_SUCCESS);
    CHECK("1.2 construct: MPO_INSERT_SEND_RIGHT", kind(port) == MACH_PORT_TYPE_SEND_RECEIVE && sends(port) == 1);
    CHECK("1.2 construct: MPO_QLIMIT", status(port).mps_qlimit == 100);
    CHECK("1.2 construct: MPO_CONTEXT_AS_GUARD", status(port).mps_flags & MACH_PORT_STATUS_FLAG_GUARDED);
    CHECK("1.2 destruct: another guard", mach_port_destruct(SELF, port, 0, 0x9999) != KERN_SUCCESS);
    CHECK("1.2 destruct: an error changes nothing", kind(port) == MACH_PORT_TYPE_SEND_RECEIVE);
    mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 2);
    IS("1.2 destruct: with references", mach_port_destruct(SELF, port, -2, 0x1234), KERN_SUCCESS);
    CHECK("1.2 destruct: the rest is a dead name", refs(port, MACH_PORT_RIGHT_DEAD_NAME) == 1);
    mach_port_destroy(SELF, port);
    options.flags = MPO_QLIMIT;
    options.mpl.mpl_qlimit = 1025;
    IS("1.2 construct: a limit too high", mach_port_construct(SELF, &options, 0, &port), KERN_INVALID_VALUE);
    IS("1.2 construct: no task", mach_port_construct(MACH_PORT_NULL, &options, 0, &port), KERN_INVALID_TASK);
    IS("1.2 destruct: nothing", mach_port_destruct(SELF, 0x770000, 0, 0), KERN_INVALID_NAME);

    port = new_port();
    mach_port_limits_t limits = {77};
    mach_msg_type_number_t count = MACH_PORT_LIMITS_INFO_COUNT;
    IS("1.2 get_attributes: limits", mach_port_get_attributes(SELF, port, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits, &count), 0);
    CHECK("1.2 get_attributes: limits", limits.mpl_qlimit == 5 && count == MACH_PORT_LIMITS_INFO_COUNT);
    limits.mpl_qlimit = 1024;
    IS("1.2 set_attributes: limits",
       mach_port_set_attributes(SELF, port, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits, MACH_PORT_LIMITS_INFO_COUNT), KERN_SUCCESS);
    CHECK("1.2 set_attributes: limits", status(port).mps_qlimit == 1024);
    limits.mpl_qlimit = 1025;
    IS("1.2 set_attributes: too high",
       mach_port_set_attributes(SELF, port, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits, MACH_PORT_LIMITS_INFO_COUNT),
       KERN_INVALID_VALUE);
    mach_port_status_t found;
    memset(&found, 0, sizeof found);
    count = MACH_PORT_RECEIVE_STATUS_COUNT;
    send_id(port, 61, 0, 0);
    send_id(port, 62, 0, 0);
    IS("1.2 get_attributes: status", mach_port_get_attributes(SELF, port, MACH_PORT_RECEIVE_STATUS, (mach_port_info_t)&found, &count), 0);
    CHECK("1.2 get_attributes: status",
          found.mps_qlimit == 1024 && found.mps_msgcount == 2 && found.mps_srights && found.mps_mscount == 1 && count == 10);
    mach_port_t set = new_set();
    count = MACH_PORT_RECEIVE_STATUS_COUNT;
    IS("1.2 get_attributes: a set",
       mach_port_get_attributes(SELF, set, MACH_PORT_RECEIVE_STATUS, (mach_port_info_t)&found, &count), KERN_INVALID_RIGHT);
    IS("1.2 get_attributes: nothing",
       mach_port_get_attributes(SELF, 0x770000, MACH_PORT_RECEIVE_STATUS, (mach_port_info_t)&found, &count), KERN_INVALID_NAME);
    count = 1;
    CHECK("1.2 get_attributes: no room",
          mach_port_get_attributes(SELF, port, MACH_PORT_RECEIVE_STATUS, (mach_port_info_t)&found, &count) != KERN_SUCCESS);

    mach_port_seqno_t which = 0;
    mach_msg_size_t size = 0;
    mach_msg_id_t id = 0;
    mach_msg_max_trailer_t trailer;
    mach_msg_type_number_t trailer_size = sizeof trailer;
    IS("peek",
       mach_port_peek(
           SELF, port, MACH_RCV_TRAILER_TYPE(0) | MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_SEQNO), &which, &size, &id,
           (mach_msg_trailer_info_t)&trailer, &trailer_size),
       KERN_SUCCESS);
    CHECK("peek: the first", id == 61 && size == sizeof(mach_msg_header_t));
    CHECK("peek: it stays", status(port).mps_msgcount == 2 && next_id(port) == 61 && next_id(port) == 62);
    which = 0;
    trailer_size = sizeof trailer;
    IS("peek: empty", mach_port_peek(SELF, port, 0, &which, &size, &id, (mach_msg_trailer_info_t)&trailer, &trailer_size), KERN_FAILURE);

    IS("context: set", mach_port_set_context(SELF, port, 0xabcdef0123456789), KERN_SUCCESS);
    IS("context: get", mach_port_get_context(SELF, port, &context), KERN_SUCCESS);
    CHECK("context", context == 0xabcdef0123456789);
    struct letter letter;
    mach_port_t by = new_port();
    start(&letter, by, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    put_right(&letter, port, MACH_MSG_TYPE_MOVE_RECEIVE);
    post(&letter, 0, 0);
    take(&letter, by, 0, 0);
    IS("R1: context", mach_port_get_context(SELF, port, &context), KERN_SUCCESS);
    CHECK("R1: the context is cleared", context == 0);
    return result();
}
