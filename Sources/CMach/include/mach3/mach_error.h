/* Return codes in words. */
#ifndef _MACH_ERROR_H
#define _MACH_ERROR_H 1

#include <mach/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Never null; the string stays. */
extern char *mach_error_string(mach_error_t error_value);
/* The system and subsystem in brackets, such as "(ipc/send)". */
extern char *mach_error_type(mach_error_t error_value);
/* Prints both to the standard error, with `str` before them. */
extern void mach_error(const char *str, mach_error_t error_value);

#ifdef __cplusplus
}
#endif

#endif
