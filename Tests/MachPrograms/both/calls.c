/* Calls to another task, answered at a port of the program (decision 0017): whichever way the answers come, the port and its right behave as
 * any other. The program starts itself again as the server; its node may close leases by chance. */
#define PATIENCE 30000
#include "dialect.h"
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;
static const char *service_name = "masix.test.calls";

/* What the server is asked for. */
enum {
    ANSWER = 1, /* at once, with so many numbers */
    KEEP,       /* the right to answer */
    RELEASE,    /* what is kept, in its order, with numbers from ANSWERED on */
    DROP,       /* what is kept, unused */
    KIND,       /* of the first that is kept: the number of the answer */
    PASS,       /* the first that is kept, inside the answer */
    AGAIN,      /* the first that is kept: what a send by it says */
    END,        /* now */
};
enum { ANSWERED = 1000, ENOUGH = 128 };

static mach_port_t kept[ENOUGH];
static int kept_count;

static mach_msg_return_t give(mach_port_t once, int id, unsigned numbers) {
    struct letter letter;
    start(&letter, once, MACH_MSG_TYPE_MOVE_SEND_ONCE, MACH_PORT_NULL, 0, id);
    for (unsigned number = 0; number < numbers; number++) { put_number(&letter, number); }
    return post(&letter, 0, 0);
}

static int server(void) {
    mach_port_t port = 0;
    struct letter letter;
    NEED(bootstrap_check_in(bootstrap_port, service_name, &port) == KERN_SUCCESS);
    while (take(&letter, port, MACH_RCV_TIMEOUT, 60000) == MACH_MSG_SUCCESS) {
        mach_port_t back = letter.head.msgh_remote_port;
        unsigned number = letter.number_count > 0 ? letter.numbers[0] : 0;
        switch (letter.head.msgh_id) {
        case ANSWER:
            CHECK("V5: the server sees a send-once right", kind(back) == MACH_PORT_TYPE_SEND_ONCE);
            CHECK("V5: and its kind", remote_kind(&letter) == MACH_MSG_TYPE_PORT_SEND_ONCE);
            IS("S4: answered", give(back, ANSWERED, number), MACH_MSG_SUCCESS);
            CHECK("1.3: the name is gone", kind(back) == 0);
            break;
        case KEEP: NEED(kept_count < ENOUGH); kept[kept_count++] = back; break;
        case RELEASE:
            for (int place = 0; place < kept_count; place++) { give(kept[place], ANSWERED + place, 1); }
            kept_count = 0;
            break;
        case DROP:
            while (kept_count > 0) { mach_port_deallocate(SELF, kept[--kept_count]); }
            break;
        case KIND: give(back, (int)(kind(kept[0]) >> 16), 0); break;
        case PASS:
            start(&letter, back, MACH_MSG_TYPE_MOVE_SEND_ONCE, MACH_PORT_NULL, 0, ANSWERED);
            put_right(&letter, kept[0], MACH_MSG_TYPE_MOVE_SEND_ONCE);
            IS("1.3: passed on", post(&letter, 0, 0), MACH_MSG_SUCCESS);
            memmove(kept, kept + 1, sizeof kept[0] * (size_t)--kept_count);
            break;
        case AGAIN: give(back, (int)give(kept[0], ANSWERED, 0), 0); break;
        default: fflush(stdout); _exit(failed != 0);
        }
    }
    return 1;
}

/* ---- The client -------------------------------------------------------------------------------------------------------- */

static mach_port_t service;
static struct letter letter;

static mach_msg_return_t ask(int id, mach_port_t back, unsigned number) {
    struct letter request;
    start(&request, service, MACH_MSG_TYPE_COPY_SEND, back, back == MACH_PORT_NULL ? 0 : MACH_MSG_TYPE_MAKE_SEND_ONCE, id);
    put_number(&request, number);
    return post(&request, 0, 0);
}

static void tell(int id) { NEED(ask(id, MACH_PORT_NULL, 0) == MACH_MSG_SUCCESS); }

/* The number of the answer, for want of one the return code. */
static int call(int id, mach_port_t back) {
    NEED(ask(id, back, 0) == MACH_MSG_SUCCESS);
    mach_msg_return_t code = take(&letter, back, 0, 0);
    return code == MACH_MSG_SUCCESS ? letter.head.msgh_id : (int)code;
}

