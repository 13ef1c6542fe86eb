/* Notifications: the table of 1.5, T1 to T5, 1.6. */
#include "dialect.h"

static struct letter letter;
static mach_port_t previous;

/* What the notify port gets next, and that its header is as 1.5 says. */
static int told(mach_port_t notify) {
    if (take(&letter, notify, 0, 0) != MACH_MSG_SUCCESS) { return 0; }
    CHECK("1.5: sent to a send-once right", local_kind(&letter) == MACH_MSG_TYPE_PORT_SEND_ONCE);
    CHECK("1.5: without a reply port", letter.head.msgh_remote_port == MACH_PORT_NULL);
    return letter.head.msgh_id;
}

static void errors(void) {
    mach_port_t port = new_port(), notify = new_receive(), dead = new_dead();
    IS("T1: an unknown number", ASK(port, 99, 0, notify, &previous), KERN_INVALID_VALUE);
    CHECK("1.14: the right that was given yields its 71", told(notify) == MACH_NOTIFY_SEND_ONCE);
    IS("T1: 65 cannot be asked for", ASK(port, MACH_NOTIFY_PORT_DELETED, 0, notify, &previous), KERN_INVALID_VALUE);
    CHECK("1.14: the right that was given yields its 71", told(notify) == MACH_NOTIFY_SEND_ONCE);
    IS("T1: 71 cannot be asked for", ASK(port, MACH_NOTIFY_SEND_ONCE, 0, notify, &previous), KERN_INVALID_VALUE);
    CHECK("1.14: the right that was given yields its 71", told(notify) == MACH_NOTIFY_SEND_ONCE);
    IS("T1: nothing", ASK(0x770000, MACH_NOTIFY_NO_SENDERS, 0, notify, &previous), KERN_INVALID_NAME);
    CHECK("1.14: the right that was given yields its 71", told(notify) == MACH_NOTIFY_SEND_ONCE);
    IS("T1: no-senders of a dead name", ASK(dead, MACH_NOTIFY_NO_SENDERS, 0, notify, &previous), KERN_INVALID_RIGHT);
    CHECK("1.14: the right that was given yields its 71", told(notify) == MACH_NOTIFY_SEND_ONCE);
    IS("T1: port-destroyed of a dead name", ASK(dead, MACH_NOTIFY_PORT_DESTROYED, 0, notify, &previous), KERN_INVALID_RIGHT);
    CHECK("1.14: the right that was given yields its 71", told(notify) == MACH_NOTIFY_SEND_ONCE);
    IS("1.5: 69 has sync 0", ASK(port, MACH_NOTIFY_PORT_DESTROYED, 1, notify, &previous), KERN_INVALID_VALUE);
    CHECK("1.14: the right that was given yields its 71", told(notify) == MACH_NOTIFY_SEND_ONCE);
    IS("T1: a dead right",
       mach_port_request_notification(SELF, port, MACH_NOTIFY_NO_SENDERS, 0, dead, MACH_MSG_TYPE_MOVE_SEND_ONCE, &previous),
       KERN_INVALID_CAPABILITY);
    mach_port_destroy(SELF, port);
    mach_port_destroy(SELF, notify);
}

