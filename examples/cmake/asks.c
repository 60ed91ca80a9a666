/* Asks the library it is linked with for the last finding. */
#include <mapsan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    struct mapsan_finding finding;
    if (munmap(NULL, 0) != -1 || mapsan_last_finding(&finding) != 1)
        return EXIT_FAILURE;
    printf("%s: %s\n", finding.rule, finding.message);
    return strcmp(finding.rule, "munmap-zero-length") == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
