/* What a message does with the rights that it names: the table of 1.3 and D1 to D5. */
#include "dialect.h"

static struct letter letter;

/* Sends one item to a port of our own and receives it; the kind and the name that came. */
static mach_msg_return_t carry(mach_port_t by, mach_port_t name, unsigned disposition) {
    start(&letter, by, MACH_MSG_TYPE_MAKE_SEND_ONCE, 0, 0, 1);
    put_right(&letter, name, disposition);
    mach_msg_return_t code = post(&letter, MACH_SEND_TIMEOUT, 0);
    if (code != MACH_MSG_SUCCESS) { return code; }
    code = take(&letter, by, 0, 0);
    if (code == MACH_MSG_SUCCESS) { CHECK("V5: the complex bit tells of rights", letter.head.msgh_bits & MACH_MSGH_BITS_COMPLEX); }
    return code;
}

static void bodies(void) {
    mach_port_t by = new_receive(), port = new_receive();

    IS("1.3 MAKE_SEND", carry(by, port, MACH_MSG_TYPE_MAKE_SEND), MACH_MSG_SUCCESS);
    CHECK("1.3 MAKE_SEND: the receiver sees PORT_SEND", letter.items[0].disposition == MACH_MSG_TYPE_PORT_SEND);
    CHECK("N2: it coalesces with the receive right", letter.items[0].name == port && sends(port) == 1);
    CHECK("1.3 MAKE_SEND: mscount +1", status(port).mps_mscount == 1);

    IS("1.3 COPY_SEND", carry(by, port, MACH_MSG_TYPE_COPY_SEND), MACH_MSG_SUCCESS);
    CHECK("1.3 COPY_SEND: the receiver sees PORT_SEND", letter.items[0].disposition == MACH_MSG_TYPE_PORT_SEND);
    CHECK("1.3 COPY_SEND: nothing taken, one received", letter.items[0].name == port && sends(port) == 2);
    CHECK("1.3 COPY_SEND: mscount stays", status(port).mps_mscount == 1);

    IS("1.3 MOVE_SEND", carry(by, port, MACH_MSG_TYPE_MOVE_SEND), MACH_MSG_SUCCESS);
    CHECK("1.3 MOVE_SEND: the receiver sees PORT_SEND", letter.items[0].disposition == MACH_MSG_TYPE_PORT_SEND);
    CHECK("1.3 MOVE_SEND: one taken, one received", sends(port) == 2);

    IS("1.3 MAKE_SEND_ONCE", carry(by, port, MACH_MSG_TYPE_MAKE_SEND_ONCE), MACH_MSG_SUCCESS);
    mach_port_t once = letter.items[0].name;
    CHECK("1.3 MAKE_SEND_ONCE: the receiver sees PORT_SEND_ONCE", letter.items[0].disposition == MACH_MSG_TYPE_PORT_SEND_ONCE);
    CHECK("N2: under a name of its own", once != port && kind(once) == MACH_PORT_TYPE_SEND_ONCE);
    CHECK("1.3 MAKE_SEND_ONCE: sorights +1", status(port).mps_sorights == 1);

    IS("1.3 MOVE_SEND_ONCE", carry(by, once, MACH_MSG_TYPE_MOVE_SEND_ONCE), MACH_MSG_SUCCESS);
    CHECK("1.3 MOVE_SEND_ONCE: moved", letter.items[0].disposition == MACH_MSG_TYPE_PORT_SEND_ONCE && status(port).mps_sorights == 1);
    once = letter.items[0].name;
    CHECK("1.3 MOVE_SEND_ONCE: it is there", kind(once) == MACH_PORT_TYPE_SEND_ONCE);

    IS("1.3 MOVE_RECEIVE", carry(by, port, MACH_MSG_TYPE_MOVE_RECEIVE), MACH_MSG_SUCCESS);
    CHECK("1.3 MOVE_RECEIVE: the receiver sees PORT_RECEIVE", letter.items[0].disposition == MACH_MSG_TYPE_PORT_RECEIVE);
    CHECK("N2: it comes back to the send right's name", letter.items[0].name == port && kind(port) == MACH_PORT_TYPE_SEND_RECEIVE);

    IS("S3: MOVE_SEND without one", carry(by, by, MACH_MSG_TYPE_MOVE_SEND), MACH_SEND_INVALID_RIGHT);
    IS("S3: COPY_SEND without one", carry(by, by, MACH_MSG_TYPE_COPY_SEND), MACH_SEND_INVALID_RIGHT);
    IS("S3: COPY_SEND of a send-once right", carry(by, once, MACH_MSG_TYPE_COPY_SEND), MACH_SEND_INVALID_RIGHT);
    IS("S3: MAKE_SEND by a send-once right", carry(by, once, MACH_MSG_TYPE_MAKE_SEND), MACH_SEND_INVALID_RIGHT);
    IS("S3: MOVE_SEND_ONCE by a send right", carry(by, port, MACH_MSG_TYPE_MOVE_SEND_ONCE), MACH_SEND_INVALID_RIGHT);
    mach_port_t set = new_set();
    IS("1.7: a set cannot be sent", carry(by, set, MACH_MSG_TYPE_MOVE_RECEIVE), MACH_SEND_INVALID_RIGHT);
    while (waiting_id(by)) {}
    mach_port_destroy(SELF, set);
    mach_port_deallocate(SELF, once);
    mach_port_destroy(SELF, port);
    drop_receive(by);
}

