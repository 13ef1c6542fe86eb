/* Bodies of the typed layout: S3 for Mach 3, and 4. */
#include "dialect.h"

static struct letter letter;
static mach_port_t port;

static void fresh(void) { start(&letter, port, MACH_MSG_TYPE_COPY_SEND, 0, 0, 1); }
static mach_msg_type_t *first(void) { return (mach_msg_type_t *)(letter.bytes + sizeof(mach_msg_header_t)); }

int main(void) {
    mach_port_t other = new_port();
    port = new_port();
    fresh();
    put_right(&letter, other, MACH_MSG_TYPE_COPY_SEND);
    first()->msgt_size = 16;
    IS("S3: a right of another size", post(&letter, 0, 0), MACH_SEND_INVALID_TYPE);
    fresh();
    put_right(&letter, other, MACH_MSG_TYPE_COPY_SEND);
    first()->msgt_deallocate = TRUE;
    IS("S3: deallocate on inline", post(&letter, 0, 0), MACH_SEND_INVALID_TYPE);
    fresh();
    put_right(&letter, other, MACH_MSG_TYPE_COPY_SEND);
    first()->msgt_number = 3;
    IS("S3: an item runs over the end", post(&letter, 0, 0), MACH_SEND_MSG_TOO_SMALL);
    CHECK("S3: nothing was sent", status(port).mps_msgcount == 0);

    /* Every form beside every other. */
    fresh();
    memcpy(put_word(&letter, MACH_MSG_TYPE_CHAR, 8, 5, 8), "abcd", 5);
    put_right(&letter, other, MACH_MSG_TYPE_COPY_SEND);
    uint64_t wide = 0x123456789abcdef0;
    memcpy(put_word(&letter, MACH_MSG_TYPE_INTEGER_64, 64, 1, 8), &wide, 8);
    put_number(&letter, 17);
    mach_port_t two[2] = {other, MACH_PORT_NULL};
    memcpy(put_word(&letter, MACH_MSG_TYPE_MAKE_SEND, 32, 2, 8), two, 8);
    memcpy(put_word(&letter, MACH_MSG_TYPE_PORT_NAME, 32, 1, 4), &other, 4);
    unsigned size = letter.size;
    IS("4: sent", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    IS("4: received", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);
    CHECK("4: its size", letter.head.msgh_size == size);
    char *body = letter.bytes + sizeof(mach_msg_header_t);
    CHECK("4: letters", first()->msgt_name == MACH_MSG_TYPE_CHAR && strcmp(body + 4, "abcd") == 0);
    CHECK("4: the type words stay in their places", ((mach_msg_type_t *)(body + 20))->msgt_name == MACH_MSG_TYPE_INTEGER_64);
    CHECK("4: 64 bits", memcmp(body + 24, &wide, 8) == 0);
    CHECK("1.3: rights", letter.item_count == 3 && letter.items[0].name == other && letter.items[1].name == other && letter.items[2].name == 0);
    CHECK("1.3: their types", letter.items[0].disposition == 17 && letter.items[1].disposition == 17);
    CHECK("1.5: a name is a number", memcmp(letter.bytes + size - 4, &other, 4) == 0);
    CHECK("1.3: references", sends(other) == 3);
    mach_msg_destroy(&letter.head);
    CHECK("mach_msg_destroy: inline rights", sends(other) == 1);

    /* The long form inline. */
    fresh();
    mach_msg_type_long_t *word = (mach_msg_type_long_t *)(letter.bytes + letter.size);
    *word = (mach_msg_type_long_t){
        .msgtl_header = {.msgt_inline = TRUE, .msgt_longform = TRUE}, .msgtl_name = MACH_MSG_TYPE_BYTE, .msgtl_size = 8, .msgtl_number = 5001};
    memset(word + 1, 0x77, 5001);
    letter.size += sizeof *word + 5004;
    IS("4: the long form", post(&letter, 0, 0), MACH_MSG_SUCCESS);
    IS("4: the long form", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);
    CHECK("4: the long form", ((char *)(word + 1))[5000] == 0x77 && word->msgtl_number == 5001);

    /* A payload in the place of the port. */
    IS("mach_port_set_protected_payload", mach_port_set_protected_payload(SELF, port, 0x5a5a5a), KERN_SUCCESS);
    send_id(port, 3, 0, 0);
    IS("payload: received", take(&letter, port, 0, 0), MACH_MSG_SUCCESS);
    CHECK("payload: in the place of the port", letter.head.msgh_protected_payload == 0x5a5a5a);
    CHECK("payload: with its type", local_kind(&letter) == MACH_MSG_TYPE_PROTECTED_PAYLOAD);
    IS("mach_port_clear_protected_payload", mach_port_clear_protected_payload(SELF, port), KERN_SUCCESS);
    send_id(port, 4, 0, 0);
    take(&letter, port, 0, 0);
    CHECK("payload: cleared", letter.head.msgh_local_port == port && local_kind(&letter) == MACH_MSG_TYPE_PORT_SEND);
    IS("payload: nothing", mach_port_set_protected_payload(SELF, 0x770000, 1), KERN_INVALID_NAME);
    return result();
}
