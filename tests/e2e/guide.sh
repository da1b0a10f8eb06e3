#!/bin/bash
# What the guides promise to somebody who follows them: pruning of runs, images and lines, scan policies, lines of what is gone,
# mirrors of registries and repositories, rights on paths, a rollback by hand.
. "$(dirname "$0")/common.bash"
data=$dir/data
gateway=http://10.88.0.1:3000
here=$(readlink -f "$(dirname "$0")/../..")
far=$dir/far
for image in busybox tools; do
    "$slipway" image bootstrap $image --data-dir "$data" > /dev/null 2>> "$dir/log" || bad "image $image"
done
"$slipway" db build "$here/examples/osv" --data-dir "$data" > /dev/null 2>> "$dir/log" || bad "db build"

# Elsewhere: another slipway, for its registry and its repositories alone.
"$slipway" up --data-dir "$far" --no-node --quiet --api-address 127.0.0.1:6500 --registry-address 127.0.0.1:5500 \
    --git-address 127.0.0.1:3500 --metrics-address 127.0.0.1:9500 >> "$dir/log" 2>&1 &
far_pid=$!
trap 'kill $far_pid 2> /dev/null; finish' EXIT
start --registry-mirror docker.io=http://127.0.0.1:5500
elsewhere() {
    KUBECONFIG=$far/admin.kubeconfig "$@"
}
until_true 100 elsewhere kubectl get --raw /readyz || bad "the other slipway does not answer"
kubectl create namespace ci > /dev/null
kubectl create namespace argocd > /dev/null
kubectl apply -n ci -R -f "$here/catalog" > /dev/null || bad "the catalog"
git_in() { # DIR ARGUMENTS…
    git -C "$dir/$1" -c user.name=ann -c user.email=ann@example.com "${@:2}"
}
field() { kubectl get "$1" -o "jsonpath={$2}" "${@:3}"; }
field_is() { [ "$(field "$1" "$2" "${@:4}")" = "$3" ]; }

# ---- images of another registry, by name and by a mirror ----

tr -d '\n' < "$far/pki/admin.token" > "$dir/far.token"
run "slipway image push" "$slipway" image push slipway.local/busybox 127.0.0.1:5500/team/box:1 --data-dir "$data" \
    --user admin --password-file "$dir/far.token"
for image in 127.0.0.1:5500/team/box:1 docker.io/team/box:1 team/box:1; do
    name=$(echo "$image" | tr -c 'a-z0-9\n' -)
    kubectl run "$name" --image="$image" --restart=Never --command -- echo "ran $image" > /dev/null
    until_true 150 field_is "pod/$name" .status.phase Succeeded || bad "$image: $(kubectl get pod "$name" -o 'jsonpath={.status}')"
    same "a pod of $image" "$(kubectl logs "$name")" "ran $image"
done

# ---- repositories elsewhere, by polling and by a forge's word ----

ann=$(elsewhere "$slipway" user create ann)
elsewhere "$slipway" repo create origin --write ann > /dev/null
kubectl create secret generic far --from-literal=username=ann --from-literal=password="$ann" > /dev/null
git init -q -b main "$dir/origin"
push_far() { # TEXT; $commit
    echo "$1" > "$dir/origin/file"
    git_in origin add -A && git_in origin commit -q -m "$1"
    until_true 50 git_in origin push -q "http://ann:$ann@127.0.0.1:3500/git/origin.git" main || bad "push $1"
    commit=$(git_in origin rev-parse HEAD)
}
mirror() { # NAME SECONDS
    printf '{apiVersion: slipway.dev/v1, kind: Repository, metadata: {name: %s}, spec: {pollSeconds: %d, secretRef: {name: far},
      url: "http://127.0.0.1:3500/git/origin.git"}}\n' "$1" "$2" | kubectl apply -f - > /dev/null || bad "repository $1"
}
mirrored() { field_is "repository/$1" '.status.heads.refs/heads/main' "$commit"; }
push_far one
mirror polled 1
mirror told 3600
for name in polled told; do until_true 50 mirrored $name && ok || bad "mirror $name, at first"; done
push_far two
until_true 50 mirrored polled && ok || bad "a mirror is not polled"
mirrored told && bad "a mirror is fetched before it is due" || ok
curl -s -o /dev/null -H 'Content-Type: application/json' http://127.0.0.1:3000/mirror \
    -d '{"ref": "refs/heads/main", "repository": {"clone_url": "http://127.0.0.1:3500/git/origin.git"}}'
