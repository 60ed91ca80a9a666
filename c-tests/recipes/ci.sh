# The files that CI reads are such as its schemas allow, and what they have run, with the command in PATH as its package has it,
# finds what is new and nothing else.
tried=0
if command -v check-jsonschema > /dev/null; then
    tried=1
    passes 'GitHub' check-jsonschema --builtin-schema vendor.github-workflows github.yml
    passes 'GitLab' check-jsonschema --builtin-schema vendor.gitlab-ci gitlab-ci.yml
    sed 's/runs-on/run-on/' github.yml > wrong.yml
    check-jsonschema --builtin-schema vendor.github-workflows wrong.yml > "$work/out" 2>&1 && fail 'the schema of GitHub refuses nothing'
    sed 's/  script:/  scripts:/' gitlab-ci.yml > wrong.yml
    check-jsonschema --builtin-schema vendor.gitlab-ci wrong.yml > "$work/out" 2>&1 && fail 'the schema of GitLab refuses nothing'
else
    echo 'SKIPPED in part: check-jsonschema is missing, so the files were not compared with their schemas: pip install check-jsonschema'
fi
if ! python3 -c 'import yaml' 2> /dev/null; then
    echo "SKIPPED in part: python3 cannot read YAML, so the files' commands were not run: apt-get install python3-yaml"
    [ "$tried" = 1 ] && [ "$failures" = 0 ] && return 0
    [ "$failures" = 0 ] && exit 77
    return 0
fi

# A job's commands, but for those that install: commands FILE JOB.
commands() {
    python3 - "$1" "$2" << 'END'
import sys, yaml
job = yaml.safe_load(open(sys.argv[1]))
for name in sys.argv[2].split("/"):
    job = job[name]
for step in job.get("script") or [step["run"] for step in job["steps"] if "run" in step]:
    if "apt-get" not in step:
        print(" ".join(step.split()))
END
}
# A project whose tests have one finding, which is known; and a second one, which is not.
project() {
    rm -rf "$work/project" && mkdir "$work/project" && cd "$work/project" || exit 1
    cp "$sources/examples/cmake/twice.c" "$sources/examples/cmake/counter.c" .
    cat > CMakeLists.txt << 'END'
cmake_minimum_required(VERSION 3.20)
project(p C)
enable_testing()
add_executable(twice twice.c)
add_test(NAME twice COMMAND twice)
add_executable(counter counter.c)
set_target_properties(counter PROPERTIES OUTPUT_NAME test)
END
    passes 'the baseline' sh -ec 'cmake -S . -B known -DCMAKE_BUILD_TYPE=Debug && cmake --build known
        mapsan run --write-baseline mapsan-baseline.json ctest --test-dir known'
}
# gate NAME FILE JOB WRITTEN...: the job passes with what is known, writes these files, and fails for what is new.
gate() {
    ci=$1
    commands "$work/here/$2" "$3" > "$work/script"
    shift 3
    cp "$work/script" "$work/out"
    grep -q '^cmake --build\|&& cmake --build' "$work/script" && grep -q '^mapsan run' "$work/script" || fail "$ci: its commands are not there"
    project
    passes "$ci: the job" sh -e "$work/script"
    for file in "$@"; do [ -s "$file" ] || fail "$ci: $file is missing"; done
    sed 's/^    return EXIT_SUCCESS/    munmap(page, 4096);\n&/' twice.c > more.c && mv more.c twice.c
    sh -e "$work/script" > "$work/out" 2>&1
    [ $? = 9 ] && grep -q 'munmap-double' "$work/out" || fail "$ci: a new finding does not fail"
}
gate 'GitHub' github.yml jobs/mapsan mapsan.sarif
gate 'GitLab' gitlab-ci.yml mapsan gl-code-quality-report.json junit.xml

# The sweep in parts, each by a job of its own, and their report.
commands "$work/here/gitlab-ci.yml" sweep > "$work/script"
commands "$work/here/gitlab-ci.yml" report > "$work/report"
project
for part in 1 2 3 4; do
    passes "the sweep, part $part" env CI_NODE_INDEX=$part CI_NODE_TOTAL=4 sh -e "$work/script"
    [ -s "part-$part.json" ] || fail "part-$part.json is missing"
done
passes 'the report of the sweep' sh -e "$work/report"