static void last_send(void) {
    /* A send right moved away while the receive right stays, and the other way round. */
    mach_port_t by = new_receive(), port = new_port();
    start(&letter, by, MACH_MSG_TYPE_MAKE_SEND_ONCE, 0, 0, 1);
    put_right(&letter, port, MACH_MSG_TYPE_MOVE_SEND);
    IS("1.3 MOVE_SEND: the last", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    CHECK("1.3 MOVE_SEND: the name stays with the receive right", kind(port) == MACH_PORT_TYPE_RECEIVE);
    CHECK("N4: a right in a message counts", status(port).mps_srights);
    IS("1.3 MOVE_SEND: the last", take(&letter, by, 0, 0), MACH_MSG_SUCCESS);
    start(&letter, by, MACH_MSG_TYPE_MAKE_SEND_ONCE, 0, 0, 1);
    put_right(&letter, port, MACH_MSG_TYPE_MOVE_RECEIVE);
    IS("1.3 MOVE_RECEIVE", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    CHECK("1.3 MOVE_RECEIVE: the send right keeps its name", kind(port) == MACH_PORT_TYPE_SEND);
    IS("1.3 MOVE_RECEIVE", take(&letter, by, 0, 0), MACH_MSG_SUCCESS);
    mach_port_destroy(SELF, port);
    port = new_receive();
    start(&letter, by, MACH_MSG_TYPE_MAKE_SEND_ONCE, 0, 0, 1);
    put_right(&letter, port, MACH_MSG_TYPE_MOVE_RECEIVE);
    IS("1.3 MOVE_RECEIVE of a pure one", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    CHECK("1.3 MOVE_RECEIVE: the name is free", kind(port) == 0);
    IS("1.3 MOVE_RECEIVE", take(&letter, by, 0, 0), MACH_MSG_SUCCESS);
    mach_port_destroy(SELF, letter.items[0].name);
    drop_receive(by);
}

static void nulls_and_deads(void) {
    mach_port_t by = new_receive();
    IS("D1: null in a body", carry(by, MACH_PORT_NULL, MACH_MSG_TYPE_COPY_SEND), MACH_MSG_SUCCESS);
    CHECK("D1: it travels as itself", letter.items[0].name == MACH_PORT_NULL);
    IS("D1: dead in a body", carry(by, MACH_PORT_DEAD, MACH_MSG_TYPE_MOVE_SEND_ONCE), MACH_MSG_SUCCESS);
    CHECK("D1: it travels as itself", letter.items[0].name == MACH_PORT_DEAD);

    mach_port_t dead = new_dead();
    mach_port_mod_refs(SELF, dead, MACH_PORT_RIGHT_DEAD_NAME, 3);
    IS("D1: COPY_SEND of a dead name", carry(by, dead, MACH_MSG_TYPE_COPY_SEND), MACH_MSG_SUCCESS);
    CHECK("D1: the receiver gets the dead value", letter.items[0].name == MACH_PORT_DEAD);
    CHECK("D1: COPY_SEND takes nothing", refs(dead, MACH_PORT_RIGHT_DEAD_NAME) == 4);
    IS("D1: MOVE_SEND of a dead name", carry(by, dead, MACH_MSG_TYPE_MOVE_SEND), MACH_MSG_SUCCESS);
    CHECK("D1: the receiver gets the dead value", letter.items[0].name == MACH_PORT_DEAD);
    CHECK("D1: MOVE_SEND takes a reference", refs(dead, MACH_PORT_RIGHT_DEAD_NAME) == 3);
    IS("D1: MOVE_SEND_ONCE of a dead name", carry(by, dead, MACH_MSG_TYPE_MOVE_SEND_ONCE), MACH_MSG_SUCCESS);
    CHECK("D1: MOVE_SEND_ONCE takes a reference", refs(dead, MACH_PORT_RIGHT_DEAD_NAME) == 2);
    IS("D1: never for MAKE_SEND", carry(by, dead, MACH_MSG_TYPE_MAKE_SEND), MACH_SEND_INVALID_RIGHT);
    IS("D1: never for MAKE_SEND_ONCE", carry(by, dead, MACH_MSG_TYPE_MAKE_SEND_ONCE), MACH_SEND_INVALID_RIGHT);
    IS("D1: never for MOVE_RECEIVE", carry(by, dead, MACH_MSG_TYPE_MOVE_RECEIVE), MACH_SEND_INVALID_RIGHT);
    CHECK("D1: and takes nothing", refs(dead, MACH_PORT_RIGHT_DEAD_NAME) == 2);
    /* Each of the three lost messages had a send-once right for its destination, which ends with it. */
    for (int number = 0; number < 3; number++) {
        CHECK("S3: the destination right yields its 71", next_id(by) == MACH_NOTIFY_SEND_ONCE);
    }

    start(&letter, by, MACH_MSG_TYPE_MAKE_SEND_ONCE, dead, MACH_MSG_TYPE_MOVE_SEND, 2);
    IS("D1: a dead name for the reply", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    IS("D1: a dead name for the reply", take(&letter, by, 0, 0), MACH_MSG_SUCCESS);
    CHECK("D1: the receiver gets the dead value", letter.head.msgh_remote_port == MACH_PORT_DEAD);
    CHECK("D1: MOVE_SEND takes a reference", refs(dead, MACH_PORT_RIGHT_DEAD_NAME) == 1);
    start(&letter, by, MACH_MSG_TYPE_MAKE_SEND_ONCE, MACH_PORT_NULL, MACH_MSG_TYPE_COPY_SEND, 2);
    IS("D1: null for the reply, with a disposition", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    IS("D1: null for the reply", take(&letter, by, 0, 0), MACH_MSG_SUCCESS);
    CHECK("D1: it travels as itself", letter.head.msgh_remote_port == MACH_PORT_NULL);
    start(&letter, dead, MACH_MSG_TYPE_COPY_SEND, 0, 0, 2);
    IS("D1: a dead name for the destination", post(&letter, 0, 0), MACH_SEND_INVALID_DEST);
    mach_port_destroy(SELF, dead);
    drop_receive(by);
    while (waiting_id(by)) {}
}

static void dying_under_way(void) {
    mach_port_t by = new_receive(), port = new_port();
    start(&letter, by, MACH_MSG_TYPE_MAKE_SEND_ONCE, 0, 0, 1);
    put_right(&letter, port, MACH_MSG_TYPE_COPY_SEND);
    put_right(&letter, port, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    IS("D3: sent", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    drop_receive(port);
    IS("D3: received", take(&letter, by, 0, 0), MACH_MSG_SUCCESS);
    CHECK("D3: the value and no dead name", letter.items[0].name == MACH_PORT_DEAD && letter.items[1].name == MACH_PORT_DEAD);
    CHECK("D3: the sender's name is dead, with its reference", refs(port, MACH_PORT_RIGHT_DEAD_NAME) == 1);
    mach_port_destroy(SELF, port);
    drop_receive(by);
}

static void requests(void) {
    mach_port_t by = new_receive(), port = new_receive(), notify = new_receive(), previous = 77;
    mach_port_t once = new_once(port);
    IS("D2: a request", ASK(once, MACH_NOTIFY_DEAD_NAME, 0, notify, &previous), KERN_SUCCESS);
    mach_port_type_t type = 0;
    mach_port_type(SELF, once, &type);
    CHECK("N5: the request shows", type & MACH_PORT_TYPE_DNREQUEST);
    start(&letter, by, MACH_MSG_TYPE_MAKE_SEND_ONCE, 0, 0, 1);
    put_right(&letter, once, MACH_MSG_TYPE_MOVE_SEND_ONCE);
    IS("D2: the last hold is moved", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    IS("D2: a port-deleted notification", take(&letter, notify, 0, 0), MACH_MSG_SUCCESS);
    CHECK("D2: a port-deleted notification", letter.head.msgh_id == MACH_NOTIFY_PORT_DELETED);
    CHECK("1.5: with the name", letter.note == once);
    CHECK("1.5: without a right", letter.item_count == 0);
    take(&letter, by, 0, 0);
    mach_port_destroy(SELF, letter.items[0].name);
    mach_port_destroy(SELF, port);
    drop_receive(by);
    drop_receive(notify);
}

static void headers(void) {
    mach_port_t by = new_receive(), reply = new_receive();
    start(&letter, by, MACH_MSG_TYPE_MAKE_SEND, reply, MACH_MSG_TYPE_MAKE_SEND, 7);
    put_number(&letter, 1234);
    IS("V5: sent", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    CHECK("1.3 MAKE_SEND for a destination: mscount", status(by).mps_mscount == 1);
    IS("V5: received", take(&letter, by, 0, 0), MACH_MSG_SUCCESS);
    CHECK("V5: swapped: the port", letter.head.msgh_local_port == by && local_kind(&letter) == MACH_MSG_TYPE_PORT_SEND);
    CHECK("V5: swapped: the reply right", letter.head.msgh_remote_port == reply && remote_kind(&letter) == MACH_MSG_TYPE_PORT_SEND);
    CHECK("V5: the reply right is there", sends(reply) == 1);
    CHECK("V5: no right comes with the local port", sends(by) == 0);
    CHECK("V5: the body", letter.number_count >= 1 && letter.numbers[0] == 1234);
    CHECK("V5: not complex", !(letter.head.msgh_bits & MACH_MSGH_BITS_COMPLEX));
    CHECK("V5: the number", letter.head.msgh_id == 7);
    mach_port_deallocate(SELF, reply);

    start(&letter, by, MACH_MSG_TYPE_MAKE_SEND_ONCE, reply, MACH_MSG_TYPE_MAKE_SEND_ONCE, 7);
    IS("V5: sent", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    IS("V5: received", take(&letter, by, 0, 0), MACH_MSG_SUCCESS);
    CHECK("V5: by a send-once right", local_kind(&letter) == MACH_MSG_TYPE_PORT_SEND_ONCE);
    CHECK("V5: with a send-once right", remote_kind(&letter) == MACH_MSG_TYPE_PORT_SEND_ONCE);
    mach_port_t once = letter.head.msgh_remote_port;
    CHECK("V5: with a send-once right", kind(once) == MACH_PORT_TYPE_SEND_ONCE);
    start(&letter, once, MACH_MSG_TYPE_MOVE_SEND_ONCE, 0, 0, 8);
    IS("1.3 MOVE_SEND_ONCE: the reply", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    CHECK("1.3 MOVE_SEND_ONCE: the name is free", kind(once) == 0);
    CHECK("1.3 MOVE_SEND_ONCE: the reply", next_id(reply) == 8);
    CHECK("T4: no 71 for a right that was used", waiting_id(reply) == 0);
    drop_receive(by);
    drop_receive(reply);
}

static mach_msg_return_t both(mach_port_t name, unsigned toward, unsigned back) {
    start(&letter, name, toward, name, back, 3);
    return post(&letter, MACH_SEND_TIMEOUT, 0);
}

static void one_name_twice(void) {
    mach_port_t port = new_port();
    IS("D5: one reference, moved and copied", both(port, MACH_MSG_TYPE_MOVE_SEND, MACH_MSG_TYPE_COPY_SEND), MACH_MSG_SUCCESS);
    CHECK("D5: one reference, moved and copied", sends(port) == 0);
    IS("D5: received", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);
    CHECK("D5: with a reply right", letter.head.msgh_remote_port == port && sends(port) == 1);
    IS("D5: in the other order", both(port, MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MOVE_SEND), MACH_MSG_SUCCESS);
    CHECK("D5: in the other order", sends(port) == 0);
    IS("D5: received", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);
    CHECK("D5: with a reply right", letter.head.msgh_remote_port == port && sends(port) == 1);
    IS("D5: twice moved needs two", both(port, MACH_MSG_TYPE_MOVE_SEND, MACH_MSG_TYPE_MOVE_SEND), MACH_SEND_INVALID_REPLY);
    CHECK("1.14: nothing taken", sends(port) == 1);
    mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 1);
    IS("D5: twice moved with two", both(port, MACH_MSG_TYPE_MOVE_SEND, MACH_MSG_TYPE_MOVE_SEND), MACH_MSG_SUCCESS);
    CHECK("D5: both taken", sends(port) == 0);
    IS("D5: received", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);
    mach_port_t once = new_once(port);
    IS("D5: MOVE_SEND_ONCE twice", both(once, MACH_MSG_TYPE_MOVE_SEND_ONCE, MACH_MSG_TYPE_MOVE_SEND_ONCE), MACH_SEND_INVALID_REPLY);
    CHECK("1.14: nothing taken", kind(once) == MACH_PORT_TYPE_SEND_ONCE);
    mach_port_destroy(SELF, once);
    mach_port_destroy(SELF, port);
}

int main(void) {
    bodies();
    last_send();
    nulls_and_deads();
    dying_under_way();
    requests();
    headers();
    one_name_twice();
    return result();
}
