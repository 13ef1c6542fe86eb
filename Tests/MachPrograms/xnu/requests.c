/* Notifications as XNU has them: 66 and S8, 69. */
#include "dialect.h"

int main(void) {
    struct letter letter;
    mach_port_t port = new_port(), notify = new_receive(), previous = 77;
    mach_port_type_t type = 0;

    IS("1.5 66: asked", ASK(port, MACH_NOTIFY_SEND_POSSIBLE, 0, notify, &previous), KERN_SUCCESS);
    CHECK("1.5 66: nothing before", previous == MACH_PORT_NULL);
    fill(port);
    IS("S8: a full queue arms it", send_id(port, 1, MACH_SEND_NOTIFY | MACH_SEND_TIMEOUT, 0), MACH_SEND_TIMED_OUT);
    mach_port_deallocate(SELF, port);
    mach_port_type(SELF, port, &type);
    CHECK("N5: SPREQUEST", type & MACH_PORT_TYPE_SPREQUEST);
    CHECK("S8: nothing yet", waiting_id(notify) == 0);
    next_id(port);
    IS("S8: room", take(&letter, notify, 0, 0), MACH_MSG_SUCCESS);
    CHECK("S8: room", letter.head.msgh_id == MACH_NOTIFY_SEND_POSSIBLE && letter.note == port);
    IS("S8: now it goes", send_id(port, 2, MACH_SEND_NOTIFY | MACH_SEND_TIMEOUT, 0), MACH_MSG_SUCCESS);

    IS("S8: without a request it is a timeout as any other", send_id(port, 1, MACH_SEND_NOTIFY | MACH_SEND_TIMEOUT, 0), MACH_SEND_TIMED_OUT);
    next_id(port);
    CHECK("S8: and nothing is told", waiting_id(notify) == 0);

    IS("S8: asked again", ASK(port, MACH_NOTIFY_SEND_POSSIBLE, 0, notify, &previous), KERN_SUCCESS);
    IS("1.2 rename", mach_port_rename(SELF, port, 0x77777703), KERN_SUCCESS);
    port = 0x77777703;
    while (waiting_id(port) != 0) {}
    fill(port);
    IS("S8: a full queue arms it", send_id(port, 1, MACH_SEND_NOTIFY | MACH_SEND_TIMEOUT, 0), MACH_SEND_TIMED_OUT);
    IS("1.2 rename", mach_port_rename(SELF, port, 0x77777803), KERN_SUCCESS);
    port = 0x77777803;
    next_id(port);
    IS("S8: room, under the new name", take(&letter, notify, 0, 0), MACH_MSG_SUCCESS);
    CHECK("S8: room, under the new name", letter.head.msgh_id == MACH_NOTIFY_SEND_POSSIBLE && letter.note == port);

    mach_port_t backup = new_receive();
    IS("1.5 69: asked", ASK(port, MACH_NOTIFY_PORT_DESTROYED, 0, backup, &previous), KERN_SUCCESS);
    IS("1.5 69: asked again", ASK(port, MACH_NOTIFY_PORT_DESTROYED, 0, backup, &previous), KERN_FAILURE);
    CHECK("1.14: the right that was given yields its 71", next_id(backup) == MACH_NOTIFY_SEND_ONCE);
    return result();
}
