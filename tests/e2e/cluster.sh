#!/bin/bash
# slipway up --kubeconfig against a real kube-apiserver, etcd and kube-controller-manager, found in
# PATH, in SLIPWAY_PEER_DIR or where script/bench builds them. There is no kubelet: this test says
# what one would say about pods.
peers=$PATH:${SLIPWAY_PEER_DIR:-}
for folder in "${HOME:-/root}"/.cache/slipway-bench/*/bin-*; do
    peers=$peers:$folder
done
for program in etcd kube-apiserver kube-controller-manager openssl; do
    if ! PATH=$peers command -v $program > /dev/null; then
        echo "0 passed, 0 failed (skipped: no $program in PATH or SLIPWAY_PEER_DIR)"
        exit 0
    fi
done
. "$(dirname "$0")/common.bash"
PATH=$peers

# ---- the cluster ----
true & # for finish, until slipway runs
pid=$!
cluster=()
cluster_up() {
    export KUBECONFIG=$dir/kubeconfig
    openssl genrsa -out "$dir/sa.key" 2048 2> /dev/null
    echo 'admintoken,admin,admin,system:masters' > "$dir/tokens"
    cat > "$KUBECONFIG" << YAML
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: https://127.0.0.1:6443, insecure-skip-tls-verify: true}}]
users: [{name: u, user: {token: admintoken}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
YAML
    etcd --data-dir "$dir/etcd" --unsafe-no-fsync > "$dir/etcd.log" 2>&1 &
    cluster+=($!)
    kube-apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address=127.0.0.1 \
        --advertise-address=10.11.12.13 --secure-port=6443 --cert-dir="$dir/certs" \
        --service-account-key-file="$dir/sa.key" --service-account-signing-key-file="$dir/sa.key" \
        --service-account-issuer=https://kubernetes.default.svc \
        --service-cluster-ip-range=10.96.0.0/16 --authorization-mode=RBAC \
        --token-auth-file="$dir/tokens" > "$dir/apiserver.log" 2>&1 &
    cluster+=($!)
    until_true 1200 kubectl get --raw /readyz || return 1
    kube-controller-manager --kubeconfig="$KUBECONFIG" --leader-elect=false --secure-port=0 \
        --service-account-private-key-file="$dir/sa.key" > "$dir/controllers.log" 2>&1 &
    cluster+=($!)
    until_true 300 kubectl get serviceaccount default
}
leave() {
    [ -z "${SLIPWAY_E2E_LOG:-}" ] || cp "$dir/log" "$SLIPWAY_E2E_LOG"
    finish
    local code=$?
    kill "${cluster[@]}" 2> /dev/null
    wait "${cluster[@]}" 2> /dev/null
    rm -rf "$dir" # once more: they wrote until now
    exit $code
}
trap leave EXIT
if ! cluster_up; then
    bad "the cluster does not start: $(tail -n 1 "$dir/apiserver.log")"
    exit 1
fi
up() {
    : > "$dir/log"
    boot --kubeconfig "$dir/slipway.kubeconfig" --no-node --advertise 127.0.0.1 "$@"
    if until_true 300 grep -q "slipway is up" "$dir/log"; then
        ok
    else
        bad "slipway does not start: $(cat "$dir/log")"
        exit 1
    fi
}
pod_status() { # namespace, pod, status: as its kubelet would
    kubectl -n "$1" patch pod "$2" --subresource=status --type=merge -p "{\"status\": $3}"
}
field() { # object, jsonpath
    kubectl get -n "${3:-shop}" "$1" -o "jsonpath={$2}"
}
is() { # object, jsonpath, value, namespace
    [ "$(field "$1" "$2" "${4:-shop}")" = "$3" ]
}

# ---- kinds ----
kubectl apply -f - > /dev/null << 'YAML'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: tasks.tekton.dev}
spec:
  group: tekton.dev
  scope: Namespaced
  names: {kind: Task, plural: tasks, singular: task, listKind: TaskList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
YAML
refused "a kind of somebody else" "kind tasks.tekton.dev is in the cluster already" \
    "$slipway" up --kubeconfig "$KUBECONFIG" --data-dir "$dir/data" --no-node
run "its rights" kubectl apply -f "$(dirname "$0")/../../examples/cluster/rights.yaml"
until_true 100 kubectl -n slipway get secret slipway -o 'jsonpath={.data.token}'
sed "s/admintoken/$(kubectl -n slipway get secret slipway -o 'jsonpath={.data.token}' | base64 -d)/" \
    "$KUBECONFIG" > "$dir/slipway.kubeconfig"
kubectl delete crd tasks.tekton.dev > /dev/null
refused "an API address of our own" "the API is the cluster's" \
    "$slipway" up --kubeconfig "$KUBECONFIG" --api-address 127.0.0.1:1
up
same "its kinds are established" "$(kubectl get crd -l app.kubernetes.io/managed-by=slipway -o \
    'jsonpath={.items[*].status.conditions[?(@.type=="Established")].status}' | tr -d ' ' |
    sed 's/True//g')" ""
explained() { kubectl explain pipelinerun.spec | grep -q pipelineRef; }
run "explain, once the cluster's schema has them" until_true 300 explained

# ---- git: the cluster's tokens ----
run "a repository" "$slipway" repo create infra --kubeconfig "$KUBECONFIG"
run "another" kubectl apply -f - << 'YAML'
apiVersion: slipway.dev/v1
kind: Repository
metadata: {name: app, namespace: default}
spec: {access: [{serviceAccount: dev, role: write}]}
YAML
refused "a user of slipway's own" "this API has users of its own" \
    "$slipway" user create alice --kubeconfig "$KUBECONFIG"
same "and nothing is left of it" "$(kubectl -n kube-system get secret user-alice -o name 2>&1 |
    grep -c NotFound)" 1
kubectl create serviceaccount dev > /dev/null
dev=$(kubectl create token dev)
export GIT_CONFIG_GLOBAL=$dir/gitconfig
git config --global user.email test@example.com
git config --global user.name test
git config --global init.defaultBranch main
git=127.0.0.1:3000/git
work=$dir/infra
mkdir -p "$work/app"
cat > "$work/app/kustomization.yaml" << 'YAML'
resources: [web.yaml]
images:
- {name: web, newName: example.com/web, newTag: "1"}
configMapGenerator:
- {name: settings, literals: [color=blue]}
YAML
cat > "$work/app/web.yaml" << 'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: web, envFrom: [{configMapRef: {name: settings}}]}]
YAML
git init -q "$work"
commit() { # message
    git -C "$work" add -A && git -C "$work" commit -qm "$1" &&
        git -C "$work" push -q "http://admin:admintoken@$git/infra.git" main
}
until_true 50 is repository/infra '.status.conditions[?(@.type=="Ready")].status' True default
until_true 50 is repository/app '.status.conditions[?(@.type=="Ready")].status' True default
run "an administrator pushes" commit one
refused "a token nobody knows" "Authentication failed" git -C "$work" push \
    "http://x:nonsense@$git/infra.git" main
refused "another's repository" "" git -C "$work" push "http://x:$dev@$git/infra.git" main:other

# ---- delivery ----
kubectl create namespace argocd > /dev/null
kubectl create namespace shop > /dev/null
run "an Application" kubectl apply -f - << YAML
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd}
spec:
  project: default
  source: {repoURL: "http://$git/infra.git", path: app, targetRevision: main}
  destination: {server: https://kubernetes.default.svc, namespace: shop}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
YAML
run "is synced" until_true 100 is application/shop .status.sync.status Synced argocd
run "the cluster's controllers go on" until_true 100 is deployment/web .status.updatedReplicas 2
same "the image" "$(field deployment/web '.spec.template.spec.containers[0].image')" \
    example.com/web:1
kubectl -n shop scale deployment web --replicas=5 > /dev/null
run "drift is undone" until_true 100 is deployment/web .spec.replicas 2
sed -i s/blue/green/ "$work/app/kustomization.yaml"
old=$(kubectl -n shop get cm -o name | grep settings)
run "a change of configuration" commit two
pruned() {
    ! kubectl -n shop get "$old"
}
run "the old one is pruned" until_true 150 pruned

# ---- a push makes a run, the run a pod ----
kubectl annotate serviceaccount default slipway.dev/update-repositories=infra > /dev/null
kubectl apply -f - > /dev/null << 'YAML'
apiVersion: triggers.tekton.dev/v1beta1
kind: TriggerTemplate
metadata: {name: ci}
spec:
  params: [{name: revision}]
  resourcetemplates:
  - apiVersion: tekton.dev/v1
    kind: PipelineRun
    metadata: {name: ci}
    spec:
      params: [{name: revision, value: $(tt.params.revision)}]
      pipelineSpec:
        params: [{name: revision}]
        tasks:
        - name: one
          params: [{name: revision, value: $(params.revision)}]
          taskSpec:
            params: [{name: revision}]
            results: [{name: said}]
            steps:
            - {name: say, image: slipway.local/tools, command: [echo], args: [$(params.revision)]}
        - name: two
          runAfter: [one]
          taskSpec:
            steps:
            - {name: say, image: example.com/busybox, script: "echo $(tasks.one.results.said)"}
---
apiVersion: triggers.tekton.dev/v1beta1
kind: EventListener
metadata: {name: ci}
spec:
  serviceAccountName: default
  triggers:
  - interceptors:
    - {ref: {name: cel}, params: [{name: filter, value: body.repository.name == "app"}]}
    bindings: [{name: revision, value: $(body.after)}]
    template: {ref: ci}
YAML
app=$dir/app
git init -q "$app"
date > "$app/file"
git -C "$app" add -A
git -C "$app" commit -qm first
run "a service account pushes" git -C "$app" push -q "http://dev:$dev@$git/app.git" main
run "a push makes a run, the run a pod" until_true 100 kubectl get pod ci-one-pod
same "the entrypoint comes from here" \
    "$(field pod/ci-one-pod '.spec.initContainers[0].image' default)" 127.0.0.1:5000/tools
same "and so does what is only known here" \
    "$(field pod/ci-one-pod '.spec.containers[0].image' default)" 127.0.0.1:5000/tools
has "the step knows what was pushed" "$(field pod/ci-one-pod '.spec.containers[0].args' default)" \
    "$(git -C "$app" rev-parse HEAD)"
has "and where to ask for work" "$(field pod/ci-one-pod '.spec.containers[0].env' default)" \
    http://127.0.0.1:3000

# the work API, with the pod's own token
work() { # token
    wget -nv -O- --header "Authorization: Bearer $1" --header 'Content-Type: application/json' \
        --post-data '{"repository":"infra","path":"app","image":"web","tag":"2","digest":
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}' \
        http://127.0.0.1:3000/work/v1/update-image 2>&1
}
pod_token=$(kubectl create token default --bound-object-kind Pod --bound-object-name ci-one-pod \
    --bound-object-uid "$(field pod/ci-one-pod .metadata.uid default)")
has "a step updates an image" "$(work "$pod_token")" '"changed":true'
has "a token of no pod" "$(work "$dev")" "Authentication Failed"
run "what it wrote is synced" until_true 100 is deployment/web \
    '.spec.template.spec.containers[0].image' \
    example.com/web:2@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

now=$(date -u +%FT%TZ)
ended() { # what the step wrote for its caller
    echo '{"phase":"Succeeded","startTime":"'"$now"'","containerStatuses":[{"name":"step-say",
        "image":"i","imageID":"i","ready":false,"restartCount":0,"state":{"terminated":{"exitCode":0,
        "startedAt":"'"$now"'","finishedAt":"'"$now"'","message":"'"$1"'"}}}]}'
}
run "the first pod ends" pod_status default ci-one-pod \
    "$(ended '[{\"key\":\"said\",\"value\":\"hello\",\"type\":1}]')"
run "the second begins" until_true 100 kubectl get pod ci-two-pod
run "with the first one's result" grep -q 'echo hello' <(kubectl get pod ci-two-pod -o yaml)
run "the second pod ends" pod_status default ci-two-pod "$(ended '[]')"
run "the run succeeds" until_true 100 is pipelinerun/ci '.status.conditions[0].reason' Succeeded \
    default

# ---- analysis and rollback ----
kubelet() { # every pod of the shop is well
    for pod in $(kubectl -n shop get pods -o 'jsonpath={.items[?(@.status.phase=="Pending")].metadata.name}'); do
        pod_status shop "$pod" '{"phase":"Running","conditions":[{"type":"Ready","status":"True",
            "lastTransitionTime":"'"$(date -u +%FT%TZ)"'"}]}'
    done
}
well() {
    kubelet > /dev/null 2>&1
    is application/shop .status.health.status Healthy argocd &&
        is application/shop .status.sync.status Synced argocd
}
run "pods are ready, and so is the Application" until_true 150 well
kubectl apply -f - > /dev/null << 'YAML'
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: works, namespace: argocd}
spec:
  metrics:
  - name: works
    provider:
      job:
        spec:
          backoffLimit: 0
          template:
            spec:
              restartPolicy: Never
              containers: [{name: check, image: example.com/check}]
YAML
kubectl -n argocd annotate application shop slipway.dev/analysis=works > /dev/null
judge() { # Succeeded or Failed: how the pod of each analysis' job ends
    kubelet > /dev/null 2>&1
    for pod in $(kubectl -n argocd get pods -o \
        'jsonpath={.items[?(@.status.phase=="Pending")].metadata.name}'); do
        pod_status argocd "$pod" "{\"phase\":\"$1\"}"
    done > /dev/null
}
deploy() { # colour, the job's end: until an analysis of it has ended
    git -C "$work" pull -q "http://admin:admintoken@$git/infra.git" main
    sed -i "s/color=[a-z]*/color=$1/" "$work/app/kustomization.yaml"
    commit "$1"
    until_true 300 analysed "$1" "$2"
}
analyses() {
    kubectl -n argocd get analysisruns -o "jsonpath={.items[?(@.status.phase==\"$1\")].metadata.name}" |
        wc -w
}
analysed() { # colour, the job's end
    judge "$2"
    kubectl -n shop get cm -o yaml | grep -q "color: $1" || [ "$2" = Failed ] || return 1
    [ "$(analyses "$([ "$2" = Failed ] && echo Failed || echo Successful)")" -ge 1 ]
}
run "a good version passes its analysis" deploy red Succeeded
good=$(git -C "$work" rev-parse HEAD)
run "a bad one fails it" deploy black Failed
run "it is condemned" until_true 100 kubectl -n argocd get condemnations -o \
    'jsonpath={.items[0].metadata.name}'
