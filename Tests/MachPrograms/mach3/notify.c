/* The death of a reply right, asked for with the reception (V8). */
#include "dialect.h"

static mach_port_t server, news;

static mach_msg_return_t take_asking(struct letter *letter, mach_port_t notify) {
    memset(letter, 0, sizeof *letter);
    mach_msg_return_t code = mach_msg(
        &letter->head, MACH_RCV_MSG | MACH_RCV_TIMEOUT | MACH_RCV_NOTIFY, 0, sizeof letter->bytes, server, 1000, notify);
    if (code == MACH_MSG_SUCCESS) { read_items(letter); }
    return code;
}

static void request(mach_port_t back, unsigned how) {
    struct letter letter;
    start(&letter, server, MACH_MSG_TYPE_MAKE_SEND, back, how, 7);
    NEED(post(&letter, 0, 0) == MACH_MSG_SUCCESS);
}

int main(void) {
    struct letter letter;
    server = new_receive();
    news = new_receive();

    mach_port_t reply = new_receive();
    request(reply, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    IS("V8: received, the reply right watched", take_asking(&letter, news), MACH_MSG_SUCCESS);
    mach_port_t once = letter.head.msgh_remote_port;
    mach_port_type_t type = 0;
    IS("V8", mach_port_type(SELF, once, &type), KERN_SUCCESS);
    CHECK("V8, N5: a request is there", type == (MACH_PORT_TYPE_SEND_ONCE | MACH_PORT_TYPE_DNREQUEST));
    drop_receive(reply);
    IS("V8: its death is told", take(&letter, news, 0, 0), MACH_MSG_SUCCESS);
    CHECK("V8, 1.5: as 72, with the name", letter.head.msgh_id == 72 && letter.note == once);
    CHECK("V8, 1.5: a reference more", refs(once, MACH_PORT_RIGHT_DEAD_NAME) == 2);
    mach_port_destroy(SELF, once);

    reply = new_receive();
    request(reply, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    NEED(take_asking(&letter, news) == MACH_MSG_SUCCESS);
    once = letter.head.msgh_remote_port;
    start(&letter, once, MACH_MSG_TYPE_MOVE_SEND_ONCE, MACH_PORT_NULL, 0, 8);
    IS("V8", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    IS("V8, D2: used before it died", take(&letter, news, 0, 0), MACH_MSG_SUCCESS);
    CHECK("V8, D2: as 65, with the name", letter.head.msgh_id == 65 && letter.note == once);
    IS("V8: and it was answered", next_id(reply), 8);

    mach_port_t known = new_port();
    request(known, MACH_MSG_TYPE_MAKE_SEND);
    IS("V8", take_asking(&letter, news), MACH_MSG_SUCCESS);
    CHECK("V8, N2: a right with a name keeps it", letter.head.msgh_remote_port == known);
    IS("V8", mach_port_type(SELF, known, &type), KERN_SUCCESS);
    CHECK("V8: and is not watched", !(type & MACH_PORT_TYPE_DNREQUEST));
    drop_receive(known);
    IS("V8: nor told of, nor is the request's right given back", waiting_id(news), 0);

    reply = new_receive();
    request(reply, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    IS("V8: no receive right", take_asking(&letter, known), MACH_RCV_INVALID_NOTIFY);
    CHECK("V8: the message is destroyed, and a header left", letter.head.msgh_remote_port == MACH_PORT_NULL);
    IS("V8, 1.11: its reply right too", next_id(reply), MACH_NOTIFY_SEND_ONCE);
    request(MACH_PORT_NULL, 0);
    IS("V8: without a reply right nobody looks at it", take_asking(&letter, known), MACH_MSG_SUCCESS);
    request(reply, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    IS("V8: nor without a name", take_asking(&letter, MACH_PORT_NULL), MACH_MSG_SUCCESS);
    IS("V8", mach_port_type(SELF, letter.head.msgh_remote_port, &type), KERN_SUCCESS);
    CHECK("V8", type == MACH_PORT_TYPE_SEND_ONCE);
    return result();
}