static void no_senders(void) {
    mach_port_t port = new_receive(), notify = new_receive();
    IS("T2: no senders already", ASK(port, MACH_NOTIFY_NO_SENDERS, 0, notify, &previous), KERN_SUCCESS);
    CHECK("T2: nothing was registered before", previous == MACH_PORT_NULL);
    CHECK("T2: sent at once", told(notify) == MACH_NOTIFY_NO_SENDERS);
    CHECK("1.5: 70 carries mscount", letter.note == 0);
    CHECK("T2: nothing registered", !status(port).mps_nsrequest);

    IS("T2: not before mscount is sync", ASK(port, MACH_NOTIFY_NO_SENDERS, 1, notify, &previous), KERN_SUCCESS);
    CHECK("T2: registered", status(port).mps_nsrequest && waiting_id(notify) == 0);
    mach_port_insert_right(SELF, port, port, MACH_MSG_TYPE_MAKE_SEND);
    mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 3);
    mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, -3);
    CHECK("1.5: not while there is a sender", waiting_id(notify) == 0);
    mach_port_deallocate(SELF, port);
    CHECK("1.5: the last sender is gone", told(notify) == MACH_NOTIFY_NO_SENDERS);
    CHECK("1.5: 70 carries mscount", letter.note == 1);
    CHECK("T2: once", !status(port).mps_nsrequest);

    mach_port_insert_right(SELF, port, port, MACH_MSG_TYPE_MAKE_SEND);
    IS("T2: again", ASK(port, MACH_NOTIFY_NO_SENDERS, 2, notify, &previous), KERN_SUCCESS);
    IS("V5: sent", send_id(port, 1, 0, 0), MACH_MSG_SUCCESS);
    mach_port_deallocate(SELF, port);
    CHECK("V5: a queued message is a sender", waiting_id(notify) == 0);
    CHECK("V5: its reception", next_id(port) == 1);
    CHECK("V5: fires no-senders", told(notify) == MACH_NOTIFY_NO_SENDERS && letter.note == 2);

    mach_port_insert_right(SELF, port, port, MACH_MSG_TYPE_MAKE_SEND);
    ASK(port, MACH_NOTIFY_NO_SENDERS, 3, notify, &previous);
    mach_port_t second = new_receive();
    IS("T1: replaced", ASK(port, MACH_NOTIFY_NO_SENDERS, 3, second, &previous), KERN_SUCCESS);
    CHECK("T1: the old right", kind(previous) == MACH_PORT_TYPE_SEND_ONCE);
    CHECK("T4: it has told nothing yet", waiting_id(notify) == 0);
    mach_port_deallocate(SELF, previous);
    CHECK("T4: the old right yields its 71", told(notify) == MACH_NOTIFY_SEND_ONCE);
    IS("T1: cancelled",
       mach_port_request_notification(
           SELF, port, MACH_NOTIFY_NO_SENDERS, 0, MACH_PORT_NULL, MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous),
       KERN_SUCCESS);
    CHECK("T1: cancelled", kind(previous) == MACH_PORT_TYPE_SEND_ONCE && !status(port).mps_nsrequest);
    mach_port_deallocate(SELF, previous);
    CHECK("T4: its 71", told(second) == MACH_NOTIFY_SEND_ONCE);

    ASK(port, MACH_NOTIFY_NO_SENDERS, 3, notify, &previous);
    drop_receive(port);
    CHECK("T4: the port's death discards the request", told(notify) == MACH_NOTIFY_SEND_ONCE);
    mach_port_destroy(SELF, port);

    port = new_port();
    ASK(port, MACH_NOTIFY_NO_SENDERS, 1, notify, &previous);
    IS("1.14: destroy", mach_port_destroy(SELF, port), KERN_SUCCESS);
    CHECK("1.14: destroy releases SEND first", told(notify) == MACH_NOTIFY_NO_SENDERS);
    CHECK("1.14: and once", waiting_id(notify) == 0);
    drop_receive(notify);
    drop_receive(second);
}

static void dead_names(void) {
    mach_port_t port = new_port(), notify = new_receive();
    mach_port_type_t type = 0;
    mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 2);
    IS("1.5 72: asked", ASK(port, MACH_NOTIFY_DEAD_NAME, 0, notify, &previous), KERN_SUCCESS);
    CHECK("T1: nothing before", previous == MACH_PORT_NULL);
    IS("N5: the request shows", mach_port_type(SELF, port, &type), KERN_SUCCESS);
    CHECK("N5: the request shows", type & MACH_PORT_TYPE_DNREQUEST);
    drop_receive(port);
    CHECK("1.5 72: sent", told(notify) == MACH_NOTIFY_DEAD_NAME);
    CHECK("1.5 72: with the name", letter.note == port);
    CHECK("1.6: the references stay, and one more", refs(port, MACH_PORT_RIGHT_DEAD_NAME) == 4);
    mach_port_type(SELF, port, &type);
    CHECK("1.5 72: once", !(type & MACH_PORT_TYPE_DNREQUEST));
    IS("1.6: none of it is a send right", mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, -1), KERN_INVALID_RIGHT);
    mach_port_destroy(SELF, port);

    port = new_receive();
    mach_port_t once = new_once(port);
    IS("1.5 72: of a send-once right", ASK(once, MACH_NOTIFY_DEAD_NAME, 0, notify, &previous), KERN_SUCCESS);
    drop_receive(port);
    CHECK("1.5 72: of a send-once right", told(notify) == MACH_NOTIFY_DEAD_NAME && letter.note == once);
    CHECK("1.6: of a send-once right", refs(once, MACH_PORT_RIGHT_DEAD_NAME) == 2);
    mach_port_destroy(SELF, once);

    port = new_port();
    ASK(port, MACH_NOTIFY_DEAD_NAME, 0, notify, &previous);
    mach_port_deallocate(SELF, port);
    CHECK("1.5 65: not while the receive right keeps the name", waiting_id(notify) == 0);
    drop_receive(port);
    CHECK("1.5 65: the name is freed", told(notify) == MACH_NOTIFY_PORT_DELETED && letter.note == port);

    port = new_receive();
    once = new_once(port);
    ASK(once, MACH_NOTIFY_DEAD_NAME, 0, notify, &previous);
    mach_port_deallocate(SELF, once);
    CHECK("1.5 65: deallocated while its port lives", told(notify) == MACH_NOTIFY_PORT_DELETED && letter.note == once);
    CHECK("T4: the right itself yields its 71", next_id(port) == MACH_NOTIFY_SEND_ONCE);

    once = new_once(port);
    ASK(once, MACH_NOTIFY_DEAD_NAME, 0, notify, &previous);
    IS("T1: cancelled",
       mach_port_request_notification(
           SELF, once, MACH_NOTIFY_DEAD_NAME, 0, MACH_PORT_NULL, MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous),
       KERN_SUCCESS);
    CHECK("T1: the old right", kind(previous) == MACH_PORT_TYPE_SEND_ONCE);
    mach_port_deallocate(SELF, previous);
    CHECK("T4: its 71", told(notify) == MACH_NOTIFY_SEND_ONCE);
    mach_port_deallocate(SELF, once);
    drop_receive(port);

    mach_port_t dead = new_dead();
    IS("T3: a dead name, sync 0", ASK(dead, MACH_NOTIFY_DEAD_NAME, 0, notify, &previous), KERN_INVALID_ARGUMENT);
    CHECK("1.14: its 71", told(notify) == MACH_NOTIFY_SEND_ONCE);
    if (IS_XNU) {
        IS("T3: a dead name, any sync", ASK(dead, MACH_NOTIFY_DEAD_NAME, 1, notify, &previous), KERN_INVALID_ARGUMENT);
        CHECK("1.14: its 71", told(notify) == MACH_NOTIFY_SEND_ONCE);
    } else {
        IS("T3: a dead name, another sync", ASK(dead, MACH_NOTIFY_DEAD_NAME, 1, notify, &previous), KERN_SUCCESS);
        CHECK("T3: at once", told(notify) == MACH_NOTIFY_DEAD_NAME && letter.note == dead);
        CHECK("T3: with one more reference", refs(dead, MACH_PORT_RIGHT_DEAD_NAME) == 2);
    }
    mach_port_destroy(SELF, dead);
    drop_receive(notify);
}

