/* Letters of complex messages. */
#ifndef DIALECT_H
#define DIALECT_H

#include <mach/mach.h>
#include <mach/mach_time.h>
#include <servers/bootstrap.h>

#define IS_XNU 1
#define TRAILER MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_SEQNO)
#define QLIMIT_MAX MACH_PORT_QLIMIT_LARGE
/* A header bit that nobody may set. */
#define BAD_BIT 0x20000000u
#define NOTIFY_SEND_POSSIBLE MACH_NOTIFY_SEND_POSSIBLE

#include "../letter.h"

static inline mach_msg_descriptor_t *put_item(struct letter *letter, unsigned size) {
    if (!(letter->head.msgh_bits & MACH_MSGH_BITS_COMPLEX)) {
        letter->head.msgh_bits |= MACH_MSGH_BITS_COMPLEX;
        letter->size += sizeof(mach_msg_body_t);
    }
    ((mach_msg_base_t *)&letter->head)->body.msgh_descriptor_count++;
    mach_msg_descriptor_t *item = (mach_msg_descriptor_t *)(letter->bytes + letter->size);
    letter->size += size;
    return item;
}

static inline void put_right(struct letter *letter, mach_port_t name, unsigned disposition) {
    mach_msg_port_descriptor_t *item = &put_item(letter, sizeof(mach_msg_port_descriptor_t))->port;
    item->name = name;
    item->disposition = disposition;
    item->type = MACH_MSG_PORT_DESCRIPTOR;
}

static inline void put_memory(struct letter *letter, void *address, unsigned size, int deallocate) {
    mach_msg_ool_descriptor_t *item = &put_item(letter, sizeof(mach_msg_ool_descriptor_t))->out_of_line;
    item->address = address;
    item->size = size;
    item->deallocate = deallocate;
    item->copy = MACH_MSG_VIRTUAL_COPY;
    item->type = MACH_MSG_OOL_DESCRIPTOR;
}

static inline void put_rights(struct letter *letter, mach_port_t *names, unsigned count, unsigned disposition, int deallocate) {
    mach_msg_ool_ports_descriptor_t *item = &put_item(letter, sizeof(mach_msg_ool_ports_descriptor_t))->ool_ports;
    item->address = names;
    item->count = count;
    item->disposition = disposition;
    item->deallocate = deallocate;
    item->copy = MACH_MSG_PHYSICAL_COPY;
    item->type = MACH_MSG_OOL_PORTS_DESCRIPTOR;
}

static inline void put_number(struct letter *letter, uint32_t number) {
    memcpy(letter->bytes + letter->size, &number, sizeof number);
    letter->size += sizeof number;
}

static inline void read_items(struct letter *letter) {
    char *place = letter->bytes + sizeof(mach_msg_header_t);
    char *end = letter->bytes + letter->head.msgh_size;
    letter->item_count = letter->number_count = 0;
    if (letter->head.msgh_bits & MACH_MSGH_BITS_COMPLEX) {
        unsigned count = ((mach_msg_base_t *)&letter->head)->body.msgh_descriptor_count;
        place += sizeof(mach_msg_body_t);
        for (; count > 0 && letter->item_count < 16; count--) {
            mach_msg_descriptor_t *found = (mach_msg_descriptor_t *)place;
            struct item *item = &letter->items[letter->item_count++];
            switch (found->type.type) {
            case MACH_MSG_PORT_DESCRIPTOR:
                *item = (struct item){.kind = A_RIGHT, .name = found->port.name, .disposition = found->port.disposition};
                place += sizeof found->port;
                break;
            case MACH_MSG_OOL_PORTS_DESCRIPTOR:
                *item = (struct item){
                    .kind = A_LIST,
                    .address = found->ool_ports.address,
                    .count = found->ool_ports.count,
                    .disposition = found->ool_ports.disposition,
                    .deallocates = found->ool_ports.deallocate};
                place += sizeof found->ool_ports;
                break;
            default:
                *item = (struct item){
                    .kind = A_REGION,
                    .address = found->out_of_line.address,
                    .count = found->out_of_line.size,
                    .deallocates = found->out_of_line.deallocate};
                place += sizeof found->out_of_line;
                break;
            }
        }
    }
    if (end - place >= (long)(sizeof(NDR_record_t) + sizeof(uint32_t))) {
        memcpy(&letter->note, place + sizeof(NDR_record_t), sizeof letter->note);
    }
    for (; end - place >= 4 && letter->number_count < 16; place += 4) {
        memcpy(&letter->numbers[letter->number_count++], place, sizeof(uint32_t));
    }
    mach_msg_seqno_trailer_t trailer;
    memcpy(&trailer, letter->bytes + round_msg(letter->head.msgh_size), sizeof trailer);
    if (trailer.msgh_trailer_size >= sizeof trailer) { letter->sequence = trailer.msgh_seqno; }
}

/* One request of a server. */
static inline mach_msg_return_t
serve_once(boolean_t (*demux)(mach_msg_header_t *, mach_msg_header_t *), mach_msg_size_t max_size, mach_port_t port) {
    return mach_msg_server_once(demux, max_size, port, MACH_MSG_OPTION_NONE);
}

/* The return code of a reply that has one. */
static inline void set_reply_code(mach_msg_header_t *reply, kern_return_t code) { ((mig_reply_error_t *)reply)->RetCode = code; }
static inline kern_return_t reply_code(const mach_msg_header_t *reply) { return ((const mig_reply_error_t *)reply)->RetCode; }

#endif
