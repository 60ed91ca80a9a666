#!/bin/sh
# Shells complete what the command takes: rules, calls, options: completions.sh COMMAND
set -u
mapsan=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0
fail() {
    failures=$((failures + 1))
    echo "FAILED: $1"
}
for shell in bash zsh fish; do "$mapsan" completions $shell > "$work/$shell" || fail "the completions of $shell"; done
# offers SHELL WORDS EXPECTED: what the words can be completed to, a line each, in $work/out.
offers() {
    grep -qx "$3" "$work/out" || { fail "$1 completes '$2' to:"; head -n 5 "$work/out"; }
}
if command -v bash > /dev/null; then
    in_bash() {
        bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mapsan mapsan "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf "%s\n" "${COMPREPLY[@]}"' bash "$work/bash" "$@" > "$work/out" 2>&1
        # A word is whole, and nothing else begins so.
        [ "$(wc -l < "$work/out")" -lt 20 ] || fail "bash offers too much for '$*'"
    }
    in_bash mapsan explain munmap-d
    offers bash 'mapsan explain munmap-d' munmap-double
    in_bash mapsan explain shmc
    offers bash 'mapsan explain shmc' shmctl
    in_bash mapsan run --disable munmap-d
    offers bash 'mapsan run --disable munmap-d' munmap-double
fi
if command -v fish > /dev/null; then
    in_fish() {
        HOME=$work fish --no-config -c "source $work/fish; complete -C '$*'" > "$work/out" 2>&1
        cut -f1 "$work/out" > "$work/first" && mv "$work/first" "$work/out"
    }
    in_fish mapsan explain munmap-d
    offers fish 'mapsan explain munmap-d' munmap-double
    in_fish mapsan run --disable munmap-d
    offers fish 'mapsan run --disable munmap-d' munmap-double
else
    echo 'fish is missing, and not tried: apt-get install fish'
fi
if command -v zsh > /dev/null; then
    zsh -n "$work/zsh" || fail 'the completions of zsh are no script of zsh'
else
    echo 'zsh is missing, and its completions are not read by it: apt-get install zsh'
fi
# What zsh offers is listed where the argument is declared.
sed -n '/^(explain)/,/^;;/p' "$work/zsh" | grep -q munmap-double || fail 'zsh completes no rule behind explain'
[ "$failures" = 0 ]
