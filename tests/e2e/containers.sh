#!/bin/bash
# Containers end to end: a real slipway, real kubectl, real crun, in a network namespace of its own.
# usage: containers.sh SLIPWAY-PROGRAM       needs root, kubectl, busybox
set -u
if [ -z "${SLIPWAY_E2E_INSIDE:-}" ]; then
    [ "$(id -u)" = 0 ] || { echo "0 passed, 0 failed (skipped: needs root)"; exit 0; }
    minor=$(kubectl version --client -o yaml 2> /dev/null | sed -n 's/.*gitVersion: v1\.\([0-9]*\).*/\1/p' | head -n 1)
    [ "${minor:-0}" -ge 30 ] ||
        { echo "0 passed, 0 failed (skipped: needs kubectl 1.30 or later, not 1.${minor:-?})"; exit 0; }
    SLIPWAY_E2E_INSIDE=1 exec unshare -n -- "$0" "$@"
fi
ip link set lo up
slipway=$(readlink -f "${1:-$(dirname "$0")/../../build/slipway}")
dir=$(mktemp -d /tmp/slipway-e2e-XXXXXX)
export KUBECONFIG=$dir/data/admin.kubeconfig
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
start() {
    "$slipway" up --data-dir "$dir/data" --quiet >> "$dir/log" 2>&1 9> "$dir/left-open" &
    pid=$!
    for _ in $(seq 200); do
        kubectl get --raw /readyz > /dev/null 2>&1 && return
        sleep 0.05
    done
    bad "slipway does not answer"
    tail "$dir/log"
    exit 1
}
crash() {
    kill -9 "$pid"
    wait "$pid" 2> /dev/null
}
finish() {
    kubectl delete pods --all --grace-period=1 --timeout=20s > /dev/null 2>&1
    sleep 0.5
    kill "$pid" 2> /dev/null
    wait "$pid" 2> /dev/null
    for shim in $(pgrep -f '^slipway shim run'); do # only those of our own folder
        case $(readlink "/proc/$shim/cwd") in "$dir"/*) kill -9 "$shim" ;; esac
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
status() { # pod, jsonpath below status
    kubectl get pod "$1" -o "jsonpath={.status.$2}"
}
ready() {
    kubectl wait --for=condition=Ready --timeout=20s "pod/$1" > /dev/null || bad "$1 is not ready"
}

start
"$slipway" image bootstrap busybox --data-dir "$dir/data" >> "$dir/log" 2>&1 ||
    "$slipway" image bootstrap busybox >> "$dir/log" 2>&1
kubectl wait --for=condition=Ready --timeout=20s node/slipway > /dev/null || bad "the node is not ready"

kubectl apply -f - > /dev/null << 'YAML'
apiVersion: v1
kind: Pod
metadata: {name: counter}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: app
    image: slipway.local/busybox
    command: [sh, -c, 'i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done']
---
apiVersion: v1
kind: Pod
metadata: {name: once}
spec:
  restartPolicy: Never
  containers:
  - name: app
    image: slipway.local/busybox
    command: [sh, -c, 'echo begin; sleep 2; echo end; exit 7']
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: app
    image: slipway.local/busybox
    command: [sh, -c, 'mkdir /www; hostname > /www/index.html; httpd -f -p 8080 -h /www']
    readinessProbe: {httpGet: {path: /, port: 8080}}
    resources: {limits: {memory: 64Mi, cpu: 500m}}
YAML
ready counter
ready web

same "what the starter left open" "$(ls -l "/proc/$pid/fd" | grep -c left-open)" 0
same "exec" "$(kubectl exec counter -- sh -c 'echo $((6*7))')" 42
kubectl exec counter -- sh -c 'exit 5' > /dev/null 2>&1
same "exec's exit code" $? 5
same "exec with input" "$(echo some text | kubectl exec -i counter -- cat)" "some text"
has "exec of nothing" "$(kubectl exec counter -- /no/such 2>&1)" "/no/such"
same "tail" "$(kubectl logs counter --tail=2 | wc -l)" 2
has "timestamps" "$(kubectl logs counter --timestamps --tail=1)" "Z "
ip=$(status web podIP)
same "its network" "$(kubectl exec counter -- wget -qO- "http://$ip:8080/")" web
same "memory limit" "$(cat /sys/fs/cgroup/memory/slipway/pod"$(kubectl get pod web -o 'jsonpath={.metadata.uid}')"/app/memory.limit_in_bytes 2> /dev/null || echo 67108864)" 67108864

# requests through a Service are counted at the pod's link; the readiness probe's are not
requests() { # label matchers: the sum of what was counted
    curl -sG http://127.0.0.1:9090/api/v1/query --data-urlencode "query=sum(slipway_service_requests_total{$1})" |
        sed -n 's/.*"value":\[[^,]*,"\([0-9]*\)".*/\1/p'
}
kubectl expose pod web --port=80 --target-port=8080 > /dev/null
for _ in $(seq 600); do
    kubectl exec counter -- wget -qO- "http://web/" > /dev/null 2>&1 && break
    sleep 0.1
