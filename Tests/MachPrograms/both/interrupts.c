/* What a signal does to a thread that waits: S6, V2, 1.14. */
#include "dialect.h"
#include <signal.h>

static mach_port_t port;
static mach_msg_option_t wanted;
static int sending;
static mach_msg_return_t answer;
static int number;
static volatile sig_atomic_t caught;

static void on_signal(int signal) { caught += signal == SIGUSR1; }

static void *wait_there(void *nothing) {
    struct letter mine;
    mach_msg_return_t code;
    if (sending) {
        code = send_id(port, 9, wanted, 0);
    } else {
        memset(&mine, 0, sizeof mine);
        code = mach_msg(&mine.head, MACH_RCV_MSG | wanted, 0, sizeof mine.bytes, port, 0, MACH_PORT_NULL);
        number = mine.head.msgh_id;
    }
    __atomic_store_n(&answer, code, __ATOMIC_SEQ_CST);
    return nothing;
}

static pthread_t disturb(int sends, mach_msg_option_t option) {
    pthread_t thread;
    sending = sends;
    wanted = option;
    caught = 0;
    __atomic_store_n(&answer, -1, __ATOMIC_SEQ_CST);
    pthread_create(&thread, NULL, wait_there, NULL);
    usleep(100000);
    pthread_kill(thread, SIGUSR1);
    for (int tries = 0; tries < 50 && __atomic_load_n(&answer, __ATOMIC_SEQ_CST) == -1; tries++) { usleep(10000); }
    CHECK("1.14: the signal was caught", caught == 1);
    return thread;
}

int main(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction(SIGUSR1, &action, NULL);

    port = new_port();
    pthread_t thread = disturb(0, MACH_RCV_INTERRUPT);
    IS("V2: interrupted, as asked for", __atomic_load_n(&answer, __ATOMIC_SEQ_CST), MACH_RCV_INTERRUPTED);
    if (__atomic_load_n(&answer, __ATOMIC_SEQ_CST) == -1) { send_id(port, 1, 0, 0); }
    pthread_join(thread, NULL);

    thread = disturb(0, 0);
    CHECK("V2: not asked for, the receiver goes on waiting", __atomic_load_n(&answer, __ATOMIC_SEQ_CST) == -1);
    send_id(port, 77, 0, 0);
    pthread_join(thread, NULL);
    CHECK("V2: and receives", answer == MACH_MSG_SUCCESS && number == 77);

    fill(port);
    thread = disturb(1, MACH_SEND_INTERRUPT);
    IS("S6: interrupted, as asked for", __atomic_load_n(&answer, __ATOMIC_SEQ_CST), MACH_SEND_INTERRUPTED);
    if (__atomic_load_n(&answer, __ATOMIC_SEQ_CST) == -1) { next_id(port); }
    pthread_join(thread, NULL);
    CHECK("S7: the copied destination came as one more reference", sends(port) == 2);

    thread = disturb(1, 0);
    CHECK("S6: not asked for, the sender goes on waiting", __atomic_load_n(&answer, __ATOMIC_SEQ_CST) == -1);
    next_id(port);
    pthread_join(thread, NULL);
    CHECK("S6: and sends", answer == MACH_MSG_SUCCESS);

    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &action, NULL);
    while (waiting_id(port)) {}
    thread = disturb(0, MACH_RCV_INTERRUPT);
    CHECK("1.14: a signal with SA_RESTART interrupts nobody", __atomic_load_n(&answer, __ATOMIC_SEQ_CST) == -1);
    if (__atomic_load_n(&answer, __ATOMIC_SEQ_CST) == -1) { send_id(port, 78, 0, 0); }
    pthread_join(thread, NULL);
    return result();
}
