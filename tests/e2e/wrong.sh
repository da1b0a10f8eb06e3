#!/bin/bash
# When things go wrong: the message names the object, the file or the line and says what to do, the
# exit code is right, and nothing is lost or stuck.
. "$(dirname "$0")/common.bash"
data=$dir/data
catalog=$(readlink -f "$(dirname "$0")/../../catalog/task")
gateway=http://10.88.0.1:3000

ends() { # WHAT CODE PART HINT COMMAND...: its end, and two things that it says
    local what=$1 code=$2 part=$3 hint=$4 got
    shift 4
    out=$(timeout 20 "$@" 2>&1)
    got=$?
    same "$what: exit code" $got "$code"
    has "$what" "$out" "$part"
    has "$what: what to do" "$out" "$hint"
}
stop() {
    kill "$pid"
    wait "$pid" 2> /dev/null
}
# ---- before it is up ----

as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
mkdir "$dir/no-crun" "$dir/nobody"
for program in git busybox tar; do ln -s "$(command -v $program)" "$dir/no-crun/"; done
cp -r "${slipway%/*}/slipway" "$dir/nobody/" && mkdir "$dir/nobody/whole" &&
    cp "${slipway%/*}/whole/slipway" "$dir/nobody/whole/"
chmod 711 "$dir"
chown -R 65534:65534 "$dir/nobody"
touch "$dir/file"
config() { # ADDRESS CONTEXT
    printf '{apiVersion: v1, kind: Config, clusters: [{name: a, cluster: {server: "%s"}}],
      users: [{name: a, user: {token: t}}], contexts: [{name: a, context: {cluster: a, user: a}}],
      current-context: %s}\n' "$1" "$2"
}
printf 'apiVersion: v1\nclusters: [\n' > "$dir/broken.config"
config https://127.0.0.1:9 b > "$dir/no-context.config"
config https://127.0.0.1:9 a > "$dir/away.config"

ends "an unknown option" 2 "there is no option --bogus" --help "$slipway" up --bogus
ends "an unknown verb" 2 'there is no verb "upp"' "slipway help" "$slipway" upp
ends "an address without a port" 1 "--git-address 3000:" HOST:PORT "$slipway" up --git-address 3000:
ends "no crun" 1 "crun is not installed" "apt-get install crun" \
    env PATH="$dir/no-crun" "$(command -v timeout)" 20 "$slipway" up --data-dir "$dir/other" --quiet
ends "no root" 1 "Operation not permitted" "run slipway as root, or with --no-node" \
    "${as_nobody[@]}" "$dir/nobody/slipway" up --data-dir "$dir/nobody/data"
ends "no root, and somebody else's folder" 1 "$dir/none: Permission denied" "as root, or choose a folder" \
    "${as_nobody[@]}" "$dir/nobody/slipway" up --data-dir "$dir/none"
ends "a file for a folder" 1 "$dir/file" "" "$slipway" up --data-dir "$dir/file"
ends "no kubeconfig" 1 "/nonexistent: No such file" "" \
    "$slipway" up --data-dir "$dir/other" --kubeconfig /nonexistent
ends "a broken kubeconfig" 1 "$dir/broken.config: kubeconfig: line 3" "" \
    "$slipway" up --data-dir "$dir/other" --kubeconfig "$dir/broken.config"
ends "no such context" 1 'there is no context "b"' "$dir/no-context.config" \
    "$slipway" up --data-dir "$dir/other" --kubeconfig "$dir/no-context.config"
ends "a cluster that is away" 1 "cluster https://127.0.0.1:9" "is the cluster up" \
    "$slipway" up --data-dir "$dir/other" --kubeconfig "$dir/away.config"
ends "nobody to ask" 1 "$dir/none/admin.kubeconfig" "start the server with \`slipway up\`" \
    env -u KUBECONFIG SLIPWAY_DATA_DIR="$dir/none" "$slipway" status
ends "nothing to take down" 1 "$dir/none" "--data-dir" "$slipway" down --data-dir "$dir/none"

# ---- a damaged folder is refused as it is, and works again when it is whole ----

start --no-node
run "an object" kubectl create configmap kept --from-literal=a=b
ends "a port in use" 1 "listen on 127.0.0.1:6443: the port is in use" "ss -ltunp" \
    "$slipway" up --data-dir "$dir/other" --quiet --no-node
