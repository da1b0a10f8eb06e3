#!/bin/bash
# Releases by slipway and by the real helm, in turns: what one writes the other reads, changes, rolls
# back and removes; both say the same. And nothing is stuck after a death at any point.
. "$(dirname "$0")/common.bash"
if ! command -v helm > /dev/null; then
    echo "0 passed, 0 failed (skipped: needs helm 3)"
    exit 0
fi
start
run "busybox image" "$slipway" image bootstrap busybox --data-dir "$dir/data"
run "node is ready" kubectl wait --for=condition=Ready node/slipway --timeout=20s
ours() {
    "$slipway" helm "$@"
}
cd "$dir" || exit 1

# ---- charts ----
chart() { # name: its only template on standard input
    mkdir -p "$1/templates"
    printf 'apiVersion: v2\nname: %s\nversion: 0.1.0\nappVersion: "1"\n' "$1" > "$1/Chart.yaml"
    cat > "$1/templates/all.yaml"
}
chart web << 'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: {{ .Values.image }}
        command: [sleep, "1000"]
        env: [{name: COLOR, value: {{ .Values.color }}}{{ if .Values.extra }}, {name: EXTRA, value: x}{{ end }}]
---
apiVersion: v1
kind: Secret
metadata: {name: drawn}
stringData: {word: {{ randAlphaNum 20 }}}
{{- if .Values.extra }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: extra}
{{- end }}
YAML
echo '{replicas: 1, color: blue, image: slipway.local/busybox}' > web/values.yaml
echo 'Have {{ .Values.color }} fun with {{ .Release.Name }}.' > web/templates/NOTES.txt
chart hooks << 'YAML'
{{- range $name, $h := .Values.hooks }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $name }}
  annotations: {helm.sh/hook: {{ $h.at | quote }}, helm.sh/hook-weight: {{ $h.weight | default 0 | quote }}, helm.sh/hook-delete-policy: {{ $h.delete | default "before-hook-creation" | quote }}}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: slipway.local/busybox, command: [sh, -c, {{ $h.run | quote }}]}]
{{- end }}
---
apiVersion: v1
kind: Pod
metadata: {name: tests, annotations: {helm.sh/hook: test}}
spec:
  restartPolicy: Never
  containers: [{name: c, image: slipway.local/busybox, command: [sh, -c, 'echo tested; {{ .Values.test }}']}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: hooked}
data: {color: {{ .Values.color }}}
YAML
cat > hooks/values.yaml << 'YAML'
color: blue
test: "true"
hooks:
  first: {at: "pre-install,pre-upgrade", weight: "-5", run: "true", delete: hook-succeeded}
  second: {at: "pre-install", weight: "5", run: "true"}
  last: {at: "post-install,post-rollback", run: "true"}
  leaving: {at: "pre-delete", run: "true", delete: hook-succeeded}
YAML

# ---- both say the same ----
unlike() { # what differs from one call to the next
    sed 's/[A-Z][a-z][a-z] [A-Z][a-z][a-z] [ 0-9][0-9] [0-9:]* 20[0-9][0-9]/DATE/g'
}
twins() { # arguments: both answer the same and end the same way
    local one two
    one=$(helm "$@" 2>&1; echo "exit $?")
    two=$(ours "$@" 2>&1; echo "exit $?")
    same "helm $*" "$(unlike <<< "$two")" "$(unlike <<< "$one")"
}
look() { # release: every way to look at it
    local verb
    for verb in status history "get all" "get values" "get manifest" "get hooks" "get notes" "get metadata"; do
        # shellcheck disable=SC2086 # two words
        twins $verb "$1"
    done
    for verb in list "list -A" "list -a -o json" "list -q" "list -o yaml"; do
        # shellcheck disable=SC2086
        twins $verb
    done
    for verb in "status $1 -o json" "history $1 -o json" "get values $1 -o json" "get values $1 -a" \
        "get metadata $1 -o yaml" "status $1 --show-desc"; do
        # shellcheck disable=SC2086
        twins $verb
    done
}
image_env() { # the environment the Deployment has
    kubectl get deploy web -o 'jsonpath={range .spec.template.spec.containers[0].env[*]}{.name}={.value} {end}'
}
state() { # release: how its revisions are
    helm history "$1" -o json | grep -o '"status":"[a-z-]*"' | cut -d'"' -f4 | paste -sd' '
}

