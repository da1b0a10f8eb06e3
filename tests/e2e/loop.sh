#!/bin/bash
# The story of script/demo, in a network of its own: every step that it waits for counts as a case.
set -u
cd "$(dirname "$0")/../.." || exit 1
if [ "$(id -u)" != 0 ]; then
    echo "loop: skipped, containers need root"
    echo "0 passed, 0 failed"
    exit 0
fi
dir=$(mktemp -d /var/tmp/slipway-loop-XXXXXX)
trap 'SLIPWAY_DEMO_DIR=$dir/demo unshare -m script/demo stop >/dev/null 2>&1; rm -rf "$dir"' EXIT

# Base images come from distribution packages, which the network below does not reach.
mkdir -p "$dir/demo.images" "$dir/made"
build/slipway image bootstrap busybox --data-dir "$dir/made" >/dev/null &&
    build/slipway image bootstrap debian --name slipway.local/debian-build:latest --data-dir "$dir/made" \
        --include gcc --include libc6-dev --include make --include curl >/dev/null || {
    echo "loop: the base images cannot be made"
    echo "0 passed, 1 failed"
    exit 1
}
rmdir "$dir/demo.images" && mv "$dir/made/images" "$dir/demo.images"

SLIPWAY_DEMO_DIR=$dir/demo unshare -n -m sh -c '
    mount --make-rprivate /
    ip link set lo up
    script/demo
    status=$?
    if [ $status != 0 ]; then
        export KUBECONFIG=$SLIPWAY_DEMO_DIR/admin.kubeconfig
        kubectl get applications,analysisruns,condemnations -n argocd -o wide
        kubectl get replicasets,pods -A -o wide
        kubectl get events -A --sort-by=.lastTimestamp | tail -n 30
        kubectl -n argocd get applications -o yaml
        tail -n 50 "$SLIPWAY_DEMO_DIR/up.log"
    fi
    script/demo stop
    exit $status' >"$dir/log" 2>&1
status=$?
cat "$dir/log"
echo "$(grep -Ec '[0-9.]+ s$' "$dir/log") passed, $((status != 0)) failed"
exit $status
