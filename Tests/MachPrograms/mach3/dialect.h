/* Letters of typed messages. */
#ifndef DIALECT_H
#define DIALECT_H

#include <mach.h>
#include <mach/mig_errors.h>
#include <mach/mig_support.h>
#include <servers/bootstrap.h>

#define IS_XNU 0
#define TRAILER 0
#define QLIMIT_MAX 16
/* A header bit that nobody may set. */
#define BAD_BIT 0x00010000u

#include "../letter.h"

static inline void *put_word(struct letter *letter, unsigned name, unsigned bits, unsigned number, unsigned size) {
    mach_msg_type_t *word = (mach_msg_type_t *)(letter->bytes + letter->size);
    *word = (mach_msg_type_t){.msgt_name = name, .msgt_size = bits, .msgt_number = number, .msgt_inline = TRUE};
    letter->size += sizeof *word + size;
    return word + 1;
}

static inline void *put_long_word(struct letter *letter, unsigned name, unsigned bits, unsigned number, int deallocate) {
    mach_msg_type_long_t *word = (mach_msg_type_long_t *)(letter->bytes + letter->size);
    *word = (mach_msg_type_long_t){
        .msgtl_header = {.msgt_longform = TRUE, .msgt_deallocate = deallocate},
        .msgtl_name = name,
        .msgtl_size = bits,
        .msgtl_number = number};
    letter->size += sizeof *word + sizeof(void *);
    return word + 1;
}

static inline void put_right(struct letter *letter, mach_port_t name, unsigned disposition) {
    letter->head.msgh_bits |= MACH_MSGH_BITS_COMPLEX;
    memcpy(put_word(letter, disposition, 32, 1, sizeof name), &name, sizeof name);
}

static inline void put_memory(struct letter *letter, void *address, unsigned size, int deallocate) {
    letter->head.msgh_bits |= MACH_MSGH_BITS_COMPLEX;
    memcpy(put_long_word(letter, MACH_MSG_TYPE_BYTE, 8, size, deallocate), &address, sizeof address);
}

static inline void put_rights(struct letter *letter, mach_port_t *names, unsigned count, unsigned disposition, int deallocate) {
    letter->head.msgh_bits |= MACH_MSGH_BITS_COMPLEX;
    memcpy(put_long_word(letter, disposition, 32, count, deallocate), &names, sizeof names);
}

static inline void put_number(struct letter *letter, uint32_t number) {
    memcpy(put_word(letter, MACH_MSG_TYPE_INTEGER_32, 32, 1, sizeof number), &number, sizeof number);
}

static inline void read_items(struct letter *letter) {
    char *place = letter->bytes + sizeof(mach_msg_header_t);
    char *end = letter->bytes + letter->head.msgh_size;
    letter->item_count = letter->number_count = 0;
    letter->sequence = letter->head.msgh_seqno;
    while (end - place >= (long)sizeof(mach_msg_type_t) && letter->item_count < 16 && letter->number_count < 16) {
        const mach_msg_type_long_t *word = (const mach_msg_type_long_t *)place;
        mach_msg_type_t brief = word->msgtl_header;
        unsigned name = brief.msgt_longform ? word->msgtl_name : brief.msgt_name;
        unsigned bits = brief.msgt_longform ? word->msgtl_size : brief.msgt_size;
        unsigned number = brief.msgt_longform ? word->msgtl_number : brief.msgt_number;
        place += brief.msgt_longform ? sizeof *word : sizeof brief;
        if (!brief.msgt_inline) {
            struct item *item = &letter->items[letter->item_count++];
            *item = (struct item){
                .kind = MACH_MSG_TYPE_PORT_ANY(name) ? A_LIST : A_REGION,
                .disposition = name,
                .count = MACH_MSG_TYPE_PORT_ANY(name) ? number : number * bits / 8,
                .deallocates = brief.msgt_deallocate};
            memcpy(&item->address, place, sizeof item->address);
            place += sizeof item->address;
        } else {
            for (unsigned each = 0; each < number; each++) {
                uint32_t value = 0;
                if (bits == 32) { memcpy(&value, place + 4 * each, sizeof value); }
                if (MACH_MSG_TYPE_PORT_ANY(name) && letter->item_count < 16) {
                    letter->items[letter->item_count++] = (struct item){.kind = A_RIGHT, .name = value, .disposition = name};
                } else if (letter->number_count < 16) {
                    letter->numbers[letter->number_count++] = value;
                }
            }
            place += (number * bits / 8 + 3) & ~3u;
        }
    }
    letter->note = letter->numbers[0];
}

/* One request of a server. */
static inline mach_msg_return_t
serve_once(boolean_t (*demux)(mach_msg_header_t *, mach_msg_header_t *), mach_msg_size_t max_size, mach_port_t port) {
    return mach_msg_server_once(demux, max_size, port, MACH_MSG_OPTION_NONE);
}

/* The return code of a reply that has one. */
static inline void set_reply_code(mach_msg_header_t *reply, kern_return_t code) { ((mig_reply_header_t *)reply)->RetCode = code; }
static inline kern_return_t reply_code(const mach_msg_header_t *reply) { return ((const mig_reply_header_t *)reply)->RetCode; }

#endif