static void backups(void) {
    mach_port_t port = new_port(), backup = new_receive();
    IS("1.5 69: asked", ASK(port, MACH_NOTIFY_PORT_DESTROYED, 0, backup, &previous), KERN_SUCCESS);
    CHECK("1.5 69: asked", status(port).mps_pdrequest);
    IS("1.5 69: a message waits", send_id(port, 7, 0, 0), MACH_MSG_SUCCESS);
    drop_receive(port);
    CHECK("1.5 69: the port lives", kind(port) == MACH_PORT_TYPE_SEND);
    CHECK("1.5 69: sent to the backup", told(backup) == MACH_NOTIFY_PORT_DESTROYED);
    CHECK("1.5 69: with the right", letter.item_count == 1 && letter.items[0].disposition == MACH_MSG_TYPE_PORT_RECEIVE);
    CHECK("N2: it coalesces", letter.items[0].name == port && kind(port) == MACH_PORT_TYPE_SEND_RECEIVE);
    CHECK("1.5 69: with its queue", next_id(port) == 7);
    CHECK("1.5 69: once", !status(port).mps_pdrequest);
    drop_receive(port);
    CHECK("1.5 69: then it dies", kind(port) == MACH_PORT_TYPE_DEAD_NAME);
    mach_port_destroy(SELF, port);

    port = new_port();
    ASK(port, MACH_NOTIFY_PORT_DESTROYED, 0, port, &previous);
    drop_receive(port);
    CHECK("1.5 69: its own backup is circular: it dies", kind(port) == MACH_PORT_TYPE_DEAD_NAME);
    mach_port_destroy(SELF, port);

    /* T5: what waits in a dying port is destroyed before the dead names are told. */
    mach_port_t notify = new_receive(), inner = new_receive();
    port = new_port();
    ASK(port, MACH_NOTIFY_NO_SENDERS, 1, notify, &previous);
    ASK(port, MACH_NOTIFY_DEAD_NAME, 0, notify, &previous);
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, notify, MACH_MSG_TYPE_MAKE_SEND_ONCE, 1);
    put_right(&letter, inner, MACH_MSG_TYPE_MAKE_SEND);
    IS("T5: a message waits", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    CHECK("T5: with a right", status(inner).mps_srights);
    drop_receive(port);
    int first = told(notify), then = told(notify), last = told(notify);
    CHECK("T5: the discarded request and the lost reply right", first == MACH_NOTIFY_SEND_ONCE && then == MACH_NOTIFY_SEND_ONCE);
    CHECK("T5: the dead name comes last", last == MACH_NOTIFY_DEAD_NAME && letter.note == port);
    CHECK("1.11: the right in the message was released", !status(inner).mps_srights);
    mach_port_destroy(SELF, port);
    drop_receive(inner);
    drop_receive(notify);
    drop_receive(backup);
}

int main(void) {
    errors();
    no_senders();
    dead_names();
    backups();
    return result();
}
