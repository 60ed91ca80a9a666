need gdb gdb
gdb -batch -ex 'python print(1)' > "$work/out" 2>&1
grep -qx 1 "$work/out" || { echo 'SKIPPED: this gdb has no Python: apt-get install gdb'; exit 77; }
passes 'the program' cc -g -o twice twice.c
MAPSAN_RUNTIME=$built/libmapsan.so gdb -nx -batch -iex 'set auto-load no' -x "$sources/gdb/mapsan.py" -x first-finding.gdb ./twice > "$work/out" 2>&1
for words in 'error\[munmap-double\]' ' in main () at twice.c:11' 'page = 0x' 'exited normally'; do
    grep -q "$words" "$work/out" || fail "no word of '$words'"
done
