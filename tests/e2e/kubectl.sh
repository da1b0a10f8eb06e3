#!/bin/bash
# Stock kubectl against slipway: what people do by hand all day.
. "$(dirname "$0")/common.bash"
start
run "busybox image" "$slipway" image bootstrap busybox --data-dir "$dir/data"
run "node is ready" kubectl wait --for=condition=Ready node/slipway --timeout=20s
image=slipway.local/busybox
tab() {
    kubectl get "$@" --no-headers
}

# creating: kubectl create sends protobuf for these kinds
run "create namespace" kubectl create namespace other
run "create configmap" kubectl create configmap settings --from-literal=a=1 --from-literal=b=two
same "its data" "$(kubectl get cm settings -o 'jsonpath={.data.a}{.data.b}')" 1two
head -c 40 /dev/urandom > "$dir/binary"
run "create configmap of bytes" kubectl create configmap binary --from-file="$dir/binary"
same "its bytes" "$(kubectl get cm binary -o 'jsonpath={.binaryData.binary}')" \
    "$(base64 -w0 "$dir/binary")"
run "create secret" kubectl create secret generic hidden --from-literal=password=s3cret
same "its data" "$(kubectl get secret hidden -o 'jsonpath={.data.password}' | base64 -d)" s3cret
run "create secret for a registry" kubectl create secret docker-registry pull \
    --docker-server=r.example --docker-username=u --docker-password=p
run "create serviceaccount" kubectl create serviceaccount robot
run "create role" kubectl create role reader --verb=get,list --resource=pods
run "create rolebinding" kubectl create rolebinding reads --role=reader \
    --serviceaccount=default:robot
same "can it list" "$(kubectl auth can-i list pods --as=system:serviceaccount:default:robot)" yes
same "can it delete" "$(kubectl auth can-i delete pods \
    --as=system:serviceaccount:default:robot)" no
run "create token" kubectl create token robot
run "create quota" kubectl create quota few --hard=pods=10 -n other
run "create poddisruptionbudget" kubectl create pdb keep --selector=app=web --min-available=1
run "create priorityclass" kubectl create priorityclass high --value=1000
run "create ingress" kubectl create ingress site --rule=example.com/path=web:8080
run "create cronjob" kubectl create cronjob nightly --image=$image --schedule='0 3 * * *' -- true
run "create job" kubectl create job once --image=$image -- sh -c 'echo worked'
run "create service" kubectl create service clusterip web --tcp=8080:8080
refused "the same twice" AlreadyExists kubectl create namespace other
refused "a bad name" "Invalid value" kubectl create configmap Bad_Name

# a deployment and what it makes
run "create deployment" kubectl create deployment web --image=$image --replicas=2 --port=8080 \
    -- sh -c 'echo started; mkdir -p /www; hostname > /www/index.html; exec httpd -f -p 8080 -h /www'
run "rollout status" timeout 30 kubectl rollout status deployment/web
has "get -o wide" "$(kubectl get deployment web -o wide)" "$image"
has "get pods -o wide" "$(kubectl get pods -l app=web -o wide)" 10.88.
same "two pods run" "$(tab pods -l app=web | grep -c ' 1/1  *Running ')" 2
has "describe" "$(kubectl describe deployment web)" "ScalingReplicaSet"
has "get all" "$(kubectl get all)" deployment.apps/web
run "wait for the job" kubectl wait --for=condition=Complete job/once --timeout=20s
same "logs of the job" "$(kubectl logs job/once)" worked
run "wait by jsonpath" kubectl wait --for='jsonpath={.status.readyReplicas}=2' deployment/web \
    --timeout=10s
pod=$(kubectl get pods -l app=web -o 'jsonpath={.items[0].metadata.name}')
same "exec" "$(kubectl exec "$pod" -- cat /www/index.html)" "$pod"
same "exec through the deployment" "$(kubectl exec deploy/web -- echo here)" here
same "through the service" "$(kubectl exec "$pod" -- wget -qO- http://web:8080/ | cut -c1-4)" web-
echo copied > "$dir/file"
if kubectl exec "$pod" -- sh -c 'command -v tar' > /dev/null 2>&1; then
    run "cp to the pod" kubectl cp "$dir/file" "$pod:/tmp/file"
    run "cp from the pod" kubectl cp "$pod:/tmp/file" "$dir/back"
    same "what was copied" "$(cat "$dir/back")" copied
