# The files that CI reads are such as its schemas allow, and what they call there is.
need check-jsonschema check-jsonschema 'pip install'
passes 'GitHub' check-jsonschema --builtin-schema vendor.github-workflows github.yml
passes 'GitLab' check-jsonschema --builtin-schema vendor.gitlab-ci gitlab-ci.yml
sed 's/runs-on/run-on/' github.yml > wrong.yml
check-jsonschema --builtin-schema vendor.github-workflows wrong.yml > "$work/out" 2>&1 && fail 'the schema of GitHub refuses nothing'
sed 's/  script:/  scripts:/' gitlab-ci.yml > wrong.yml
check-jsonschema --builtin-schema vendor.gitlab-ci wrong.yml > "$work/out" 2>&1 && fail 'the schema of GitLab refuses nothing'
# What they run, on a program.
cc -g -o prog "$sources/examples/cmake/twice.c"
passes 'the baseline' mapsan run --write-baseline mapsan-baseline.json ./prog
passes 'the run of GitHub' mapsan run --baseline mapsan-baseline.json --error-exitcode 9 --format github --format sarif --output mapsan.sarif ./prog
passes 'the run of GitLab' mapsan run --baseline mapsan-baseline.json --error-exitcode 9 --format text --format codeclimate \
    --output gl-code-quality-report.json --format junit --output junit.xml ./prog
for file in mapsan.sarif gl-code-quality-report.json junit.xml; do [ -s "$file" ] || fail "$file is missing"; done
