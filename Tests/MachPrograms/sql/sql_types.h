#ifndef SQL_TYPES_H
#define SQL_TYPES_H

#define SQL_NULL (-1)
#define SQL_LARGE 0x40000000
#define SQL_LENGTHS_MAX 512
#define SQL_VALUES_MAX 16384
#define SQL_PROBLEM_MAX 256

typedef char sql_text[4096];
typedef const char *const_sql_text;
typedef char sql_problem[SQL_PROBLEM_MAX];
typedef int sql_lengths[SQL_LENGTHS_MAX];
typedef char sql_values[SQL_VALUES_MAX];
typedef char *sql_large;

#endif
