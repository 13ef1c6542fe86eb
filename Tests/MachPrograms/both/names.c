/* Names, user references and the calls on them: 1.1 and the table of 1.2. */
#include "dialect.h"

static void allocating(void) {
    mach_port_t name = 0, other = 0;
    IS("1.2 allocate: RECEIVE", mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &name), KERN_SUCCESS);
    CHECK("N1: null and dead denote no right", MACH_PORT_VALID(name));
    CHECK("N5: the type of a receive right", kind(name) == MACH_PORT_TYPE_RECEIVE);
    CHECK("N3: a receive right counts 1", refs(name, MACH_PORT_RIGHT_RECEIVE) == 1);
    mach_port_status_t fresh = status(name);
    CHECK("1.2 allocate: no senders", !fresh.mps_srights && fresh.mps_sorights == 0);
    CHECK("1.2 allocate: empty queue", fresh.mps_msgcount == 0);
    CHECK("1.2 allocate: mscount 0", fresh.mps_mscount == 0);
    CHECK("1.2 allocate: seqno 0", fresh.mps_seqno == 0);
    CHECK("1.2 allocate: qlimit 5", fresh.mps_qlimit == 5);
    CHECK("1.2 allocate: in no set", fresh.mps_pset == 0);
    CHECK("1.2 allocate: no requests", !fresh.mps_pdrequest && !fresh.mps_nsrequest);

    IS("1.2 allocate: PORT_SET", mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &other), KERN_SUCCESS);
    CHECK("N5: the type of a set", kind(other) == MACH_PORT_TYPE_PORT_SET);
    CHECK("N3: a set counts 1", refs(other, MACH_PORT_RIGHT_PORT_SET) == 1);
    CHECK("N1: names differ", other != name);
    IS("1.2 destroy: a set", mach_port_destroy(SELF, other), KERN_SUCCESS);

    IS("1.2 allocate: DEAD_NAME", mach_port_allocate(SELF, MACH_PORT_RIGHT_DEAD_NAME, &other), KERN_SUCCESS);
    CHECK("N5: the type of a dead name", kind(other) == MACH_PORT_TYPE_DEAD_NAME);
    CHECK("1.2 allocate: a dead name has one reference", refs(other, MACH_PORT_RIGHT_DEAD_NAME) == 1);
    IS("1.2 deallocate: a dead name", mach_port_deallocate(SELF, other), KERN_SUCCESS);
    CHECK("1.2 deallocate: the last reference frees the name", kind(other) == 0);

    IS("1.2 allocate: SEND cannot be", mach_port_allocate(SELF, MACH_PORT_RIGHT_SEND, &other), KERN_INVALID_VALUE);
    IS("1.2 allocate: SEND_ONCE cannot be", mach_port_allocate(SELF, MACH_PORT_RIGHT_SEND_ONCE, &other), KERN_INVALID_VALUE);
    IS("1.2 allocate: unknown right", mach_port_allocate(SELF, 77, &other), KERN_INVALID_VALUE);
    drop_receive(name);
    CHECK("1.2 mod_refs: the name is free", kind(name) == 0);
}