reverted() {
    judge Succeeded
    git -C "$work" fetch -q "http://admin:admintoken@$git/infra.git" main &&
        git -C "$work" log -1 --format=%B FETCH_HEAD | grep -q Slipway-Reverts &&
        [ -z "$(git -C "$work" diff "$good" FETCH_HEAD)" ]
}
run "one commit takes it back" until_true 100 reverted
restored() {
    well && kubectl -n shop get cm -o yaml | grep -q "color: red" &&
        ! kubectl -n shop get cm -o yaml | grep -q "color: black"
}
run "the last good version serves again" until_true 200 restored

# ---- what may start in a protected namespace ----
kubectl create namespace prod > /dev/null
kubectl label namespace prod slipway.dev/protected=true > /dev/null
unproven() {
    kubectl -n prod run one --image=nginx:1 --dry-run=server 2>&1 | grep -q "not in this registry"
}
run "the cluster asks" until_true 300 unproven
refused "an image without proof" "what would allow it: slipway allow nginx:1 -n prod" \
    kubectl -n prod run one --image=nginx:1
run "an allowance" "$slipway" allow nginx:1 -n prod --reason "a test"
same "its owner" "$(kubectl -n prod get imageallowances -o 'jsonpath={.items[0].spec.owner}')" admin
run "what is allowed" kubectl -n prod run two --image=nginx:1
has "not in silence" "$out" "of admin, until"
refused "another image later" "not in this registry" kubectl -n prod set image pod/two two=nginx:2
run "no other namespace" kubectl -n default run three --image=nginx:1

# ---- what the cluster takes back is gone, and a restart goes on ----
crash
refused "without anybody to ask" "failed calling webhook" kubectl -n prod run four --image=nginx:1
up
git -C "$work" reset -q --hard FETCH_HEAD
sed -i s/red/white/ "$work/app/kustomization.yaml"
run "a push after a crash" commit white
white() {
    judge Succeeded
    kubectl -n shop get cm -o yaml | grep -q "color: white"
}
run "is deployed" until_true 150 white
kubectl delete serviceaccount dev > /dev/null
refused "a token that was taken back" "Authentication failed" \
    git -C "$app" push "http://dev:$dev@$git/app.git" main:other