/* After these the server has received all that came before, and there is a lease unless chance has closed it. */
static void settle(void) {
    mach_port_t back = new_receive();
    for (int turn = 0; turn < 8; turn++) { NEED(call(ANSWER, back) == ANSWERED); }
    mach_port_destroy(SELF, back);
}

static pid_t start_server(const char *program) {
    pid_t process = 0;
    char *arguments[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)"server", NULL};
    fflush(stdout);
    NEED(posix_spawn(&process, program, NULL, NULL, arguments, environ) == 0);
    for (int tries = 0; tries < 500 && bootstrap_look_up(bootstrap_port, service_name, &service) != KERN_SUCCESS; tries++) { usleep(10000); }
    NEED(service != MACH_PORT_NULL);
    settle();
    return process;
}

static int end_server(pid_t process) {
    int found = -1;
    tell(END);
    waitpid(process, &found, 0);
    mach_port_destroy(SELF, service);
    service = MACH_PORT_NULL;
    return WIFEXITED(found) ? WEXITSTATUS(found) : -1;
}

/* Gives up what is kept, and sees that each right has had its one message. */
static void drop_kept(mach_port_t back, int count) {
    tell(DROP);
    int unused = 0;
    for (int number = 0; number < count; number++) { unused += next_id(back) == MACH_NOTIFY_SEND_ONCE; }
    CHECK("T4: each yields one message", unused == count);
}

static void headers_and_numbers(void) {
    mach_port_t back = new_receive();
    int wrong = 0;
    for (unsigned turn = 0; turn < 200; turn++) {
        wrong += call(ANSWER, back) != ANSWERED;
        wrong += letter.head.msgh_local_port != back || letter.head.msgh_remote_port != MACH_PORT_NULL;
        wrong += local_kind(&letter) != MACH_MSG_TYPE_PORT_SEND_ONCE || remote_kind(&letter) != 0;
        wrong += IS_XNU && letter.sequence != turn;
    }
    CHECK("V5: the header of an answer", wrong == 0);
    CHECK("V3: numbered one by one", status(back).mps_seqno == 200);
    CHECK("N4: nothing is left", status(back).mps_sorights == 0 && status(back).mps_msgcount == 0);
    mach_port_destroy(SELF, back);
}

static void several(void) {
    mach_port_t back = new_receive();
    int count = 0;
    for (int number = 0; number < 100; number++) { NEED(ask(KEEP, back, 0) == MACH_MSG_SUCCESS); }
    IS("V2: no answer yet", take(&letter, back, MACH_RCV_TIMEOUT, 20), MACH_RCV_TIMED_OUT);
    tell(RELEASE);
    uint8_t seen[100] = {0};
    for (int number = 0; number < 100; number++) {
        int id = next_id(back) - ANSWERED;
        if (id >= 0 && id < 100) { seen[id]++; }
    }
    for (int number = 0; number < 100; number++) { count += seen[number] == 1; }
    CHECK("T4: a hundred calls at once, one answer each", count == 100);
    IS("T4: and no more", take(&letter, back, MACH_RCV_TIMEOUT, 20), MACH_RCV_TIMED_OUT);
    mach_port_destroy(SELF, back);
}

/* Answers and messages of others at one port; none keeps the other away. */
static void mixed(void) {
    mach_port_t back = new_port();
    int answers = 0, others = 0;
    NEED(mach_port_set_qlimit(SELF, back, 16) == KERN_SUCCESS);
    for (int number = 0; number < 5; number++) {
        NEED(ask(ANSWER, back, 1) == MACH_MSG_SUCCESS);
        NEED(send_id(back, 1 + number, MACH_SEND_TIMEOUT, 0) == MACH_MSG_SUCCESS);
    }
    settle();
    int last = 0, disorder = 0;
    for (int number = 0; number < 10; number++) {
        int id = next_id(back);
        if (id == ANSWERED) {
            answers++;
        } else {
            others++;
            disorder += id != ++last;
        }
    }
    CHECK("O1: answers beside the messages of others", answers == 5 && others == 5 && disorder == 0);
    CHECK("V3: one count for both", status(back).mps_seqno == 10);
    mach_port_destroy(SELF, back);
}

