/* Port sets: 1.7 and the member calls of 1.2, as far as both dialects agree. */
#include "dialect.h"

static struct letter letter;

static int is_member(mach_port_t set, mach_port_t port) {
    mach_port_name_array_t members = NULL;
    mach_msg_type_number_t count = 0;
    if (mach_port_get_set_status(SELF, set, &members, &count) != KERN_SUCCESS) { return -1; }
    int found = 0;
    for (unsigned place = 0; place < count; place++) { found |= members[place] == port; }
    if (count > 0) { vm_deallocate(SELF, (vm_address_t)members, count * sizeof *members); }
    return found;
}

static mach_port_t set;
static int received;

static void *wait_in_set(void *nothing) {
    int number = next_id(set);
    __atomic_store_n(&received, number, __ATOMIC_SEQ_CST);
    return nothing;
}

int main(void) {
    mach_port_t one = new_port(), two = new_port(), dead = new_dead(), other_set = new_set();
    mach_port_name_array_t members = NULL;
    mach_msg_type_number_t count = 77;
    set = new_set();
    IS("1.2 get_set_status: empty", mach_port_get_set_status(SELF, set, &members, &count), KERN_SUCCESS);
    CHECK("1.2 get_set_status: empty", count == 0);
    IS("1.2 get_set_status: a port", mach_port_get_set_status(SELF, one, &members, &count), KERN_INVALID_RIGHT);
    IS("1.2 get_set_status: nothing", mach_port_get_set_status(SELF, 0x770000, &members, &count), KERN_INVALID_NAME);
    IS("1.7: an empty set may be received from", take(&letter, set, MACH_RCV_TIMEOUT, 20), MACH_RCV_TIMED_OUT);

    IS("1.2 move_member", mach_port_move_member(SELF, one, set), KERN_SUCCESS);
    CHECK("1.2 move_member", is_member(set, one) == 1 && is_member(set, two) == 0);
    CHECK("1.2 get_receive_status: pset", status(one).mps_pset != 0);
    IS("1.2 move_member: already there", mach_port_move_member(SELF, one, set), KERN_SUCCESS);
    IS("1.2 move_member: another", mach_port_move_member(SELF, two, set), KERN_SUCCESS);
    IS("1.2 move_member: null and in none", mach_port_move_member(SELF, two, MACH_PORT_NULL), KERN_SUCCESS);
    IS("1.2 move_member: null and in none", mach_port_move_member(SELF, two, MACH_PORT_NULL), KERN_NOT_IN_SET);
    IS("1.2 move_member: nothing", mach_port_move_member(SELF, 0x770000, set), KERN_INVALID_NAME);
    IS("1.2 move_member: no such set", mach_port_move_member(SELF, two, 0x770000), KERN_INVALID_NAME);
    IS("1.2 move_member: a dead name", mach_port_move_member(SELF, dead, set), KERN_INVALID_RIGHT);
    IS("1.2 move_member: into a port", mach_port_move_member(SELF, two, one), KERN_INVALID_RIGHT);
    IS("1.2 move_member: a set", mach_port_move_member(SELF, other_set, set), KERN_INVALID_RIGHT);
    IS("1.2 move_member: from set to set", mach_port_move_member(SELF, one, other_set), KERN_SUCCESS);
    CHECK("1.2 move_member: out of the old", is_member(set, one) == 0 && is_member(other_set, one) == 1);
    mach_port_move_member(SELF, one, set);
    mach_port_move_member(SELF, two, set);

    IS("1.7: sent", send_id(two, 22, 0, 0), MACH_MSG_SUCCESS);
    IS("1.7: received from the set", take(&letter, set, 0, 0), MACH_MSG_SUCCESS);
    CHECK("V5: the local port is the member", letter.head.msgh_local_port == two && letter.head.msgh_id == 22);
    CHECK("V3: numbered by the member", letter.sequence == 0 && status(two).mps_seqno == 1 && status(one).mps_seqno == 0);

    for (int number = 0; number < 5; number++) { send_id(one, 1, 0, 0); }
    send_id(two, 2, 0, 0);
    int turn = 0;
    for (int taken = 1; taken <= 6; taken++) {
        if (next_id(set) == 2) { turn = taken; }
    }
    CHECK("1.7: a member with messages does not starve", turn > 0 && turn <= 3);

    pthread_t thread;
    pthread_create(&thread, NULL, wait_in_set, NULL);
    usleep(50000);
    mach_port_t late = new_port();
    mach_port_move_member(SELF, late, set);
    send_id(late, 44, 0, 0);
    pthread_join(thread, NULL);
    CHECK("1.7: a member may come during a receive", received == 44);

    received = 0;
    mach_port_t earlier = new_port();
    send_id(earlier, 45, 0, 0);
    pthread_create(&thread, NULL, wait_in_set, NULL);
    usleep(50000);
    mach_port_move_member(SELF, earlier, set);
    pthread_join(thread, NULL);
    CHECK("1.7: one that has messages already", received == 45);

    send_id(one, 5, 0, 0);
    IS("1.7: destroying a set", mach_port_destroy(SELF, set), KERN_SUCCESS);
    CHECK("1.7: frees its members", kind(one) == MACH_PORT_TYPE_SEND_RECEIVE && status(one).mps_pset == 0);
    CHECK("1.7: messages stay with their ports", next_id(one) == 5);

    set = new_set();
    mach_port_move_member(SELF, one, set);
    drop_receive(one);
    CHECK("1.7: a port that dies leaves", is_member(set, one) == 0);
    mach_port_move_member(SELF, two, set);
    start(&letter, late, MACH_MSG_TYPE_COPY_SEND, 0, 0, 3);
    put_right(&letter, two, MACH_MSG_TYPE_MOVE_RECEIVE);
    post(&letter, 0, 0);
    CHECK("1.7: a port that moves away leaves", is_member(set, two) == 0);
    IS("1.7: it comes back", take(&letter, late, 0, 0), MACH_MSG_SUCCESS);
    CHECK("R1: in no set", status(two).mps_pset == 0);
    return result();
}
