for pytest in pytest pytest-3; do command -v $pytest > /dev/null && break; done
need $pytest python3-pytest
passes 'the library' cc -g -shared -fPIC -o libpages.so pages.c
passes 'pytest' mapsan run --error-exitcode 9 $pytest -p no:cacheprovider
place=pages.c:13
names_the_mistake 'pytest' env FAILS=1 mapsan run --error-exitcode 9 $pytest -p no:cacheprovider
grep -q 'in test test_pages.py::test_a_page_twice (call)' "$work/out" || fail 'the test is not named'