fi
same "top of logs" "$(kubectl logs -l app=web --prefix=false | sort -u)" started

# scale, change, look back
run "scale" kubectl scale deployment web --replicas=3
run "scaled" timeout 30 kubectl rollout status deployment/web
same "three replicas" "$(kubectl get deploy web -o 'jsonpath={.status.readyReplicas}')" 3
run "set env" kubectl set env deployment/web LEVEL=2
run "second rollout" timeout 40 kubectl rollout status deployment/web
run "annotate" kubectl annotate deployment web kubernetes.io/change-cause=level-two
has "history" "$(kubectl rollout history deployment/web)" "2  "
has "history of one" "$(kubectl rollout history deployment/web --revision=2)" LEVEL
run "undo" kubectl rollout undo deployment/web
run "undone" timeout 40 kubectl rollout status deployment/web
same "no level" "$(kubectl get deploy web -o 'jsonpath={.spec.template.spec.containers[0].env}')" ""
run "restart" kubectl rollout restart deployment/web
run "restarted" timeout 40 kubectl rollout status deployment/web
has "restarted when" "$(kubectl get deploy web -o yaml)" kubectl.kubernetes.io/restartedAt
run "pause" kubectl rollout pause deployment/web
run "resume" kubectl rollout resume deployment/web
run "set image" kubectl set image deployment/web busybox=$image:latest
run "label" kubectl label deployment web tier=front
same "by label" "$(kubectl get deploy -l tier=front -o name)" deployment.apps/web
run "autoscale" kubectl autoscale deployment web --min=1 --max=4
run "expose" kubectl expose deployment web --name=web2 --port=80 --target-port=8080

# apply, diff, edit, explain, patch
cat > "$dir/app.yaml" << 'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: app, labels: {app: app}}
data: {color: blue}
---
apiVersion: v1
kind: Pod
metadata: {name: talker}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: app
    image: slipway.local/busybox
    command: [sh, -c, 'i=0; while :; do echo line $i; i=$((i+1)); sleep 0.1; done']
YAML
kubectl diff -f "$dir/app.yaml" > "$dir/diff" 2>&1
same "diff of what is new" $? 1
run "apply" kubectl apply -f "$dir/app.yaml"
has "created" "$out" "configmap/app created"
run "apply again" kubectl apply -f "$dir/app.yaml"
has "unchanged" "$out" "configmap/app unchanged"
run "no diff" kubectl diff -f "$dir/app.yaml"
sed -i 's/blue/green/' "$dir/app.yaml"
has "diff" "$(kubectl diff -f "$dir/app.yaml")" "+  color: green"
run "apply a change" kubectl apply -f "$dir/app.yaml"
has "configured" "$out" "configmap/app configured"
run "server-side apply" kubectl apply --server-side --force-conflicts -f "$dir/app.yaml"
run "dry run" kubectl apply --dry-run=server -f "$dir/app.yaml"
printf '#!/bin/sh\nsed -i s/green/red/ "$1"\n' > "$dir/editor"
chmod +x "$dir/editor"
run "edit" env EDITOR="$dir/editor" kubectl edit configmap app
same "edited" "$(kubectl get cm app -o 'jsonpath={.data.color}')" red
has "explain" "$(kubectl explain deployment.spec.strategy.rollingUpdate)" maxSurge
has "explain a custom kind" "$(kubectl explain pipelinerun.spec)" pipelineRef
has "api-resources" "$(kubectl api-resources)" applications
run "patch" kubectl patch cm app --type=json -p '[{"op":"add","path":"/data/x","value":"y"}]'
run "merge patch" kubectl patch cm app --type=merge -p '{"data":{"x":null}}'
run "replace" kubectl replace -f "$dir/app.yaml" --force --grace-period=1
refused "nonsense" 'unknown field "spec.nonsense"' kubectl create -f - << 'YAML'
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"n"},"spec":{"nonsense":1,"containers":[]}}
YAML
run "talker is ready" kubectl wait --for=condition=Ready pod/talker --timeout=20s
has "logs -f" "$(timeout 2 kubectl logs -f talker)" "line 5"
kubectl get pods --watch -o name > "$dir/watched" &
watch=$!
run "run" kubectl run shell --image=$image --restart=Never -- sleep 600
run "shell is ready" kubectl wait --for=condition=Ready pod/shell --timeout=20s
kill $watch
wait $watch 2> /dev/null
has "watch" "$(cat "$dir/watched")" pod/shell
has "attach" "$(timeout 2 kubectl attach talker 2> /dev/null)" "line "
has "events" "$(kubectl events --for pod/shell)" Started
run "cp to a pod" kubectl cp "$dir/app.yaml" shell:/root/app.yaml
run "cp from a pod" kubectl cp shell:/root "$dir/root"
run "what was copied" cmp "$dir/app.yaml" "$dir/root/app.yaml"

