#include <mach/mach_error.h>
