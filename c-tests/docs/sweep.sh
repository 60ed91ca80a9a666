# A program that maps, and a test of it.
cc -g -o test "$MAPSAN_SOURCES/examples/cmake/counter.c"
cc -g -o prog "$MAPSAN_SOURCES/examples/cmake/counter.c"
printf '#!/bin/sh\n./test\n' > test.sh
chmod +x test.sh
