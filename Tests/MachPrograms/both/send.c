/* Sending: S1 to S7. */
#include "dialect.h"

static struct letter letter;

static void sizes(void) {
    mach_port_t port = new_port();
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    letter.size = sizeof(mach_msg_header_t) - 4;
    IS("S1: shorter than a header", post(&letter, 0, 0), MACH_SEND_MSG_TOO_SMALL);
    letter.size = 0;
    IS("S1: nothing", post(&letter, 0, 0), MACH_SEND_MSG_TOO_SMALL);
    letter.size = sizeof(mach_msg_header_t) + 6;
    IS("S1: not a multiple of 4", post(&letter, 0, 0), MACH_SEND_MSG_TOO_SMALL);
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    put_number(&letter, 5);
    letter.head.msgh_size = 4;
    IS("S1: msgh_size is ignored", mach_msg(&letter.head, MACH_SEND_MSG, letter.size, 0, 0, 0, 0), MACH_MSG_SUCCESS);
    unsigned size = letter.size;
    IS("S1: received", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);
    CHECK("S1: send_size rules", letter.head.msgh_size == size && letter.numbers[0] == 5);
    IS("1.4: neither sends nor receives", mach_msg(&letter.head, MACH_MSG_OPTION_NONE, 0, 0, 0, 0, 0), MACH_MSG_SUCCESS);
    mach_port_destroy(SELF, port);
}

static void bad_headers(void) {
    mach_port_t port = new_port(), receive = new_receive(), dead = new_dead();
    start(&letter, port, MACH_MSG_TYPE_MOVE_RECEIVE, 0, 0, 1);
    IS("S2: a destination is no MOVE_RECEIVE", post(&letter, 0, 0), MACH_SEND_INVALID_HEADER);
    start(&letter, port, 0, 0, 0, 1);
    IS("S2: no disposition", post(&letter, 0, 0), MACH_SEND_INVALID_HEADER);
    start(&letter, port, MACH_MSG_TYPE_PORT_NAME, 0, 0, 1);
    IS("S2: a disposition that is none", post(&letter, 0, 0), MACH_SEND_INVALID_HEADER);
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, receive, 0, 1);
    IS("S2: a reply port without a disposition", post(&letter, 0, 0), MACH_SEND_INVALID_HEADER);
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    letter.head.msgh_bits |= BAD_BIT;
    IS("S2: a bad bit", post(&letter, 0, 0), MACH_SEND_INVALID_HEADER);

    IS("S2: no destination", send_id(MACH_PORT_NULL, 1, 0, 0), MACH_SEND_INVALID_DEST);
    IS("S2: the dead value", send_id(MACH_PORT_DEAD, 1, 0, 0), MACH_SEND_INVALID_DEST);
    IS("S2: a name that denotes nothing", send_id(0x770000, 1, 0, 0), MACH_SEND_INVALID_DEST);
    IS("S2: a dead name", send_id(dead, 1, 0, 0), MACH_SEND_INVALID_DEST);
    IS("S2: another kind of right", send_id(receive, 1, 0, 0), MACH_SEND_INVALID_DEST);
    start(&letter, port, MACH_MSG_TYPE_MOVE_SEND_ONCE, 0, 0, 1);
    IS("S2: another kind of right", post(&letter, 0, 0), MACH_SEND_INVALID_DEST);

    start(&letter, port, MACH_MSG_TYPE_MOVE_SEND, 0x770000, MACH_MSG_TYPE_COPY_SEND, 1);
    IS("S2: a reply name that denotes nothing", post(&letter, 0, 0), MACH_SEND_INVALID_REPLY);
    start(&letter, port, MACH_MSG_TYPE_MOVE_SEND, receive, MACH_MSG_TYPE_COPY_SEND, 1);
    IS("S2: a reply name without that right", post(&letter, 0, 0), MACH_SEND_INVALID_REPLY);
    start(&letter, port, MACH_MSG_TYPE_MOVE_SEND, dead, MACH_MSG_TYPE_MAKE_SEND_ONCE, 1);
    IS("S2: a dead reply name cannot be made of", post(&letter, 0, 0), MACH_SEND_INVALID_REPLY);
    CHECK("S2, D4: all is as it was", sends(port) == 1 && refs(dead, MACH_PORT_RIGHT_DEAD_NAME) == 1);
    CHECK("S2: nothing was sent", status(port).mps_msgcount == 0);
    CHECK("S2: the buffer is as it was", letter.head.msgh_remote_port == port && letter.head.msgh_local_port == dead);
    mach_port_destroy(SELF, port);
    mach_port_destroy(SELF, dead);
    drop_receive(receive);
}