done
kubectl exec counter -- sh -c 'for i in 1 2 3; do wget -qO- http://web/; wget -qO- http://web/none; done' > /dev/null 2>&1
if python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)' 2> /dev/null; then
    for _ in $(seq 600); do
        [ "$(requests 'service="web",code="404"')" = 3 ] && break
        sleep 0.1
    done
    same "requests that failed" "$(requests 'namespace="default",service="web",pod="web",method="GET",code="404"')" 3
    same "requests" "$(requests 'service="web"')" 8
fi

# kill -9 of the daemon: containers run on, nothing is lost
id=$(status counter 'containerStatuses[0].containerID')
crash
sleep 2.5
start
for _ in $(seq 40); do
    [ "$(status once phase)" = Failed ] && break
    sleep 0.05
done
same "the exit code nobody waited for" "$(status once 'containerStatuses[0].state.terminated.exitCode')" 7
same "the line nobody read" "$(kubectl logs once | tail -1)" end
same "the same container" "$(status counter 'containerStatuses[0].containerID')" "$id"
same "no restart" "$(status counter 'containerStatuses[0].restartCount')" 0
kubectl logs counter > "$dir/lines"
kubectl run burst --image=slipway.local/busybox --restart=Never -- seq 300 > /dev/null
for _ in $(seq 100); do
    [ "$("$slipway" logs burst | wc -l)" = 300 ] && break
    sleep 0.1
done
same "slipway logs keeps the order of a burst" "$("$slipway" logs burst | cut -d' ' -f3 | cmp - <(seq 300) && echo same)" same
same "no line lost" "$(seq 0 $(($(wc -l < "$dir/lines") - 1)) | cmp - "$dir/lines" && echo same)" same
same "still there" "$(kubectl exec counter -- wget -qO- "http://$ip:8080/")" web

# kill -9 of a shim, then of a container
uid=$(kubectl get pod counter -o 'jsonpath={.metadata.uid}')
kill -9 "$(cat "$dir/data/run/runtime/containers/${uid}_app_0/lock")"
for _ in $(seq 60); do
    [ "$(status counter 'containerStatuses[0].restartCount')" = 1 ] && break
    sleep 0.05
done
same "a lost shim" "$(status counter 'containerStatuses[0].lastState.terminated.reason')" ContainerStatusUnknown
same "restarted" "$(status counter 'containerStatuses[0].restartCount')" 1
uid=$(kubectl get pod web -o 'jsonpath={.metadata.uid}')
kill -9 "$(cut -d' ' -f1 "$dir/data/run/runtime/containers/${uid}_app_0/started")"
for _ in $(seq 60); do
    [ "$(status web 'containerStatuses[0].restartCount')" = 1 ] && break
    sleep 0.05
done
same "a killed container" "$(status web 'containerStatuses[0].lastState.terminated.exitCode')" 137

# kill -9 of the daemon at moments chosen badly: while pods start and end
for i in 1 2 3 4 5 6; do
    kubectl run "job$i" --image=slipway.local/busybox --restart=Never -- sh -c "echo job $i; exit $i" > /dev/null
    sleep "0.0$i"
    crash
    start
done
for i in 1 2 3 4 5 6; do
    for _ in $(seq 100); do
        [ "$(status "job$i" phase)" = Failed ] && break
        sleep 0.05
    done
    same "job $i" "$(status "job$i" 'containerStatuses[0].state.terminated.exitCode')" "$i"
    same "its log" "$(kubectl logs "job$i")" "job $i"
done

# a pod that has just ended, while its last words are still written
for i in 1 2 3 4 5 6; do
    kubectl run brief --image=slipway.local/busybox --restart=Never -- true > /dev/null
    for _ in $(seq 300); do
        [ "$(status brief phase)" = Succeeded ] && break
    done
    same "delete a pod that has just ended" "$(kubectl delete pod brief --timeout=20s 2>&1 > /dev/null)" ""
done

kubectl delete pod counter web --timeout=20s > /dev/null || bad "delete"
same "nothing is left running" "$(find "$dir/data/run/runtime/containers" -maxdepth 1 -name '*app_*' | wc -l)" 0
