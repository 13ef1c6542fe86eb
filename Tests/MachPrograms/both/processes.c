/* Two processes: the rules hold between tasks as they do within one. The program starts itself again with the name to look up. */
#include "dialect.h"
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;
static struct letter letter;
static const char *service_name = "masix.test.processes";

static pid_t another(const char *program, const char *part) {
    pid_t process = 0;
    char *arguments[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)part, NULL};
    fflush(stdout);
    NEED(posix_spawn(&process, program, NULL, NULL, arguments, environ) == 0);
    return process;
}

static int status_of(pid_t process) {
    int status = -1;
    waitpid(process, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static mach_port_t look_up(void) {
    mach_port_t found = 0;
    NEED(bootstrap_look_up(bootstrap_port, service_name, &found) == KERN_SUCCESS);
    return found;
}

/* Sends what it is asked for and ends. */
static int guest(void) {
    mach_port_t host = look_up(), mine = new_port();
    char *memory = malloc(50000);
    memset(memory, 'm', 50000);
    start(&letter, host, MACH_MSG_TYPE_COPY_SEND, mine, MACH_MSG_TYPE_MAKE_SEND_ONCE, 1);
    put_right(&letter, mine, MACH_MSG_TYPE_COPY_SEND);
    put_memory(&letter, memory, 50000, FALSE);
    put_number(&letter, (uint32_t)getpid());
    IS("guest: sent", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    IS("guest: an answer", take(&letter, mine, 0, 0), MACH_MSG_SUCCESS);
    CHECK("guest: an answer", letter.head.msgh_id == 101 && letter.item_count == 2);
    mach_port_t given = letter.items[0].name, once = letter.items[1].name;
    CHECK("1.3: a receive right crosses", kind(given) == MACH_PORT_TYPE_RECEIVE);
    CHECK("1.3: a send-once right crosses", kind(once) == MACH_PORT_TYPE_SEND_ONCE);
    CHECK("R1: with its queue", next_id(given) == 31 && next_id(given) == 32);
    CHECK("R1: and numbers from 0", status(given).mps_seqno == 2);
    for (int number = 1; number <= 50; number++) { IS("guest: sent", send_id(host, 1000 + number, 0, 0), MACH_MSG_SUCCESS); }
    /* Ends with two receive rights, the send-once right and send rights in hand. */
    return result();
}

/* Fills a queue, waits to be killed. */
static int silent(void) {
    mach_port_t host = look_up(), mine = new_port();
    start(&letter, host, MACH_MSG_TYPE_COPY_SEND, 0, 0, 2);
    put_right(&letter, mine, MACH_MSG_TYPE_COPY_SEND);
    post(&letter, 0, 0);
    sleep(30);
    return 1;
}

int main(int count, char **arguments) {
    if (count > 1) { return strcmp(arguments[1], "guest") == 0 ? guest() : silent(); }

    mach_port_t host = 0, notify = new_receive(), previous = 0;
    IS("bootstrap_check_in", bootstrap_check_in(bootstrap_port, service_name, &host), KERN_SUCCESS);
    pid_t process = another(arguments[0], "guest");
    NEED(take(&letter, host, MACH_RCV_TIMEOUT, 10000) == MACH_MSG_SUCCESS);
    CHECK("V5: a message of another task", letter.head.msgh_id == 1 && letter.head.msgh_local_port == host);
    CHECK("1.3: rights of another task", letter.item_count == 2 && kind(letter.items[0].name) == MACH_PORT_TYPE_SEND);
    CHECK("V5: its reply right", kind(letter.head.msgh_remote_port) == MACH_PORT_TYPE_SEND_ONCE);
    CHECK("4: its number", letter.numbers[0] == (uint32_t)process);
    CHECK("M2: its memory", letter.items[1].count == 50000 && ((char *)letter.items[1].address)[49999] == 'm');
    mach_port_t theirs = letter.items[0].name, back = letter.head.msgh_remote_port;
    IS("1.5 72: asked", ASK(theirs, MACH_NOTIFY_DEAD_NAME, 0, notify, &previous), KERN_SUCCESS);

    mach_port_t given = new_port();
    send_id(given, 31, 0, 0);
    send_id(given, 32, 0, 0);
    start(&letter, back, MACH_MSG_TYPE_MOVE_SEND_ONCE, 0, 0, 101);
    put_right(&letter, given, MACH_MSG_TYPE_MOVE_RECEIVE);
    put_right(&letter, notify, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    IS("1.3: answered", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    CHECK("1.3: the receive right is gone", kind(given) == MACH_PORT_TYPE_SEND);
    int disorder = 0;
    for (int number = 1; number <= 50; number++) { disorder += next_id(host) != 1000 + number; }
    CHECK("O1: in order, none lost", disorder == 0);
    CHECK("guest: ended well", status_of(process) == 0);

    /* Its end. */
    int dead = 0, unused = 0;
    for (int number = 0; number < 2; number++) {
        if (take(&letter, notify, 0, 0) != MACH_MSG_SUCCESS) { break; }
        dead += letter.head.msgh_id == MACH_NOTIFY_DEAD_NAME && letter.note == theirs;
        unused += letter.head.msgh_id == MACH_NOTIFY_SEND_ONCE;
    }
    CHECK("1.5 72: its port died with it", dead == 1);
    CHECK("T4: the send-once right that it held yields its 71", unused == 1);
    CHECK("1.6: with one more reference", refs(theirs, MACH_PORT_RIGHT_DEAD_NAME) == 2);
    UNTIL(kind(given) == MACH_PORT_TYPE_DEAD_NAME);
    CHECK("1.6: the port that was given to it died, too", kind(given) == MACH_PORT_TYPE_DEAD_NAME);
    IS("S2: as a destination", send_id(theirs, 1, 0, 0), MACH_SEND_INVALID_DEST);

    /* One that is killed while a sender waits for room in its queue. */
    process = another(arguments[0], "silent");
    NEED(take(&letter, host, MACH_RCV_TIMEOUT, 10000) == MACH_MSG_SUCCESS && letter.head.msgh_id == 2);
    theirs = letter.items[0].name;
    for (int number = 0; number < 5; number++) { IS("S6: room", send_id(theirs, 1, MACH_SEND_TIMEOUT, 1000), MACH_MSG_SUCCESS); }
    IS("S6: full, in another task", send_id(theirs, 1, MACH_SEND_TIMEOUT, 50), MACH_SEND_TIMED_OUT);
    CHECK("S7: one more reference", sends(theirs) == 2);
    kill(process, 9);
    IS("S4: the port dies while a sender waits", send_id(theirs, 1, MACH_SEND_TIMEOUT, 5000), MACH_MSG_SUCCESS);
    status_of(process);
    UNTIL(kind(theirs) == MACH_PORT_TYPE_DEAD_NAME);
    CHECK("1.6: a dead name", refs(theirs, MACH_PORT_RIGHT_DEAD_NAME) == 2);

    /* No senders, when the only one ends. */
    mach_port_t counted = new_receive();
    mach_port_insert_right(SELF, counted, counted, MACH_MSG_TYPE_MAKE_SEND);
    process = another(arguments[0], "guest");
    NEED(take(&letter, host, MACH_RCV_TIMEOUT, 10000) == MACH_MSG_SUCCESS && letter.head.msgh_id == 1);
    ASK(counted, MACH_NOTIFY_NO_SENDERS, 1, notify, &previous);
    start(&letter, letter.head.msgh_remote_port, MACH_MSG_TYPE_MOVE_SEND_ONCE, 0, 0, 102);
    put_right(&letter, counted, MACH_MSG_TYPE_MOVE_SEND);
    IS("1.5 70: the only send right goes to another task", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    CHECK("1.5 70: its end", next_id(notify) == MACH_NOTIFY_NO_SENDERS);
    status_of(process);
    return result();
}
