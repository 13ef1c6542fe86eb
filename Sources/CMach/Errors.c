/* Return codes in words (Documentation/Specs/mach.md 1.13). The dialects give two numbers a different meaning. */
#include "Typed.h"
#include <mach/mach.h>
#include <servers/bootstrap.h>
#include <stdio.h>

struct meaning {
    kern_return_t code;
    const char *words;
};

static const struct meaning meanings[] = {
    {KERN_SUCCESS, "success"},
    {KERN_INVALID_ADDRESS, "invalid address"},
    {KERN_PROTECTION_FAILURE, "memory protected from this access"},
    {KERN_NO_SPACE, "no space"},
    {KERN_INVALID_ARGUMENT, "invalid argument"},
    {KERN_FAILURE, "failure"},
    {KERN_RESOURCE_SHORTAGE, "resource shortage"},
    {KERN_NOT_RECEIVER, "not the receiver of the port"},
    {KERN_NO_ACCESS, "no access"},
    {KERN_MEMORY_FAILURE, "memory destroyed"},
    {KERN_MEMORY_ERROR, "memory not available"},
    {KERN_ALREADY_IN_SET, "already in the set"},
    {KERN_NOT_IN_SET, "not in the set"},
    {KERN_NAME_EXISTS, "the name is in use"},
    {KERN_ABORTED, "aborted"},
    {KERN_INVALID_NAME, "the name denotes nothing"},
    {KERN_INVALID_TASK, "not a living task"},
    {KERN_INVALID_RIGHT, "the name denotes another kind of right"},
    {KERN_INVALID_VALUE, "value out of range"},
    {KERN_UREFS_OVERFLOW, "too many user references"},
    {KERN_INVALID_CAPABILITY, "no right, or a dead one"},
    {KERN_RIGHT_EXISTS, "the port has another name here"},
    {KERN_INVALID_HOST, "not a host"},
    {KERN_NOT_SUPPORTED, "not supported"},
    {KERN_NODE_DOWN, "the node is down"},
    {KERN_NOT_WAITING, "nobody waits"},
    {KERN_OPERATION_TIMED_OUT, "timed out"},
    {KERN_DENIED, "denied"},
    {MACH_SEND_IN_PROGRESS, "sending"},
    {MACH_SEND_INVALID_DATA, "the message cannot be read"},
    {MACH_SEND_INVALID_DEST, "no right to send to the destination"},
    {MACH_SEND_TIMED_OUT, "the queue stayed full"},
    {MACH_SEND_INTERRUPTED, "the send was interrupted"},
    {MACH_SEND_MSG_TOO_SMALL, "the message is shorter than its parts"},
    {MACH_SEND_INVALID_REPLY, "no such right for the reply port"},
    {MACH_SEND_INVALID_RIGHT, "no such right for the body"},
    {MACH_SEND_INVALID_NOTIFY, "no such port for the notification"},
    {MACH_SEND_INVALID_MEMORY, "out-of-line memory cannot be read"},
    {MACH_SEND_NO_BUFFER, "no room for the message"},
    {MACH_SEND_INVALID_TYPE, "malformed item in the body"},
    {MACH_SEND_INVALID_HEADER, "malformed header"},
    {MACH_SEND_INVALID_TRAILER, "malformed trailer"},
    {MACH_SEND_INVALID_OPTIONS, "options that do not go together"},
    {MACH_RCV_IN_PROGRESS, "receiving"},
    {MACH_RCV_INVALID_NAME, "nothing to receive from"},
    {MACH_RCV_TIMED_OUT, "nothing came in time"},
    {MACH_RCV_TOO_LARGE, "the message is larger than the buffer"},
    {MACH_RCV_INTERRUPTED, "the reception was interrupted"},
    {MACH_RCV_PORT_CHANGED, "the port entered a set"},
    {MACH_RCV_INVALID_NOTIFY, "no such port for the notification"},
    {MACH_RCV_INVALID_DATA, "the buffer cannot be written"},
    {MACH_RCV_PORT_DIED, "the port or set is gone"},
    {MACH_RCV_IN_SET, "the port is in a set"},
    {MACH_RCV_HEADER_ERROR, "no room for what the header brings"},
    {MACH_RCV_BODY_ERROR, "no room for what the body brings"},
    {MACH_RCV_INVALID_TYPE, "malformed list of buffers"},
    {MACH_RCV_SCATTER_SMALL, "list of buffers too short"},
    {MACH_RCV_INVALID_TRAILER, "unknown trailer"},
    {MACH_RCV_INVALID_ARGUMENTS, "options that do not go together"},
    {MIG_TYPE_ERROR, "the reply has another form than expected"},
    {MIG_REPLY_MISMATCH, "the reply has another number than expected"},
    {MIG_REMOTE_ERROR, "error in the server"},
    {MIG_BAD_ID, "the server knows no such request"},
    {MIG_BAD_ARGUMENTS, "the request has another form than expected"},
    {MIG_NO_REPLY, "no reply is to be sent"},
    {MIG_EXCEPTION, "exception in the server"},
    {MIG_ARRAY_TOO_LARGE, "array too large"},
    {MIG_SERVER_DIED, "the server died"},
    {MIG_TRAILER_ERROR, "the trailer has another form than expected"},
    {BOOTSTRAP_NOT_PRIVILEGED, "not privileged"},
    {BOOTSTRAP_NAME_IN_USE, "the service name is in use"},
    {BOOTSTRAP_UNKNOWN_SERVICE, "unknown service"},
    {BOOTSTRAP_SERVICE_ACTIVE, "the service is active"},
    {BOOTSTRAP_BAD_COUNT, "bad count"},
    {BOOTSTRAP_NO_MEMORY, "the name server is out of memory"},
    {BOOTSTRAP_NO_CHILDREN, "no children"},
};

