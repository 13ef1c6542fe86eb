#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

/* The signal is blocked over the write, and taken back if the write raised it. */
long masix_ring(int fd) {
    sigset_t pipe, before;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    if (pthread_sigmask(SIG_BLOCK, &pipe, &before) != 0) return -EINVAL;
    long written = write(fd, "\1", 1);
    long result = written < 0 ? -errno : written;
    if (!sigismember(&before, SIGPIPE)) {
        if (result == -EPIPE) {
            /* Raised for this thread and blocked, so it waits here, unless it is ignored. */
            const struct timespec now = {0, 0};
            while (sigtimedwait(&pipe, 0, &now) < 0 && errno == EINTR) {
            }
        }
        pthread_sigmask(SIG_SETMASK, &before, 0);
    }
    return result;
}
