/* Sets as XNU has them: several for a port, and direct reception beside them. */
#include "dialect.h"

int main(void) {
    struct letter letter;
    mach_port_t port = new_port(), one = new_set(), two = new_set();
    IS("1.2 insert_member", mach_port_insert_member(SELF, port, one), KERN_SUCCESS);
    IS("1.2 insert_member: already", mach_port_insert_member(SELF, port, one), KERN_ALREADY_IN_SET);
    IS("1.2 insert_member: in a second set", mach_port_insert_member(SELF, port, two), KERN_SUCCESS);
    IS("1.2 insert_member: a set", mach_port_insert_member(SELF, one, two), KERN_INVALID_RIGHT);
    IS("1.2 insert_member: into a port", mach_port_insert_member(SELF, port, port), KERN_INVALID_RIGHT);
    IS("1.2 insert_member: nothing", mach_port_insert_member(SELF, 0x770000, one), KERN_INVALID_NAME);
    send_id(port, 1, 0, 0);
    IS("1.7: from the one", take(&letter, one, 0, 0), MACH_MSG_SUCCESS);
    send_id(port, 2, 0, 0);
    IS("1.7: from the other", take(&letter, two, 0, 0), MACH_MSG_SUCCESS);
    CHECK("V5: the member", letter.head.msgh_local_port == port && letter.head.msgh_id == 2);
    send_id(port, 3, 0, 0);
    IS("V1: directly", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);
    CHECK("V1: directly", letter.head.msgh_id == 3);
    IS("1.2 extract_member", mach_port_extract_member(SELF, port, one), KERN_SUCCESS);
    IS("1.2 extract_member: not in it", mach_port_extract_member(SELF, port, one), KERN_NOT_IN_SET);
    send_id(port, 4, 0, 0);
    CHECK("1.7: no longer from the one", waiting_id(one) == 0);
    CHECK("1.7: still from the other", next_id(two) == 4);
    IS("1.2 deallocate: a set", mach_port_deallocate(SELF, one), KERN_SUCCESS);
    CHECK("1.2 deallocate: a set", kind(one) == 0);
    mach_port_t third = new_set();
    mach_port_insert_member(SELF, port, third);
    IS("1.2 move_member: out of all", mach_port_move_member(SELF, port, MACH_PORT_NULL), KERN_SUCCESS);
    IS("1.2 move_member: out of all", mach_port_extract_member(SELF, port, third), KERN_NOT_IN_SET);
    IS("1.2 move_member: out of all", mach_port_extract_member(SELF, port, two), KERN_NOT_IN_SET);
    return result();
}
