/* Each lookup maps the record's page, and unmaps it when it is done. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE 4096

int main(void)
{
    FILE *records = tmpfile();
    if (records == NULL) {
        perror("tmpfile");
        return EXIT_FAILURE;
    }
    fprintf(records, "Anna 1815\n");
    fflush(records);
    for (size_t i = 0; i < 60000; i++) {
        char *page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fileno(records), 0);
        if (page == MAP_FAILED) {
            perror("mmap");
            return EXIT_FAILURE;
        }
        if (i == 0)
            printf("%.4s\n", page);
        munmap(page, PAGE);
    }
    return fclose(records) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
