#!/bin/sh
# The distribution-spec's own suites against our registry: the present one, built from the public Go
# module (or named by OCI_CONFORMANCE), and the earlier one where OCI_CONFORMANCE_V11 names it.
set -u
build=${BUILD:-build}
serve=$build/tests/unit/registry/registry_serve
module=github.com/opencontainers/distribution-spec/conformance@latest
suite=${OCI_CONFORMANCE:-}
dir=$(mktemp -d /tmp/slipway-oci-XXXXXX)
server=
finish() {
    [ -n "$server" ] && kill "$server" 2>/dev/null
    rm -rf "$dir"
}
trap finish EXIT

if [ -z "$suite" ] && command -v go >/dev/null; then
    suite=$build/oci-conformance/conformance
    [ -x "$suite" ] || GOBIN=$(realpath -m "$build/oci-conformance") timeout 300 go install "$module" 2>"$dir/go"
fi
if [ ! -x "$suite" ] || [ ! -x "$serve" ]; then
    echo "oci: 0 passed, 0 failed, 1 skipped"
    echo "the suite ($module) or $serve is not to be had: $(tail -n 1 "$dir/go" 2>/dev/null)" >&2
    exit 0
fi
suite=$(realpath "$suite")

mkfifo "$dir/in"
"$serve" "$dir/data" 127.0.0.1:0 <"$dir/in" >"$dir/port" &
server=$!
exec 9>"$dir/in"
while [ ! -s "$dir/port" ]; do sleep 0.05; done
at=127.0.0.1:$(cat "$dir/port")

cd "$dir" || exit 1
OCI_REGISTRY=$at OCI_TLS=disabled OCI_REPO1=conformance/repo1 OCI_REPO2=conformance/repo2 \
    OCI_USERNAME='' OCI_PASSWORD='' OCI_VERSION=1.1 OCI_RESULTS_DIR="$dir/results" \
    timeout 300 "$suite" >"$dir/log" 2>&1
count() { # WORD
    sed -n "s/^  $1\.*: *\([0-9]*\)$/\1/p" "$dir/log" | head -n 1
}
sed -n 's/^ *\(OCI Conformance Test.*: FAIL\)$/oci: \1/p' "$dir/log"
echo "oci: $(count Pass) passed, $(($(count FAIL) + $(count Error))) failed, $(($(count Skip) + $(count Disabled))) skipped"

if [ -x "${OCI_CONFORMANCE_V11:-}" ]; then
    OCI_ROOT_URL=http://$at OCI_NAMESPACE=v11/repo OCI_CROSSMOUNT_NAMESPACE=v11/other OCI_USERNAME='' \
        OCI_PASSWORD='' OCI_TEST_PULL=1 OCI_TEST_PUSH=1 OCI_TEST_CONTENT_DISCOVERY=1 \
        OCI_TEST_CONTENT_MANAGEMENT=1 OCI_DELETE_MANIFEST_BEFORE_BLOBS=1 OCI_REPORT_DIR="$dir" \
        timeout 300 "$OCI_CONFORMANCE_V11" >"$dir/v11" 2>&1
    sed 's/\x1b\[[0-9;]*m//g' "$dir/v11" | sed -n \
        's/.* \([0-9]*\) Passed | \([0-9]*\) Failed | [0-9]* Pending | \([0-9]*\) Skipped/oci-v1.1: \1 passed, \2 failed, \3 skipped/p'
fi
