# Sourced by the tests here: a slipway of their own, in namespaces of their own, and how to judge.
# usage of each test: TEST [SLIPWAY-PROGRAM]     needs root, kubectl, busybox
set -u
PATH=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/clients:$PATH # of script/clients
if [ "$(id -u)" != 0 ]; then
    echo "0 passed, 0 failed (skipped: needs root)"
    exit 0
fi
if ! command -v kubectl > /dev/null; then
    echo "0 passed, 0 failed (skipped: needs kubectl)"
    exit 0
fi
kubectl_minor=$(kubectl version --client -o yaml 2> /dev/null | sed -n 's/.*gitVersion: v1\.\([0-9]*\).*/\1/p' | head -n 1)
kubectl_least=${kubectl_least:-30} # older ones ask for exec and attach over SPDY
if [ "${kubectl_minor:-0}" -lt "$kubectl_least" ]; then
    echo "0 passed, 0 failed (skipped: needs kubectl 1.$kubectl_least or later, not 1.${kubectl_minor:-?})"
    exit 0
fi
if [ -z "${SLIPWAY_E2E_INSIDE:-}" ]; then
    SLIPWAY_E2E_INSIDE=1 exec unshare -n -m -- "$0" "$@"
fi
ip link set lo up
slipway=$(readlink -f "${1:-$(dirname "$0")/../../build/slipway}")
dir=$(mktemp -d /tmp/slipway-e2e-XXXXXX)
export HOME=$dir KUBECONFIG=$dir/data/admin.kubeconfig
pid=0
passed=0
failed=0

ok() {
    passed=$((passed + 1))
}
bad() {
    failed=$((failed + 1))
    echo "FAILED: $*"
}
same() { # what, got, want
    if [ "$2" = "$3" ]; then ok; else bad "$1: got '$2', want '$3'"; fi
}
has() { # what, text, part
    case $2 in *"$3"*) ok ;; *) bad "$1: '$2' does not hold '$3'" ;; esac
}
run() { # what, command...: must succeed; its output is in $out
    local what=$1
    shift
    if out=$("$@" 2>&1); then ok; else bad "$what: $out"; fi
}
refused() { # what, part of the message, command...
    local what=$1 part=$2
    shift 2
    if out=$("$@" 2>&1); then bad "$what was accepted"; else has "$what" "$out" "$part"; fi
}
until_true() { # tenths of a second, command...
    local left=$1
    shift
    while ! "$@" > /dev/null 2>&1; do
        [ $((left -= 1)) -gt 0 ] || return 1
        sleep 0.1
    done
}
now_ms() {
    date +%s%3N
}

boot() { # further options of slipway up
    "$slipway" up --data-dir "$dir/data" --quiet "$@" >> "$dir/log" 2>&1 &
    pid=$!
}
start() {
    boot "$@"
    until_true 150 kubectl get --raw /readyz && return
    bad "slipway does not answer"
    exit 1
}
first_answer() { # boots; $took: ms until the first answer, asked for without a pause; false: it died
    local begin
    begin=$(now_ms)
    boot
    until wget -q --no-check-certificate -O /dev/null https://127.0.0.1:6443/readyz 2> /dev/null; do
        [ $(($(now_ms) - begin)) -lt 10000 ] || break
        kill -0 "$pid" 2> /dev/null || return
    done
    took=$(($(now_ms) - begin))
    # its own work, for machines that do other things at the same time
    worked=$(awk -v hz="$(getconf CLK_TCK)" '{print int(($14 + $15) * 1000 / hz)}' "/proc/$pid/stat" 2> /dev/null)
    [ -n "$worked" ]
}
crash() {
    kill -9 "$pid"
    wait "$pid" 2> /dev/null
}
finish() {
    kubectl delete deployments,statefulsets,jobs,pods --all -A --grace-period=0 --force \
        --wait=false > /dev/null 2>&1
    sleep 1
    kill "$pid" 2> /dev/null
    wait "$pid" 2> /dev/null
    for shim in $(pgrep -f ' shim run|^slipway shim run'); do # only those of our own folder
        case $(readlink "/proc/$shim/cwd") in "$dir"/*) kill -9 $(pgrep -P "$shim") "$shim" ;; esac
    done
    for m in $(awk -v d="$dir/" 'index($5, d) == 1 {print $5}' /proc/self/mountinfo | sort -r); do
        umount -l "$m"
    done
    [ "$failed" = 0 ] || tail -20 "$dir/log"
    rm -rf "$dir"
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
}
trap finish EXIT