until_true 50 mirrored told && ok || bad "a mirror does not heed its forge"

# ---- rights on paths ----

for user in dev robot; do declare "$user=$("$slipway" user create $user)"; done
kubectl apply -f - > /dev/null << YAML || bad "repository infra"
apiVersion: slipway.dev/v1
kind: Repository
metadata: {name: infra, namespace: ci}
spec:
  access:
  - {user: dev, role: write}
  - {user: robot, role: write, paths: ["overlays/*/kustomization.yaml"]}
YAML
run "a user without rights" "$slipway" user create guest
guest=$out
git init -q -b main "$dir/infra"
mkdir -p "$dir/infra/overlays/prod/deep"
printf 'resources: [map.yaml]\n' > "$dir/infra/overlays/prod/kustomization.yaml"
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop}\ndata: {version: "1"}\n' > "$dir/infra/overlays/prod/map.yaml"
push_as() { # TOKEN
    git_in infra push -q "http://x:$1@127.0.0.1:3000/git/infra.git" HEAD:main
}
change() { # PATH
    git_in infra fetch -q "http://x:$dev@127.0.0.1:3000/git/infra.git" main && git_in infra reset -q --hard FETCH_HEAD
    echo "# changed" >> "$dir/infra/$1"
    git_in infra add -A && git_in infra commit -q -m "change $1"
}
git_in infra add -A && git_in infra commit -q -m 1
until_true 50 push_as "$dev" || bad "the first push"
change overlays/prod/kustomization.yaml
run "a token of paths: what it may change" push_as "$robot"
for path in overlays/prod/map.yaml overlays/prod/deep/kustomization.yaml overlays/kustomization.yaml README; do
    change $path
    refused "a token of paths: $path" "$path, which may not be changed" push_as "$robot"
done
refused "who may not read" "repository infra does not exist, or guest may not read it" \
    git ls-remote "http://x:$guest@127.0.0.1:3000/git/infra.git"

# ---- a rollback by hand ----

kubectl apply -f - > /dev/null << YAML || bad "application"
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd}
spec:
  project: default
  source: {repoURL: infra, path: overlays/prod, targetRevision: main}
  destination: {server: "https://kubernetes.default.svc", namespace: default}
  syncPolicy: {automated: {selfHeal: true}}
YAML
version_is() { field_is configmap/shop .data.version "$1"; }
until_true 50 version_is 1 && ok || bad "the first version is not synced: $(kubectl get application shop -n argocd -o yaml)"
until_true 50 field_is application/shop .status.health.status Healthy -n argocd || bad "not healthy"
change overlays/prod/map.yaml
sed -i 's/"1"/"2"/' "$dir/infra/overlays/prod/map.yaml"
git_in infra commit -qa -m "version 2"
run "the second version" push_as "$dev"
until_true 50 version_is 2 && ok || bad "the second version is not synced"
run "slipway rollback" "$slipway" rollback shop --reason "not what was asked for"
until_true 100 version_is 1 && ok || bad "the first version does not come back"
has "the revert commit" "$(git --git-dir "$data/git/infra.git" log -1 --format=%B main)" "not what was asked for"
"$slipway" status > "$dir/status"
has "slipway status" "$(cat "$dir/status")" argocd/shop

# ---- a scan's policy ----

