/* sql-server NAME DATABASE: serves a database of sqlite3, read only, under a name of the node. */
#include <mach.h>
#include <servers/bootstrap.h>
#include <mach/mig_support.h>
#include <mach/notify.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sql_server.h"

enum { cursors_max = 256, large_from = 2048 };

static sqlite3 *database;
static mach_port_t ports;
static struct cursor {
    mach_port_t port;
    sqlite3_stmt *statement;
    /* A row has been fetched that did not fit into the last answer. */
    int has_row;
    /* sqlite3 would begin again. */
    int is_over;
} cursors[cursors_max];

extern boolean_t sql_server(mach_msg_header_t *request, mach_msg_header_t *reply);

static struct cursor *find(mach_port_t port) {
    for (int place = 0; place < cursors_max; place++) {
        if (cursors[place].port == port) { return &cursors[place]; }
    }
    return NULL;
}

static void end(struct cursor *cursor) {
    sqlite3_finalize(cursor->statement);
    if (cursor->port != MACH_PORT_NULL) { mach_port_destroy(mach_task_self(), cursor->port); }
    memset(cursor, 0, sizeof *cursor);
}

kern_return_t serve_sql_query(
    mach_port_t service, const sql_text query, mach_msg_type_number_t length, mach_port_t *port, int *columns, sql_problem problem) {
    (void)service;
    *port = MACH_PORT_NULL;
    *columns = 0;
    problem[0] = 0;
    struct cursor *cursor = find(MACH_PORT_NULL);
    if (!cursor) { return KERN_RESOURCE_SHORTAGE; }
    int prepared = sqlite3_prepare_v2(database, query, (int)length, &cursor->statement, NULL);
    if (prepared != SQLITE_OK || !cursor->statement) {
        mig_strncpy(problem, prepared != SQLITE_OK ? sqlite3_errmsg(database) : "no statement", SQL_PROBLEM_MAX);
        end(cursor);
        return KERN_SUCCESS;
    }
    mach_port_t previous = MACH_PORT_NULL;
    kern_return_t code = mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &cursor->port);
    if (code == KERN_SUCCESS) { code = mach_port_move_member(mach_task_self(), cursor->port, ports); }
    /* Told at the cursor itself, once the right that this answer makes is gone. */
    if (code == KERN_SUCCESS) {
        code = mach_port_request_notification(
            mach_task_self(), cursor->port, MACH_NOTIFY_NO_SENDERS, 1, cursor->port, MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous);
    }
    if (code != KERN_SUCCESS) {
        end(cursor);
        return code;
    }
    *port = cursor->port;
    *columns = sqlite3_column_count(cursor->statement);
    return KERN_SUCCESS;
}

/* As many whole rows as there is room for: at least one. */
kern_return_t serve_sql_rows(
    mach_port_t port, sql_lengths lengths, mach_msg_type_number_t *lengths_count, sql_values values, mach_msg_type_number_t *values_count,
    sql_large *large, mach_msg_type_number_t *large_count, sql_problem problem) {
    struct cursor *cursor = find(port);
    *lengths_count = *values_count = *large_count = 0;
    *large = NULL;
    problem[0] = 0;
    if (!cursor || !cursor->statement) { return KERN_INVALID_ARGUMENT; }
    unsigned columns = (unsigned)sqlite3_column_count(cursor->statement);
    vm_address_t pile = 0;
    while (columns > 0 && columns <= SQL_LENGTHS_MAX && !cursor->is_over) {
        if (!cursor->has_row) {
            int step = sqlite3_step(cursor->statement);
            cursor->is_over = step != SQLITE_ROW;
            if (step == SQLITE_DONE) { break; }
            if (step != SQLITE_ROW) {
                mig_strncpy(problem, sqlite3_errmsg(database), SQL_PROBLEM_MAX);
                break;
            }
            cursor->has_row = 1;
        }
        unsigned inline_bytes = 0, large_bytes = 0;
        for (unsigned column = 0; column < columns; column++) {
            unsigned bytes = sqlite3_column_text(cursor->statement, (int)column) ? (unsigned)sqlite3_column_bytes(cursor->statement, (int)column) : 0;
            if (bytes < large_from) { inline_bytes += bytes; } else { large_bytes += bytes; }
        }
        int fits = *lengths_count + columns <= SQL_LENGTHS_MAX && *values_count + inline_bytes <= SQL_VALUES_MAX;
        /* One row with something large in each answer, and it the last one. */
        if (!fits && *lengths_count > 0) { break; }
        if (!fits) {
            mig_strncpy(problem, "a row is too wide", SQL_PROBLEM_MAX);
            break;
        }
        if (large_bytes > 0 && vm_allocate(mach_task_self(), &pile, large_bytes, TRUE) != KERN_SUCCESS) { return KERN_RESOURCE_SHORTAGE; }
        for (unsigned column = 0; column < columns; column++) {
            const unsigned char *text = sqlite3_column_text(cursor->statement, (int)column);
            unsigned bytes = text ? (unsigned)sqlite3_column_bytes(cursor->statement, (int)column) : 0;
            int isLarge = bytes >= large_from;
            lengths[(*lengths_count)++] = !text ? SQL_NULL : (int)bytes | (isLarge ? SQL_LARGE : 0);
            if (isLarge) {
                memcpy((char *)pile + *large_count, text, bytes);
                *large_count += bytes;
            } else {
                memcpy(values + *values_count, text, bytes);
                *values_count += bytes;
            }
        }
        cursor->has_row = 0;
        if (large_bytes > 0) { break; }
    }
    *large = (sql_large)pile;
    return KERN_SUCCESS;
}

static boolean_t serve(mach_msg_header_t *request, mach_msg_header_t *reply) {
    if (request->msgh_id != MACH_NOTIFY_NO_SENDERS) { return sql_server(request, reply); }
    struct cursor *cursor = find(request->msgh_local_port);
    if (cursor) { end(cursor); }
    ((mig_reply_header_t *)reply)->RetCode = MIG_NO_REPLY;
    return TRUE;
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: sql-server NAME DATABASE\n");
        return 64;
    }
    if (sqlite3_open_v2(arguments[2], &database, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
        fprintf(stderr, "sql-server: %s: %s\n", arguments[2], sqlite3_errmsg(database));
        return 66;
    }
    mach_port_t service = MACH_PORT_NULL;
    kern_return_t code = bootstrap_check_in(bootstrap_port, arguments[1], &service);
    if (code == KERN_SUCCESS) { code = mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_PORT_SET, &ports); }
    if (code == KERN_SUCCESS) { code = mach_port_move_member(mach_task_self(), service, ports); }
    if (code != KERN_SUCCESS) {
        fprintf(stderr, "sql-server: %s: %s\n", arguments[1], bootstrap_strerror(code));
        return 69;
    }
    printf("serving %s as %s\n", arguments[2], arguments[1]);
    fflush(stdout);
    code = mach_msg_server(serve, 65536, ports);
    fprintf(stderr, "sql-server: %s\n", mach_error_string(code));
    return 70;
}
