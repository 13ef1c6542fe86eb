/* What every program here needs: rules to check, a count of those that fail, and short words for the commonest calls. A program includes
 * letter.h of its dialect, which includes this. Rules are cited as Documentation/Specs/mach.md names them. */
#ifndef CHECK_H
#define CHECK_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int checked, failed;

/* One rule, and whether it holds. */
#define CHECK(rule, expression) check((rule), !!(expression), #expression, __LINE__)
/* One rule, and what a call answers. */
#define IS(rule, call, expected) check_code((rule), (unsigned)(call), (unsigned)(expected), #call, __LINE__)
/* Without this nothing after it makes sense. */
#define NEED(expression)                                                                                                                 \
    do {                                                                                                                                 \
        if (!(expression)) {                                                                                                             \
            printf("line %d: cannot go on without %s\n", __LINE__, #expression);                                                         \
            exit(2);                                                                                                                     \
        }                                                                                                                                \
    } while (0)

static inline void check(const char *rule, int holds, const char *expression, int line) {
    checked++;
    if (holds) { return; }
    failed++;
    printf("line %d: %s: not so: %s\n", line, rule, expression);
    fflush(stdout);
}

static inline void check_code(const char *rule, unsigned code, unsigned expected, const char *call, int line) {
    checked++;
    if (code == expected) { return; }
    failed++;
    printf("line %d: %s: 0x%x and not 0x%x: %s\n", line, rule, code, expected, call);
    fflush(stdout);
}

static inline int result(void) {
    printf("%d checked, %d failed\n", checked, failed);
    return failed != 0;
}

static inline uint64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#define SELF mach_task_self()

static inline mach_port_t new_receive(void) {
    mach_port_t name = MACH_PORT_NULL;
    NEED(mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &name) == KERN_SUCCESS);
    return name;
}

/* A receive right with one send reference. */
static inline mach_port_t new_port(void) {
    mach_port_t name = new_receive();
    NEED(mach_port_insert_right(SELF, name, name, MACH_MSG_TYPE_MAKE_SEND) == KERN_SUCCESS);
    return name;
}

static inline mach_port_t new_set(void) {
    mach_port_t name = MACH_PORT_NULL;
    NEED(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &name) == KERN_SUCCESS);
    return name;
}

static inline mach_port_t new_once(mach_port_t port) {
    mach_port_t name = MACH_PORT_NULL;
    mach_msg_type_name_t type = 0;
    NEED(mach_port_extract_right(SELF, port, MACH_MSG_TYPE_MAKE_SEND_ONCE, &name, &type) == KERN_SUCCESS);
    return name;
}

/* The references that a name has of a right; -1 if it denotes nothing. */
static inline int refs(mach_port_t name, mach_port_right_t right) {
    mach_port_urefs_t count = 0;
    return mach_port_get_refs(SELF, name, right, &count) == KERN_SUCCESS ? (int)count : -1;
}

static inline int sends(mach_port_t name) { return refs(name, MACH_PORT_RIGHT_SEND); }

/* What a name denotes, the request bits left out; 0 if nothing. */
static inline mach_port_type_t kind(mach_port_t name) {
    mach_port_type_t type = 0;
    return mach_port_type(SELF, name, &type) == KERN_SUCCESS ? type & MACH_PORT_TYPE_ALL_RIGHTS : 0;
}

static inline mach_port_status_t status(mach_port_t name) {
    mach_port_status_t found;
    memset(&found, 0, sizeof found);
    mach_port_get_receive_status(SELF, name, &found);
    return found;
}

static inline void drop_receive(mach_port_t name) { mach_port_mod_refs(SELF, name, MACH_PORT_RIGHT_RECEIVE, -1); }

/* A dead name with one reference. */
static inline mach_port_t new_dead(void) {
    mach_port_t name = new_port();
    drop_receive(name);
    NEED(kind(name) == MACH_PORT_TYPE_DEAD_NAME);
    return name;
}

#define ASK(name, id, sync, notify, previous)                                                                                            \
    mach_port_request_notification(SELF, (name), (id), (sync), (notify), MACH_MSG_TYPE_MAKE_SEND_ONCE, (previous))

/* Waits until a condition holds, at most two seconds. */
#define UNTIL(condition)                                                                                                                 \
    do {                                                                                                                                 \
        for (int tries = 0; tries < 200 && !(condition); tries++) usleep(10000);                                                         \
    } while (0)

#endif