static void bad_bodies(void) {
    mach_port_t port = new_port(), reply = new_receive(), good = new_port();
    mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 1);
    start(&letter, port, MACH_MSG_TYPE_MOVE_SEND, reply, MACH_MSG_TYPE_MAKE_SEND_ONCE, 1);
    put_right(&letter, good, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    put_right(&letter, 0x770000, MACH_MSG_TYPE_COPY_SEND);
    IS("S3: a right that is not held", post(&letter, 0, 0), MACH_SEND_INVALID_RIGHT);
    CHECK("S3: the header rights are gone", sends(port) == 1);
    CHECK("S3: the reply right yields its 71", next_id(reply) == MACH_NOTIFY_SEND_ONCE);
    CHECK("S3: the right that was taken is destroyed", next_id(good) == MACH_NOTIFY_SEND_ONCE);
    CHECK("S3: nothing was sent", status(port).mps_msgcount == 0);

    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, reply, MACH_MSG_TYPE_MAKE_SEND_ONCE, 1);
    put_right(&letter, good, MACH_MSG_TYPE_COPY_SEND);
    letter.size -= 4;
    IS("S3: an item runs over the end", post(&letter, 0, 0), MACH_SEND_MSG_TOO_SMALL);
    CHECK("S3: the reply right yields its 71", next_id(reply) == MACH_NOTIFY_SEND_ONCE);
    mach_port_destroy(SELF, port);
    mach_port_destroy(SELF, good);
    drop_receive(reply);
}

static mach_msg_return_t late = -1;
static mach_port_t full;

static void *send_late(void *reply) {
    struct letter mine;
    start(&mine, full, MACH_MSG_TYPE_COPY_SEND, (mach_port_t)(uintptr_t)reply, MACH_MSG_TYPE_MAKE_SEND_ONCE, 9);
    mach_msg_return_t code = post(&mine, 0, 0);
    __atomic_store_n(&late, code, __ATOMIC_SEQ_CST);
    return NULL;
}

static void dying_destination(void) {
    mach_port_t reply = new_receive();
    full = new_port();
    fill(full);
    pthread_t sender;
    pthread_create(&sender, NULL, send_late, (void *)(uintptr_t)reply);
    usleep(50000);
    CHECK("S6: a sender waits", __atomic_load_n(&late, __ATOMIC_SEQ_CST) == -1);
    drop_receive(full);
    UNTIL(__atomic_load_n(&late, __ATOMIC_SEQ_CST) != -1);
    IS("S4: a blocked sender whose port dies succeeds", __atomic_load_n(&late, __ATOMIC_SEQ_CST), MACH_MSG_SUCCESS);
    CHECK("S4: its message is destroyed", next_id(reply) == MACH_NOTIFY_SEND_ONCE);
    pthread_join(sender, NULL);
    mach_port_destroy(SELF, full);
    drop_receive(reply);
}