static void counts(void) {
    mach_port_t back = new_receive();
    for (int number = 0; number < 3; number++) { NEED(ask(KEEP, back, 0) == MACH_MSG_SUCCESS); }
    CHECK("N4: sorights while nothing is answered", status(back).mps_sorights == 3);
    CHECK("N4: nor counted as a message", status(back).mps_msgcount == 0);
    NEED(ask(ANSWER, back, 0) == MACH_MSG_SUCCESS);
    settle();
    CHECK("N4: an answer waits", status(back).mps_msgcount == 1 && status(back).mps_sorights == 4);
    CHECK("N4: asked again", status(back).mps_msgcount == 1 && status(back).mps_sorights == 4);
    CHECK("V3: received", next_id(back) == ANSWERED);
    CHECK("N4: consumed", status(back).mps_msgcount == 0 && status(back).mps_sorights == 3);
    tell(RELEASE);
    CHECK("T4: recalled, and answered", next_id(back) == ANSWERED && next_id(back) == ANSWERED + 1 && next_id(back) == ANSWERED + 2);
    CHECK("N4: none", status(back).mps_sorights == 0);
    for (int turn = 0; turn < 20; turn++) {
        NEED(ask(KEEP, back, 0) == MACH_MSG_SUCCESS);
        CHECK("N4: sorights, again and again", status(back).mps_sorights == (unsigned)turn + 1);
    }
    drop_kept(back, 20);
    mach_port_destroy(SELF, back);
}

static void sizes(void) {
    mach_port_t back = new_receive();
    struct {
        mach_msg_header_t head;
        char rest[68];
    } small;
    NEED(ask(ANSWER, back, 12) == MACH_MSG_SUCCESS);
    mach_msg_return_t code =
        mach_msg(&small.head, MACH_RCV_MSG | MACH_RCV_LARGE | MACH_RCV_TIMEOUT, 0, sizeof small.head + 8, back, PATIENCE, MACH_PORT_NULL);
    IS("V4: too large, and stays", code, MACH_RCV_TOO_LARGE);
    unsigned size = small.head.msgh_size;
    CHECK("V4: asked again", mach_msg(&small.head, MACH_RCV_MSG | MACH_RCV_LARGE | MACH_RCV_TIMEOUT, 0, sizeof small.head + 8, back, 0, 0) ==
                                     MACH_RCV_TOO_LARGE && small.head.msgh_size == size);
    IS("V4: with room", take(&letter, back, 0, 0), MACH_MSG_SUCCESS);
    CHECK("V4: its size was told", letter.head.msgh_size == size && letter.number_count == 12 && letter.numbers[11] == 11);
    CHECK("V3: what stayed was not counted", status(back).mps_seqno == 1);
    NEED(ask(ANSWER, back, 12) == MACH_MSG_SUCCESS);
    code = mach_msg(&small.head, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof small.head + 8, back, PATIENCE, MACH_PORT_NULL);
    IS("V4: too large, and gone", code, MACH_RCV_TOO_LARGE);
    IS("V4: gone", take(&letter, back, MACH_RCV_TIMEOUT, 20), MACH_RCV_TIMED_OUT);
    CHECK("T4: with its right", status(back).mps_sorights == 0);
    mach_port_destroy(SELF, back);
}

static void sets(void) {
    mach_port_t back = new_receive(), other = new_port(), set = new_set();
    NEED(ask(KEEP, back, 0) == MACH_MSG_SUCCESS);
    IS("1.7: a port that waits for an answer", mach_port_move_member(SELF, back, set), KERN_SUCCESS);
    mach_port_move_member(SELF, other, set);
    NEED(ask(KEEP, back, 0) == MACH_MSG_SUCCESS);
    NEED(send_id(other, 5, 0, 0) == MACH_MSG_SUCCESS);
    CHECK("1.7: the other member", next_id(set) == 5);
    IS("V2: nobody has answered", take(&letter, set, MACH_RCV_TIMEOUT, 20), MACH_RCV_TIMED_OUT);
    tell(RELEASE);
    int right = 0;
    for (int number = 0; number < 2; number++) {
        right += take(&letter, set, 0, 0) == MACH_MSG_SUCCESS && letter.head.msgh_local_port == back && letter.head.msgh_id >= ANSWERED;
    }
    CHECK("V5: answers by the set, at the member", right == 2);
    if (!IS_XNU) { IS("V1: a member alone", take(&letter, back, 0, 0), MACH_RCV_IN_SET); }
    NEED(ask(KEEP, back, 0) == MACH_MSG_SUCCESS);
    mach_port_move_member(SELF, back, MACH_PORT_NULL);
    tell(RELEASE);
    IS("1.7: out of the set", take(&letter, set, MACH_RCV_TIMEOUT, 50), MACH_RCV_TIMED_OUT);
    CHECK("1.7: at the port", next_id(back) == ANSWERED);
    mach_port_destroy(SELF, back);
    mach_port_destroy(SELF, other);
    mach_port_destroy(SELF, set);
}

