need autoreconf 'autoconf automake'
need automake automake
need make make
passes 'autoreconf' autoreconf --install
passes 'configure' ./configure
passes 'make check' make check 'LOG_COMPILER=mapsan run --error-exitcode 9 --'
grep -q 'PASS: counter' "$work/out" || fail 'the test was not run'
passes 'configure --enable-fails' ./configure --enable-fails
names_the_mistake 'make check' env VERBOSE=1 make check 'LOG_COMPILER=mapsan run --error-exitcode 9 --'
