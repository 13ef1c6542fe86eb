/* A task that has used up what a task may have under way is refused, and its neighbours feel nothing. */
#include "dialect.h"
#include <sys/mman.h>
#include <sys/wait.h>

enum { PORTS = 300, REGION = 65536 };

static mach_port_t ports[PORTS];
static char region[REGION];

/* A letter with so much out of line and so much inline. */
static mach_msg_return_t send_weight(mach_port_t to, unsigned outside, unsigned inside) {
    struct {
        struct letter letter;
        char more[65536];
    } *heavy = calloc(1, sizeof *heavy);
    struct letter *letter = &heavy->letter;
    start(letter, to, MACH_MSG_TYPE_MAKE_SEND, MACH_PORT_NULL, 0, 3);
    if (outside) { put_memory(letter, region, outside, 0); }
    if (inside) {
#if IS_XNU
        letter->size += inside;
#else
        put_long_word(letter, MACH_MSG_TYPE_BYTE, 8, inside, 0);
        ((mach_msg_type_long_t *)(letter->bytes + letter->size - sizeof(mach_msg_type_long_t) - sizeof(void *)))->msgtl_header.msgt_inline = TRUE;
        letter->size += inside - sizeof(void *);
#endif
    }
    letter->head.msgh_size = letter->size;
    mach_msg_return_t code =
        mach_msg(&letter->head, MACH_SEND_MSG | MACH_SEND_TIMEOUT, letter->size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
    free(heavy);
    return code;
}

/* A port that the node knows: what stays within this process is the process's own memory, and nobody else's matter. */
static mach_port_t known_port(void) {
    mach_port_t port = new_receive();
    NEED(status(port).mps_qlimit == 5);
    return port;
}

/* Sends to one port after the other until something is refused; how many were taken. */
static unsigned send_until_refused(unsigned outside, unsigned inside, mach_msg_return_t *code) {
    for (unsigned number = 0; number < 5 * PORTS; number++) {
        *code = send_weight(ports[number % PORTS], outside, inside);
        if (*code != MACH_MSG_SUCCESS) { return number; }
    }
    return 5 * PORTS;
}

static void drain(void) {
    for (unsigned number = 0; number < PORTS; number++) {
        mach_port_destroy(SELF, ports[number]);
        ports[number] = known_port();
    }
}

static int neighbour(void) {
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        mach_port_t port = new_receive();
        struct letter letter;
        start(&letter, port, MACH_MSG_TYPE_MAKE_SEND, MACH_PORT_NULL, 0, 4);
        put_memory(&letter, region, REGION, 0);
        int fine = post(&letter, MACH_SEND_TIMEOUT, 0) == MACH_MSG_SUCCESS && next_id(port) == 4;
        _exit(fine ? 0 : 1);
    }
    int outcome = -1;
    waitpid(child, &outcome, 0);
    return outcome == 0;
}

int main(void) {
    mach_msg_return_t code = 0;
    for (unsigned number = 0; number < PORTS; number++) { ports[number] = known_port(); }
    memset(region, 'r', sizeof region);

    unsigned taken = send_until_refused(REGION, 0, &code);
    IS("S1: too much memory under way", code, MACH_SEND_NO_BUFFER);
    CHECK("S1: but 1024 objects are not", taken == 1024);
    CHECK("S1: a neighbour feels nothing", neighbour());
    drain();
    IS("S1: when it was received or destroyed there is room again", send_weight(ports[0], REGION, 0), MACH_MSG_SUCCESS);
    drain();

    taken = send_until_refused(0, 60000, &code);
    IS("S1: too many bytes under way", code, MACH_SEND_NO_BUFFER);
    CHECK("S1: but 64 MiB are not", taken >= (64 << 20) / 60100 - 1 && taken <= (64 << 20) / 60000);
    CHECK("S1: a neighbour feels nothing", neighbour());
    drain();
    IS("S1: and again there is room", send_weight(ports[0], 0, 60000), MACH_MSG_SUCCESS);
    return result();
}
