/* One copies a message in, the other copies it out, and nothing keeps them apart. */
#include "race.h"

struct message {
    long number;
    char text[200];
};

int main(int argc, char **argv)
{
    struct message *shared = share(argc, argv, sizeof *shared);
    struct message own = { 0, "" };
    while (goes_on()) {
        if (side == 0) {
            own.number++;
            memset(own.text, (int)(own.number & 127), sizeof own.text);
            memcpy(shared, &own, sizeof own); /* race */
            spend(100);
        } else {
            memcpy(&own, shared, sizeof own); /* race */
            spend(100);
        }
    }
    return finish() + (own.text[3] < 0);
}
