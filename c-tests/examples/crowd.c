/* Ten programs move money at the same time, and three of them are killed in the middle of it: nothing is lost, and the last one
 * removes the segment. */
#include "accounts.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 10, KILLED = 3, TRANSFERS = 2000 };

static void work(int is_killed)
{
    struct accounts *accounts = accounts_open();
    for (int done = 0; done < TRANSFERS; done++) {
        accounts_enter(accounts);
        if (accounts_total(accounts) != 100) {
            fprintf(stderr, "%ld in all\n", accounts_total(accounts));
            exit(EXIT_FAILURE);
        }
        accounts_take(accounts, 1);
        if (is_killed && done == TRANSFERS / 2)
            raise(SIGKILL);
        accounts_put(accounts, 1);
        accounts_leave(accounts);
    }
    accounts_close(accounts);
    exit(EXIT_SUCCESS);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        work(argv[1][0] == 'k');
    struct accounts *accounts = accounts_open();
    for (int worker = 0; worker < WORKERS; worker++) {
        if (fork() == 0) {
            execl("/proc/self/exe", "crowd", worker < KILLED ? "killed" : "worker", (char *)NULL);
            _exit(EXIT_FAILURE);
        }
    }
    int killed = 0, status;
    while (wait(&status) > 0) {
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
            killed++;
        else if (status != 0)
            return EXIT_FAILURE;
    }
    accounts_enter(accounts);
    long total = accounts_total(accounts);
    accounts_leave(accounts);
    accounts_close(accounts);
    int is_left = shmget(ftok("accounts.key", 'A'), 0, 0) != -1;
    printf("%ld in all, %d killed, the segment is %s\n", total, killed, is_left ? "left" : "gone");
    return total == 100 && killed == KILLED && !is_left ? EXIT_SUCCESS : EXIT_FAILURE;
}
