/* Calls on names and rights (Documentation/Specs/mach.md 1.2, 1.5). */
#ifndef _MACH_MACH_PORT_H_
#define _MACH_MACH_PORT_H_

#include <mach/mach_types.h>
#include <mach/masix_linkage.h>

MASIX_C_BEGIN

/* Both arrays are fresh memory: vm_deallocate them. */
extern kern_return_t mach_port_names(
    ipc_space_t task, mach_port_name_array_t *names, mach_msg_type_number_t *namesCnt, mach_port_type_array_t *types,
    mach_msg_type_number_t *typesCnt);
extern kern_return_t mach_port_type(ipc_space_t task, mach_port_name_t name, mach_port_type_t *ptype);
extern kern_return_t mach_port_rename(ipc_space_t task, mach_port_name_t old_name, mach_port_name_t new_name);
extern kern_return_t mach_port_allocate(ipc_space_t task, mach_port_right_t right, mach_port_name_t *name);
extern kern_return_t mach_port_allocate_name(ipc_space_t task, mach_port_right_t right, mach_port_name_t name);
extern kern_return_t mach_port_destroy(ipc_space_t task, mach_port_name_t name);
extern kern_return_t mach_port_deallocate(ipc_space_t task, mach_port_name_t name) MASIX_XNU(mach_port_deallocate);
extern kern_return_t mach_port_get_refs(
    ipc_space_t task, mach_port_name_t name, mach_port_right_t right, mach_port_urefs_t *refs);
extern kern_return_t mach_port_mod_refs(
    ipc_space_t task, mach_port_name_t name, mach_port_right_t right, mach_port_delta_t delta);

extern kern_return_t mach_port_insert_right(
    ipc_space_t task, mach_port_name_t name, mach_port_t poly, mach_msg_type_name_t polyPoly);
extern kern_return_t mach_port_extract_right(
    ipc_space_t task, mach_port_name_t name, mach_msg_type_name_t msgt_name, mach_port_t *poly, mach_msg_type_name_t *polyPoly);

extern kern_return_t mach_port_request_notification(
    ipc_space_t task, mach_port_name_t name, mach_msg_id_t msgid, mach_port_mscount_t sync, mach_port_t notify,
    mach_msg_type_name_t notifyPoly, mach_port_t *previous) MASIX_XNU(mach_port_request_notification);

extern kern_return_t mach_port_get_receive_status(ipc_space_t task, mach_port_name_t name, mach_port_status_t *status)
    MASIX_XNU(mach_port_get_receive_status);
extern kern_return_t mach_port_set_qlimit(ipc_space_t task, mach_port_name_t name, mach_port_msgcount_t qlimit)
    MASIX_XNU(mach_port_set_qlimit);
extern kern_return_t mach_port_set_mscount(ipc_space_t task, mach_port_name_t name, mach_port_mscount_t mscount);
extern kern_return_t mach_port_set_seqno(ipc_space_t task, mach_port_name_t name, mach_port_seqno_t seqno);

/* MACH_PORT_LIMITS_INFO and MACH_PORT_RECEIVE_STATUS; the first alone can be set. */
extern kern_return_t mach_port_get_attributes(
    ipc_space_t task, mach_port_name_t name, mach_port_flavor_t flavor, mach_port_info_t port_info_out,
    mach_msg_type_number_t *port_info_outCnt);
extern kern_return_t mach_port_set_attributes(
    ipc_space_t task, mach_port_name_t name, mach_port_flavor_t flavor, mach_port_info_t port_info,
    mach_msg_type_number_t port_infoCnt);

extern kern_return_t mach_port_move_member(ipc_space_t task, mach_port_name_t member, mach_port_name_t after);
extern kern_return_t mach_port_insert_member(ipc_space_t task, mach_port_name_t name, mach_port_name_t pset);
extern kern_return_t mach_port_extract_member(ipc_space_t task, mach_port_name_t name, mach_port_name_t pset);

/* The array is fresh memory: vm_deallocate it. */
extern kern_return_t mach_port_get_set_status(
    ipc_space_t task, mach_port_name_t name, mach_port_name_array_t *members, mach_msg_type_number_t *membersCnt);

extern kern_return_t mach_port_construct(
    ipc_space_t task, mach_port_options_ptr_t options, mach_port_context_t context, mach_port_name_t *name);

/* Drops the receive right and adds srdelta, which is not positive, to the references of the send right. */
extern kern_return_t mach_port_destruct(
    ipc_space_t task, mach_port_name_t name, mach_port_delta_t srdelta, mach_port_context_t guard);

extern kern_return_t mach_port_get_context(ipc_space_t task, mach_port_name_t name, mach_port_context_t *context);
extern kern_return_t mach_port_set_context(ipc_space_t task, mach_port_name_t name, mach_port_context_t context);

/* Looks at the message with the number *request_seqnop, 0 for the first, and leaves it where it is. */
extern kern_return_t mach_port_peek(
    ipc_space_t task, mach_port_name_t name, mach_msg_trailer_type_t trailer_type, mach_port_seqno_t *request_seqnop,
    mach_msg_size_t *msg_sizep, mach_msg_id_t *msg_idp, mach_msg_trailer_info_t trailer_infop,
    mach_msg_type_number_t *trailer_infopCnt);

MASIX_C_END

#endif
