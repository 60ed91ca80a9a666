# What the page needs.
command -v bwrap > /dev/null || { echo "SKIPPED: bwrap is missing: apt-get install bubblewrap"; exit 77; }
bwrap --ro-bind / / --dev /dev --proc /proc --unshare-pid --unshare-ipc true || { echo "SKIPPED: bubblewrap may make no namespaces here (root, or kernel.unprivileged_userns_clone)"; exit 77; }
