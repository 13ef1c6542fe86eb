#include <mach.h>