kubectl annotate serviceaccount default -n ci slipway.dev/images='slipway.local/*' > /dev/null
task() { # NAME SPEC
    printf '{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: %s, namespace: ci}, spec: %s}\n' "$1" "$2" |
        kubectl create -f - > /dev/null || bad "run $1"
}
over() { field "taskrun/$1" .status.completionTime -n ci | grep -q .; }
lock='{"lockfileVersion": 3, "packages": {"": {}, "node_modules/lodash": {"version": "4.17.20"}}}'
task build "{taskSpec: {results: [{name: digest}], steps: [{name: s, image: slipway.local/tools, script: \"
  mkdir /tmp/x && cd /tmp/x && echo '$(echo "$lock" | sed 's/"/\\"/g')' > package-lock.json &&
  printf 'FROM slipway.local/busybox\\\\nCOPY package-lock.json /app/package-lock.json\\\\n' > Containerfile &&
  slipway step build --image slipway.local/shop --context . --digest-file \$(results.digest.path)\"}]}}"
until_true 300 over build || bad "the build does not end"
digest=$(field taskrun/build '.status.results[0].value' -n ci)
has "the build" "$digest" sha256:
tomorrow=$(date -u -d tomorrow +%F)
# name | policy.yaml | exit code of the scan | what it says
policies="\
none||3|CVE-2021-23337
high|severity: high|3|refused by the policy
critical|severity: critical|0|CVE-2021-23337
ignored|{severity: high, ignore: [{id: CVE-2021-23337, reason: not reached, until: $tomorrow}]}|0|
expired|{severity: high, ignore: [{id: CVE-2021-23337, reason: not reached, until: 2024-01-31}]}|3|CVE-2021-23337
another|{severity: high, ignore: [{id: CVE-2021-23337, package: express, reason: not ours}]}|3|CVE-2021-23337
typo|{severity: high, ignored: []}|1|a scan policy has no field \"ignored\"
no-reason|{severity: high, ignore: [{id: CVE-2021-23337}]}|1|needs a reason and an id"
while IFS='|' read -r name policy code text; do
    [ -z "$policy" ] || kubectl create configmap "policy-$name" -n ci --from-literal=policy.yaml="$policy" > /dev/null
    task "scan-$name" "{taskRef: {name: scan}, params: [{name: IMAGE, value: slipway.local/shop}, {name: DIGEST, value: '$digest'}, {name: POLICY, value: '${policy:+policy-$name}'}]}"
done <<< "$policies"
while IFS='|' read -r name policy code text; do
    until_true 300 over "scan-$name" || bad "scan-$name does not end"
    same "policy $name" "$(field "taskrun/scan-$name" '.status.steps[0].terminated.exitCode' -n ci)" "$code"
    has "policy $name" "$("$slipway" logs -n ci "scan-$name" 2>&1)" "$text"
done <<< "$policies"

# ---- a new advisory about what runs ----

kubectl run watched --image="slipway.local/shop@$digest" --restart=Never --command -- sleep 600 > /dev/null
until_true 150 field_is pod/watched .status.phase Running || bad "pod watched"
until_true 100 test -e "$data/advisories.seen" || bad "the database was not looked at"
sed 's/CVE-2021-23337/X-2030-1/; /"aliases"/d' "$here/examples/osv/CVE-2021-23337.json" > "$dir/new.json"
run "a newer database" "$slipway" db build "$here/examples/osv" "$dir/new.json" --data-dir "$data"
told() { kubectl get events -o 'jsonpath={.items[?(@.reason=="NewAdvisory")].message}' | grep -q "$1"; }
until_true 600 told "X-2030-1 in lodash 4.17.20, mended in 4.17.21" && ok || bad "nobody is told: $(kubectl get events)"
kubectl delete pod watched --grace-period=0 --force > /dev/null 2>&1

# ---- lines of what is gone ----

