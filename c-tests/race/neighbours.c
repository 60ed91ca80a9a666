/* Each has its own bytes of the same words. RACY: they are bit-fields of one byte. */
#include "race.h"

struct entry {
#ifdef RACY
    unsigned char mine : 4, yours : 4;
    unsigned char rest[3];
    unsigned count[2];
#else
    unsigned char mine, yours;
    unsigned short sizes[2];
    unsigned char rest[2];
    unsigned count[2];
#endif
};

int main(int argc, char **argv)
{
    volatile struct entry *entries = share(argc, argv, 4096);
    for (unsigned turn = 0; goes_on(); turn++) {
        volatile struct entry *entry = &entries[turn % 8];
        if (side == 0)
            entry->mine++; /* race */
        else
            entry->yours++; /* race */
#ifndef RACY
        entry->sizes[side]++;
        entry->rest[side]++;
#endif
        entry->count[side]++;
        spend(30);
    }
    return finish();
}
