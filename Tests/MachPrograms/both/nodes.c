/* The same calls, with the partner on another node: MASIX_OTHER_NODE says which. The program starts itself there. */
#include "dialect.h"
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;
static struct letter letter;
static const char *service_name = "masix.test.nodes";

static mach_port_t look_up(void) {
    mach_port_t found = 0;
    UNTIL(bootstrap_look_up(bootstrap_port, service_name, &found) == KERN_SUCCESS);
    return found;
}

/* On the other node: answers, uses the right that it was given, asks to be told of its death, waits for a receive right in vain. */
static int guest(void) {
    mach_port_t host = look_up(), mine = new_port(), notify = new_receive(), previous = 0;
    NEED(host != MACH_PORT_NULL);
    char *memory = malloc(3000000);
    memset(memory, 'm', 3000000);
    start(&letter, host, MACH_MSG_TYPE_COPY_SEND, mine, MACH_MSG_TYPE_MAKE_SEND_ONCE, 1);
    put_right(&letter, mine, MACH_MSG_TYPE_COPY_SEND);
    put_memory(&letter, memory, 3000000, FALSE);
    put_number(&letter, (uint32_t)getpid());
    IS("guest: sent", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    IS("guest: an answer", take(&letter, mine, MACH_RCV_TIMEOUT, 10000), MACH_MSG_SUCCESS);
    CHECK("guest: an answer", letter.head.msgh_id == 101 && letter.item_count == 2);
    CHECK("M3: small memory", letter.items[1].count == 10 && memcmp(letter.items[1].address, "0123456789", 10) == 0);
    mach_port_t theirs = letter.items[0].name;
    CHECK("1.3: a send right of another node", kind(theirs) == MACH_PORT_TYPE_SEND);
    IS("1.5 72: asked", ASK(theirs, MACH_NOTIFY_DEAD_NAME, 0, notify, &previous), KERN_SUCCESS);
    for (int number = 1; number <= 50; number++) { IS("guest: sent", send_id(theirs, 1000 + number, 0, 0), MACH_MSG_SUCCESS); }
    IS("1.5 72: it dies", take(&letter, notify, MACH_RCV_TIMEOUT, 10000), MACH_MSG_SUCCESS);
    CHECK("1.5 72: it dies", letter.head.msgh_id == MACH_NOTIFY_DEAD_NAME && letter.note == theirs);
    CHECK("1.6: with one more reference", refs(theirs, MACH_PORT_RIGHT_DEAD_NAME) == 2);

    start(&letter, host, MACH_MSG_TYPE_COPY_SEND, 0, 0, 3);
    put_right(&letter, new_receive(), MACH_MSG_TYPE_MOVE_RECEIVE);
    IS("S3: a receive right stays on its node", post(&letter, 0, 0), MACH_SEND_INVALID_RIGHT);
    send_id(host, result() == 0 ? 2 : 4, 0, 0);
    sleep(30);
    return 1;
}

int main(int count, char **arguments) {
    if (count > 1) { return guest(); }
    const char *other = getenv("MASIX_OTHER_NODE");
    NEED(other != NULL);

    mach_port_t host = 0, notify = new_receive(), previous = 0;
    IS("bootstrap_check_in", bootstrap_check_in(bootstrap_port, service_name, &host), KERN_SUCCESS);
    NEED(setenv("MASIX_NODE", other, 1) == 0);
    pid_t process = 0;
    char *again[] = {arguments[0], "guest", NULL};
    fflush(stdout);
    NEED(posix_spawn(&process, arguments[0], NULL, NULL, again, environ) == 0);

    NEED(take(&letter, host, MACH_RCV_TIMEOUT, 20000) == MACH_MSG_SUCCESS);
    CHECK("V5: a message of another node", letter.head.msgh_id == 1 && letter.head.msgh_local_port == host);
    CHECK("V5: its reply right", kind(letter.head.msgh_remote_port) == MACH_PORT_TYPE_SEND_ONCE);
    CHECK("1.3: rights of another node", letter.item_count == 2 && kind(letter.items[0].name) == MACH_PORT_TYPE_SEND);
    CHECK("4: its number", letter.numbers[0] == (uint32_t)process);
    CHECK("M3: its memory", letter.items[1].count == 3000000 && ((char *)letter.items[1].address)[2999999] == 'm');
    mach_port_t theirs = letter.items[0].name, back = letter.head.msgh_remote_port, given = new_port();
    IS("1.5 72: asked", ASK(theirs, MACH_NOTIFY_DEAD_NAME, 0, notify, &previous), KERN_SUCCESS);
    start(&letter, back, MACH_MSG_TYPE_MOVE_SEND_ONCE, 0, 0, 101);
    put_right(&letter, given, MACH_MSG_TYPE_MAKE_SEND);
    put_memory(&letter, "0123456789", 10, FALSE);
    IS("1.3: answered", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    int disorder = 0;
    for (int number = 1; number <= 50; number++) {
        disorder += take(&letter, given, MACH_RCV_TIMEOUT, 10000) != MACH_MSG_SUCCESS || letter.head.msgh_id != 1000 + number;
    }
    CHECK("O1: in order, none lost", disorder == 0);
    drop_receive(given);
    NEED(take(&letter, host, MACH_RCV_TIMEOUT, 20000) == MACH_MSG_SUCCESS);
    CHECK("guest: its checks hold", letter.head.msgh_id == 2);
    kill(process, SIGKILL);
    waitpid(process, NULL, 0);
    IS("1.5 72: its end is told", take(&letter, notify, MACH_RCV_TIMEOUT, 10000), MACH_MSG_SUCCESS);
    CHECK("1.5 72: its end is told", letter.head.msgh_id == MACH_NOTIFY_DEAD_NAME && letter.note == theirs);
    IS("S2: as a destination", send_id(theirs, 1, 0, 0), MACH_SEND_INVALID_DEST);
    return result();
}
