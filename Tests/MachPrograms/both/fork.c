/* A forked child is a task of its own: it begins with no names, and its parent goes on as before. */
#include "dialect.h"
#include <pthread.h>
#include <sys/wait.h>

static volatile int over;

static void *busy(void *unused) {
    while (!over) { mach_task_self(); }
    return unused;
}

static int child(mach_port_t theirs) {
    CHECK("N1: none of the parent's names", kind(theirs) == 0);
    mach_port_t port = new_port();
    IS("S6: sent", send_id(port, 7, 0, 0), MACH_MSG_SUCCESS);
    CHECK("V5: received", next_id(port) == 7);
    return result();
}

int main(void) {
    mach_port_t port = new_port();
    for (int number = 0; number < 300; number++) { new_port(); }
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, busy, NULL) == 0);
    for (int round = 0; round < 10; round++) {
        fflush(stdout);
        pid_t process = fork();
        if (process == 0) { _exit(child(port + (300 << 8))); }
        int status = -1;
        waitpid(process, &status, 0);
        CHECK("the child's checks hold", WIFEXITED(status) && WEXITSTATUS(status) == 0);
        IS("S6: the parent goes on", send_id(port, 9, 0, 0), MACH_MSG_SUCCESS);
        CHECK("V5: the parent goes on", next_id(port) == 9);
    }
    over = 1;
    pthread_join(thread, NULL);
    return result();
}
