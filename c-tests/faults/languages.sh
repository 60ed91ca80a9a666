#!/bin/sh
# Languages that notice by themselves that a stack is used up: what they say, and how they end, is the same with the library,
# preloaded and under the command. Usage: languages.sh LANGUAGE LIBRARY COMMAND FOLDER, a folder that may keep what is built.
set -u
language=$1 library=$2 command=$3 folder=$4
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
ulimit -c 0
# A program that turns errors into long waits is one that fails here.
limit='timeout -k 5 100'

# needs TOOL PACKAGE: skips the test where a tool is not installed.
needs() {
    command -v "$1" > /dev/null 2>&1 && return
    echo "SKIPPED: $1 is not installed: $2"
    exit 77
}
# What differs from run to run: addresses, process and thread numbers, times, how often a line comes, and what Go's other
# goroutines do.
masked() {
    sed -E '/^goroutine |mfinal\.go|runtime\.(gopark|goparkunlock|goexit|createfing|runfinq|bgsweep|bgscavenge)|proc\.go|^$/d
            s/0x[0-9a-f]+/0xN/g; s/[0-9a-f]{8,}/N/g; s/[0-9]+/N/g' "$@" | sort -u
}
# same NAME PROGRAM...: runs it in the three ways.
same() {
    name=$1
    shift
    $limit "$@" > plain.out 2> plain.err
    status=$?
    MAPSAN_OPTIONS=log_path=$work/log LD_PRELOAD=$library $limit "$@" > preloaded.out 2> preloaded.err
    preloaded=$?
    $limit "$command" run --output "$work/report" -- "$@" > run.out 2> run.err
    run=$?
    # The command's own words.
    grep -v '^mapsan: ' run.err > rest && mv rest run.err
    [ $status != 0 ] || [ -s plain.out ] || { echo "FAILED $name: nothing happens"; failures=1; }
    [ "$status" = "$preloaded" ] && [ "$status" = "$run" ] ||
        { echo "FAILED $name: status $status, preloaded $preloaded, under the command $run"; failures=1; }
    for stream in out err; do
        masked plain.$stream > plain
        for way in preloaded run; do
            masked $way.$stream > other
            diff plain other > difference || { echo "FAILED $name: $way says other things:"; head -n 20 difference; failures=1; }
        done
    done
    echo "$name: status $status, $(head -c 100 plain.err | head -n 1)"
}
failures=0

case $language in
rust)
    needs rustc 'https://rustup.rs, or apt-get install rustc'
    cat > main.rs << 'END'
fn deep(n: u64) -> u64 { let a = [n; 16]; std::hint::black_box(&a); deep(n + 1) + a[3] }
fn main() {
    if std::env::args().count() > 1 {
        let thread = std::thread::Builder::new().name("deep".to_owned()).spawn(|| deep(0)).unwrap();
        println!("{}", thread.join().is_ok());
    } else { println!("{}", deep(0)); }
}
END
    rustc -C opt-level=0 -o program main.rs 2> errors || { cat errors; exit 1; }
    same 'rust, main thread' ./program
    same 'rust, another thread' ./program thread
    ;;
go)
    needs go 'apt-get install golang-go'
    needs gcc 'apt-get install gcc'
    mkdir -p "$folder" go cgo
    export GOCACHE="$folder/go-cache" GOFLAGS=-mod=mod GOPROXY=off GO111MODULE=off GOPATH="$work/path" GOTRACEBACK=none
    cat > cgo/main.go << 'END'
package main

// static int deep(int n) { volatile char room[256]; room[0] = (char)n; return deep(n + 1) + room[0]; }
import "C"
import ("os"; "runtime/debug")

func deep(n int) int { var room [32]int; room[n&31] = n; return deep(n+1) + room[0] }

func main() {
	debug.SetMaxStack(1 << 20)
	if len(os.Args) > 1 { println(C.deep(0)) }
	println(deep(0))
}
END
    sed '/^\/\/ static/d; /^import "C"/d; s/C\.deep(0)/deep(0)/' cgo/main.go > go/main.go
    (cd go && CGO_ENABLED=0 nice go build -o ../without main.go) 2> errors || { cat errors; exit 1; }
    (cd cgo && CGO_ENABLED=1 CGO_CFLAGS=-O0 nice go build -o ../with main.go) 2> errors || { cat errors; exit 1; }
    same 'go' ./without
    same 'go with cgo' ./with
    same 'go, in C' ./with c
    # A mistake of the C code is told with its line, which stands in a comment of Go.
    mkdir wrong
    cat > wrong/main.go << 'END'
