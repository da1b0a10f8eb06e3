#!/bin/bash
# slipway helm against slipway's own registry and a repository over HTTP: what it packs, pushes,
# pulls, locks and signs. Where there is a real helm, each must read what the other wrote.
. "$(dirname "$0")/common.bash"
PATH=$PATH:${HOME:-/root}/go/bin:/root/go/bin
start --no-node
registry=127.0.0.1:5000
export HELM_CONFIG_HOME=$dir/config HELM_CACHE_HOME=$dir/cache
answers() {
    wget -qO /dev/null "http://$registry/v2/token"
}
until_true 50 answers || true
cd "$dir" || exit 1

chart() { # name, version, more lines of Chart.yaml
    mkdir -p "$1/templates"
    printf 'apiVersion: v2\nname: %s\nversion: %s\n%s' "$1" "$2" "${3:-}" > "$1/Chart.yaml"
    printf 'who: nobody\n' > "$1/values.yaml"
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "{{ .Release.Name }}-%s"}\ndata: {who: "{{ .Values.who }}"}\n' \
        "$1" > "$1/templates/map.yaml"
}
chart lib 0.1.0
chart web 1.2.3 'description: a <chart> & more
maintainers: [{name: A B, email: a@example.com}]
'

# packing
run "package" "$slipway" helm package lib web
first=$(sha256sum web-1.2.3.tgz)
sleep 1
touch web/values.yaml
run "package again" "$slipway" helm package web
same "the same chart gives the same bytes" "$(sha256sum web-1.2.3.tgz)" "$first"
refused "a version that is none" "invalid semantic version" "$slipway" helm package web --version x

