#!/bin/bash
# kill -9 of slipway in the middle of rollouts: pods run on, nothing acknowledged is lost, the
# rollout goes on by itself, and the first answer comes at once.
. "$(dirname "$0")/common.bash"
start
run "busybox image" "$slipway" image bootstrap busybox --data-dir "$dir/data"
run "node is ready" kubectl wait --for=condition=Ready node/slipway --timeout=20s
image=slipway.local/busybox

kubectl create -f - > /dev/null << YAML
apiVersion: v1
kind: Pod
metadata: {name: bystander}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: app
    image: $image
    command: [sh, -c, 'i=0; while :; do echo \$i; i=\$((i+1)); sleep 0.05; done']
  - name: web
    image: $image
    command: [sh, -c, 'mkdir /www; echo here > /www/index.html; exec httpd -f -p 8081 -h /www']
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: app
        image: $image
        command: [sh, -c, 'mkdir /www; hostname > /www/index.html; exec httpd -f -p 8080 -h /www']
        env: [{name: ROUND, value: "0"}]
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
YAML
run "first rollout" timeout 30 kubectl rollout status deployment/web
run "bystander runs" kubectl wait --for=condition=Ready pod/bystander --timeout=20s
field() { # object, jsonpath
    kubectl get "$1" -o "jsonpath={$2}"
}
id=$(field pod/bystander '.status.containerStatuses[?(@.name=="app")].containerID')
uid=$(field deployment/web .metadata.uid)

ip=$(field pod/bystander .status.podIP)
times=
best=99999
least=99999
for round in 1 2 3 4; do
    kubectl set env deployment/web ROUND=$round > /dev/null || bad "set env $round"
    kubectl create configmap "written-$round" --from-literal=round=$round > /dev/null ||
        bad "write $round"
    sleep "0.$((round * 2))"
    crash
    same "pods answer without slipway" "$(wget -qO- "http://$ip:8081/")" here
    first_answer
    times="$times $took"
    [ "$took" -lt "$best" ] && best=$took
    [ "$worked" -lt "$least" ] && least=$worked
    same "acknowledged write $round" "$(field "configmap/written-$round" .data.round)" $round
    same "acknowledged change $round" \
        "$(field deployment/web '.spec.template.spec.containers[0].env[0].value')" $round
    run "rollout $round goes on" timeout 40 kubectl rollout status deployment/web
done
echo "first answers after$times ms; the least work for one: $least ms"
busy=$(awk -v n="$(nproc)" '{print ($1 > n) ? 1 : 0}' /proc/loadavg)
[ "$busy" = 0 ] || best=$least
if [ "$best" -le 500 ]; then ok; else bad "first answer after $best ms"; fi

same "the bystander's container" \
    "$(field pod/bystander '.status.containerStatuses[?(@.name=="app")].containerID')" "$id"
same "not restarted" "$(field pod/bystander '.status.containerStatuses[?(@.name=="app")].restartCount')" 0
same "the same deployment" "$(field deployment/web .metadata.uid)" "$uid"
kubectl logs bystander -c app > "$dir/lines"
same "no line of its log is lost" \
    "$(seq 0 $(($(wc -l < "$dir/lines") - 1)) | cmp - "$dir/lines" && echo same)" same
settled() {
    [ "$(kubectl get pods -l app=web --no-headers | grep -c ' 1/1 *Running ')" = 3 ] &&
        [ "$(kubectl get pods -l app=web --no-headers | wc -l)" = 3 ]
}
run "three pods and no more" until_true 100 settled
same "of the last round" "$(kubectl get pods -l app=web \
    -o 'jsonpath={.items[*].spec.containers[0].env[0].value}')" "4 4 4"
same "all revisions" "$(kubectl get rs -l app=web --no-headers | wc -l)" 5

# at moments chosen badly: while objects are written one after the other
( i=0
  while [ ! -e "$dir/enough" ]; do
      kubectl create configmap "c$i" --from-literal=a=b > /dev/null 2>&1 && echo "c$i" >> "$dir/acknowledged"
      i=$((i + 1))
  done ) &
writer=$!
for _ in 1 2 3; do
    sleep 0.7
    crash
    start
done
touch "$dir/enough"
wait $writer
sort "$dir/acknowledged" > "$dir/want"
kubectl get configmaps -o name | sed -n 's,configmap/\(c[0-9]*\)$,\1,p' | sort > "$dir/have"
same "lost writes" "$(comm -23 "$dir/want" "$dir/have" | tr '\n' ' ')" ""
[ "$(wc -l < "$dir/want")" -ge 3 ] && ok || bad "only $(wc -l < "$dir/want") writes were made"