# port-forward: SPDY, in a WebSocket as kubectl asks since 1.31 and by itself as before
forwarded() { # what, a variable for kubectl
    local forward url=http://127.0.0.1:18080/big
    rm -f "$dir/forward" # what the one before said there must not count
    env "$2" kubectl port-forward pod/shell 18080:8080 18081:8081 18082:9999 \
        > "$dir/forward" 2>&1 &
    forward=$!
    run "$1: begins" until_true 600 grep -q 18082 "$dir/forward"
    same "$1: much" "$(wget -qO- $url | sha256sum)" "$big"
    same "$1: side by side" "$(seq 8 | xargs -P 8 -I{} sh -c "wget -qO- $url | sha256sum" |
        sort | uniq -c | sed 's/^ *//')" "8 $big"
    same "$1: to the pod" "$(head -c 3000000 /dev/zero | busybox nc 127.0.0.1 18081)" 3000000
    refused "$1: where nobody listens" "" wget -qO- http://127.0.0.1:18082/
    run "$1: why" until_true 600 grep -q "error forwarding port 9999 to pod default/shell" \
        "$dir/forward"
    kill $forward 2> /dev/null
    wait $forward 2> /dev/null
}
kubectl exec shell -- sh -c 'head -c 3000000 /dev/urandom > /root/big && httpd -p 8080 -h /root'
big=$(kubectl exec shell -- cat /root/big | sha256sum)
kubectl exec shell -- sh -c 'while :; do nc -l -p 8081 -e wc -c; done' > /dev/null 2>&1 &
counter=$!
forwarded "port-forward" A=
forwarded "port-forward over SPDY" KUBECTL_PORT_FORWARD_WEBSOCKETS=false
kill $counter
wait $counter 2> /dev/null
run "cordon" kubectl cordon slipway
has "cordoned" "$(tab node slipway)" SchedulingDisabled
run "uncordon" kubectl uncordon slipway
run "taint" kubectl taint node slipway a=b:PreferNoSchedule

# kubectl's sessions leave nothing behind, and do not keep slipway from ending
sleep 1
threads() {
    ls "/proc/$pid/task" | wc -l
}
before=$(threads)
for _ in 1 2 3 4; do kubectl exec talker -- true; done
kubectl exec talker -- sleep 1000 &
session=$!
until_true 50 kubectl exec talker -- pidof sleep
sleep 0.3
kill -9 $session
wait $session 2> /dev/null
gone() {
    ! kubectl exec talker -- sh -c 'ps | grep -q "[s]leep 1000"'
}
run "a process ends with its session" until_true 30 gone
fewer() {
    [ "$(threads)" -le $((before + 1)) ] # a connection that idles
}
run "no thread is left" until_true 30 fewer
same "what cat was given" "$(head -c 3000000 /dev/zero | kubectl exec -i talker -- cat | wc -c)" \
    3000000

run "delete" kubectl delete pod shell --grace-period=1 --timeout=20s
refused "deleted" NotFound kubectl get pod shell
run "delete namespace" kubectl delete namespace other --timeout=20s
run "delete deployment" kubectl delete deployment web --timeout=20s
run "end pods" kubectl delete pods -l app=web --grace-period=1 --wait=false
empty() {
    [ -z "$(kubectl get rs,pods -l app=web -o name)" ]
}
run "its pods go" until_true 100 empty

kubectl exec talker -- sleep 1000 2> /dev/null &
kubectl attach talker > /dev/null 2>&1 &
kubectl logs -f talker > /dev/null 2>&1 & # whose stream ends with the server
kubectl get pods -w > /dev/null &
sleep 1
begin=$(now_ms)
kill "$pid"
wait "$pid"
same "exit status" $? 0
took=$(($(now_ms) - begin))
[ $took -le 1500 ] && ok || bad "slipway took $took ms to stop with open sessions"
start
