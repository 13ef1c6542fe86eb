/* The calls on ports as messages to the task's own port, by stubs that mig generates of gnumach-dev's mach_port.defs. The script gives the
 * stubs other names, so that the library's calls stand beside them. */
#include "dialect.h"
#include "mach_port_user.h"

int main(void) {
    mach_port_t port = 0, right = 0, previous = 77, set = 0;
    mach_msg_type_name_t type = 0;
    mach_port_type_t kinds = 0;
    mach_port_urefs_t count = 0;
    mach_port_status_t found;
    IS("mach_port.defs: allocate", rpc_mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &port), KERN_SUCCESS);
    CHECK("mach_port.defs: allocate", kind(port) == MACH_PORT_TYPE_RECEIVE);
    IS("mach_port.defs: an error", rpc_mach_port_allocate(SELF, 77, &right), KERN_INVALID_VALUE);
    IS("mach_port.defs: insert_right", rpc_mach_port_insert_right(SELF, port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
    CHECK("mach_port.defs: insert_right", sends(port) == 1);
    IS("mach_port.defs: mod_refs", rpc_mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 2), KERN_SUCCESS);
    IS("mach_port.defs: get_refs", rpc_mach_port_get_refs(SELF, port, MACH_PORT_RIGHT_SEND, &count), KERN_SUCCESS);
    CHECK("mach_port.defs: get_refs", count == 3);
    IS("mach_port.defs: type", rpc_mach_port_type(SELF, port, &kinds), KERN_SUCCESS);
    CHECK("mach_port.defs: type", kinds == MACH_PORT_TYPE_SEND_RECEIVE);
    IS("mach_port.defs: deallocate", rpc_mach_port_deallocate(SELF, port), KERN_SUCCESS);
    CHECK("mach_port.defs: deallocate", sends(port) == 2);
    IS("mach_port.defs: extract_right", rpc_mach_port_extract_right(SELF, port, MACH_MSG_TYPE_MAKE_SEND_ONCE, &right, &type), 0);
    CHECK("mach_port.defs: extract_right", kind(right) == MACH_PORT_TYPE_SEND_ONCE && type == MACH_MSG_TYPE_PORT_SEND_ONCE);
    IS("mach_port.defs: destroy", rpc_mach_port_destroy(SELF, right), KERN_SUCCESS);
    CHECK("mach_port.defs: destroy", kind(right) == 0 && next_id(port) == MACH_NOTIFY_SEND_ONCE);
    IS("mach_port.defs: set_qlimit", rpc_mach_port_set_qlimit(SELF, port, 9), KERN_SUCCESS);
    IS("mach_port.defs: set_mscount", rpc_mach_port_set_mscount(SELF, port, 5), KERN_SUCCESS);
    IS("mach_port.defs: set_seqno", rpc_mach_port_set_seqno(SELF, port, 6), KERN_SUCCESS);
    memset(&found, 0, sizeof found);
    IS("mach_port.defs: get_receive_status", rpc_mach_port_get_receive_status(SELF, port, &found), KERN_SUCCESS);
    CHECK("mach_port.defs: get_receive_status", found.mps_qlimit == 9 && found.mps_mscount == 5 && found.mps_seqno == 6 && found.mps_srights);
    IS("mach_port.defs: allocate a set", rpc_mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &set), KERN_SUCCESS);
    IS("mach_port.defs: move_member", rpc_mach_port_move_member(SELF, port, set), KERN_SUCCESS);
    mach_port_name_array_t names = NULL;
    mach_port_type_array_t types = NULL;
    mach_msg_type_number_t one = 0, two = 0;
    IS("mach_port.defs: get_set_status", rpc_mach_port_get_set_status(SELF, set, &names, &one), KERN_SUCCESS);
    CHECK("mach_port.defs: get_set_status", one == 1 && names[0] == port);
    IS("mach_port.defs: names", rpc_mach_port_names(SELF, &names, &one, &types, &two), KERN_SUCCESS);
    CHECK("mach_port.defs: names", one == two && one >= 2);
    IS("mach_port.defs: rename", rpc_mach_port_rename(SELF, port, 0x7e0001), KERN_SUCCESS);
    CHECK("mach_port.defs: rename", kind(0x7e0001) == MACH_PORT_TYPE_SEND_RECEIVE);
    IS("mach_port.defs: allocate_name", rpc_mach_port_allocate_name(SELF, MACH_PORT_RIGHT_RECEIVE, 0x7e0001), KERN_NAME_EXISTS);
    mach_port_t notify = new_receive();
    IS("mach_port.defs: request_notification",
       rpc_mach_port_request_notification(
           SELF, 0x7e0001, MACH_NOTIFY_DEAD_NAME, 0, notify, MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous),
       KERN_SUCCESS);
    CHECK("mach_port.defs: request_notification", previous == MACH_PORT_NULL);
    drop_receive(0x7e0001);
    CHECK("mach_port.defs: request_notification", next_id(notify) == MACH_NOTIFY_DEAD_NAME);
    return result();
}
