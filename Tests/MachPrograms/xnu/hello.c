/* A server and its client, two threads of one task: the same calls reach another task, and another machine. */
#include <bsm/libbsm.h>
#include <mach/mach.h>
#include <pthread.h>
#include <servers/bootstrap.h>
#include <stdio.h>
#include <string.h>

struct letter {
    mach_msg_header_t head;
    char words[40];
    mach_msg_audit_trailer_t trailer; /* who sent it, said by the system; only in what was received */
};

static void *client(void *unused) {
    mach_port_t server, reply = mach_reply_port();
    if (bootstrap_look_up(bootstrap_port, "hello", &server) != KERN_SUCCESS) { return unused; }
    struct letter letter = {.head = {MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE), 0, server, reply, 0, 1}};
    strcpy(letter.words, "Hello");
    mach_msg(&letter.head, MACH_SEND_MSG | MACH_RCV_MSG, sizeof letter - sizeof letter.trailer, sizeof letter, reply, 0, MACH_PORT_NULL);
    puts(letter.words);
    return unused;
}

int main(void) {
    mach_port_t port;
    pthread_t thread;
    if (bootstrap_check_in(bootstrap_port, "hello", &port) != KERN_SUCCESS || pthread_create(&thread, NULL, client, NULL)) { return 1; }
    struct letter letter = {0};
    int who = MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_AUDIT);
    if (mach_msg(&letter.head, MACH_RCV_MSG | who, 0, sizeof letter, port, 0, MACH_PORT_NULL) != MACH_MSG_SUCCESS) { return 1; }
    letter.head.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0);
    letter.head.msgh_local_port = MACH_PORT_NULL;
    snprintf(letter.words, sizeof letter.words, "Hello to you too, process %d", audit_token_to_pid(letter.trailer.msgh_audit));
    if (mach_msg(&letter.head, MACH_SEND_MSG, sizeof letter - sizeof letter.trailer, 0, 0, 0, MACH_PORT_NULL) != MACH_MSG_SUCCESS) { return 1; }
    return pthread_join(thread, NULL);
}
