/* Bodies of the complex layout: S3 for XNU, and mach_msg2. */
#include "dialect.h"

static struct letter letter;
static mach_port_t port;

static mach_msg_descriptor_t *body(void) {
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    put_right(&letter, MACH_PORT_NULL, MACH_MSG_TYPE_COPY_SEND);
    put_number(&letter, 0);
    return (mach_msg_descriptor_t *)(letter.bytes + sizeof(mach_msg_base_t));
}

int main(void) {
    port = new_port();
    body()->type.type = 9;
    IS("S3: an unknown type", post(&letter, 0, 0), MACH_SEND_INVALID_TYPE);
    body()->port.disposition = 40;
    IS("S3: no disposition", post(&letter, 0, 0), MACH_SEND_INVALID_TYPE);
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    put_memory(&letter, &letter, 8, FALSE);
    ((mach_msg_descriptor_t *)(letter.bytes + sizeof(mach_msg_base_t)))->out_of_line.copy = 7;
    IS("S3: a bad copy option", post(&letter, 0, 0), MACH_SEND_INVALID_TYPE);
    body();
    ((mach_msg_base_t *)&letter.head)->body.msgh_descriptor_count = 3;
    IS("S3: more descriptors than room", post(&letter, 0, 0), MACH_SEND_MSG_TOO_SMALL);
    body();
    ((mach_msg_base_t *)&letter.head)->body.msgh_descriptor_count = 0xffffffff;
    IS("S3: far more", post(&letter, 0, 0), MACH_SEND_MSG_TOO_SMALL);
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    letter.head.msgh_bits |= MACH_MSGH_BITS_COMPLEX;
    IS("S3: no room for the count", post(&letter, 0, 0), MACH_SEND_MSG_TOO_SMALL);
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1);
    letter.head.msgh_bits |= MACH_MSGH_BITS_COMPLEX;
    letter.size += sizeof(mach_msg_body_t);
    IS("4: no descriptors", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    IS("4: no descriptors", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);

    /* Plain bytes are nobody's business. */
    start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 5);
    for (uint32_t number = 0; number < 13; number++) { put_number(&letter, number * 0x01010101); }
    IS("4: plain bytes", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    IS("4: plain bytes", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);
    CHECK("4: plain bytes", letter.number_count == 13 && letter.numbers[12] == 12 * 0x01010101);

    struct {
        mach_msg_header_t head;
        uint32_t number;
        mach_msg_max_trailer_t trailer;
    } inline_form;
    memset(&inline_form, 0, sizeof inline_form);
    inline_form.number = 4711;
    mach_msg_header_t head = {0};
    head.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0);
    head.msgh_remote_port = port;
    head.msgh_id = 66;
    IS("mach_msg2: sends", mach_msg2(&inline_form, MACH64_SEND_MSG | MACH64_SEND_MQ_CALL, head, 28, 0, MACH_PORT_NULL, 0, 0), 0);
    memset(&inline_form, 0, sizeof inline_form);
    IS("mach_msg2: receives", mach_msg2(&inline_form, MACH64_RCV_MSG | MACH64_RCV_TIMEOUT, head, 0, sizeof inline_form, port, 1000, 0), 0);
    CHECK("mach_msg2", inline_form.number == 4711 && inline_form.head.msgh_id == 66 && inline_form.head.msgh_local_port == port);
    CHECK("mach_msg2: no vectors", mach_msg2(&inline_form, MACH64_SEND_MSG | MACH64_MSG_VECTOR, head, 28, 0, 0, 0, 0) != MACH_MSG_SUCCESS);
    return result();
}
