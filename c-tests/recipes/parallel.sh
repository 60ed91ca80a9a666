need parallel parallel
. "$sources/c-tests/recipes/parts.sh"
passes 'the sweep by GNU parallel' ./sweep.sh ./fails
same_as_whole parts/*.json

# On another machine: this one, by ssh, and as one whose folder of the same path is another folder.
elsewhere() {
    rm -rf parts
    passes "the sweep $1" env MACHINES="$2" PARALLEL_SSH="$3" PARALLEL='--env PATH' ./sweep.sh ./fails
    [ "$(ls parts 2> /dev/null | tr '\n' ' ')" = '1.json 2.json 3.json 4.json ' ] || fail "the parts are not here, after the sweep $1"
    same_as_whole parts/*.json
}
command -v rsync > /dev/null ||
    { echo 'SKIPPED in part: rsync is missing, so other machines were not tried: apt-get install rsync'; [ "$failures" = 0 ]; exit; }
if ssh -o BatchMode=yes -o ConnectTimeout=5 localhost true < /dev/null > "$work/out" 2>&1; then
    elsewhere 'by ssh' localhost 'ssh -o BatchMode=yes'
else
    echo 'SKIPPED in part: ssh to localhost does not work without a password, so it was not tried: apt-get install openssh-server, ssh-copy-id localhost'
fi
mkdir "$work/there"
cat > "$work/ssh" << END
#!/bin/sh
# The words behind the machine's name are a command.
shift
[ "\$1" != -- ] || shift
exec unshare -rm sh -c 'mount --bind "$work/there" "$PWD" && cd / && exec sh -c "\$*"' sh "\$@"
END
chmod +x "$work/ssh"
if "$work/ssh" other true > "$work/out" 2>&1; then
    elsewhere 'in another folder' other "$work/ssh"
    [ -x "$work/there/fails" ] || fail 'the program was not copied there'
else
    echo 'SKIPPED in part: unshare may not mount here, so a machine with folders of its own was not tried: as root, or sysctl kernel.unprivileged_userns_clone=1'
fi