static void unused(void) {
    mach_port_t back = new_receive();
    NEED(ask(KEEP, back, 0) == MACH_MSG_SUCCESS);
    tell(DROP);
    IS("1.5 71: dropped unused", take(&letter, back, 0, 0), MACH_MSG_SUCCESS);
    CHECK("1.5 71: dropped unused", letter.head.msgh_id == MACH_NOTIFY_SEND_ONCE && letter.head.msgh_local_port == back);
    CHECK("1.5: with a send-once destination and nothing else", local_kind(&letter) == MACH_MSG_TYPE_PORT_SEND_ONCE && remote_kind(&letter) == 0);
    mach_port_destroy(SELF, back);
}

/* Moves a receive right to ourselves in a message: its new name. */
static mach_port_t moved(mach_port_t port) {
    mach_port_t carrier = new_port();
    start(&letter, carrier, MACH_MSG_TYPE_COPY_SEND, MACH_PORT_NULL, 0, 1);
    put_right(&letter, port, MACH_MSG_TYPE_MOVE_RECEIVE);
    NEED(post(&letter, 0, 0) == MACH_MSG_SUCCESS);
    NEED(take(&letter, carrier, 0, 0) == MACH_MSG_SUCCESS && letter.item_count == 1);
    mach_port_t name = letter.items[0].name;
    mach_port_destroy(SELF, carrier);
    return name;
}

static void moves(void) {
    mach_port_t back = new_receive();
    for (int number = 0; number < 3; number++) { NEED(ask(KEEP, back, 0) == MACH_MSG_SUCCESS); }
    NEED(ask(ANSWER, back, 0) == MACH_MSG_SUCCESS);
    settle();
    mach_port_t after = moved(back);
    CHECK("R1: an answer moves with the port, and its number is 0", next_id(after) == ANSWERED && status(after).mps_seqno == 1);
    CHECK("N4: the rights follow", status(after).mps_sorights == 3);
    tell(RELEASE);
    CHECK("R5: answers follow", next_id(after) == ANSWERED && next_id(after) == ANSWERED + 1 && next_id(after) == ANSWERED + 2);
    int wrong = 0;
    for (int turn = 0; turn < 20; turn++) { wrong += call(ANSWER, after) != ANSWERED; }
    CHECK("1.3: and calls go on", wrong == 0);

    /* In transit when the answer is given. */
    NEED(ask(KEEP, after, 0) == MACH_MSG_SUCCESS);
    mach_port_t carrier = new_port();
    start(&letter, carrier, MACH_MSG_TYPE_COPY_SEND, MACH_PORT_NULL, 0, 1);
    put_right(&letter, after, MACH_MSG_TYPE_MOVE_RECEIVE);
    NEED(post(&letter, 0, 0) == MACH_MSG_SUCCESS);
    tell(RELEASE);
    settle();
    IS("R1: received", take(&letter, carrier, 0, 0), MACH_MSG_SUCCESS);
    CHECK("R1: answered in transit", next_id(letter.items[0].name) == ANSWERED);
    mach_port_destroy(SELF, letter.items[0].name);
    mach_port_destroy(SELF, carrier);
}

static void dies(void) {
    mach_port_t back = new_receive(), other = new_receive();
    NEED(ask(KEEP, back, 0) == MACH_MSG_SUCCESS);
    CHECK("1.6: alive", call(KIND, other) == (int)(MACH_PORT_TYPE_SEND_ONCE >> 16));
    IS("1.2 destroy", mach_port_destroy(SELF, back), KERN_SUCCESS);
    CHECK("1.6: a dead name at once", call(KIND, other) == (int)(MACH_PORT_TYPE_DEAD_NAME >> 16));
    IS("S2: no destination", call(AGAIN, other), MACH_SEND_INVALID_DEST);
    tell(DROP);

    /* A backup takes it instead. */
    mach_port_t backup = new_receive(), previous = 0;
    back = new_receive();
    IS("1.5 69: asked", ASK(back, MACH_NOTIFY_PORT_DESTROYED, 0, backup, &previous), KERN_SUCCESS);
    NEED(ask(KEEP, back, 0) == MACH_MSG_SUCCESS);
    settle();
    mach_port_destroy(SELF, back);
    IS("1.5 69: told", take(&letter, backup, 0, 0), MACH_MSG_SUCCESS);
    CHECK("1.5 69: told", letter.head.msgh_id == MACH_NOTIFY_PORT_DESTROYED && letter.item_count == 1);
    tell(RELEASE);
    CHECK("T5: the right lives on with the port", next_id(letter.items[0].name) == ANSWERED);
    mach_port_destroy(SELF, letter.items[0].name);
    mach_port_destroy(SELF, backup);
    mach_port_destroy(SELF, other);
}

