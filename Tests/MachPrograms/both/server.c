/* A server's loop and a client's stub, by hand: mach_msg_server_once, mig_reply_setup, mig_get_reply_port and its kin, mach_error. */
#include "dialect.h"
#if IS_XNU
#include <mach/mig.h>
#endif

static struct letter letter;
static int seen;
static mach_port_t kept;

static boolean_t demux(mach_msg_header_t *request, mach_msg_header_t *reply) {
    seen = request->msgh_id;
    switch (seen) {
    case 500:
        set_reply_code(reply, KERN_SUCCESS);
        return TRUE;
    case 501:
        set_reply_code(reply, KERN_INVALID_VALUE);
        return TRUE;
    case 502:
        kept = request->msgh_remote_port;
        set_reply_code(reply, MIG_NO_REPLY);
        return TRUE;
    default:
        return FALSE;
    }
}

static mach_port_t port;

static void *serve(void *nothing) {
    serve_once(demux, 1024, port);
    return nothing;
}

/* A call: a request with a right in it, and the reply. */
static kern_return_t call(int id, mach_port_t passenger) {
    pthread_t server;
    mach_port_t reply = mig_get_reply_port();
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, reply, MACH_MSG_TYPE_MAKE_SEND_ONCE, id);
    put_right(&letter, passenger, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    pthread_create(&server, NULL, serve, NULL);
    mach_msg_return_t code = mach_msg(
        &letter.head, MACH_SEND_MSG | MACH_RCV_MSG | MACH_RCV_TIMEOUT, letter.size, sizeof letter.bytes, reply, 500, MACH_PORT_NULL);
    pthread_join(server, NULL);
    if (code != MACH_MSG_SUCCESS) {
        mig_dealloc_reply_port(reply);
        return code;
    }
    mig_put_reply_port(reply);
    CHECK("mig_reply_setup: a hundred more", letter.head.msgh_id == id + 100);
    CHECK("mig_reply_setup: to the reply port", letter.head.msgh_local_port == reply);
    return reply_code(&letter.head);
}

static void *other_thread(void *nothing) {
    mach_port_t *mine = nothing;
    *mine = mig_get_reply_port();
    CHECK("mig_get_reply_port: the same each time", *mine == mig_get_reply_port());
    return NULL;
}

int main(void) {
    mach_port_t passenger = new_receive();
    port = new_port();
    mach_port_t reply = mig_get_reply_port();
    CHECK("mig_get_reply_port: a receive right", kind(reply) == MACH_PORT_TYPE_RECEIVE);
    CHECK("mig_get_reply_port: the same each time", reply == mig_get_reply_port());
    mach_port_t others = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, other_thread, &others);
    pthread_join(thread, NULL);
    CHECK("mig_get_reply_port: each thread its own", others != reply && others != MACH_PORT_NULL);
    CHECK("mig_get_reply_port: it ends with its thread", kind(others) == 0);

    IS("mach_msg_server: success", call(500, passenger), KERN_SUCCESS);
    CHECK("mach_msg_server: what a successful call brought is the server's", seen == 500 && waiting_id(passenger) == 0);
    IS("mach_msg_server: an error", call(501, passenger), KERN_INVALID_VALUE);
    CHECK("mach_msg_server: what a failed call brought is released", next_id(passenger) == MACH_NOTIFY_SEND_ONCE);
    IS("mach_msg_server: an unknown request", call(503, passenger), MIG_BAD_ID);
    CHECK("mach_msg_server: and released", next_id(passenger) == MACH_NOTIFY_SEND_ONCE);
    mach_port_t before = mig_get_reply_port();
    IS("mach_msg_server: no reply", call(502, passenger), MACH_RCV_TIMED_OUT);
    CHECK("mach_msg_server: the server keeps the reply port", kind(kept) == MACH_PORT_TYPE_SEND_ONCE || kind(kept) == MACH_PORT_TYPE_DEAD_NAME);
    CHECK("mig_dealloc_reply_port", kind(before) == 0 && mig_get_reply_port() != before);

    vm_address_t memory = 0;
    mig_allocate(&memory, 100);
    CHECK("mig_allocate", memory != 0);
    if (memory != 0) { *(char *)memory = 1; }
    mig_deallocate(memory, 100);
    char text[8];
    CHECK("mig_strncpy: with its 0", mig_strncpy(text, "abc", sizeof text) == 4 && strcmp(text, "abc") == 0);
    CHECK("mig_strncpy: cut", mig_strncpy(text, "abcdefghijkl", sizeof text) == 8 && strcmp(text, "abcdefg") == 0);

    CHECK("mach_error_string", strcmp(mach_error_string(KERN_SUCCESS), mach_error_string(KERN_INVALID_NAME)) != 0);
    CHECK("1.13: the dialects differ in 0x1000000e",
          strstr(mach_error_string(0x1000000e), IS_XNU ? "large" : "notification") != NULL);
    CHECK("V7: shortage bits beside a code", strcmp(mach_error_string(0x1000400c | 0x2000), mach_error_string(0x1000400c)) == 0);
    CHECK("mach_error_string: unknown", mach_error_string(0x12345) != NULL);
    return result();
}
