/* The types of echo.defs in C. */
#ifndef ECHO_TYPES_H
#define ECHO_TYPES_H

typedef int row[64];
typedef int matrix[16];
typedef char *pile;
typedef char word[40];
typedef const char *const_word;

#endif