static void allocating_names(void) {
    const mach_port_t chosen = 0x7a0005;
    IS("1.2 allocate_name: RECEIVE", mach_port_allocate_name(SELF, MACH_PORT_RIGHT_RECEIVE, chosen), KERN_SUCCESS);
    CHECK("1.2 allocate_name: under this name", kind(chosen) == MACH_PORT_TYPE_RECEIVE);
    IS("1.2 allocate_name: in use", mach_port_allocate_name(SELF, MACH_PORT_RIGHT_RECEIVE, chosen), KERN_NAME_EXISTS);
    IS("1.2 allocate_name: in use, as a set", mach_port_allocate_name(SELF, MACH_PORT_RIGHT_PORT_SET, chosen), KERN_NAME_EXISTS);
    IS("1.2 allocate_name: null", mach_port_allocate_name(SELF, MACH_PORT_RIGHT_RECEIVE, MACH_PORT_NULL), KERN_INVALID_VALUE);
    IS("1.2 allocate_name: dead", mach_port_allocate_name(SELF, MACH_PORT_RIGHT_RECEIVE, MACH_PORT_DEAD), KERN_INVALID_VALUE);
    IS("1.2 allocate_name: SEND", mach_port_allocate_name(SELF, MACH_PORT_RIGHT_SEND, chosen + 1), KERN_INVALID_VALUE);
    IS("1.2 destroy: a receive right", mach_port_destroy(SELF, chosen), KERN_SUCCESS);
    IS("1.2 destroy: the name is free immediately", mach_port_allocate_name(SELF, MACH_PORT_RIGHT_DEAD_NAME, chosen), KERN_SUCCESS);
    CHECK("1.2 allocate_name: DEAD_NAME", refs(chosen, MACH_PORT_RIGHT_DEAD_NAME) == 1);
    IS("1.2 destroy: a dead name", mach_port_destroy(SELF, chosen), KERN_SUCCESS);
    IS("1.2 allocate_name: PORT_SET", mach_port_allocate_name(SELF, MACH_PORT_RIGHT_PORT_SET, chosen), KERN_SUCCESS);
    IS("1.2 destroy: a set", mach_port_destroy(SELF, chosen), KERN_SUCCESS);
    IS("1.2 destroy: nothing", mach_port_destroy(SELF, chosen), KERN_INVALID_NAME);
}

static void deallocating(void) {
    mach_port_t port = new_port();
    CHECK("N2: send and receive rights share one name", kind(port) == MACH_PORT_TYPE_SEND_RECEIVE);
    IS("1.2 deallocate: drops a send reference of SEND+RECEIVE", mach_port_deallocate(SELF, port), KERN_SUCCESS);
    CHECK("1.2 deallocate: the receive right stays", kind(port) == MACH_PORT_TYPE_RECEIVE);
    IS("1.2 deallocate: a pure RECEIVE", mach_port_deallocate(SELF, port), KERN_INVALID_RIGHT);
    mach_port_t once = new_once(port);
    IS("1.2 deallocate: SEND_ONCE", mach_port_deallocate(SELF, once), KERN_SUCCESS);
    CHECK("1.2 deallocate: its name is free", kind(once) == 0);
    CHECK("1.5: a send-once right that is deallocated yields its 71", next_id(port) == MACH_NOTIFY_SEND_ONCE);
    IS("1.2 deallocate: nothing", mach_port_deallocate(SELF, once), KERN_INVALID_NAME);
    IS("1.2 deallocate: null", mach_port_deallocate(SELF, MACH_PORT_NULL), KERN_INVALID_NAME);
    mach_port_t set = new_set();
    IS("1.2 deallocate: a set", mach_port_deallocate(SELF, set), IS_XNU ? KERN_SUCCESS : KERN_INVALID_RIGHT);
    mach_port_destroy(SELF, set);
    drop_receive(port);
}

