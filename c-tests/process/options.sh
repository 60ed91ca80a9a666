#!/bin/sh
# The options, good and bad, tried on one small program: options.sh PROBE DEFAULTS LIBRARY
set -u
probe=$1 defaults=$2 library=$3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

# run OPTIONS WORDS...: leaves out, err and status.
run() {
    options=$1
    shift
    LD_PRELOAD=$library MAPSAN_OPTIONS=$options "$probe" "$@" > out 2> err
    status=$?
}
fail() {
    failures=$((failures + 1))
    echo "FAILED with MAPSAN_OPTIONS=$options: $1"
    sed 's/^/    /' out err
}
# says PATTERN: exactly one line of the library's own, which is like this.
says() {
    lines=$(grep -c '^mapsan: ' err)
    [ "$lines" = 1 ] && grep -q "^mapsan: .*$1" err || fail "expected one line like '$1'"
}
finds() { # finds N RULE
    found=$(grep -c "^mapsan: [a-z]*\[$2\]" err)
    [ "$found" = "$1" ] || fail "expected $1 findings of $2, found $found"
}
ends() { [ "$status" = "$1" ] || fail "expected status $1, found $status"; }

# What is not understood is named with what is allowed, and the program runs on.
run nonsense=1 3;            says "no option 'nonsense'";                  ends 3
run mode=strict 3;           says 'mode takes observe, enforce or abort';  ends 3
run level 3;                 says "'level' has no value";                  ends 3
run "mode='abort" 3;         says 'quote after .mode=. is not closed';     ends 3
run exitcode=256 3;          says 'a whole number from 0 to 255';          ends 3
run enable=mmap-bad-df 3;    says "no rule or group 'mmap-bad-df'";        ends 3
run suppressions=missing 3;  says 'suppressions=missing can.t be read';    ends 3
run log_path=no/such/dir/log 3; says 'log_path=no/such/dir/log can.t be written'; ends 3
ln -s target link
run log_path=link 3;         says 'symbolic link';                         ends 3
[ ! -e target ] || fail 'a symbolic link was followed'
run inject=mmap 3;              says "'inject=mmap' is not understood; inject takes CALL"; ends 3
run inject=mmpa:ENOMEM 3;       says "'inject=mmpa:ENOMEM' is not understood";   ends 3
run inject=mmap:ENOSPC 3;       says "WHAT an errno of the call's manual page";   ends 3
run inject=munmap:sigbus 3;     says "'inject=munmap:sigbus' is not understood"; ends 3
run inject=mmap@f#x:ENOMEM 3;   says "'inject=mmap@f#x:ENOMEM' is not understood"; ends 3
run inject=mmap:ENOMEM:0 3;     says "'inject=mmap:ENOMEM:0' is not understood"; ends 3
run inject_counts=missing 3;    says "inject_counts=missing can.t be used (ENOENT"; ends 3
run site_depth=17 3;            says 'a whole number from 1 to 16';           ends 3
run mode=strict zero;        finds 1 mmap-zero-length

# Values.
run "level='error'" zero ftok;      finds 1 mmap-zero-length; finds 0 ftok-path
run 'level="note"' zero ftok;       finds 1 mmap-zero-length; finds 1 ftok-path
run disable=mmap-zero-length zero;  finds 0 mmap-zero-length
run disable=all zero ftok;          [ ! -s err ] || fail 'disable=all leaves something'
run '' anonymous-fd;                finds 0 mmap-anonymous-fd
run enable=portability anonymous-fd; finds 1 mmap-anonymous-fd; grep -q 'anonymous-fd 0' out || fail 'observe changed the call'
run help=1 3;                       grep -q '^mapsan:  *mode ' err && grep -q 'stack_depth' err || fail 'no table'; ends 3
run verbosity=1 3;                  grep -q 'version .* checking .probe.' err && grep -q '^mapsan: summary: 0 errors, 0 warnings, 0 notes$' err || fail 'its begin or its end is missing'
run stack_depth=1 zero;             [ "$(grep -c '^    at ' err)" = 1 ] || fail 'more than one frame'
run color=always zero;              grep -q "$(printf '\033')\[1;31merror" err || fail 'no colour'
run color=auto zero;                grep -q "$(printf '\033')" err && fail 'colour in a file'