ends "a folder in use" 1 "$data is in use by another slipway" "choose another folder" \
    "$slipway" up --data-dir "$data"
ends "a folder in use, down" 1 "still runs in $data" "" "$slipway" down --forget --data-dir "$data"
stop
cp -a "$data" "$dir/whole"
damaged() { # FILE HOW PART HINT
    local before
    rm -rf "$data"
    cp -a "$dir/whole" "$data"
    (cd "$data" && eval "$2")
    before=$(cat "$data/pki/"* "$data/images/refs.log" 2> /dev/null | sha256sum)
    ends "$1: $2" 1 "$3" "$4" "$slipway" up --data-dir "$data" --quiet --no-node
    same "$1: $2: left as it is" "$(cat "$data/pki/"* "$data/images/refs.log" 2> /dev/null | sha256sum)" "$before"
}
damaged "the store" "truncate -s 8192 store.db" "store.db is damaged" "restore it from a backup"
damaged "the store" "echo garbage > store.db" "store.db is damaged" "restore it from a backup"
damaged "the names of images" "echo garbage > images/refs.log" "refs.log is damaged at byte 0" "restore it"
damaged "the authority" "echo garbage > pki/ca.crt" "ca.crt, ca.key: not a certificate" "restore them"
damaged "the authority" "rm pki/ca.key" "ca.crt is there, but its ca.key is not" "restore it"
damaged "the authority" "cp pki/server.key pki/ca.key" "ca.crt, ca.key: not a certificate" "restore them"
damaged "the administrator's token" ": > pki/admin.token" "admin.token is empty" "restore it"
damaged "the signing key" "echo garbage > pki/cosign.key" "cosign.key" ""
damaged "the accounts' key" ": > pki/service-account.key" "service-account.key is empty" "restore it"
rm -rf "$data"
mv "$dir/whole" "$data"
start --no-node
run "whole again" kubectl get configmap kept
stop

# ---- a full disk ----

mkdir "$dir/small"
mount -t tmpfs -o size=24m tmpfs "$dir/small"
mv "$data" "$dir/small/data"
ln -s small/data "$data"
start --no-node
token=$("$slipway" user create ann)
run "a repository" "$slipway" repo create app --write ann
git init -q -b main "$dir/app"
head -c 3000000 /dev/urandom > "$dir/app/big"
git_in() { git -C "$dir/$1" -c user.name=ann -c user.email=ann@example.com "${@:2}"; }
git_in app add -A && git_in app commit -q -m 1
app_url=http://ann:$token@127.0.0.1:3000/git/app.git
is_ready() { kubectl get repository "$1" -n "${2:-default}" -o 'jsonpath={.status.conditions[0].status}' | grep -qx "${3:-True}"; }
until_true 50 is_ready app || bad "the repository is not ready"
dd if=/dev/zero of="$dir/small/fill" bs=64k 2> /dev/null
head -c 700000 /dev/urandom | base64 > "$dir/lump"
for i in $(seq 40); do # what the log of commits has room for is taken
    kubectl create configmap "maybe-$i" --from-file="$dir/lump" >> "$dir/acknowledged" 2> /dev/null || break
done
refused "a write to a full disk" "the disk is full" kubectl create configmap no --from-file="$dir/lump"
refused "a push" "remote: slipway: spool the request: No space left" git_in app push -q "$app_url" main
admin=$(kubectl config view --raw -o 'jsonpath={.users[0].user.token}')
has "an image's layer" "$(head -c 1000000 "$dir/app/big" | curl -s -u "admin:$admin" --data-binary @- \
    -H 'Content-Type: application/octet-stream' -X POST \
    "http://127.0.0.1:5000/v2/x/y/blobs/uploads/?digest=sha256:$(head -c 1000000 "$dir/app/big" | sha256sum | cut -d' ' -f1)")" \
    "No space left"
run "what is there can be read" kubectl get configmap kept
crash
dd if=/dev/zero of="$dir/small/more" bs=4k 2> /dev/null # to the last page
start --no-node # on the full disk
run "what is there can be read after kill -9" kubectl get configmap kept
rm "$dir/small/fill" "$dir/small/more"
run "a write, with room again" kubectl create configmap yes --from-literal=a=b
run "a push, with room again" git_in app push -q "$app_url" main
for made in $(sed -n 's,configmap/\(.*\) created,\1,p' "$dir/acknowledged"); do
    run "what was acknowledged" kubectl get configmap "$made"