static void references(void) {
    mach_port_t port = new_port();
    mach_port_urefs_t count = 77;
    IS("1.2 mod_refs: positive for SEND", mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 4), KERN_SUCCESS);
    CHECK("N3: it counts", sends(port) == 5);
    IS("1.2 mod_refs: negative", mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, -2), KERN_SUCCESS);
    CHECK("N3: it counts", sends(port) == 3);
    IS("1.2 mod_refs: zero", mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 0), KERN_SUCCESS);
    IS("1.2 mod_refs: below zero", mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, -4), KERN_INVALID_VALUE);
    CHECK("1.2 mod_refs: an error changes nothing", sends(port) == 3);
    IS("1.2 mod_refs: positive for RECEIVE", mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_RECEIVE, 1), KERN_INVALID_VALUE);
    IS("1.2 mod_refs: -2 for RECEIVE", mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_RECEIVE, -2), KERN_INVALID_VALUE);
    IS("1.2 mod_refs: a right it lacks", mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND_ONCE, -1), KERN_INVALID_RIGHT);
    IS("1.2 mod_refs: a right it lacks", mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_DEAD_NAME, 1), KERN_INVALID_RIGHT);
    IS("1.2 mod_refs: unknown right", mach_port_mod_refs(SELF, port, 77, 1), KERN_INVALID_VALUE);
    IS("1.2 mod_refs: nothing", mach_port_mod_refs(SELF, 0x770000, MACH_PORT_RIGHT_SEND, 1), KERN_INVALID_NAME);

    IS("N3: another kind of right counts 0", mach_port_get_refs(SELF, port, MACH_PORT_RIGHT_PORT_SET, &count), KERN_SUCCESS);
    CHECK("N3: another kind of right counts 0", count == 0);
    IS("N3: a name that denotes nothing", mach_port_get_refs(SELF, 0x770000, MACH_PORT_RIGHT_SEND, &count), KERN_INVALID_NAME);
    IS("N3: an unknown right", mach_port_get_refs(SELF, port, 77, &count), KERN_INVALID_VALUE);

    IS("N3: up to 65534", mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 65534 - 3), KERN_SUCCESS);
    CHECK("N3: up to 65534", sends(port) == 65534);
    IS("N3: 65535 is too many", mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 1), KERN_UREFS_OVERFLOW);
    IS("N6: insert_right overflows", mach_port_insert_right(SELF, port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_UREFS_OVERFLOW);
    struct letter letter;
    start(&letter, port, MACH_MSG_TYPE_MAKE_SEND_ONCE, 0, 0, 1);
    put_right(&letter, port, MACH_MSG_TYPE_COPY_SEND);
    IS("N6: sent", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    IS("N6: received although the count is at its maximum", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);
    CHECK("N6: the count stays pegged", sends(port) == 65534);
    IS("1.2 mod_refs: all at once", mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, -65534), KERN_SUCCESS);
    CHECK("1.2 mod_refs: at 0 the right goes", kind(port) == MACH_PORT_TYPE_RECEIVE);
    drop_receive(port);

    mach_port_t dead = new_dead();
    IS("1.2 mod_refs: positive for DEAD_NAME", mach_port_mod_refs(SELF, dead, MACH_PORT_RIGHT_DEAD_NAME, 65534), KERN_SUCCESS);
    IS("N3: 65536 are too many", mach_port_mod_refs(SELF, dead, MACH_PORT_RIGHT_DEAD_NAME, 1), KERN_UREFS_OVERFLOW);
    IS("1.2 mod_refs: a dead name is no SEND", mach_port_mod_refs(SELF, dead, MACH_PORT_RIGHT_SEND, -1), KERN_INVALID_RIGHT);
    IS("1.2 destroy: drops all", mach_port_destroy(SELF, dead), KERN_SUCCESS);
    CHECK("1.2 destroy: drops all", kind(dead) == 0);

    port = new_receive();
    mach_port_t once = new_once(port);
    CHECK("N5: the type of a send-once right", kind(once) == MACH_PORT_TYPE_SEND_ONCE);
    CHECK("N3: a send-once right counts 1", refs(once, MACH_PORT_RIGHT_SEND_ONCE) == 1);
    CHECK("N2: every send-once right has its own name", once != new_once(port));
    IS("1.2 mod_refs: positive for SEND_ONCE", mach_port_mod_refs(SELF, once, MACH_PORT_RIGHT_SEND_ONCE, 1), KERN_INVALID_VALUE);
    IS("1.2 mod_refs: -1 for SEND_ONCE", mach_port_mod_refs(SELF, once, MACH_PORT_RIGHT_SEND_ONCE, -1), KERN_SUCCESS);
    mach_port_t set = new_set();
    IS("1.2 mod_refs: positive for PORT_SET", mach_port_mod_refs(SELF, set, MACH_PORT_RIGHT_PORT_SET, 1), KERN_INVALID_VALUE);
    IS("1.2 mod_refs: -1 for PORT_SET", mach_port_mod_refs(SELF, set, MACH_PORT_RIGHT_PORT_SET, -1), KERN_SUCCESS);
    CHECK("1.2 mod_refs: the set is gone", kind(set) == 0);
    drop_receive(port);
}