begin=$(date -u +%s)
printf '{apiVersion: v1, kind: Pod, metadata: {name: talks}, spec: {restartPolicy: Never, containers: [
  {name: a, image: slipway.local/busybox, command: [sh, -c, "echo apple one; echo pear two"]},
  {name: b, image: slipway.local/busybox, command: [sh, -c, "echo apple three >&2"]}]}}' | kubectl create -f - > /dev/null
until_true 100 field_is pod/talks .status.phase Succeeded || bad "pod talks"
run "a pod's end" kubectl delete pod talks
said() { "$slipway" logs "$@" | sed 's/^[^ ]* //' | sort | tr '\n' ';'; }
all_said() { [ "$(said talks)" = "talks/a apple one;talks/a pear two;talks/b apple three;" ]; }
until_true 50 all_said && ok || bad "lines of a pod that is gone: $(said talks)"
same "of one container" "$(said talks --container b)" "talks/b apple three;"
same "kubectl logs of a pod that is gone" "$(kubectl logs talks -c a)" "apple one
pear two"
same "its last line" "$(kubectl get --raw '/api/v1/namespaces/default/pods/talks/log?container=a&tailLines=1')" "pear two"
same "of all its containers" "$(kubectl logs talks --all-containers | sort | head -n 1)" "apple one"
refused "a pod that is gone" NotFound kubectl get pod talks
refused "a log of nothing" NotFound kubectl logs never
same "by text" "$(said --grep apple)" "talks/a apple one;talks/b apple three;"
same "by namespace" "$(said talks -n ci 2> /dev/null)" ""
ask() { # START END QUERY
    curl -sG "http://127.0.0.1:9090/loki/api/v1/query_range" -H "Authorization: Bearer $(cat "$data/pki/admin.token")" --data-urlencode "query=$3" -d "start=$1" -d "end=$2" | grep -o 'apple [a-z]*' | sort | tr '\n' ';'
}
same "by time" "$(ask $((begin - 1)) $((begin + 60)) '{pod="talks"} |= "apple"')" "apple one;apple three;"
same "before that time" "$(ask $((begin - 600)) $((begin - 1)) '{pod="talks"}')" ""

# ---- pruning ----

kubectl create namespace tekton-pipelines > /dev/null
prune() { # GLOBAL-CONFIG
    kubectl create configmap tekton-pruner-default-spec -n tekton-pipelines --from-literal=global-config="$1" --dry-run=client -o yaml |
        kubectl apply -f - > /dev/null 2>&1
}
runs_of() { kubectl get taskruns -n ci -l "tekton.dev/task=$1" -o name | sed 's,.*/,,' | tr '\n' ' '; }
left_is() { [ "$(runs_of scan)" = "$1" ]; }
prune 'successfulHistoryLimit: 1
failedHistoryLimit: 2'
until_true 50 sh -c "[ \$(kubectl get taskruns -n ci -l tekton.dev/task=scan -o name | wc -l) = 3 ]" && ok ||
    bad "by number: $(runs_of scan)"
prune 'ttlSecondsAfterFinished: 1'
until_true 80 left_is "" && ok || bad "by age: $(runs_of scan)"
no_pods() { [ -z "$(kubectl get pods -n ci -o name)" ]; }
until_true 50 no_pods && ok || bad "pods stay without their runs: $(kubectl get pods -n ci -o name)"
has "lines of a run that is gone" "$("$slipway" logs -n ci scan-high)" CVE-2021-23337
has "by text" "$("$slipway" logs -n ci --grep 'refused by the policy')" scan-expired

# ---- a configuration that is wrong ----

complaints() { kubectl get events -n tekton-pipelines -o 'jsonpath={.items[*].message}'; }
says() { complaints | grep -qF "$1"; }
prune 'ttlSecondsAfterFinish: 1'
until_true 50 says "global-config: unknown field ttlSecondsAfterFinish; the configuration before it stays in force" && ok ||
    bad "an unknown field: $(complaints)"
