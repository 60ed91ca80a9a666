/* The turn is handed over by pipes, or by signals (TURN=signal). RACY: before the last number is written. */
#include "race.h"

int main(int argc, char **argv)
{
    bool by_signal = getenv("TURN") != NULL;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pid_t first = getpid();
    int to[2], back[2];
    CHECK(pipe(to) == 0 && pipe(back) == 0);
    volatile long *numbers = share(argc, argv, 4096);
    pid_t other = side == 0 ? second : first;
    int from = side == 0 ? back[0] : to[0], into = side == 0 ? to[1] : back[1], got;
    char byte = 0;
    for (bool is_turn = side == 0; now() < end_of_time; is_turn = true) {
        if (!is_turn) {
            if (by_signal)
                sigwait(&set, &got);
            else
                CHECK(read(from, &byte, 1) == 1);
        }
        CHECK(IS_RACY || numbers[0] == numbers[1]);
        numbers[0]++; /* race */
        if (!IS_RACY)
            numbers[1]++;
        if (by_signal)
            kill(other, SIGUSR1);
        else
            CHECK(write(into, &byte, 1) == 1);
        for (int i = 0; IS_RACY && i < 50; i++)
            numbers[0]++; /* race */
        if (by_signal)
            sigwait(&set, &got);
        else
            CHECK(read(from, &byte, 1) == 1);
    }
    /* Who waits yet may go. */
    if (by_signal)
        kill(other, SIGUSR1);
    else
        CHECK(write(into, &byte, 1) == 1);
    return finish();
}
