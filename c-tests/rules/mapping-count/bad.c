/* Each lookup maps the record's page anew; all of them are unmapped when the work is done, and then there are many.
 * mapsan-vary: may have \d+ \(|has \d+ mappings|\d+ of them lie|\d+ others are */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE 4096

int main(void)
{
    size_t limit = 0;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r"), *records = tmpfile();
    if (file == NULL || records == NULL || fscanf(file, "%zu", &limit) != 1 || limit > 300000) {
        printf("vm.max_map_count is %zu: too many mappings to make\n", limit);
        return 77;
    }
    fclose(file);
    size_t lookups = limit / 10 * 9;
    char **pages = calloc(lookups, sizeof *pages);
    fprintf(records, "Anna 1815\n");
    fflush(records);
    for (size_t i = 0; i < lookups; i++) {
        pages[i] = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fileno(records), 0); /* faulty */
        if (pages[i] == MAP_FAILED) {
            perror("mmap");
            return EXIT_FAILURE;
        }
    }
    printf("%.4s\n", pages[lookups - 1]);
    for (size_t i = 0; i < lookups; i++)
        munmap(pages[i], PAGE);
    free(pages);
    return fclose(records) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
