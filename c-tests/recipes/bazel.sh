command -v bazel > /dev/null || { echo 'SKIPPED: bazel is missing: see https://bazel.build/install'; exit 77; }
sed -i "s,/usr/bin/mapsan,$built/mapsan," .bazelrc
# Bazel's server would outlive the test.
ended='bazel --output_user_root='"$work"'/bazel shutdown'
passes 'bazel test' bazel --output_user_root="$work/bazel" test --config=mapsan //:counter
names_the_mistake 'bazel test' bazel --output_user_root="$work/bazel" test --config=mapsan //:twice