done
stop
rm "$data"
mv "$dir/small/data" "$data"
umount "$dir/small"

# ---- in Git ----

for image in busybox tools; do
    "$slipway" image bootstrap $image --data-dir "$data" > /dev/null 2>> "$dir/log" || bad "image $image"
done
start
kubectl create namespace argocd > /dev/null
kubectl create namespace ci > /dev/null
kubectl apply -n ci -R -f "$catalog" > /dev/null || bad "the catalog"
run "repository infra" "$slipway" repo create infra --write ann --read system:serviceaccount:ci:default
run "a repository of others" "$slipway" repo create others
until_true 50 is_ready infra || bad "the repository is not ready"
git init -q -b main "$dir/infra"
manifest() { # PATH TEXT
    mkdir -p "$dir/infra/${1%/*}"
    printf "$2" > "$dir/infra/$1"
}
map='apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n'
manifest good/a.yaml "${map//%s/good}"
manifest yaml/a.yaml "${map//%s/bystander}"
manifest yaml/b.yaml 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n   labels: [\n'
manifest field/a.yaml "${map//%s/bystander}"
manifest field/b.yaml 'apiVersion: v1\nkind: Service\nmetadata: {name: wrong}\nspec: {port: [{port: 1}], ports: [{port: 1}]}\n'
manifest kind/a.yaml "${map//%s/bystander}"
manifest kind/b.yaml 'apiVersion: v9\nkind: Nothing\nmetadata: {name: wrong}\n'
manifest overlay/a.yaml "${map//%s/bystander}"
manifest overlay/kustomization.yaml 'resources:\n- a.yaml\n- gone.yaml\n'
manifest option/kustomization.yaml 'resources: []\nnonsense: 1\n'
manifest chart/Chart.yaml 'apiVersion: v2\nname: shop\nversion: 1.0.0\n'
manifest chart/templates/a.yaml 'apiVersion: v1\nkind: {{ .Values.a.b }}\n'
git_in infra add -A && git_in infra commit -q -m 1
run "a push" git_in infra push -q "http://ann:$token@127.0.0.1:3000/git/infra.git" main

application() { # NAME PATH REVISION URL
    printf '{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: %s, namespace: argocd}, spec: {
      project: default, source: {repoURL: "%s", path: %s, targetRevision: %s}, syncPolicy: {automated: {}},
      destination: {server: "https://kubernetes.default.svc", namespace: default}}}\n' \
        "$1" "${4:-http://127.0.0.1:3000/git/infra.git}" "$2" "$3" | kubectl apply -f - > /dev/null || bad "application $1"
}
said() { # NAME
    kubectl get application "$1" -n argocd -o 'jsonpath={.status.conditions[*].message} {.status.operationState.message}'
}
says() { # NAME TEXT
    said "$1" | grep -qF -- "$2"
}
runs() { # NAME TASK-OR-PIPELINE-RUN
    printf '{apiVersion: tekton.dev/v1, metadata: {name: %s, namespace: ci}, %s}\n' "$1" "$2" | kubectl create -f - > /dev/null ||
        bad "run $1"
}
clone() { # NAME URL REVISION
    runs "$1" "kind: TaskRun, spec: {taskRef: {name: git-clone}, workspaces: [{name: output, emptyDir: {}}],
      params: [{name: url, value: \"$2\"}, {name: revision, value: $3}]}"
}
ended() { # KIND NAME
    kubectl get "$1" "$2" -n ci -o 'jsonpath={.status.conditions[0].status}' | grep -qx False
}
why() { # KIND NAME
    kubectl get "$1" "$2" -n ci -o 'jsonpath={.status.conditions[0].reason}: {.status.conditions[0].message}'
}

# name | path | revision | URL | what its status says
applications="\
yaml|yaml|main||yaml/b.yaml: line 5
field|field|main||Service/wrong: failed to create typed patch object (default/wrong; /v1, Kind=Service): .spec.port: field not declared in schema
kind|kind|main||Nothing/wrong: the cluster does not know the kind Nothing
overlay|overlay|main||overlay/kustomization.yaml:3: resources: gone.yaml does not exist
option|option|main||option/kustomization.yaml:2: field nonsense
chart|chart|main||shop/templates/a.yaml:2
folder|nothing|main||folder nothing does not exist
revision|good|nothing||revision nothing is not in infra.git
away|good|main|http://127.0.0.1:9/x.git|fetch http://127.0.0.1:9/x.git: fatal: unable to access
rights|good|main|http://ann:wr0ng@127.0.0.1:3000/git/others.git|Authentication failed for 'http://127.0.0.1:3000/git/others.git/'
way-round|good|main|file://$data/git/others.git|is a repository of this server"
while IFS='|' read -r name path revision url text; do
    application "$name" "$path" "$revision" "$url"
done <<< "$applications"
application good good main

clone revision $gateway/git/infra.git nothing
clone away http://10.88.0.1:9/x.git main
clone rights $gateway/git/others.git main
runs image 'kind: TaskRun, spec: {timeout: 15s, taskSpec: {steps: [{name: s, image: "127.0.0.1:9/a/b:1", command: ["true"]}]}}'
runs task 'kind: PipelineRun, spec: {pipelineSpec: {tasks: [{name: a, taskRef: {name: nothere}}]}}'
runs pipeline 'kind: PipelineRun, spec: {pipelineRef: {name: nothere}}'
runs order 'kind: PipelineRun, spec: {pipelineSpec: {tasks: [{name: a, taskRef: {name: git-clone}, runAfter: [b]}]}}'
refused "an unknown field of a pipeline" 'unknown field "spec.pipelineSpec.tasks[0].runsAfter"' kubectl create -n ci -f - \
    <<< '{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: x}, spec: {pipelineSpec: {tasks: [{name: a, runsAfter: [b]}]}}}'

while IFS='|' read -r name path revision url text; do
    until_true 100 says "$name" "$text" && ok || bad "application $name: $(said "$name") does not hold '$text'"
done <<< "$applications"
until_true 50 kubectl get configmap good && ok || bad "a good application is kept from its sync by bad ones"
refused "what is beside a bad manifest" "not found" kubectl get configmap bystander
refused "a password in a status" "" grep wr0ng <(kubectl get applications,repositories -A -o 'jsonpath={.items[*].status}')

# kind | name | what its condition says | what its log says
while IFS='|' read -r kind name text log; do
    until_true 400 ended "$kind" "$name" || bad "$kind $name does not end: $(why "$kind" "$name")"
    has "$kind $name" "$(why "$kind" "$name")" "$text"
    [ -z "$log" ] || has "$kind $name: its log" "$("$slipway" logs -n ci "$name" 2>&1)" "$log"
done << TABLE
pipelinerun|task|Couldn't retrieve Task "nothere"|
pipelinerun|pipeline|pipelines.tekton.dev "nothere" not found|
pipelinerun|order|task a depends on b but b wasn't present|
taskrun|revision|"step-clone" exited with code|nothing
taskrun|rights|"step-clone" exited with code|others
taskrun|image|failed to pull the image "127.0.0.1:9/a/b:1"|
taskrun|away|"step-clone" exited with code|10.88.0.1 port 9
TABLE

# ---- by hand ----

mkdir "$dir/context"
containerfile() { printf "$1" > "$dir/context/Containerfile"; }
build() { "$slipway" build "$dir/context" --tag x --data-dir "$dir/builds"; }
containerfile 'FROM 127.0.0.1:9/a/b\n'
refused "a base image that cannot be had" "Containerfile:1: pull 127.0.0.1:9/a/b:latest" build
containerfile 'FROM scratch\nNOPE x\n'
refused "an unknown instruction" 'Containerfile:2: unknown instruction "NOPE"' build
containerfile 'FROM scratch\nCOPY gone /\n'
refused "nothing to copy" 'Containerfile:2: "gone" is not there' build
ends "a pull" 1 "127.0.0.1:9" "" "$slipway" image pull 127.0.0.1:9/a/b --data-dir "$dir/builds"
ends "no such application" 1 'applications.argoproj.io "nothing" not found' "" "$slipway" rollback nothing
ends "nothing to go back to" 1 "argocd/good has no earlier good revision" "" "$slipway" rollback good
ends "no such commit" 1 "knows commit 0123" "" "$slipway" trace 0123
refused "no rights to read" "repository others does not exist, or ann may not read it" \
    git ls-remote "http://ann:$token@127.0.0.1:3000/git/others.git"
refused "a wrong token" "unknown token" git ls-remote http://ann:wr0ng@127.0.0.1:3000/git/infra.git
refused "a wrong field by hand" 'unknown field "spec.replica"' kubectl create -f - \
    <<< '{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: {replica: 1, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}}'
