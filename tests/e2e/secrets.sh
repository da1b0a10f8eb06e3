#!/bin/bash
# Secrets that are planted wherever a user can put one are in no log, trace, status, event, diff or
# process list, and in no file that others than root can read.
. "$(dirname "$0")/common.bash"
data=$dir/data
gateway=http://10.88.0.1:3000
catalog=$(readlink -f "$(dirname "$0")/../../catalog")
mkdir "$dir/plant"
names=0
plant() { # NAME: a value that is nowhere else, in the file $dir/plant/NAME
    head -c 18 /dev/urandom | base64 | tr -d '\n+/' > "$dir/plant/$1"
    names=$((names + 1))
}
encoded() { # the value as it looks in base64, whatever stands before and after it
    local pad
    for pad in "" x xx; do
        printf '%s%s' "$pad" "$1" | base64 -w 0 | sed "s/=*$//; s/.$//; s/^.\{$((${#pad} + (${#pad} > 0)))\}//"
        echo
    done
}
for name in object changed basic ssh docker pull mirror application webhook env build login probe; do plant $name; done
forms() { # NAME: the lines that betray it
    cat "$dir/plant/$1"
    echo
    encoded "$(cat "$dir/plant/$1")"
}
patterns() {
    for name in "$dir"/plant/*; do forms "${name##*/}"; done
}
planted() { # the names of those in the text of standard input; where, is in $dir/where
    local text name
    text=$(mktemp "$dir/text-XXXX")
    cat > "$text"
    for name in "$dir"/plant/*; do
        forms "${name##*/}" | grep -aF -m 1 -f - "$text" | cut -c1-300 > "$text.hit"
        [ -s "$text.hit" ] || continue
        echo -n "${name##*/} "
        cat "$text.hit" >> "$dir/where"
    done
    rm -f "$text" "$text.hit"
}
clean() { # WHAT COMMAND...: what it says holds none
    local what=$1 found
    shift
    found=$("$@" 2>&1 | planted)
    same "$what" "$found" ""
}

# ---- all processes that see the host, all the time; containers may hold what they were given ----

