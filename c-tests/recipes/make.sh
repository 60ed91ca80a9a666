need make make
passes 'make check' make check
names_the_mistake 'make check-twice' make check-twice
make -j2 check check-twice > "$work/out" 2>&1
grep -q 'munmap-double' "$work/out" || fail 'make -j2 loses the finding'
