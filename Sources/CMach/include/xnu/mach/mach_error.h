/* Return codes in words. */
#ifndef _MACH_MACH_ERROR_H_
#define _MACH_MACH_ERROR_H_

#include <mach/error.h>
#include <mach/masix_linkage.h>

MASIX_C_BEGIN

/* Never null; the string stays. */
extern char *mach_error_string(mach_error_t error_value) MASIX_XNU(mach_error_string);
/* The system and subsystem in brackets, such as "(ipc/send)". */
extern char *mach_error_type(mach_error_t error_value);
/* Prints both to the standard error, with `str` before them. */
extern void mach_error(const char *str, mach_error_t error_value) MASIX_XNU(mach_error);

MASIX_C_END

#endif