patterns > "$dir/patterns"
touch "$dir/watching"
watch() {
    local us hit
    us=$(readlink /proc/self/ns/mnt)
    while [ -e "$dir/watching" ]; do
        for hit in $(grep -laF -f "$dir/patterns" /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2> /dev/null); do
            [ "$(readlink "${hit%/*}/ns/mnt")" = "$us" ] || continue
            echo "$hit: $(tr '\0' ' ' < "${hit%/*}/cmdline" | cut -c1-200)" >> "$dir/processes"
        done
    done
}

for image in busybox tools; do
    "$slipway" image bootstrap $image --data-dir "$data" > /dev/null 2>> "$dir/log" || bad "image $image"
done
start_loudly() {
    "$slipway" up --data-dir "$data" --debug >> "$dir/log" 2>&1 &
    pid=$!
    until_true 150 kubectl get --raw /readyz || bad "slipway does not answer"
}
start_loudly
"$slipway" user create ann | tr -d '\n' > "$dir/plant/token"
tr -d '\n' < "$data/pki/admin.token" > "$dir/plant/admin"
patterns > "$dir/patterns"
watch &
watcher=$!

kubectl create namespace ci > /dev/null
kubectl create namespace argocd > /dev/null
kubectl apply -n ci -R -f "$catalog" > /dev/null || bad "the catalog"
of_file() { # further arguments, with FILE for the planted one
    kubectl create secret -n ci "$@" > /dev/null || bad "secret $*"
}
of_file generic plain --from-file=k="$dir/plant/object"
of_file generic env --from-file=k="$dir/plant/env"
of_file generic hook --from-file=k="$dir/plant/webhook"
of_file generic ssh --type=kubernetes.io/ssh-auth --from-file=ssh-privatekey="$dir/plant/ssh"
of_file generic basic --type=kubernetes.io/basic-auth --from-literal=username=ann --from-file=password="$dir/plant/basic"
of_file generic mirror --from-literal=username=ann --from-file=password="$dir/plant/mirror"
docker() { # NAME REGISTRY
    printf '{"auths": {"%s": {"auth": "%s"}}}' "$2" "$(printf 'ann:%s' "$(cat "$dir/plant/$1")" | base64 -w 0)" > "$dir/$1.json"
    of_file generic "$1" --type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson="$dir/$1.json"
}
docker docker registry.example.com
docker pull 127.0.0.1:9
kubectl annotate secret -n ci ssh tekton.dev/git-0=git.example.com > /dev/null
kubectl annotate secret -n ci basic tekton.dev/git-0=$gateway > /dev/null
kubectl annotate secret -n ci docker tekton.dev/docker-0=registry.example.com > /dev/null
kubectl patch serviceaccount default -n ci -p '{"secrets": [{"name": "ssh"}, {"name": "basic"}, {"name": "docker"}]}' > /dev/null
"$slipway" repo create app -n ci --write ann --read system:serviceaccount:ci:default > /dev/null

# mirrors: a password in a Secret, one in a URL, one in an Application's URL
kubectl apply -f - > /dev/null << YAML || bad "mirrors"
{apiVersion: slipway.dev/v1, kind: Repository, metadata: {name: far, namespace: ci}, spec: {url: "http://127.0.0.1:3000/git/app.git", secretRef: {name: mirror}, pollSeconds: 1}}
---
{apiVersion: slipway.dev/v1, kind: Repository, metadata: {name: near, namespace: ci}, spec: {url: "http://ann:$(cat "$dir/plant/token")@127.0.0.1:3000/git/app.git", pollSeconds: 1}}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd}
spec: {project: default, source: {repoURL: "http://ann:$(cat "$dir/plant/application")@127.0.0.1:3000/git/app.git", path: ., targetRevision: main}, destination: {server: "https://kubernetes.default.svc", namespace: ci}, syncPolicy: {automated: {}}}
YAML

# a push, by a credential in a file, and what it triggers
kubectl apply -n ci -f - > /dev/null << YAML || bad "trigger"
apiVersion: triggers.tekton.dev/v1beta1
kind: EventListener
metadata: {name: hook, annotations: {slipway.dev/repository: none}}
spec:
  triggers:
  - name: push
    interceptors: [{ref: {name: github}, params: [{name: secretRef, value: {secretName: hook, secretKey: k}}, {name: eventTypes, value: [push]}]}]
    template: {spec: {resourcetemplates: [{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {generateName: hooked-}, spec: {taskSpec: {steps: [{name: s, image: slipway.local/busybox, command: ["true"]}]}}}]}}
YAML
git init -q -b main "$dir/app"
cp -r "$catalog" "$dir/app/"
printf 'http://ann:%s@127.0.0.1:3000\n' "$(cat "$dir/plant/token")" > "$dir/credentials"
git_in() { git -C "$dir/app" -c user.name=ann -c user.email=ann@example.com -c credential.helper="store --file=$dir/credentials" "$@"; }
git_in add -A && git_in commit -q -m 1
until_true 50 git_in push -q http://127.0.0.1:3000/git/app.git main || bad "push"
commit=$(git_in rev-parse HEAD)

body='{"ref": "refs/heads/main", "repository": {"name": "x"}}'
hook() { # SIGNATURE
    curl -s -o /dev/null -w '%{http_code}' -H 'X-GitHub-Event: push' -H 'Content-Type: application/json' -H "X-Hub-Signature-256: sha256=$1" -d "$body" \
        http://127.0.0.1:3000/hooks/ci/hook
}
hook 0000000000000000000000000000000000000000000000000000000000000000 > /dev/null
signature=$(python3 -c 'import hmac, sys; print(hmac.new(open(sys.argv[1], "rb").read(), sys.argv[2].encode(), "sha256").hexdigest())' \
    "$dir/plant/webhook" "$body")
same "a signed event" "$(hook "$signature")" 202

# pods and steps with secrets as environment, files, credentials, and in probes' and exec's sight
kubectl apply -n ci -f - > /dev/null << YAML || bad "pods"
apiVersion: v1
kind: Pod
metadata: {name: holder}
spec:
  imagePullSecrets: [{name: pull}]
  volumes: [{name: v, secret: {secretName: plain}}]
  containers:
  - name: c
    image: slipway.local/busybox
    command: [sleep, "600"]
    env: [{name: S, valueFrom: {secretKeyRef: {name: env, key: k}}}]
    envFrom: [{secretRef: {name: plain}}]
    volumeMounts: [{name: v, mountPath: /v}, {name: v, mountPath: /one, subPath: k}]
    readinessProbe: {exec: {command: [sh, -c, 'test -n "\$S" && cat /v/k > /dev/null']}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: puller}
spec: {imagePullSecrets: [{name: pull}], containers: [{name: c, image: "127.0.0.1:9/a/b:1"}]}
---
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: steps}
spec:
  taskSpec:
    params: [{name: p, default: x}]
    steps:
    - {name: one, image: slipway.local/tools, env: [{name: S, valueFrom: {secretKeyRef: {name: env, key: k}}}], script: 'test -n "\$S"; test -s ~/.ssh/id_ssh; test -s ~/.git-credentials'}
    - {name: two, image: slipway.local/tools, command: [sh, -c, 'test -s ~/.docker/config.json; sleep 0.5']}
---
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: clone}
spec: {taskRef: {name: git-clone}, params: [{name: url, value: "$gateway/git/app.git"}, {name: revision, value: main}], workspaces: [{name: output, emptyDir: {}}]}
YAML
kubectl wait -n ci --for=condition=Ready pod/holder --timeout=30s > /dev/null || bad "pod holder"
kubectl exec -n ci holder -- sh -c 'test -n "$S"' || bad "exec"
over() { kubectl get taskrun "$1" -n ci -o 'jsonpath={.status.completionTime}' | grep -q .; }
for run in steps clone; do until_true 300 over $run || bad "run $run does not end"; done
same "the steps had their secrets" "$(kubectl get taskrun steps -n ci -o 'jsonpath={.status.conditions[0].reason}')" Succeeded

# a Secret that changes; builds and registries by hand
kubectl create secret generic plain -n ci --from-file=k="$dir/plant/changed" --dry-run=client -o yaml > "$dir/changed.yaml"
kubectl diff -f "$dir/changed.yaml" > "$dir/diff" 2>&1
kubectl apply -f "$dir/changed.yaml" > /dev/null 2>&1 || bad "a Secret's change"
mkdir "$dir/context"
printf 'FROM slipway.local/busybox\nRUN --mount=type=secret,id=s test -s /run/secrets/s && sleep 0.3\nRUN --mount=type=secret,id=s,env=S test -n "$S" || true\n' > "$dir/context/Containerfile"
"$slipway" build "$dir/context" --tag x --data-dir "$data.builds" --image-alias slipway.local/busybox=127.0.0.1:5000/none \
    --secret "id=s,src=$dir/plant/build" > "$dir/build" 2>&1
cp -r "$data/images" "$dir/images" && mkdir "$dir/builder" && mv "$dir/images" "$dir/builder/"
"$slipway" build "$dir/context" --tag x --data-dir "$dir/builder" --secret "id=s,src=$dir/plant/build" >> "$dir/build" 2>&1
"$slipway" image push slipway.local/busybox 127.0.0.1:5000/a/b:1 --data-dir "$dir/builder" --user ann \
    --password-file "$dir/plant/login" > "$dir/login" 2>&1 && bad "a push with a wrong password"
sleep 2 # mirrors are fetched again, pulls are tried again
rm "$dir/watching"
wait $watcher

# ---- and now: where are they ----

# (kubectl masks what a diff of Secrets shows, as long as the server gives it both as Secrets)
clean "kubectl diff" cat "$dir/diff"
clean "the log, at its most verbose" cat "$dir/log"
clean "slipway status" "$slipway" status
clean "slipway trace" "$slipway" trace "$commit"
clean "slipway build" cat "$dir/build"
clean "slipway image push" cat "$dir/login"
clean "events" kubectl get events -A -o yaml
clean "describe" kubectl describe pods,secrets,serviceaccounts,taskruns,pipelineruns,eventlisteners,nodes -A
clean "what became of mirrors" kubectl get repositories,applications -A -o 'jsonpath={.items[*].status}'
clean "runs and their pods" kubectl get taskruns,pods -A -o yaml
for run in steps clone; do clean "log of $run" "$slipway" logs -n ci $run --limit 10000; done
clean "metrics" sh -c 'wget -qO- "http://127.0.0.1:9090/api/v1/series?match[]={__name__=~\".%2B\"}"; kubectl get --raw /metrics'
clean "journals of logs and metrics" find "$data/logs" "$data/metrics" -type f -exec cat {} +
touch "$dir/processes"
same "process lists" "$(sort -u "$dir/processes" | head -5)" ""
same "what everybody can read" "$(find "$data" "$dir/builder" -type d ! -perm -o=x -prune -o -type f -perm -o=r -print0 |
    xargs -0 grep -laF -f "$dir/patterns" | head -5)" ""
same "layers and manifests of the build" "$(grep -rlaF -f <(cat "$dir/plant/build") "$dir/builder/images" | head -5)" ""
for private in store.db store.db-wal admin.kubeconfig pki/ca.key pki/cosign.key pki/admin.token; do
    same "$private" "$(stat -c %a "$data/$private")" 600
done
[ ! -s "$dir/where" ] || cat "$dir/where"