# ---- in turns ----
run "slipway installs, and waits" ours install web ./web --wait --timeout 30s
has "its notes" "$out" "Have blue fun with web."
same "it is ready" "$(kubectl get deploy web -o 'jsonpath={.status.readyReplicas}')" 1
look web
run "helm upgrades" helm upgrade web ./web --set color=red --wait --timeout 30s
same "as helm wants it" "$(image_env)" "COLOR=red "
look web
run "slipway upgrades with helm's values" ours upgrade web ./web --reuse-values --set replicas=2
same "both values" "$(helm get values web | tr '\n' ' ')" "USER-SUPPLIED VALUES: color: red replicas: 2 "
word=$(kubectl get secret drawn -o 'jsonpath={.data.word}')
run "slipway upgrades again" ours upgrade web ./web --reuse-values --set extra=true
same "what was drawn stays" "$(kubectl get secret drawn -o 'jsonpath={.data.word}')" "$word"
run "helm rolls back" helm rollback web 1
same "as it was at first" "$(image_env)" "COLOR=blue "
refused "what was extra is gone" NotFound kubectl get cm extra
run "slipway rolls back helm's rollback" ours rollback web 2
same "as in helm's revision" "$(image_env)" "COLOR=red "
same "every state" "$(state web)" "superseded superseded superseded superseded superseded deployed"
look web
kubectl set env deploy/web COLOR=green > /dev/null
run "an upgrade undoes drift" ours upgrade web ./web
same "undone" "$(image_env)" "COLOR=red "
run "history is kept short" ours upgrade web ./web --history-max 2
same "two revisions" "$(state web)" "superseded deployed"
run "helm uninstalls" helm uninstall web
same "nothing is left" "$(kubectl get deploy,secret,cm -l app.kubernetes.io/managed-by=Helm -o name)" ""
run "helm installs" helm install web ./web
look web
run "slipway uninstalls, with history" ours uninstall web --keep-history --wait
look web
run "slipway installs in its place" ours upgrade --install web ./web
same "the third" "$(state web)" "superseded deployed"
run "slipway uninstalls" ours uninstall web
twins status web

# ---- errors are Helm's ----
kubectl create configmap hooked > /dev/null
twins install taken ./hooks --no-hooks
kubectl delete configmap hooked > /dev/null
twins upgrade none ./web
twins rollback none 3
twins uninstall none
twins install Bad_Name ./web
twins install x ./nowhere
twins install x ./web --dry-run=sometimes
twins install x ./hooks --dry-run
twins get values none

# ---- hooks and tests ----
run "slipway runs hooks" ours install hooked ./hooks
same "only what is to be kept" "$(kubectl get jobs -o name | sort | tr '\n' ' ')" "job.batch/last job.batch/second "
twins get hooks hooked
run "a test" ours test hooked --logs
has "its end" "$out" "Phase:          Succeeded"
has "its words" "$out" tested
twins status hooked
run "helm tests" helm test hooked
twins status hooked
run "helm upgrades to a test that fails" helm upgrade hooked ./hooks --set test=false
refused "the test fails" "pod tests failed" "$slipway" helm test hooked
twins status hooked
refused "a hook that fails" "pre-upgrade hooks failed: 1 error occurred" "$slipway" helm upgrade hooked \
    ./hooks --set hooks.first.run=false --set color=red
same "nothing has changed" "$(kubectl get cm hooked -o 'jsonpath={.data.color}')" blue
same "it has failed" "$(state hooked)" "superseded deployed failed"
twins history hooked
run "helm rolls it back" helm rollback hooked 1
run "slipway uninstalls it" ours uninstall hooked

