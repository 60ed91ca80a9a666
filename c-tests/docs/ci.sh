# A program without a mistake, and a project with one.
cc -g -o test "$MAPSAN_SOURCES/examples/cmake/counter.c"
cp "$MAPSAN_SOURCES/examples/cmake/twice.c" .
printf 'cmake_minimum_required(VERSION 3.20)\nproject(p C)\nenable_testing()\nadd_executable(twice twice.c)\nadd_test(NAME twice COMMAND twice)\n' > CMakeLists.txt
