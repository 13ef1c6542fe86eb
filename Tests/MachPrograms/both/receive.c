/* Receiving: V1 to V5. */
#include "dialect.h"

static struct letter letter;
static mach_port_t waited;
static mach_msg_return_t answer = -1;

static void *wait_there(void *nothing) {
    struct letter mine;
    memset(&mine, 0, sizeof mine);
    mach_msg_return_t code = mach_msg(&mine.head, MACH_RCV_MSG, 0, sizeof mine.bytes, waited, 0, MACH_PORT_NULL);
    __atomic_store_n(&answer, code, __ATOMIC_SEQ_CST);
    return nothing;
}

static pthread_t wait_for(mach_port_t name) {
    pthread_t thread;
    waited = name;
    __atomic_store_n(&answer, -1, __ATOMIC_SEQ_CST);
    pthread_create(&thread, NULL, wait_there, NULL);
    usleep(50000);
    CHECK("V2: an empty queue blocks", __atomic_load_n(&answer, __ATOMIC_SEQ_CST) == -1);
    return thread;
}

static mach_msg_return_t answered(pthread_t thread) {
    UNTIL(__atomic_load_n(&answer, __ATOMIC_SEQ_CST) != -1);
    mach_msg_return_t code = __atomic_load_n(&answer, __ATOMIC_SEQ_CST);
    if (code != -1) { pthread_join(thread, NULL); }
    return code;
}

int main(void) {
    mach_port_t port = new_port(), dead = new_dead(), by = new_receive();
    mach_port_t once = new_once(port);
    IS("V1: nothing", take(&letter, 0x770000, 0, 0), MACH_RCV_INVALID_NAME);
    IS("V1: null", take(&letter, MACH_PORT_NULL, 0, 0), MACH_RCV_INVALID_NAME);
    IS("V1: a dead name", take(&letter, dead, 0, 0), MACH_RCV_INVALID_NAME);
    IS("V1: a send-once right", take(&letter, once, 0, 0), MACH_RCV_INVALID_NAME);
    mach_port_deallocate(SELF, once);
    next_id(port);

    IS("V2: 0 only tries", take(&letter, port, MACH_RCV_TIMEOUT, 0), MACH_RCV_TIMED_OUT);
    uint64_t began = milliseconds();
    IS("V2: waits so long", take(&letter, port, MACH_RCV_TIMEOUT, 80), MACH_RCV_TIMED_OUT);
    CHECK("V2: waits so long", milliseconds() - began >= 75);

    pthread_t thread = wait_for(by);
    start(&letter, by, MACH_MSG_TYPE_MAKE_SEND_ONCE, 0, 0, 1);
    post(&letter, 0, 0);
    IS("V2: a message wakes the receiver", answered(thread), MACH_MSG_SUCCESS);
    thread = wait_for(by);
    drop_receive(by);
    IS("V2: the receive right is destroyed", answered(thread), MACH_RCV_PORT_DIED);
    by = new_receive();
    thread = wait_for(by);
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    put_right(&letter, by, MACH_MSG_TYPE_MOVE_RECEIVE);
    IS("V2: moved away", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    IS("V2: the receive right is moved away", answered(thread), MACH_RCV_PORT_DIED);
    take(&letter, port, 0, 0);
    by = letter.items[0].name;
    mach_port_t set = new_set();
    thread = wait_for(set);
    mach_port_destroy(SELF, set);
    IS("V2: the set is destroyed", answered(thread), MACH_RCV_PORT_DIED);

    /* V3. */
    mach_port_t fresh = new_port();
    for (int number = 1; number <= 3; number++) { send_id(fresh, number, 0, 0); }
    CHECK("V3: the number is given when a message is taken", status(fresh).mps_seqno == 0);
    for (unsigned number = 0; number < 3; number++) {
        IS("V3: received", take(&letter, fresh, 0, 0), MACH_MSG_SUCCESS);
        CHECK("V3: numbered from 0 as they are taken", letter.sequence == number && letter.head.msgh_id == (int)number + 1);
        CHECK("V3: msgcount falls", status(fresh).mps_msgcount == 2 - number);
    }

    /* V4. */
    start(&letter, fresh, MACH_MSG_TYPE_COPY_SEND, by, MACH_MSG_TYPE_MAKE_SEND_ONCE, 31);
    for (uint32_t number = 0; number < 100; number++) { put_number(&letter, number); }
    unsigned size = letter.size;
    IS("V4: sent", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    memset(&letter, 0, sizeof letter);
    IS("V4: too large, and stays",
       mach_msg(&letter.head, MACH_RCV_MSG | MACH_RCV_LARGE | MACH_RCV_TIMEOUT, 0, 100, fresh, 1000, MACH_PORT_NULL), MACH_RCV_TOO_LARGE);
    CHECK("1.14 V4: msgh_size is the message without its trailer", letter.head.msgh_size == size);
    CHECK("V4: it stays", status(fresh).mps_msgcount == 1 && status(fresh).mps_seqno == 3);
    IS("V4: it can be received", take(&letter, fresh, 0, 0), MACH_MSG_SUCCESS);
    CHECK("V4: it can be received", letter.head.msgh_id == 31);
    mach_port_deallocate(SELF, letter.head.msgh_remote_port);
    next_id(by);

    start(&letter, fresh, MACH_MSG_TYPE_COPY_SEND, by, MACH_MSG_TYPE_MAKE_SEND_ONCE, 32);
    for (uint32_t number = 0; number < 100; number++) { put_number(&letter, number); }
    IS("V4: sent", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    memset(&letter, 0, sizeof letter);
    IS("V4: too large, and goes",
       mach_msg(&letter.head, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, 100, fresh, 1000, MACH_PORT_NULL), MACH_RCV_TOO_LARGE);
    CHECK("V4: the header is correct", letter.head.msgh_id == 32 && letter.head.msgh_local_port == fresh);
    CHECK("V4: but for a null reply port", letter.head.msgh_remote_port == MACH_PORT_NULL);
    CHECK("V4: it is gone", status(fresh).mps_msgcount == 0);
    CHECK("V4: destroyed", next_id(by) == MACH_NOTIFY_SEND_ONCE);

    /* A reply port whose receiver has died. */
    mach_port_t doomed = new_receive();
    start(&letter, fresh, MACH_MSG_TYPE_COPY_SEND, doomed, MACH_MSG_TYPE_MAKE_SEND_ONCE, 33);
    post(&letter, 0, 0);
    drop_receive(doomed);
    IS("V5: received", take(&letter, fresh, 0, 0), MACH_MSG_SUCCESS);
    CHECK("V5: the reply port is dead", letter.head.msgh_remote_port == MACH_PORT_DEAD);
    return result();
}