# Once for each call site, the rest counted.
run '' zero zero zero ftok
finds 1 mmap-zero-length
grep -q '^mapsan: summary: 1 error, 0 warnings, 1 note; 2 more of the same not shown$' err || fail 'wrong summary'
run '' 0; [ ! -s err ] || fail 'a silent program is told of'

# Outcomes.
run mode=enforce:enable=portability anonymous-fd 3
grep -q 'anonymous-fd -1 Invalid argument' out || fail 'enforce let it pass'; finds 1 mmap-anonymous-fd; ends 3
run mode=abort zero 3;         finds 1 mmap-zero-length; ends 134
run mode=abort ftok 3;         ends 3
run exitcode=9 zero;           ends 9
run exitcode=9 zero 3;         ends 3
run exitcode=9 ftok;           ends 0
run exitcode=9:enable=portability:fail=error anonymous-fd; ends 0
run exitcode=9:enable=portability anonymous-fd; ends 9
run only=other zero;           finds 0 mmap-zero-length
run only=other,probe zero;     finds 1 mmap-zero-length
run skip=probe zero;           finds 0 mmap-zero-length

# Suppressions.
printf '# comment\nmmap-zero-length:probe\nmmap-*:nothing*\n' > known
run suppressions=known:verbosity=1 zero ftok
finds 0 mmap-zero-length; finds 1 ftok-path
grep -q '^mapsan: suppression of line 3 was not used: mmap-\*:nothing\*$' err || fail 'unused ones are not named'
grep -q 'line 2 was not used' err && fail 'a used one is named'
printf 'munmap-*:probe\nmmap-*:/nowhere/*\n' > known
run suppressions=known zero;   finds 1 mmap-zero-length
printf 'no-such-rule:x\n' > known
run suppressions=known 3;      says 'known: line 1'

# The log.
run log_path=%e-%p.log fork zero
[ ! -s err ] || fail 'findings of a log on standard error'
set -- probe-*.log
[ $# = 2 ] || fail "expected a log for each of two processes: $*"
[ "$(stat -c %a "$1")" = 600 ] || fail "the log has mode $(stat -c %a "$1")"
grep -q 'error\[mmap-zero-length\]' "$1" || fail 'no finding in the log'
export WORD=50%p
run 'log_path=log-%q{WORD}-%q{NO_SUCH_WORD' zero
[ -s 'log-50%p-%q{NO_SUCH_WORD' ] || fail "no log of the variable's value: $(ls)"
run 'log_path=log-%q{NO_SUCH_WORD}' zero
finds 1 mmap-zero-length
grep -q '^mapsan: log_path=log-%q{NO_SUCH_WORD} .*a variable that it names by .* is not in the environment' err || fail 'no word of the variable'
DIR=$(pwd) run 'log_path=%q{DIR}/log-of-%e' zero
[ -s log-of-probe ] || fail "no log where the variable says: $(ls)"
run log_format=json:log_path=records zero
[ "$(grep -c '"kind":"finding"' records)" = 1 ] && [ "$(grep -c . records)" = 3 ] || fail 'not start, finding, end'

run log_format=json:log_path=pure:verbosity=1:suppressions=known zero
grep -qv '^{' pure && fail 'a log of records holds other lines'
grep -q '^mapsan: version' err || fail 'what is not a record is not said on standard error'

# Options of the program itself, below those of the environment.
MAPSAN_OPTIONS='' "$defaults" > out 2> err; status=$?; options='(defaults)'; ends 7; grep -q kept out || fail 'output was lost'; finds 1 mmap-zero-length
MAPSAN_OPTIONS=exitcode=8 "$defaults" > out 2> err; status=$?; ends 8

[ "$failures" = 0 ] || { echo "$failures failures"; exit 1; }
