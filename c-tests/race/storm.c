/* Workers that are started among many processes that live for a moment race for as long as it lasts. */
#include "race.h"

static void start_for_a_moment(void)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv)
{
    volatile long *count = share(argc, argv, 4096);
    if (side == 1)
        return finish();
    for (int started = 0; started < 500; started++)
        start_for_a_moment();
    pid_t workers[2];
    for (int worker = 0; worker < 2; worker++) {
        workers[worker] = fork();
        CHECK(workers[worker] >= 0);
        while (workers[worker] == 0) {
            if (!goes_on())
                _exit(0);
            (*count)++; /* race */
        }
    }
    while (now() < end_of_time)
        start_for_a_moment();
    for (int worker = 0; worker < 2; worker++) {
        int status;
        CHECK(waitpid(workers[worker], &status, 0) == workers[worker] && status == 0);
    }
    return finish();
}
