/* A client and a server by stubs that mig generates of mig/echo.defs: in one process, and in two. */
#include <ctype.h>
#include <spawn.h>
#include <sys/wait.h>
#include "dialect.h"
#include "echo_server.h"
#include "echo_user.h"

extern char **environ;
extern boolean_t echo_server(mach_msg_header_t *request, mach_msg_header_t *reply);
static const char *service_name = "masix.test.echo";
static int counted;

kern_return_t serve_echo_row(
    mach_port_t service, const row numbers, mach_msg_type_number_t count, int *sum, row turned, mach_msg_type_number_t *turned_count) {
    (void)service;
    *sum = 0;
    for (unsigned place = 0; place < count; place++) {
        *sum += numbers[place];
        turned[count - 1 - place] = numbers[place];
    }
    *turned_count = count;
    return KERN_SUCCESS;
}

kern_return_t serve_echo_matrix(mach_port_t service, const matrix numbers, matrix doubled) {
    (void)service;
    for (int place = 0; place < 16; place++) { doubled[place] = 2 * numbers[place]; }
    return KERN_SUCCESS;
}

kern_return_t serve_echo_pile(
    mach_port_t service, pile letters, mach_msg_type_number_t count, pile *again, mach_msg_type_number_t *again_count) {
    (void)service;
    vm_address_t fresh = 0;
    if (vm_allocate(mach_task_self(), &fresh, count, TRUE) != KERN_SUCCESS) { return KERN_RESOURCE_SHORTAGE; }
    for (unsigned place = 0; place < count; place++) { ((char *)fresh)[place] = (char)toupper(letters[place]); }
    vm_deallocate(mach_task_self(), (vm_address_t)letters, count);
    *again = (pile)fresh;
    *again_count = count;
    return KERN_SUCCESS;
}

kern_return_t serve_echo_right(mach_port_t service, mach_port_t given, mach_port_t *back, mach_msg_type_name_t *kind_of_back) {
    (void)service;
    *back = given;
    *kind_of_back = MACH_MSG_TYPE_MOVE_SEND;
    return KERN_SUCCESS;
}

kern_return_t serve_echo_word(mach_port_t service, const_word text, word louder) {
    (void)service;
    unsigned place = 0;
    for (; text[place] != 0; place++) { louder[place] = (char)toupper(text[place]); }
    louder[place] = 0;
    return KERN_SUCCESS;
}

kern_return_t serve_echo_count(mach_port_t service, int number) {
    (void)service;
    __atomic_add_fetch(&counted, number, __ATOMIC_SEQ_CST);
    return KERN_SUCCESS;
}

kern_return_t serve_echo_failure(mach_port_t service, int code) {
    (void)service;
    return code;
}

static void *serve(void *port) {
    mach_msg_server(echo_server, 4096, (mach_port_t)(uintptr_t)port);
    return NULL;
}

static void use(mach_port_t service) {
    row numbers = {5, 6, 7}, turned;
    mach_msg_type_number_t count = 64;
    int sum = 0;
    IS("mig: a row", echo_row(service, numbers, 3, &sum, turned, &count), KERN_SUCCESS);
    CHECK("mig: a row", sum == 18 && count == 3 && turned[0] == 7 && turned[2] == 5);
    count = 64;
    for (int place = 0; place < 64; place++) { numbers[place] = place; }
    IS("mig: the longest row", echo_row(service, numbers, 64, &sum, turned, &count), KERN_SUCCESS);
    CHECK("mig: the longest row", sum == 2016 && count == 64 && turned[0] == 63);
    count = 64;
    IS("mig: the shortest row", echo_row(service, numbers, 0, &sum, turned, &count), KERN_SUCCESS);
    CHECK("mig: the shortest row", sum == 0 && count == 0);
    matrix before = {1, 2, 3}, after = {0};
    IS("mig: a matrix", echo_matrix(service, before, after), KERN_SUCCESS);
    CHECK("mig: a matrix", after[2] == 6 && after[15] == 0);

    enum { much = 100001 };
    vm_address_t letters = 0;
    NEED(vm_allocate(mach_task_self(), &letters, much, TRUE) == KERN_SUCCESS);
    memset((char *)letters, 'q', much);
    pile again = NULL;
    count = 0;
    IS("mig: memory", echo_pile(service, (pile)letters, much, &again, &count), KERN_SUCCESS);
    CHECK("mig: memory", count == much && again != NULL && again[0] == 'Q' && again[much - 1] == 'Q');
    CHECK("mig: the sender's stays", *(char *)letters == 'q');
    vm_deallocate(mach_task_self(), (vm_address_t)again, count);

    mach_port_t port = new_port(), back = 0;
    IS("mig: a right", echo_right(service, port, MACH_MSG_TYPE_COPY_SEND, &back), KERN_SUCCESS);
    CHECK("mig: a right", back == port && sends(port) == 2);
    IS("mig: a made one", echo_right(service, port, MACH_MSG_TYPE_MAKE_SEND, &back), KERN_SUCCESS);
    CHECK("mig: a made one", back == port && sends(port) == 3);

    word text = "a word", louder = "";
    IS("mig: letters", echo_word(service, text, louder), KERN_SUCCESS);
    CHECK("mig: letters", strcmp(louder, "A WORD") == 0);
    IS("mig: an error", echo_failure(service, KERN_NO_SPACE), KERN_NO_SPACE);
    IS("mig: no error", echo_failure(service, KERN_SUCCESS), KERN_SUCCESS);
    for (int number = 0; number < 20; number++) { IS("mig: nobody waits", echo_count(service, 1), KERN_SUCCESS); }
}

int main(int count, char **arguments) {
    mach_port_t service = 0;
    if (count > 1) {
        NEED(bootstrap_look_up(bootstrap_port, service_name, &service) == KERN_SUCCESS);
        use(service);
        return result();
    }
    pthread_t server;
    NEED(bootstrap_check_in(bootstrap_port, service_name, &service) == KERN_SUCCESS);
    if (sends(service) == 0) { mach_port_insert_right(SELF, service, service, MACH_MSG_TYPE_MAKE_SEND); }
    pthread_create(&server, NULL, serve, (void *)(uintptr_t)service);
    use(service);
    UNTIL(__atomic_load_n(&counted, __ATOMIC_SEQ_CST) == 20);
    CHECK("mig: a simple routine", counted == 20);

    pid_t process = 0;
    int status = -1;
    char *words[] = {arguments[0], "client", NULL};
    fflush(stdout);
    NEED(posix_spawn(&process, arguments[0], NULL, NULL, words, environ) == 0);
    waitpid(process, &status, 0);
    CHECK("mig: from another process", WIFEXITED(status) && WEXITSTATUS(status) == 0);
    UNTIL(__atomic_load_n(&counted, __ATOMIC_SEQ_CST) == 40);
    CHECK("mig: from another process", counted == 40);

    /* A server that is not there. */
    mach_port_t nobody = new_port();
    drop_receive(nobody);
    row numbers = {1}, turned;
    mach_msg_type_number_t size = 64;
    int sum = 0;
    IS("mig: a dead service", echo_row(nobody, numbers, 1, &sum, turned, &size), MACH_SEND_INVALID_DEST);
    return result();
}
