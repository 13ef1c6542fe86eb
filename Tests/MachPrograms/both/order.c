/* Order and senders that wait: O1 to O3. */
#include "dialect.h"

enum { senders = 4, each = 400 };
static mach_port_t port;
static int refused;

static void *send_all(void *who) {
    for (int number = 1; number <= each; number++) {
        if (send_id(port, (int)(uintptr_t)who * 100000 + number, 0, 0) != MACH_MSG_SUCCESS) { __atomic_add_fetch(&refused, 1, __ATOMIC_SEQ_CST); }
    }
    return NULL;
}

int main(void) {
    pthread_t threads[senders];
    int last[senders] = {0}, disorder = 0, strangers = 0, gaps = 0;
    port = new_port();
    for (uintptr_t who = 0; who < senders; who++) { pthread_create(&threads[who], NULL, send_all, (void *)who); }
    struct letter letter;
    uint32_t sequence = 0;
    for (int number = 0; number < senders * each; number++) {
        if (take(&letter, port, 0, 0) != MACH_MSG_SUCCESS) {
            CHECK("O1: nothing is lost", 0);
            return result();
        }
        int who = letter.head.msgh_id / 100000, which = letter.head.msgh_id % 100000;
        if (who < 0 || who >= senders) {
            strangers++;
            continue;
        }
        disorder += which != last[who] + 1;
        last[who] = which;
        gaps += letter.sequence != sequence++;
    }
    for (int who = 0; who < senders; who++) { pthread_join(threads[who], NULL); }
    CHECK("O1: each sender's in its order, none lost", disorder == 0 && strangers == 0);
    CHECK("O2: every blocked sender got through", refused == 0);
    CHECK("V3: numbered without a gap", gaps == 0);
    CHECK("O1: nothing more", waiting_id(port) == 0);

    /* O3: what is lost with its port is released. */
    mach_port_t doomed = new_port(), inner = new_receive(), notify = new_receive(), previous = 0;
    ASK(inner, MACH_NOTIFY_NO_SENDERS, 1, notify, &previous);
    start(&letter, doomed, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    put_right(&letter, inner, MACH_MSG_TYPE_MAKE_SEND);
    IS("O3: sent", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    CHECK("O3: the right is on its way", waiting_id(notify) == 0);
    drop_receive(doomed);
    CHECK("O3: and released with its message", next_id(notify) == MACH_NOTIFY_NO_SENDERS);
    return result();
}
