#include <mach/boolean.h>