package main

/*
#include <sys/mman.h>

static void give_back(void)
{
    munmap((void *)1, 4096); // the mistake
}
*/
import "C"

func main() { C.give_back() }
END
    (cd wrong && CGO_ENABLED=1 CGO_CFLAGS='-g -O2 -fno-optimize-sibling-calls' nice go build -o ../mistaken main.go) 2> errors || { cat errors; exit 1; }
    $limit "$command" run --output "$work/report" -- ./mistaken
    line=$(grep -n 'the mistake' wrong/main.go | cut -d : -f 1)
    grep -q '\[munmap-unaligned-address\]' report && grep -q "^ *at .* give_back (.*main\.go:$line)" report ||
        { echo "FAILED: line $line of the C code in Go is not named:"; cat report; failures=1; }
    ;;
ocaml)
    needs ocamlopt 'apt-get install ocaml-nox'
    cat > main.ml << 'END'
let rec deep n = 1 + deep (n + 1)
let () =
  if Array.length Sys.argv > 1 then
    (try ignore (deep 0) with Stack_overflow -> print_endline "noticed");
  Printf.printf "%d\n" (deep 0)
END
    ocamlopt -w -a -o program main.ml 2> errors || { cat errors; exit 1; }
    same 'ocaml' ./program
    same 'ocaml, noticed first' ./program first
    ;;
java)
    needs java 'apt-get install default-jre-headless'
    needs javac 'apt-get install default-jdk-headless'
    cat > Deep.java << 'END'
public class Deep {
    static int deep(int n) { return deep(n + 1) + n; }
    public static void main(String[] words) throws Exception {
        if (words.length == 0) deep(0);
        Thread thread = new Thread(() -> {
            try { deep(0); } catch (StackOverflowError error) { System.out.println("noticed " + error); }
        });
        thread.start();
        thread.join();
    }
}
END
    javac Deep.java 2> errors || { cat errors; exit 1; }
    same 'java' java -Xss512k -Xshare:auto Deep
    same 'java, another thread' java -Xss512k Deep thread
    ;;
ruby)
    needs ruby 'apt-get install ruby'
    echo 'def deep(n) deep(n + 1) + 1 end; begin; deep(0); rescue SystemStackError => e; puts e.message; end; deep(0)' > deep.rb
    same 'ruby' ruby deep.rb
    echo 'Thread.report_on_exception = false; t = Thread.new { def deep(n) [n].each { |m| deep(m + 1) } end; deep(0) }; begin; t.join; rescue SystemStackError => e; puts e.class; end' > thread.rb
    same 'ruby, another thread' ruby thread.rb
    ;;
node)
    needs node 'apt-get install nodejs'
    same 'node' node -e 'function deep(n) { return deep(n + 1) + 1 } try { deep(0) } catch (e) { console.log(String(e)) } deep(0)'
    same 'node, the stack itself' node --stack-size=60000 -e 'function deep(n) { return deep(n + 1) + 1 } deep(0)'
    ;;
python)
    needs python3 'apt-get install python3'
    same 'python' python3 -c 'def deep(n): return deep(n + 1) + 1
deep(0)'
    same 'python, the stack itself' python3 -X faulthandler -c 'import sys
sys.setrecursionlimit(10**9)
class Deep:
    def __repr__(self): return repr(self)
repr(Deep())'
    ;;
lua)
    needs luajit 'apt-get install luajit'
    same 'luajit' luajit -e 'local function deep(n) return deep(n + 1) + 1 end; print(pcall(deep, 0)); deep(0)'
    ;;
lisp)
    needs sbcl 'apt-get install sbcl'
    same 'sbcl' sbcl --noinform --disable-debugger --eval '(defun deep (n) (+ 1 (deep (+ n 1))))' \
        --eval '(handler-case (deep 0) (storage-condition (c) (format t "~a~%" (type-of c))))' --eval '(deep 0)'
    ;;
*)
    echo "no such language: $language"
    exit 64
    ;;
esac
exit $failures
