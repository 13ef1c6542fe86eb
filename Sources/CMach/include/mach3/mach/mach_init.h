#include <mach_init.h>
