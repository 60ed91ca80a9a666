need cargo rustup 'the installer of Rust,'
export CARGO_TARGET_DIR="$work/target" CARGO_NET_OFFLINE=true
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
passes 'cargo test' cargo test
grep -q 'a_page_counts ... ok' "$work/out" || fail 'the test was not run'
place=lib.rs:$(grep -n 'munmap(self.0' src/lib.rs | tail -n 1 | cut -d: -f1)
names_the_mistake 'cargo test' cargo test --features fails
# As far as the kernel keeps the name of a thread.
grep -q "('tests::a_page_i')" "$work/out" || fail 'the test is not named'