static const struct meaning of_xnu[] = {
    {MACH_SEND_INVALID_VOUCHER, "invalid voucher"},
    {MACH_SEND_TOO_LARGE, "the message is too large to be sent"},
};

static const struct meaning of_mach3[] = {
    {0x10000005, "a notification will tell when the message is accepted"},
    {0x10000006, "such a notification is under way already"},
    {0x1000000e, "no room for such a notification"},
    {MIG_TRAILER_ERROR, "the request is to be destroyed"},
};

/* The bits that say of what there was a shortage stand beside the code (V7). */
static const kern_return_t shortage = MACH_MSG_IPC_SPACE | MACH_MSG_VM_SPACE | MACH_MSG_IPC_KERNEL | MACH_MSG_VM_KERNEL;

static const char *find(const struct meaning *list, size_t count, kern_return_t code) {
    for (size_t place = 0; place < count; place++) {
        if (list[place].code == code) { return list[place].words; }
    }
    return NULL;
}

static char *explain(const struct meaning *first, size_t count, kern_return_t code) {
    if (err_get_system(code) == 4) { code &= ~shortage; }
    const char *words = find(first, count, code);
    if (words == NULL) { words = find(meanings, sizeof meanings / sizeof *meanings, code); }
    /* Nobody may write to it, but the type is of old. */
    return (char *)(uintptr_t)(words != NULL ? words : "unknown error code");
}

char *mach_error_type(mach_error_t error_value) {
    const char *type = "(?/?)";
    if (error_value <= MIG_TYPE_ERROR && error_value >= MIG_TRAILER_ERROR) {
        type = "(ipc/mig)";
    } else if (error_value >= BOOTSTRAP_NOT_PRIVILEGED && error_value <= BOOTSTRAP_NO_CHILDREN) {
        type = "(server/bootstrap)";
    } else if (err_get_system(error_value) == 0 && err_get_sub(error_value) == 0) {
        type = "(os/kern)";
    } else if (err_get_system(error_value) == 4 && err_get_sub(error_value) <= 1) {
        type = err_get_sub(error_value) == 0 ? "(ipc/send)" : "(ipc/rcv)";
    }
    return (char *)(uintptr_t)type;
}

static void print(const char *str, kern_return_t code, const char *words) {
    fprintf(stderr, "%s: %s %s (0x%x)\n", str, mach_error_type(code), words, (unsigned)code);
}

char *mach_error_string(mach_error_t error_value) { return explain(of_xnu, sizeof of_xnu / sizeof *of_xnu, error_value); }

void mach_error(const char *str, mach_error_t error_value) { print(str, error_value, mach_error_string(error_value)); }

char *typed_mach_error_string(mach_error_t error_value) MACH3(mach_error_string);
char *typed_mach_error_string(mach_error_t error_value) { return explain(of_mach3, sizeof of_mach3 / sizeof *of_mach3, error_value); }

void typed_mach_error(const char *str, mach_error_t error_value) MACH3(mach_error);
void typed_mach_error(const char *str, mach_error_t error_value) { print(str, error_value, typed_mach_error_string(error_value)); }

const char *bootstrap_strerror(kern_return_t r) { return mach_error_string(r); }

void mach_print(const char *text);
void mach_print(const char *text) { fputs(text, stderr); }
