/* A receive right that moves, and messages that carry each other: R1 to R5, 1.11. */
#include "dialect.h"

static struct letter letter;

/* Sends a right to `by`, which we hold. */
static mach_msg_return_t move(mach_port_t by, mach_port_t port, unsigned disposition) {
    start(&letter, by, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    put_right(&letter, port, disposition);
    return post(&letter, 0, 0);
}

static void effects(void) {
    mach_port_t by = new_port(), port = new_port(), notify = new_receive(), previous = 0;
    mach_port_set_qlimit(SELF, port, 3);
    send_id(port, 2, 0, 0);
    next_id(port);
    send_id(port, 3, 0, 0);
    ASK(port, MACH_NOTIFY_PORT_DESTROYED, 0, notify, &previous);
    ASK(port, MACH_NOTIFY_NO_SENDERS, 1, notify, &previous);
    CHECK("R1: before", status(port).mps_seqno == 1 && status(port).mps_mscount == 1);
    IS("R1: moved", move(by, port, MACH_MSG_TYPE_MOVE_RECEIVE), MACH_MSG_SUCCESS);
    IS("R1: messages queue under way", send_id(port, 4, 0, 0), MACH_MSG_SUCCESS);
    IS("R1: received", take(&letter, by, 0, 0), MACH_MSG_SUCCESS);
    mach_port_status_t now = status(port);
    CHECK("R1: mscount and seqno are 0", now.mps_mscount == 0 && now.mps_seqno == 0);
    CHECK("R1: the queue stays", now.mps_msgcount == 2);
    CHECK("R1: the limit stays", now.mps_qlimit == 3);
    CHECK("R1: the port-destroyed request stays", now.mps_pdrequest);
    CHECK("R2: the no-senders request stays", now.mps_nsrequest && waiting_id(notify) == 0);
    CHECK("R1: in their order", next_id(port) == 3 && next_id(port) == 4);
    mach_port_destroy(SELF, port);
    mach_port_destroy(SELF, by);
    mach_port_destroy(SELF, notify);
}

static void requests(void) {
    mach_port_t by = new_port(), port = new_receive(), notify = new_receive(), previous = 0;
    IS("R3: a request of a pure receive right", ASK(port, MACH_NOTIFY_DEAD_NAME, 0, notify, &previous), KERN_SUCCESS);
    IS("R3: moved", move(by, port, MACH_MSG_TYPE_MOVE_RECEIVE), MACH_MSG_SUCCESS);
    IS("R3: 65", take(&letter, notify, 0, 0), MACH_MSG_SUCCESS);
    CHECK("R3: 65", letter.head.msgh_id == MACH_NOTIFY_PORT_DELETED && letter.note == port);
    take(&letter, by, 0, 0);
    mach_port_destroy(SELF, letter.items[0].name);
    port = new_port();
    ASK(port, MACH_NOTIFY_DEAD_NAME, 0, notify, &previous);
    IS("R3: moved", move(by, port, MACH_MSG_TYPE_MOVE_RECEIVE), MACH_MSG_SUCCESS);
    CHECK("R3: the send right stays, and its request", waiting_id(notify) == 0 && kind(port) == MACH_PORT_TYPE_SEND);
    mach_port_destroy(SELF, by);
    CHECK("R5: it dies with the message", kind(port) == MACH_PORT_TYPE_DEAD_NAME);
    CHECK("R3: 72", next_id(notify) == MACH_NOTIFY_DEAD_NAME);
    mach_port_destroy(SELF, port);
    drop_receive(notify);
}

static void circles(void) {
    mach_port_t port = new_port(), once = new_receive();
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, once, MACH_MSG_TYPE_MAKE_SEND_ONCE, 1);
    put_right(&letter, port, MACH_MSG_TYPE_MOVE_RECEIVE);
    IS("S5: to itself", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    CHECK("R4: the port dies", kind(port) == MACH_PORT_TYPE_DEAD_NAME);
    CHECK("S5: the message is destroyed", next_id(once) == MACH_NOTIFY_SEND_ONCE);
    mach_port_destroy(SELF, port);

    mach_port_t one = new_port(), two = new_port(), three = new_port();
    IS("R4: one in two", move(two, one, MACH_MSG_TYPE_MOVE_RECEIVE), MACH_MSG_SUCCESS);
    IS("R4: two in three", move(three, two, MACH_MSG_TYPE_MOVE_RECEIVE), MACH_MSG_SUCCESS);
    CHECK("R4: none is dead", kind(one) == MACH_PORT_TYPE_SEND && kind(two) == MACH_PORT_TYPE_SEND);
    IS("R4: three in one", move(one, three, MACH_MSG_TYPE_MOVE_RECEIVE), MACH_MSG_SUCCESS);
    CHECK("R4: a circle of three dies",
          kind(one) == MACH_PORT_TYPE_DEAD_NAME && kind(two) == MACH_PORT_TYPE_DEAD_NAME && kind(three) == MACH_PORT_TYPE_DEAD_NAME);
    mach_port_destroy(SELF, one);
    mach_port_destroy(SELF, two);
    mach_port_destroy(SELF, three);
    drop_receive(once);
}

static void backups(void) {
    mach_port_t by = new_port(), port = new_port(), backup = new_receive(), previous = 0;
    ASK(port, MACH_NOTIFY_PORT_DESTROYED, 0, backup, &previous);
    move(by, port, MACH_MSG_TYPE_MOVE_RECEIVE);
    mach_port_destroy(SELF, by);
    IS("R5: a backup is honoured", take(&letter, backup, 0, 0), MACH_MSG_SUCCESS);
    CHECK("R5: a backup is honoured", letter.head.msgh_id == MACH_NOTIFY_PORT_DESTROYED && kind(port) == MACH_PORT_TYPE_SEND_RECEIVE);
    mach_port_destroy(SELF, port);
    drop_receive(backup);
}

/* Each port waits in a message of the next. */
static void chain(int length) {
    mach_port_t notify = new_receive();
    mach_port_t carried = new_receive();
    start(&letter, carried, MACH_MSG_TYPE_MAKE_SEND_ONCE, notify, MACH_MSG_TYPE_MAKE_SEND_ONCE, 1);
    IS("1.11: the innermost message", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    for (int number = 0; number < length; number++) {
        mach_port_t next = new_receive();
        start(&letter, next, MACH_MSG_TYPE_MAKE_SEND_ONCE, 0, 0, 1);
        put_right(&letter, carried, MACH_MSG_TYPE_MOVE_RECEIVE);
        if (post(&letter, 0, 0) != MACH_MSG_SUCCESS) { break; }
        carried = next;
    }
    CHECK("1.11: all is alive", waiting_id(notify) == 0);
    drop_receive(carried);
    CHECK("1.11: a chain falls, to its end", next_id(notify) == MACH_NOTIFY_SEND_ONCE);
    drop_receive(notify);
}

int main(void) {
    effects();
    requests();
    circles();
    backups();
    chain(500);
    return result();
}
