/* A set as Mach 3 has it: one for a port, and no direct reception. */
#include "dialect.h"

static mach_port_t port;
static mach_msg_return_t answer = -1;

static void *wait_there(void *nothing) {
    struct letter mine;
    mach_msg_return_t code = mach_msg(&mine.head, MACH_RCV_MSG, 0, sizeof mine.bytes, port, 0, MACH_PORT_NULL);
    __atomic_store_n(&answer, code, __ATOMIC_SEQ_CST);
    return nothing;
}

int main(void) {
    struct letter letter;
    pthread_t thread;
    mach_port_t set = new_set();
    port = new_port();
    pthread_create(&thread, NULL, wait_there, NULL);
    usleep(50000);
    IS("V1: moved into a set", mach_port_move_member(SELF, port, set), KERN_SUCCESS);
    UNTIL(__atomic_load_n(&answer, __ATOMIC_SEQ_CST) != -1);
    IS("V1: a direct receiver is told", __atomic_load_n(&answer, __ATOMIC_SEQ_CST), MACH_RCV_PORT_CHANGED);
    if (__atomic_load_n(&answer, __ATOMIC_SEQ_CST) != -1) { pthread_join(thread, NULL); }
    IS("V1: no direct reception", take(&letter, port, MACH_RCV_TIMEOUT, 0), MACH_RCV_IN_SET);
    CHECK("1.2 get_receive_status: pset", status(port).mps_pset == set);
    mach_port_move_member(SELF, port, MACH_PORT_NULL);
    IS("V1: out of the set", take(&letter, port, MACH_RCV_TIMEOUT, 0), MACH_RCV_TIMED_OUT);
    return result();
}
