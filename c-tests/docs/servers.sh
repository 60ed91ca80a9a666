# The servers of the page; workers of nginx have other rights, and look for their files here.
for need in redis-server redis-cli nginx curl; do
    command -v "$need" > /dev/null || { echo "SKIPPED: $need is missing: apt-get install redis-server nginx curl"; exit 77; }
done
chmod 755 . ..
