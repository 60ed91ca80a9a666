#!/bin/sh
# The header compiles alone, as C and as C++: header.sh FOLDER-OF-mapsan.h
set -u
status=0
for standard in c99 c11 c17 c2x; do
    echo '#include "mapsan.h"' | cc -std=$standard -Wall -Wextra -Wpedantic -Werror -I"$1" -x c -c -o /dev/null - ||
        { echo "FAILED as $standard"; status=1; }
done
if command -v c++ > /dev/null; then
    echo '#include "mapsan.h"' | c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -I"$1" -x c++ -c -o /dev/null - ||
        { echo 'FAILED as c++17'; status=1; }
else
    echo 'no C++ compiler: C++17 was not tried'
fi
exit $status
