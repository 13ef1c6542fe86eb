#include <mach_error.h>
