#!/bin/bash
# What pods and pipeline steps can't reach: the host's files, the server's keys, what is not theirs.
. "$(dirname "$0")/common.bash"
for image in busybox tools; do
    "$slipway" image bootstrap $image --data-dir "$dir/data" > /dev/null 2>> "$dir/log" ||
        bad "image $image cannot be made"
done
start
ended() { # NAMESPACE POD
    kubectl -n "$1" get pod "$2" -o 'jsonpath={.status.phase}' | grep -Eq 'Succeeded|Failed'
}
run_is_over() { # NAMESPACE RUN
    kubectl -n "$1" get taskrun "$2" -o 'jsonpath={.status.completionTime}' | grep -q .
}
reason() { # NAMESPACE RUN
    kubectl -n "$1" get taskrun "$2" -o 'jsonpath={.status.conditions[0].reason}: {.status.conditions[0].message}'
}
warned() { # POD TEXT
    kubectl get events --field-selector "involvedObject.name=$1" -o 'jsonpath={.items[*].message}' | grep -q "$2"
}
pod() { # NAME COMMAND HOSTPATH MOUNT...: a pod with a folder of the host
    printf '{apiVersion: v1, kind: Pod, metadata: {name: %s}, spec: {restartPolicy: Never,
      volumes: [{name: v, hostPath: {path: %s}}],
      containers: [{name: c, image: slipway.local/busybox, command: [sh, -c, "%s"],
        volumeMounts: [{name: v, mountPath: /host%s}]}]}}\n' "$1" "$3" "$2" "${4:-}" |
        kubectl create -f - > /dev/null || bad "pod $1"
}
step() { # NAMESPACE NAME STEP: a run of one step
    printf '{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: %s, namespace: %s},
      spec: {taskSpec: {volumes: [{name: cache, emptyDir: {}}],
        steps: [{name: s, image: slipway.local/tools, %s}]}}}\n' "$2" "$1" "$3" |
        kubectl create -f - > /dev/null || bad "run $2"
}

# the data folder
echo kept > "$dir/shared"
pod outside "cat /host/shared; ls -A /host/data" "$dir"
pod around "cat /host/shared; ls -A /host/data" "${dir%/*}" ", subPath: ${dir##*/}"
pod inside "ls /host" "$dir/data/pki"
ln -s data "$dir/way-to-data"
ln -s data/pki "$dir/way"
pod link "ls /host" "$dir/way"
pod part "ls /host" "$dir" ", subPath: data/pki"
until_true 100 ended default outside
until_true 100 ended default around
for p in outside around; do
    same "a folder around the data folder: without it ($p)" "$(kubectl logs $p)" kept
done
for p in inside link part; do
    until_true 100 warned $p "own data folder" || bad "pod $p was not refused"
done
mounts=$(grep -c "$dir/data/" /proc/self/mountinfo)
[ "$mounts" -lt 100 ] && ok || bad "copies of mounts within copies: $mounts"
kubectl delete pods --all --grace-period=0 --force > /dev/null 2>&1

# a link that a container leaves leads nowhere
printf '{apiVersion: v1, kind: Pod, metadata: {name: links}, spec: {restartPolicy: Never,
  volumes: [{name: v, emptyDir: {}}],
  initContainers: [{name: i, image: slipway.local/busybox, command: [ln, -s, /, /v/root],
    volumeMounts: [{name: v, mountPath: /v}]}],
  containers: [{name: c, image: slipway.local/busybox, command: [ls, /x],
    volumeMounts: [{name: v, mountPath: /x, subPath: root/etc}]}]}}\n' | kubectl create -f - > /dev/null
until_true 100 warned links subPath || bad "a subPath followed a link"

# the API, as a pod sees it
printf '{apiVersion: v1, kind: Pod, metadata: {name: asks}, spec: {containers: [
  {name: c, image: slipway.local/busybox, command: [sleep, "600"]}]}}\n' | kubectl create -f - > /dev/null
kubectl wait --for=condition=Ready pod/asks --timeout=20s > /dev/null || bad "pod asks"
asks() { # PATH: the status line
    kubectl exec asks -- sh -c "wget -S -O- --no-check-certificate --header \"Authorization: Bearer \$(cat /var/run/secrets/kubernetes.io/serviceaccount/token)\" https://kubernetes.default.svc/$1" 2>&1
}
has "a pod reaches the API by its Service" "$(asks version)" "1.1 200"
for path in api/v1/secrets api/v1/namespaces/kube-system/secrets api/v1/nodes metrics; do
    has "a pod may not read $path" "$(asks $path)" "1.1 403"
done
kubectl exec asks -- nc -w 1 10.88.0.1 9090 < /dev/null > /dev/null 2>&1 &&
    bad "a pod reaches everybody's logs" || ok

# steps
kubectl create namespace strict > /dev/null
kubectl label namespace strict pod-security.kubernetes.io/enforce=baseline > /dev/null
kubectl create namespace free > /dev/null
kubectl label namespace free pod-security.kubernetes.io/enforce=privileged > /dev/null
step default plain 'script: "echo done"'
step default root 'command: ["true"], securityContext: {privileged: true}'
step strict plain 'script: "echo done"'
step free root 'command: ["true"], securityContext: {privileged: true}'
for run in default/plain default/root strict/plain free/root; do
    until_true 150 run_is_over "${run%/*}" "${run#*/}"
done
has "a step" "$(reason default plain)" Succeeded:
has "a privileged step" "$(reason default root)" "PodCreationFailed: steps may not have the host: privileged"
has "a step where the baseline is enforced" "$(reason strict plain)" Succeeded:
has "a privileged step where it is allowed" "$(reason free root)" Succeeded:

# a second server leaves the first one's network alone
refused "a second slipway" "another slipway has this machine's network" "$slipway" up --data-dir "$dir/second"
has "the first one's Services" "$(asks version)" "1.1 200"

# the end of it, with what pods have mounted around the data folder
pod around "sleep 600" "${dir%/*}" ", subPath: ${dir##*/}"
pod inside "true" "${dir%/*}" ", subPath: ${dir##*/}/data"
kubectl wait --for=condition=Ready pod/around --timeout=20s > /dev/null || bad "pod around"
crash
run "slipway down --forget" "$slipway" down --forget --data-dir "$dir/way-to-data/"
[ ! -e "$dir/data" ] && ok || bad "the data folder is still there: $(ls "$dir/data")"
same "what is around it stays" "$(cat "$dir/shared")" kept