/* The server hands the right to answer on: to us. */
static void passed(void) {
    mach_port_t back = new_receive(), other = new_receive();
    NEED(ask(KEEP, back, 0) == MACH_MSG_SUCCESS);
    CHECK("1.3: passed on", call(PASS, other) == ANSWERED && letter.item_count == 1);
    mach_port_t once = letter.items[0].name;
    CHECK("N2: a name of its own", kind(once) == MACH_PORT_TYPE_SEND_ONCE && once != back);
    IS("S6: used by another", give(once, 77, 0), MACH_MSG_SUCCESS);
    CHECK("T4: one message", next_id(back) == 77 && waiting_id(back) == 0);
    mach_port_destroy(SELF, back);
    mach_port_destroy(SELF, other);
}

static mach_port_t shared;
static int wrong_count;

static void *call_alone(void *unused_argument) {
    struct letter mine;
    mach_port_t back = new_receive();
    for (int turn = 0; turn < 200; turn++) {
        int is_right = ask(ANSWER, back, 1) == 0 && take(&mine, back, 0, 0) == 0 && mine.head.msgh_id == ANSWERED;
        if (!is_right) { __atomic_add_fetch(&wrong_count, 1, __ATOMIC_SEQ_CST); }
    }
    mach_port_destroy(SELF, back);
    return unused_argument;
}

static void *call_together(void *unused_argument) {
    struct letter mine;
    for (int turn = 0; turn < 200; turn++) {
        int is_right = ask(ANSWER, shared, 1) == 0 && take(&mine, shared, 0, 0) == 0 && mine.head.msgh_id == ANSWERED;
        if (!is_right) { __atomic_add_fetch(&wrong_count, 1, __ATOMIC_SEQ_CST); }
    }
    return unused_argument;
}

/* Asks for the counts all the time: answers change their way under the callers' eyes. */
static void *disturb(void *unused_argument) {
    for (int turn = 0; turn < 100; turn++) {
        if (status(shared).mps_sorights > 4) { __atomic_add_fetch(&wrong_count, 1, __ATOMIC_SEQ_CST); }
        usleep(500);
    }
    return unused_argument;
}

static void threads(void) {
    void *(*const parts[])(void *) = {call_alone, call_together};
    for (int part = 0; part < 2; part++) {
        pthread_t all[5];
        shared = new_receive();
        for (int number = 0; number < 4; number++) { pthread_create(&all[number], NULL, parts[part], NULL); }
        pthread_create(&all[4], NULL, disturb, NULL);
        for (int number = 0; number < 5; number++) { pthread_join(all[number], NULL); }
        CHECK("T4: four threads, one answer for each call", wrong_count == 0);
        CHECK("T4: nothing is left", status(shared).mps_sorights == 0 && waiting_id(shared) == 0);
        mach_port_destroy(SELF, shared);
    }
}

int main(int count, char **arguments) {
    if (count > 1) { return server(); }
    pid_t process = start_server(arguments[0]);
    headers_and_numbers();
    several();
    mixed();
    counts();
    sizes();
    sets();
    unused();
    moves();
    dies();
    passed();
    threads();

    /* Its end, with rights unused: some recalled, some not. */
    mach_port_t back = new_receive();
    for (int number = 0; number < 2; number++) { NEED(ask(KEEP, back, 0) == MACH_MSG_SUCCESS); }
    CHECK("N4: two", status(back).mps_sorights == 2);
    for (int number = 0; number < 2; number++) { NEED(ask(KEEP, back, 0) == MACH_MSG_SUCCESS); }
    settle();
    CHECK("the server has nothing to complain of", end_server(process) == 0);
    int unused_rights = 0;
    for (int number = 0; number < 4; number++) { unused_rights += next_id(back) == MACH_NOTIFY_SEND_ONCE; }
    CHECK("1.5 71: each right of the dead", unused_rights == 4);
    CHECK("1.5 71: once", waiting_id(back) == 0);
    return result();
}