static void inserting(void) {
    mach_port_t port = new_receive(), other = new_receive();
    const mach_port_t chosen = 0x7b0003;
    IS("1.2 insert_right: MAKE_SEND under the name it has", mach_port_insert_right(SELF, port, port, MACH_MSG_TYPE_MAKE_SEND), 0);
    IS("1.2 insert_right: again", mach_port_insert_right(SELF, port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
    CHECK("N2: they coalesce", sends(port) == 2);
    CHECK("N4: MAKE_SEND counts", status(port).mps_mscount == 2);
    IS("1.2 insert_right: COPY_SEND", mach_port_insert_right(SELF, port, port, MACH_MSG_TYPE_COPY_SEND), KERN_SUCCESS);
    CHECK("N4: COPY_SEND makes nothing", status(port).mps_mscount == 2 && sends(port) == 3);
    IS("1.2 insert_right: known under another name", mach_port_insert_right(SELF, chosen, port, MACH_MSG_TYPE_MAKE_SEND),
       KERN_RIGHT_EXISTS);
    IS("1.2 insert_right: the name is another port's", mach_port_insert_right(SELF, other, port, MACH_MSG_TYPE_MAKE_SEND_ONCE),
       KERN_NAME_EXISTS);
    IS("1.2 insert_right: MAKE_SEND_ONCE under a free name", mach_port_insert_right(SELF, chosen, port, MACH_MSG_TYPE_MAKE_SEND_ONCE),
       KERN_SUCCESS);
    CHECK("1.2 insert_right: it is there", kind(chosen) == MACH_PORT_TYPE_SEND_ONCE);
    IS("1.2 insert_right: null for a name", mach_port_insert_right(SELF, MACH_PORT_NULL, port, MACH_MSG_TYPE_MAKE_SEND),
       KERN_INVALID_VALUE);
#ifndef BY_STUBS
    /* A stub sends such a number as a number, which the other side does not take for a right. */
    IS("1.2 insert_right: no disposition of a right", mach_port_insert_right(SELF, port, port, MACH_MSG_TYPE_PORT_NAME),
       KERN_INVALID_VALUE);
#endif
    IS("1.2 insert_right: null", mach_port_insert_right(SELF, chosen + 9, MACH_PORT_NULL, MACH_MSG_TYPE_MOVE_SEND),
       KERN_INVALID_CAPABILITY);
    IS("1.2 insert_right: dead", mach_port_insert_right(SELF, chosen + 9, MACH_PORT_DEAD, MACH_MSG_TYPE_MOVE_SEND),
       KERN_INVALID_CAPABILITY);
    mach_port_destroy(SELF, chosen);
    mach_port_destroy(SELF, port);
    mach_port_destroy(SELF, other);
}

static void extracting(void) {
    mach_port_t port = new_receive(), right = 0;
    mach_msg_type_name_t type = 0;
    IS("1.2 extract_right: MAKE_SEND", mach_port_extract_right(SELF, port, MACH_MSG_TYPE_MAKE_SEND, &right, &type), KERN_SUCCESS);
    CHECK("1.2 extract_right: as if sent to the caller", right == port && type == MACH_MSG_TYPE_PORT_SEND && sends(port) == 1);
    IS("1.2 extract_right: COPY_SEND", mach_port_extract_right(SELF, port, MACH_MSG_TYPE_COPY_SEND, &right, &type), KERN_SUCCESS);
    CHECK("1.2 extract_right: one more reference", right == port && sends(port) == 2);
    IS("1.2 extract_right: MAKE_SEND_ONCE", mach_port_extract_right(SELF, port, MACH_MSG_TYPE_MAKE_SEND_ONCE, &right, &type), 0);
    CHECK("1.2 extract_right: a fresh name", right != port && kind(right) == MACH_PORT_TYPE_SEND_ONCE);
    CHECK("1.2 extract_right: its type", type == MACH_MSG_TYPE_PORT_SEND_ONCE);
    mach_port_deallocate(SELF, right);
    IS("1.2 extract_right: a bad disposition", mach_port_extract_right(SELF, port, 99, &right, &type), KERN_INVALID_VALUE);
    IS("1.2 extract_right: nothing", mach_port_extract_right(SELF, 0x770000, MACH_MSG_TYPE_COPY_SEND, &right, &type), KERN_INVALID_NAME);
    mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, -2);
    IS("1.2 extract_right: a right it lacks", mach_port_extract_right(SELF, port, MACH_MSG_TYPE_COPY_SEND, &right, &type),
       KERN_INVALID_RIGHT);
    IS("1.2 extract_right: a right it lacks", mach_port_extract_right(SELF, port, MACH_MSG_TYPE_MOVE_SEND_ONCE, &right, &type),
       KERN_INVALID_RIGHT);
    drop_receive(port);
}

static void renaming(void) {
    mach_port_t port = new_port(), other = new_receive();
    const mach_port_t chosen = 0x7c0001;
    IS("1.2 rename", mach_port_rename(SELF, port, chosen), KERN_SUCCESS);
    CHECK("1.2 rename: the old name is free", kind(port) == 0);
    CHECK("1.2 rename: the new name has it all", kind(chosen) == MACH_PORT_TYPE_SEND_RECEIVE && sends(chosen) == 1);
    IS("1.2 rename: it still works", send_id(chosen, 5, 0, 0), MACH_MSG_SUCCESS);
    struct letter letter;
    IS("1.2 rename: it still works", take(&letter, chosen, 0, 0), MACH_MSG_SUCCESS);
    CHECK("1.2 rename: messages bear the new name", letter.head.msgh_local_port == chosen);
    IS("1.2 rename: nothing", mach_port_rename(SELF, port, chosen + 1), KERN_INVALID_NAME);
    IS("1.2 rename: to a name in use", mach_port_rename(SELF, chosen, other), KERN_NAME_EXISTS);
    IS("1.2 rename: to null", mach_port_rename(SELF, chosen, MACH_PORT_NULL), KERN_INVALID_VALUE);
    IS("1.2 rename: to dead", mach_port_rename(SELF, chosen, MACH_PORT_DEAD), KERN_INVALID_VALUE);
    drop_receive(other);
    mach_port_destroy(SELF, chosen);
}

static void listing(void) {
    mach_port_t port = new_port(), set = new_set(), dead = new_dead();
    mach_port_name_array_t names = NULL;
    mach_port_type_array_t types = NULL;
    mach_msg_type_number_t count = 0, type_count = 0;
    IS("1.2 names", mach_port_names(SELF, &names, &count, &types, &type_count), KERN_SUCCESS);
    CHECK("1.2 names: as many types", count == type_count && count >= 3);
    int found = 0;
    for (unsigned place = 0; place < count; place++) {
        if (names[place] == port) { found += types[place] == MACH_PORT_TYPE_SEND_RECEIVE; }
        if (names[place] == set) { found += types[place] == MACH_PORT_TYPE_PORT_SET; }
        if (names[place] == dead) { found += types[place] == MACH_PORT_TYPE_DEAD_NAME; }
    }
    CHECK("1.2 names: each with its type", found == 3);
    IS("1.2 names: the caller deallocates", vm_deallocate(SELF, (vm_address_t)names, count * sizeof *names), KERN_SUCCESS);
    IS("1.2 names: the caller deallocates", vm_deallocate(SELF, (vm_address_t)types, count * sizeof *types), KERN_SUCCESS);
    mach_port_type_t type = 0;
    IS("1.2 type: nothing", mach_port_type(SELF, 0x770000, &type), KERN_INVALID_NAME);
    mach_port_destroy(SELF, port);
    mach_port_destroy(SELF, set);
    mach_port_destroy(SELF, dead);
}

#ifndef BY_STUBS
/* 1.14: the library answers; a stub would send. */
static void without_a_task(void) {
    mach_port_t name = 0, no_task = MACH_PORT_NULL;
    mach_port_type_t type;
    mach_port_urefs_t count;
    mach_msg_type_name_t kind_of;
    mach_port_name_array_t names;
    mach_port_type_array_t types;
    mach_msg_type_number_t one, two;
    mach_port_status_t found;
    IS("1.2: null task", mach_port_allocate(no_task, MACH_PORT_RIGHT_RECEIVE, &name), KERN_INVALID_TASK);
    IS("1.2: null task", mach_port_allocate_name(no_task, MACH_PORT_RIGHT_RECEIVE, 0x7d0001), KERN_INVALID_TASK);
    IS("1.2: null task", mach_port_deallocate(no_task, 0x7d0001), KERN_INVALID_TASK);
    IS("1.2: null task", mach_port_destroy(no_task, 0x7d0001), KERN_INVALID_TASK);
    IS("1.2: null task", mach_port_mod_refs(no_task, 0x7d0001, MACH_PORT_RIGHT_SEND, 1), KERN_INVALID_TASK);
    IS("1.2: null task", mach_port_get_refs(no_task, 0x7d0001, MACH_PORT_RIGHT_SEND, &count), KERN_INVALID_TASK);
    IS("1.2: null task", mach_port_type(no_task, 0x7d0001, &type), KERN_INVALID_TASK);
    IS("1.2: null task", mach_port_rename(no_task, 0x7d0001, 0x7d0002), KERN_INVALID_TASK);
    IS("1.2: null task", mach_port_names(no_task, &names, &one, &types, &two), KERN_INVALID_TASK);
    IS("1.2: null task", mach_port_insert_right(no_task, 0x7d0001, 0x7d0001, MACH_MSG_TYPE_MAKE_SEND), KERN_INVALID_TASK);
    IS("1.2: null task", mach_port_extract_right(no_task, 0x7d0001, MACH_MSG_TYPE_MAKE_SEND, &name, &kind_of), KERN_INVALID_TASK);
    IS("1.2: null task", mach_port_get_receive_status(no_task, 0x7d0001, &found), KERN_INVALID_TASK);
    IS("1.2: null task", mach_port_set_qlimit(no_task, 0x7d0001, 1), KERN_INVALID_TASK);
    IS("1.2: null task", mach_port_move_member(no_task, 0x7d0001, MACH_PORT_NULL), KERN_INVALID_TASK);
    mach_port_t previous;
    IS("1.2: null task",
       mach_port_request_notification(no_task, 0x7d0001, MACH_NOTIFY_DEAD_NAME, 0, MACH_PORT_NULL, MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous),
       KERN_INVALID_TASK);
}
#endif

static void reply_ports(void) {
    mach_port_t port = mach_reply_port();
    CHECK("1.2 mach_reply_port: a fresh receive right", kind(port) == MACH_PORT_TYPE_RECEIVE);
    drop_receive(port);
    CHECK("1.2: a task has a name for itself", kind(mach_task_self()) == MACH_PORT_TYPE_SEND);
    CHECK("1.2: the same each time", mach_task_self() == mach_task_self());
    CHECK("1.2: a thread has one", MACH_PORT_VALID(mach_thread_self()));
    CHECK("1.2: a node has one", MACH_PORT_VALID(mach_host_self()));
    mach_port_t thread = mach_thread_self();
    int before = sends(thread);
    CHECK("1.2: each asking is one more reference", mach_thread_self() == thread && sends(thread) == before + 1);
    mach_port_mod_refs(SELF, thread, MACH_PORT_RIGHT_SEND, -(before + 1));
    CHECK("1.2: a thread has one again", MACH_PORT_VALID(mach_thread_self()));
    CHECK("the bootstrap port has a name", MACH_PORT_VALID(bootstrap_port) && kind(bootstrap_port) == MACH_PORT_TYPE_SEND);
    mach_port_t name = 0;
    IS("1.2: syscall_mach_port_allocate", syscall_mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &name), KERN_SUCCESS);
    CHECK("1.2: syscall_mach_port_allocate", kind(name) == MACH_PORT_TYPE_RECEIVE);
    drop_receive(name);
}

int main(void) {
    allocating();
    allocating_names();
    deallocating();
    references();
    inserting();
    extracting();
    renaming();
    listing();
#ifndef BY_STUBS
    without_a_task();
#endif
    reply_ports();
    return result();
}