# a repository over HTTP
mkdir www
cp ./*.tgz www/
run "index" "$slipway" helm repo index www
busybox httpd -f -p 127.0.0.1:8099 -h "$dir/www" &
httpd=$!
fetched() {
    wget -qO /dev/null http://127.0.0.1:8099/index.yaml
}
until_true 50 fetched
run "repo add" "$slipway" helm repo add loc http://127.0.0.1:8099
run "repo list" "$slipway" helm repo list
has "the repository" "$out" "http://127.0.0.1:8099"
run "template by name" "$slipway" helm template x loc/web --set who=me
has "its manifest" "$out" 'who: "me"'
chart look 1.0.0
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: look}\ndata: {n: "{{ len ((lookup "v1" "Namespace" "" "").items | default list) }}", v: "{{ .Capabilities.APIVersions.Has "slipway.dev/v1" }}"}\n' \
    > look/templates/look.yaml
run "a dry run by the client" "$slipway" helm template x look --dry-run=client
has "finds nothing" "$out" 'data: {n: "0", v: "false"}'
run "a dry run by the server" "$slipway" helm template x look --dry-run=server --validate
has "looks at the cluster" "$out" 'v: "true"}'
case $out in *'n: "0"'*) bad "lookup found nothing: $out" ;; *) ok ;; esac
sed -i 's/^data/dota/' look/templates/look.yaml
refused "a field that nobody knows" "error validating data" "$slipway" helm template x look --validate
sed -i 's/kind: ConfigMap/kind: Nope/' look/templates/look.yaml
refused "a kind that nobody knows" 'no matches for kind "Nope"' "$slipway" helm template x look --validate
refused "a chart that is not there" 'chart "web2" not found' "$slipway" helm template x web2 --repo http://127.0.0.1:8099
run "template by URL" "$slipway" helm template x http://127.0.0.1:8099/web-1.2.3.tgz
run "pull" "$slipway" helm pull loc/web --version '~1.2' --untar --untardir out
same "an unpacked file" "$(cat out/web/values.yaml)" "who: nobody"

# dependencies
chart umb 1.0.0 'dependencies:
- {name: lib, version: ">=0.1.0", repository: "@loc"}
- {name: web, version: 1.x, repository: "file://../web", alias: two}
'
run "dependency update" "$slipway" helm dependency update umb
has "the lock" "$(cat umb/Chart.lock)" "version: 1.2.3"
run "dependency list" "$slipway" helm dependency list umb
has "the list" "$out" "ok"
rm -r umb/charts
run "dependency build" "$slipway" helm dependency build umb
run "template with dependencies" "$slipway" helm template x umb
has "the alias' manifest" "$out" "umb/charts/two/templates/map.yaml"
sed -i 's/1\.x/^1/' umb/Chart.yaml
refused "a lock of other wishes" "out of sync" "$slipway" helm dependency build umb

# the registry
token=$(kubectl config view --raw -o jsonpath='{.users[0].user.token}')
refused "push by nobody" 401 "$slipway" helm push web-1.2.3.tgz oci://$registry/charts
refused "a wrong password" 401 "$slipway" helm registry login $registry -u admin -p wrong
login() {
    echo "$token" | "$slipway" helm registry login $registry -u admin --password-stdin
}
run "login" login
same "the login's file is its owner's alone" "$(stat -c %a "$dir/config/registry/config.json")" 600
run "push" "$slipway" helm push web-1.2.3.tgz oci://$registry/charts
run "show by range" "$slipway" helm show chart oci://$registry/charts/web --version '^1'
has "its description" "$out" "description: a <chart> & more"
run "template from the registry" "$slipway" helm template x oci://$registry/charts/web
refused "a version that is not there" "not found" "$slipway" helm pull oci://$registry/charts/web --version 9.9.9
run "logout" "$slipway" helm registry logout $registry

# Applications of charts: over HTTP with values of another source, and from the registry by a Secret
kubectl create namespace argocd > /dev/null 2>&1
run "a user" "$slipway" user create alice
alice=$out
run "a repository of values" "$slipway" repo create values --write alice
mkdir values
printf 'who: %s\n' git > values/web.yaml
(cd values && git init -q . && git add -A && git -c user.name=t -c user.email=t@example.com commit -qm one)
run "its values" git -C values push -q "http://alice:$alice@127.0.0.1:3000/git/values.git" HEAD:main
kubectl apply -f - > /dev/null << EOF
apiVersion: v1
kind: Secret
metadata: {name: charts, namespace: argocd, labels: {argocd.argoproj.io/secret-type: repo-creds}}
stringData: {url: $registry/charts, username: admin, password: "$token", enableOCI: "true", type: helm}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: http, namespace: argocd}
spec:
  project: default
  sources:
  - {repoURL: "http://127.0.0.1:8099", chart: web, targetRevision: 1.x, helm: {valueFiles: [\$values/web.yaml]}}
  - {repoURL: "http://127.0.0.1:3000/git/values.git", targetRevision: main, ref: values}
  destination: {server: "https://kubernetes.default.svc", namespace: default}
  syncPolicy: {automated: {prune: true}}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: oci, namespace: argocd}
spec:
  project: default
  source: {repoURL: "$registry/charts", chart: web, targetRevision: ^1, helm: {valuesObject: {who: oci}}}
  destination: {server: "https://kubernetes.default.svc", namespace: default}
  syncPolicy: {automated: {prune: true}}
EOF
who() { # Application, what the chart then says
    [ "$(kubectl get configmap "$1-web" -o 'jsonpath={.data.who}')" = "$2" ]
}
of_app() { # Application, jsonpath
    kubectl -n argocd get application "$1" -o "jsonpath=$2"
}
until_true 600 who http git && ok || bad "over HTTP: $(of_app http '{.status}')"
until_true 600 who oci oci && ok || bad "from the registry: $(of_app oci '{.status}')"
same "its version" "$(of_app oci '{.status.sync.revision}')" 1.2.3
same "its versions" "$(of_app http '{.status.sync.revisions[0]}')" 1.2.3
until_true 600 env SLIPWAY_DATA_DIR="$dir/data" "$slipway" diff http && ok || bad "what is synced differs"
kubectl -n argocd patch application oci --type merge -p '{"spec":{"source":{"helm":{"valuesObject":{"who":"me"}}}}}' > /dev/null
until_true 600 who oci me && ok || bad "other values: $(of_app oci '{.status}')"

# signatures
if command -v gpg > /dev/null && command -v gpgv > /dev/null; then
    export GNUPGHOME=$dir/gnupg
    mkdir -m 700 "$GNUPGHOME"
    gpg --batch --quiet --passphrase '' --quick-generate-key 'Signer <s@example.com>' 2> /dev/null
    gpg --batch --export > ring.gpg
    run "sign" "$slipway" helm package web --sign --key Signer --keyring /nowhere
    run "verify" "$slipway" helm verify web-1.2.3.tgz --keyring ring.gpg
    has "the signer" "$out" "Signed by: Signer <s@example.com>"
    run "template what is signed" "$slipway" helm template x web-1.2.3.tgz --verify --keyring ring.gpg
    printf x >> web-1.2.3.tgz
    refused "an archive that was changed" "sha256 sum does not match" "$slipway" helm verify web-1.2.3.tgz --keyring ring.gpg
    : > empty.gpg
    refused "a key that is not in the ring" "unknown entity" "$slipway" helm verify web-1.2.3.tgz --keyring empty.gpg
    gpgconf --kill all 2> /dev/null
fi

# the real one
helm=$(command -v helm)
if [ -n "$helm" ]; then
    "$slipway" helm package web > /dev/null
    run "helm reads what was packed" "$helm" template x web-1.2.3.tgz
    run "helm reads the repositories" "$helm" repo list
    has "helm sees the repository" "$out" loc
    "$slipway" helm dependency update umb > /dev/null
    run "helm accepts the lock" "$helm" dependency build umb
    run "helm pulls what was pushed" "$helm" pull oci://$registry/charts/web --plain-http -d "$dir/out"
fi
kill "$httpd"
