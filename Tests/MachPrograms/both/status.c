/* What a receiver learns and sets: N4, the table of 1.2 from get_receive_status on, S6 on limits. */
#include "dialect.h"

static mach_msg_return_t sent = -1;
static mach_port_t full;

static void *send_one_more(void *nothing) {
    mach_msg_return_t code = send_id(full, 9, 0, 0);
    __atomic_store_n(&sent, code, __ATOMIC_SEQ_CST);
    return nothing;
}

int main(void) {
    mach_port_t port = new_port();
    mach_port_status_t now = status(port);
    CHECK("N4: srights is true", now.mps_srights);
    CHECK("N4: mscount", now.mps_mscount == 1);
    mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 7);
    CHECK("N4: references make nothing", status(port).mps_mscount == 1);
    mach_port_t once = new_once(port), another = new_once(port);
    CHECK("N4: sorights", status(port).mps_sorights == 2);
    CHECK("N4: MAKE_SEND_ONCE does not count as a make-send", status(port).mps_mscount == 1);
    mach_port_deallocate(SELF, once);
    mach_port_deallocate(SELF, another);
    CHECK("N4: two notifications wait", status(port).mps_msgcount == 2);
    CHECK("1.5: 71", next_id(port) == MACH_NOTIFY_SEND_ONCE && next_id(port) == MACH_NOTIFY_SEND_ONCE);
    CHECK("N4: sorights", status(port).mps_sorights == 0);
    CHECK("N4: seqno counts what was taken", status(port).mps_seqno == 2);
    IS("N4: sent", send_id(port, 3, 0, 0), MACH_MSG_SUCCESS);
    CHECK("N4: msgcount", status(port).mps_msgcount == 1);
    mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, -8);
    CHECK("N4: the right in the queued message counts", status(port).mps_srights);
    CHECK("V5: received", next_id(port) == 3);
    CHECK("V5: the destination right is consumed by reception", !status(port).mps_srights);

    IS("1.2 set_mscount", mach_port_set_mscount(SELF, port, 41), KERN_SUCCESS);
    CHECK("1.2 set_mscount", status(port).mps_mscount == 41);
    mach_port_insert_right(SELF, port, port, MACH_MSG_TYPE_MAKE_SEND);
    CHECK("N4: MAKE_SEND adds one", status(port).mps_mscount == 42);
    IS("1.2 set_seqno", mach_port_set_seqno(SELF, port, 1000), KERN_SUCCESS);
    CHECK("1.2 set_seqno", status(port).mps_seqno == 1000);
    struct letter letter;
    IS("V3: sent", send_id(port, 4, 0, 0), MACH_MSG_SUCCESS);
    IS("V3: received", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);
    CHECK("V3: stamped when taken", letter.sequence == 1000);
    CHECK("V3: and then raised", status(port).mps_seqno == 1001);

    IS("1.2 set_qlimit: 0 is legal", mach_port_set_qlimit(SELF, port, 0), KERN_SUCCESS);
    CHECK("1.2 set_qlimit", status(port).mps_qlimit == 0);
    IS("1.14: a limit of 0 accepts nothing", send_id(port, 5, MACH_SEND_TIMEOUT, 0), MACH_SEND_TIMED_OUT);
    mach_port_deallocate(SELF, port);
    start(&letter, port, MACH_MSG_TYPE_MAKE_SEND_ONCE, 0, 0, 6);
    IS("1.14: but by a send-once right", post(&letter, MACH_SEND_TIMEOUT, 0), MACH_MSG_SUCCESS);
    CHECK("1.14: but by a send-once right", next_id(port) == 6);
    IS("1.2 set_qlimit: the most", mach_port_set_qlimit(SELF, port, QLIMIT_MAX), KERN_SUCCESS);
    IS("1.2 set_qlimit: more than the most", mach_port_set_qlimit(SELF, port, QLIMIT_MAX + 1), KERN_INVALID_VALUE);
    CHECK("1.2 set_qlimit: an error changes nothing", status(port).mps_qlimit == QLIMIT_MAX);
    mach_port_destroy(SELF, port);

    mach_port_status_t found;
    mach_port_t dead = new_dead(), set = new_set(), other = new_receive();
    once = new_once(other);
    IS("1.2 get_receive_status: nothing", mach_port_get_receive_status(SELF, 0x770000, &found), KERN_INVALID_NAME);
    IS("1.2 get_receive_status: a dead name", mach_port_get_receive_status(SELF, dead, &found), KERN_INVALID_RIGHT);
    IS("1.2 get_receive_status: a set", mach_port_get_receive_status(SELF, set, &found), KERN_INVALID_RIGHT);
    IS("1.2 get_receive_status: a send-once right", mach_port_get_receive_status(SELF, once, &found), KERN_INVALID_RIGHT);
    IS("1.2 set_qlimit: a dead name", mach_port_set_qlimit(SELF, dead, 3), KERN_INVALID_RIGHT);
    IS("1.2 set_mscount: a dead name", mach_port_set_mscount(SELF, dead, 3), KERN_INVALID_RIGHT);
    IS("1.2 set_seqno: a dead name", mach_port_set_seqno(SELF, dead, 3), KERN_INVALID_RIGHT);
    mach_port_t previous = 77;
    IS("1.2 pdrequest, nsrequest", ASK(other, MACH_NOTIFY_PORT_DESTROYED, 0, other, &previous), KERN_SUCCESS);
    IS("1.2 pdrequest, nsrequest", ASK(other, MACH_NOTIFY_NO_SENDERS, 1, other, &previous), KERN_SUCCESS);
    CHECK("1.2 pdrequest, nsrequest", status(other).mps_pdrequest && status(other).mps_nsrequest);

    /* Raising the limit. */
    full = new_port();
    fill(full);
    pthread_t sender;
    pthread_create(&sender, NULL, send_one_more, NULL);
    usleep(50000);
    CHECK("S6: the sender waits", __atomic_load_n(&sent, __ATOMIC_SEQ_CST) == -1);
    mach_port_set_qlimit(SELF, full, 6);
    UNTIL(__atomic_load_n(&sent, __ATOMIC_SEQ_CST) != -1);
    CHECK("1.2 set_qlimit: raising wakes a blocked sender", __atomic_load_n(&sent, __ATOMIC_SEQ_CST) == MACH_MSG_SUCCESS);
    mach_port_set_qlimit(SELF, full, 1);
    CHECK("1.2 set_qlimit: lowering drops nothing", status(full).mps_msgcount == 6);
    for (int number = 0; number < 5; number++) { next_id(full); }
    IS("S6: at the limit", send_id(full, 1, MACH_SEND_TIMEOUT, 0), MACH_SEND_TIMED_OUT);
    CHECK("1.2 set_qlimit: lowering drops nothing", next_id(full) == 9);
    pthread_join(sender, NULL);
    return result();
}