static void full_queues(void) {
    mach_port_t port = new_port(), reply = new_receive(), other = new_port();
    fill(port);
    CHECK("S6: five messages", status(port).mps_msgcount == 5);
    mach_port_t once = new_once(port);
    start(&letter, once, MACH_MSG_TYPE_MOVE_SEND_ONCE, 0, 0, 6);
    IS("S6: a send-once right is always accepted", post(&letter, MACH_SEND_TIMEOUT, 0), MACH_MSG_SUCCESS);
    once = new_once(port);
    mach_port_deallocate(SELF, once);
    CHECK("S6: a notification is always accepted", status(port).mps_msgcount == 7);

    IS("S6: 0 only tries", send_id(port, 1, MACH_SEND_TIMEOUT, 0), MACH_SEND_TIMED_OUT);
    mach_port_deallocate(SELF, port);
    CHECK("S7: the copied destination came as one more reference", sends(port) == 1);
    uint64_t began = milliseconds();
    IS("S6: waits so long", send_id(port, 1, MACH_SEND_TIMEOUT, 80), MACH_SEND_TIMED_OUT);
    CHECK("S6: waits so long", milliseconds() - began >= 75);
    mach_port_deallocate(SELF, port);

    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, reply, MACH_MSG_TYPE_MAKE_SEND_ONCE, 11);
    put_right(&letter, other, MACH_MSG_TYPE_COPY_SEND);
    put_right(&letter, other, MACH_MSG_TYPE_MAKE_SEND);
    IS("S7: a pseudo-receive", post(&letter, MACH_SEND_TIMEOUT, 0), MACH_SEND_TIMED_OUT);
    read_items(&letter);
    CHECK("S7: destination and reply are not swapped", letter.head.msgh_remote_port == port);
    CHECK("S7: the destination's disposition is 17", remote_kind(&letter) == MACH_MSG_TYPE_MOVE_SEND);
    CHECK("S7: the reply's is 18", local_kind(&letter) == MACH_MSG_TYPE_MOVE_SEND_ONCE);
    CHECK("S7: it is a right of the caller's", kind(letter.head.msgh_local_port) == MACH_PORT_TYPE_SEND_ONCE);
    CHECK("S7: COPY_SEND leaves one more reference", sends(port) == 2);
    CHECK("S7: so do both items", sends(other) == 3);
    CHECK("S7: their dispositions", letter.items[0].disposition == 17 && letter.items[1].disposition == 17);
    CHECK("S7: their names", letter.items[0].name == other && letter.items[1].name == other);
    while (waiting_id(port)) {}
    IS("S7: sent again as it is", mach_msg(&letter.head, MACH_SEND_MSG, letter.size, 0, 0, 0, 0), MACH_MSG_SUCCESS);
    CHECK("S7: what was given back is taken", sends(port) == 1 && sends(other) == 1);
    IS("S7: received", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);
    CHECK("S7: received", letter.head.msgh_id == 11 && letter.item_count == 2);
    mach_msg_destroy(&letter.head);
    CHECK("S7: the reply right was the same one", next_id(reply) == MACH_NOTIFY_SEND_ONCE && waiting_id(reply) == 0);
    CHECK("mach_msg_destroy: releases the items", sends(other) == 1);

    /* A receive right that could not leave. */
    fill(port);
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 12);
    put_right(&letter, other, MACH_MSG_TYPE_MOVE_RECEIVE);
    IS("S7: a receive right comes back", post(&letter, MACH_SEND_TIMEOUT, 0), MACH_SEND_TIMED_OUT);
    read_items(&letter);
    CHECK("S7: under the name that the task knows", letter.items[0].name == other && kind(other) == MACH_PORT_TYPE_SEND_RECEIVE);
    CHECK("S7: with its disposition", letter.items[0].disposition == MACH_MSG_TYPE_MOVE_RECEIVE);

    IS("1.4: if the send fails nothing is received",
       mach_msg(&letter.head, MACH_SEND_MSG | MACH_RCV_MSG | MACH_SEND_TIMEOUT, letter.size, sizeof letter.bytes, port, 0, 0),
       MACH_SEND_TIMED_OUT);
    CHECK("1.4: if the send fails nothing is received", status(port).mps_msgcount == 5);
    mach_port_destroy(SELF, port);
    mach_port_destroy(SELF, other);
    drop_receive(reply);
}

static void both_halves(void) {
    mach_port_t port = new_port();
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 21);
    IS("1.4: send, then receive",
       mach_msg(&letter.head, MACH_SEND_MSG | MACH_RCV_MSG | MACH_RCV_TIMEOUT, letter.size, sizeof letter.bytes, port, 1000, 0), 0);
    CHECK("1.4: send, then receive", letter.head.msgh_id == 21 && letter.head.msgh_local_port == port);
    struct letter second;
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 22);
    memset(&second, 0, sizeof second);
    IS("mach_msg_overwrite: into another buffer",
       mach_msg_overwrite(
           &letter.head, MACH_SEND_MSG | MACH_RCV_MSG | MACH_RCV_TIMEOUT, letter.size, sizeof second.bytes, port, 1000, 0, &second.head, 0),
       MACH_MSG_SUCCESS);
    CHECK("mach_msg_overwrite: into another buffer", second.head.msgh_id == 22);
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 23);
    IS("mach_msg_trap", mach_msg_trap(&letter.head, MACH_SEND_MSG, letter.size, 0, 0, 0, 0), MACH_MSG_SUCCESS);
    CHECK("mach_msg_trap", next_id(port) == 23);
    mach_port_destroy(SELF, port);
}

int main(void) {
    sizes();
    bad_headers();
    bad_bodies();
    dying_destination();
    full_queues();
    both_halves();
    return result();
}
