/* Messages for the programs that are the same in both dialects. Included by the letter.h of a dialect, which says how items are laid out:
 *
 *   put_right, put_memory, put_rights   items that carry something; before the numbers
 *   put_number                          a plain number
 *   read_items                          fills `items` and `numbers` of a letter that has come
 */
#ifndef SHARED_LETTER_H
#define SHARED_LETTER_H

#include "check.h"

enum { A_RIGHT = 1, A_REGION, A_LIST };

struct item {
    int kind;
    mach_port_t name;
    unsigned disposition;
    void *address;
    unsigned count;
    int deallocates;
};

struct letter {
    union {
        mach_msg_header_t head;
        char bytes[8192];
    };
    unsigned size;
    struct item items[16];
    unsigned item_count;
    uint32_t numbers[16];
    unsigned number_count;
    uint32_t sequence;
    /* What a notification tells: a name or a number. */
    uint32_t note;
};

static inline void start(struct letter *letter, mach_port_t to, unsigned how, mach_port_t back, unsigned back_how, int id) {
    memset(letter, 0, sizeof *letter);
    letter->head.msgh_bits = MACH_MSGH_BITS(how, back_how);
    letter->head.msgh_remote_port = to;
    letter->head.msgh_local_port = back;
    letter->head.msgh_id = id;
    letter->size = sizeof(mach_msg_header_t);
}

static inline mach_msg_return_t post(struct letter *letter, mach_msg_option_t option, mach_msg_timeout_t timeout) {
    letter->head.msgh_size = letter->size;
    return mach_msg(&letter->head, MACH_SEND_MSG | option, letter->size, 0, MACH_PORT_NULL, timeout, MACH_PORT_NULL);
}

/* A letter of nothing but a number, by a copied send right. */
static inline mach_msg_return_t send_id(mach_port_t to, int id, mach_msg_option_t option, mach_msg_timeout_t timeout) {
    struct letter letter;
    start(&letter, to, MACH_MSG_TYPE_COPY_SEND, MACH_PORT_NULL, 0, id);
    return post(&letter, option, timeout);
}

static void read_items(struct letter *letter);

/* How long a message that must come may take, in milliseconds. */
#ifndef PATIENCE
#define PATIENCE 1000
#endif

/* Receives, with that patience unless the options have a timeout. */
static inline mach_msg_return_t take(struct letter *letter, mach_port_t from, mach_msg_option_t option, mach_msg_timeout_t timeout) {
    memset(letter, 0, sizeof *letter);
    if (!(option & MACH_RCV_TIMEOUT)) { timeout = PATIENCE; }
    mach_msg_return_t code = mach_msg(
        &letter->head, MACH_RCV_MSG | MACH_RCV_TIMEOUT | TRAILER | option, 0, sizeof letter->bytes, from, timeout, MACH_PORT_NULL);
    if (code == MACH_MSG_SUCCESS) { read_items(letter); }
    return code;
}

/* The number of the next message; 0 for none. Messages here have numbers from 1 on. */
static inline int next_id(mach_port_t from) {
    struct letter letter;
    return take(&letter, from, 0, 0) == MACH_MSG_SUCCESS ? letter.head.msgh_id : 0;
}

/* The same, without waiting. */
static inline int waiting_id(mach_port_t from) {
    struct letter letter;
    return take(&letter, from, MACH_RCV_TIMEOUT, 20) == MACH_MSG_SUCCESS ? letter.head.msgh_id : 0;
}

static inline void fill(mach_port_t port) {
    for (unsigned number = 0; number < status(port).mps_qlimit; number++) { NEED(send_id(port, 1, MACH_SEND_TIMEOUT, 0) == 0); }
}

static inline unsigned remote_kind(const struct letter *letter) { return MACH_MSGH_BITS_REMOTE(letter->head.msgh_bits); }
static inline unsigned local_kind(const struct letter *letter) { return MACH_MSGH_BITS_LOCAL(letter->head.msgh_bits); }

#endif