has "in the log, too" "$(cat "$dir/log")" "global-config: unknown field ttlSecondsAfterFinish;"
printf '{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: late}, spec: {taskSpec: {steps: [
  {name: a, image: slipway.local/busybox, command: ["true"]}]}}}' | kubectl create -n ci -f - > /dev/null
was_pruned() { kubectl get events -n ci | grep -q 'Pruned.*taskrun/late ' && [ -z "$(kubectl get taskruns -n ci -o name)" ]; }
until_true 150 was_pruned && ok || bad "the limits before it: $(kubectl get taskruns -n ci -o name)"

# ---- images and logs by number and age ----

api=http://127.0.0.1:5000/v2
as_admin=(-s -u "admin:$(cat "$data/pki/admin.token")")
type=application/vnd.oci.image.manifest.v1+json
manifest=$(curl -s -H "Accept: $type" $api/busybox/manifests/latest)
for blob in $(grep -o 'sha256:[0-9a-f]*' <<< "$manifest"); do
    curl "${as_admin[@]}" -o /dev/null -X POST "$api/aged/blobs/uploads/?mount=$blob&from=busybox"
done
push_variant() { # TAG SPACES: each number of spaces after it makes another image of it; $variant
    printf '%s%*s' "$manifest" "$2" '' > "$dir/manifest"
    variant=$(sha256sum < "$dir/manifest" | cut -d' ' -f1)
    curl "${as_admin[@]}" -o /dev/null -X PUT -H "Content-Type: $type" --data-binary @"$dir/manifest" "$api/aged/manifests/$1"
}
image=$manifest manifest=${manifest/vnd.oci.image.config/vnd.cncf.helm.config}
[ "$image" != "$manifest" ] || bad "no configuration in $manifest"
push_variant v0 0 # a chart, to all appearance, and older than the others
manifest=$image
for i in 1 2 3 4; do
    push_variant v$i $i
    push_variant "sha256-$variant.sig" 1$i
done
tags() { curl -s "$api/aged/tags/list" | grep -o '"v[0-9]"' | tr -d '"\n'; }
signed() { curl -s "$api/aged/tags/list" | grep -o 'sha256-[0-9a-f]*' | sort -u | wc -l; }
kept() { # IMAGES LOGS
    kubectl create configmap tekton-pruner-default-spec -n tekton-pipelines --from-literal=slipway-images="$1" --from-literal=slipway-logs="$2" \
        --dry-run=client -o yaml | kubectl apply -f - > /dev/null 2>&1
}
same "tags, without limits" "$(tags)" v0v1v2v3v4
kubectl run aged --image=127.0.0.1:5000/aged:v1 --restart=Never --command -- true > /dev/null
until_true 100 field_is pod/aged .status.phase Succeeded || bad "pod aged"
tags_are() { [ "$(tags)" = "$1" ]; }
kept 'repositories: {aged: {historyLimit: 2}}' 'ttlSeconds: 3600'
until_true 100 tags_are v0v1v3v4 && ok || bad "by number, but not what a pod names: $(tags)"
same "signatures go with their image" "$(signed)" 3
has "lines that are young" "$(said talks)" "apple one"
kubectl delete pod aged > /dev/null
kept 'repositories: {aged: {ttlSeconds: 1}}' 'ttlSeconds: 1'
until_true 100 tags_are v0v4 && ok || bad "by age, but not the newest: $(tags)"
until_true 50 sh -c "[ -z \"\$('$slipway' logs talks 2> /dev/null)\" ]" && ok || bad "lines that are old: $(said talks)"
kept 'historyLimit: 0' 'maxBytes: 5'
until_true 50 says "slipway-images: historyLimit has to be a whole number from 1" && ok || bad "no image at all: $(complaints)"
until_true 50 says "slipway-logs: maxBytes has to be" && ok || bad "no room for lines: $(complaints)"
