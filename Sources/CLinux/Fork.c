#include "CLinux.h"

/* A lock that a forked child finds open: whoever had it is not in the child. */
static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t process_once = PTHREAD_ONCE_INIT;

static void reopen(void) { pthread_mutex_init(&process_lock, NULL); }
static void prepare(void) { pthread_atfork(NULL, NULL, reopen); }

void masix_lock_process(void) {
    pthread_once(&process_once, prepare);
    pthread_mutex_lock(&process_lock);
}

void masix_unlock_process(void) { pthread_mutex_unlock(&process_lock); }
