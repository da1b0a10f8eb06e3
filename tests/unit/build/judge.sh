# Sourced by the tests here: how to judge. $dir is theirs.
passed=0 failed=0
ok() { # NAME COMMAND…
    local name=$1
    shift
    if "$@" >"$dir/out" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $name" && tail -n 20 "$dir/out"
    fi
}
is() { # NAME WANT GOT
    ok "$1" test "$2" = "$3"
    [ "$2" = "$3" ] || echo "  want $2, got $3"
}
