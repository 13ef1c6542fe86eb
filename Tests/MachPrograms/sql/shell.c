/* masix-sql NAME [QUERY...]: runs queries on the database behind a name, those of its standard input, one a line, if none is given. Prints
 * what sqlite3 prints: a line for each row, values separated by |. */
#include <mach.h>
#include <servers/bootstrap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sql.h"

/* Up to its first zero byte, as sqlite3 prints it. */
static void show(const char *value, size_t length) {
    const char *end = memchr(value, 0, length);
    fwrite(value, 1, end ? (size_t)(end - value) : length, stdout);
}

static int fail(const char *what, const char *why) {
    fflush(stdout);
    fprintf(stderr, "masix-sql: %s: %s\n", what, why);
    return 1;
}

static int rows(mach_port_t cursor, int columns) {
    for (;;) {
        sql_lengths lengths;
        sql_values values;
        sql_large large = NULL;
        sql_problem problem;
        mach_msg_type_number_t lengths_count = SQL_LENGTHS_MAX, values_count = SQL_VALUES_MAX, large_count = 0;
        kern_return_t code = sql_rows(cursor, lengths, &lengths_count, values, &values_count, &large, &large_count, problem);
        if (code != KERN_SUCCESS) { return fail("the server", mach_error_string(code)); }
        if (problem[0]) { return fail("the query", problem); }
        if (lengths_count == 0) { return 0; }
        size_t near = 0, far = 0;
        for (mach_msg_type_number_t place = 0; place < lengths_count; place++) {
            size_t length = lengths[place] == SQL_NULL ? 0 : (size_t)(lengths[place] & ~SQL_LARGE);
            int isLarge = lengths[place] != SQL_NULL && (lengths[place] & SQL_LARGE);
            size_t *taken = isLarge ? &far : &near;
            /* What the server says of its answer is looked at before it is believed. */
            if (lengths[place] < SQL_NULL || length > (isLarge ? large_count : values_count) - *taken) {
                return fail("the server", "lengths that do not fit");
            }
            show((isLarge ? large : values) + *taken, length);
            *taken += length;
            putchar((int)(place + 1) % columns == 0 ? '\n' : '|');
        }
        if (large_count > 0) { vm_deallocate(mach_task_self(), (vm_address_t)large, large_count); }
    }
}

static int run(mach_port_t service, const char *query) {
    mach_port_t cursor = MACH_PORT_NULL;
    int columns = 0;
    sql_problem problem;
    if (strlen(query) > sizeof(sql_text)) { return fail("the query", "it is too long"); }
    kern_return_t code = sql_query(service, (char *)(uintptr_t)query, (mach_msg_type_number_t)strlen(query), &cursor, &columns, problem);
    if (code != KERN_SUCCESS) { return fail("the server", mach_error_string(code)); }
    if (problem[0]) { return fail("the query", problem); }
    int status = columns > 0 ? rows(cursor, columns) : 0;
    mach_port_deallocate(mach_task_self(), cursor);
    return status;
}

int main(int count, char **arguments) {
    if (count < 2) {
        fprintf(stderr, "usage: masix-sql NAME [QUERY...]\n");
        return 64;
    }
    mach_port_t service = MACH_PORT_NULL;
    kern_return_t code = bootstrap_look_up(bootstrap_port, arguments[1], &service);
    if (code != KERN_SUCCESS) { return fail(arguments[1], bootstrap_strerror(code)); }
    int status = 0;
    for (int place = 2; place < count; place++) { status |= run(service, arguments[place]); }
    char *line = NULL;
    size_t size = 0;
    while (count == 2 && getline(&line, &size, stdin) > 0) {
        line[strcspn(line, "\n")] = 0;
        if (line[0]) { status |= run(service, line); }
    }
    free(line);
    return status;
}