# ---- waiting and taking back ----
run "slipway installs" ours install web ./web --wait
refused "one that never starts" "web failed, and has been rolled back due to atomic being set" \
    "$slipway" helm upgrade web ./web --atomic --timeout 3s --set extra=true \
    --set image=slipway.local/none --cleanup-on-fail
has "what it waited for" "$out" 'Deployment "web" in namespace "default" has'
same "rolled back" "$(state web)" "superseded failed deployed"
refused "what was new is gone" NotFound kubectl get cm extra
refused "one that is taken away" "has been uninstalled due to atomic being set" "$slipway" helm \
    install bad ./hooks --atomic --timeout 3s --set hooks.last.run=false
twins status bad
twins history web

# ---- deaths ----
# Many objects, so that there is time to die; deaths come when so many of them have changed.
chart many << 'YAML'
{{- range until 60 }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: many-{{ . }}, labels: {set: many}}
data: {color: {{ $.Values.color }}{{ if $.Values.extra }}, extra: x{{ end }}}
{{- end }}
{{- if .Values.extra }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: another, labels: {set: many}}
{{- end }}
YAML
pending() {
    helm list -a -o json | grep -q pending
}
colors() {
    kubectl get cm -l set=many -o 'jsonpath={range .items[*]}{.data}{"\n"}{end}' | sort | uniq -c | xargs
}
run "slipway installs many" ours install many ./many --set color=light
kubectl get cm -l set=many --watch-only -o name > "$dir/changes" &
watch=$!
sleep 0.5
deaths=0
for after in 0 1 5 15 30 45 59 60; do
    before=$(wc -l < "$dir/changes")
    "$slipway" helm upgrade many ./many --set color=dark --set extra=true > /dev/null 2>&1 &
    victim=$!
    while [ $(($(wc -l < "$dir/changes") - before)) -lt $after ] && kill -0 $victim 2> /dev/null; do :; done
    kill -9 $victim 2> /dev/null
    wait $victim 2> /dev/null
    pending && deaths=$((deaths + 1))
    run "an upgrade after a death behind $after changes" ours upgrade many ./many --set color=light
    same "all is as wanted" "$(colors)" "60 {color:light}"
    pending && bad "something is pending after $after changes"
done
kill $watch
wait $watch 2> /dev/null
[ "$deaths" -ge 3 ] || bad "only $deaths deaths left something pending"
run "many go" ours uninstall many
"$slipway" helm upgrade web ./web --wait --set image=slipway.local/none > /dev/null 2>&1 &
victim=$!
until_true 50 pending
refused "while it lives it is in the way" "another operation (install/upgrade/rollback) is in progress" \
    "$slipway" helm upgrade web ./web
has "and is named" "$out" "process $victim on"
refused "for helm, too" "another operation" helm upgrade web ./web
kill -9 $victim
wait $victim 2> /dev/null
refused "after its death helm is stuck" "another operation" helm upgrade web ./web
run "slipway is not" ours rollback web
pending && bad "something is pending after a rollback"
helm upgrade web ./web --wait --set image=slipway.local/none --set color=grey > /dev/null 2>&1 &
victim=$!
until_true 50 pending
kill -9 $victim
wait $victim 2> /dev/null
refused "a helm may live longer than one thinks" "a helm that did not say who it is" \
    "$slipway" helm upgrade web ./web
sleep 2
run "not longer than --timeout" ours upgrade web ./web --timeout 1s
run "and helm goes on" helm upgrade web ./web
run "gone at last" ours uninstall web
"$slipway" helm install web ./web --wait --set image=slipway.local/none > /dev/null 2>&1 &
victim=$!
until_true 50 pending
kill -9 $victim
wait $victim 2> /dev/null
run "an install after a death" ours install web ./web
same "its history" "$(state web)" "failed deployed"
run "the end" helm uninstall web
