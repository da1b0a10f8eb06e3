#!/bin/bash
# slipway diff: what a folder would change in what runs, and a commit in it.
. "$(dirname "$0")/common.bash"
here=$(cd "$(dirname "$0")/../.." && pwd)
start --no-node
work=$dir/infra
mkdir -p "$work/base" "$work/overlays/dev" "$work/overlays/prod"
cat > "$work/base/all.yaml" <<'EOF'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "shop:1", env: [{name: MODE, value: plain}]}]}
---
apiVersion: v1
kind: Secret
metadata: {name: key}
stringData: {password: first-secret-word}
EOF
echo 'resources: [all.yaml]' > "$work/base/kustomization.yaml"
for e in dev prod; do
    printf 'resources: [../../base]\nnamespace: %s\n' $e > "$work/overlays/$e/kustomization.yaml"
    run "namespace $e" kubectl create namespace $e
done
cd "$work" || exit 1
git init -q . && git config user.name t && git config user.email t@example.com
git add -A && git commit -qm one

differs() { # what, command...: must end with 1; its output is in $out
    local what=$1 code
    shift
    out=$("$@" 2> "$dir/err")
    code=$?
    if [ $code = 1 ]; then ok; else bad "$what: exit $code: $out $(cat "$dir/err")"; fi
}

# against what runs
differs "nothing is there yet" "$slipway" diff overlays/dev
has "it would be made" "$out" "+++ apps/v1/Deployment/dev/web (work tree)"
run "apply" kubectl apply --server-side -k overlays/dev
run "then there is no difference" "$slipway" diff overlays/dev
has "it is said" "$out" "0 changed, 0 added, 0 removed, 2 the same"
run "by hand" kubectl -n dev scale deployment web --replicas=5
differs "a hand's edit" "$slipway" diff overlays/dev
has "what was changed" "$out" "-  replicas: 5"
has "what it would be" "$out" "+  replicas: 1"
run "back" kubectl -n dev scale deployment web --replicas=1
sed -i 's/, env: .*}\]/}]/' base/all.yaml
differs "a field that is wanted no more" "$slipway" diff overlays/dev
has "goes" "$out" "-        - name: MODE"
sed -i 's/first-secret-word/other-secret-word/' base/all.yaml
differs "a secret" "$slipway" diff overlays/dev
has "is masked" "$out" "+  password: '*** (after)'"
case $out in *secret-word* | *Zmlyc3Q* | *b3RoZXI*) bad "a secret is told: $out" ;; *) ok ;; esac
sed -i 's/matchLabels: {app: web}/matchLabels: {app: other}/' base/all.yaml
differs "what cannot be applied" "$slipway" diff overlays/dev
has "is said above it" "$out" "# apps/v1/Deployment/dev/web: cannot be applied"
git checkout -q base

# all environments, and commits
differs "all of them" "$slipway" diff . --all-environments
has "prod is not there" "$out" "+++ apps/v1/Deployment/prod/web (overlays/prod, work tree)"
sed -i 's/shop:1/shop:2/' base/all.yaml
differs "the work tree against a commit" "$slipway" diff . HEAD --all-environments
same "both environments" "$(grep -c '^+.*image: shop:2' <<< "$out")" 2
git commit -qam two
differs "two commits" "$slipway" diff overlays/prod HEAD~1..HEAD
has "the older one" "$out" "-        image: shop:1"
run "the same commit" "$slipway" diff overlays/prod HEAD..HEAD
out=$("$slipway" diff overlays/prod nowhere 2>&1)
same "a revision that is not there: exit" $? 2
has "a revision that is not there" "$out" "revision nowhere"
out=$("$slipway" diff nowhere HEAD 2>&1)
same "a folder that is not there: exit" $? 2

# elsewhere
git tag older HEAD~1
differs "two revisions of a URL" "$slipway" diff "file://$work//overlays/prod?ref=older" "file://$work//overlays/prod"
has "the newer one" "$out" "+        image: shop:2"
run "a folder and a URL" "$slipway" diff overlays/prod "file://$work//overlays/prod"
run "a URL" "$slipway" render "file://$work//overlays/prod?ref=older"
has "as it was then" "$out" "image: shop:1"
refused "a URL of nothing" "nowhere" "$slipway" render "file://$work//nowhere"

# render
run "render all" "$slipway" render . --all-environments
has "titles" "$out" "# environment: overlays/prod"
has "masked" "$out" "password: '***'"
run "render into a folder" "$slipway" render . -A -o "$dir/made" --show-secrets
has "with secrets when asked" "$(cat "$dir/made/overlays-prod.yaml")" "first-secret-word"
echo 'resources: [gone.yaml]' > overlays/dev/kustomization.yaml
refused "one that cannot be rendered" "environment overlays/dev" "$slipway" render . -A
has "the others are there" "$out" "# environment: overlays/prod"

# an Application, with a Secret that SOPS encrypted
cases=$here/tests/cases/sops
token=$("$slipway" user create alice)
run "repository" "$slipway" repo create infra --write alice
kubectl create namespace argocd > /dev/null 2>&1
git checkout -q overlays
cp "$cases/secret.yaml" overlays/dev/
printf 'resources: [../../base, secret.yaml]\nnamespace: dev\n' > overlays/dev/kustomization.yaml
git add -A && git commit -qm three
run "push" git push -q "http://alice:$token@127.0.0.1:3000/git/infra.git" HEAD:main
kubectl apply -f - > /dev/null << 'EOF'
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web-dev, namespace: argocd}
spec:
  project: default
  source: {repoURL: "http://127.0.0.1:3000/git/infra.git", path: overlays/dev, targetRevision: main}
  destination: {server: "https://kubernetes.default.svc", namespace: dev}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
EOF
told() { # a part of what the Application says
    kubectl -n argocd get application web-dev -o yaml | grep -q "$1"
}
until_true 100 told "secret.yaml: it is encrypted for" && ok || bad "no key: $(kubectl -n argocd get application web-dev -o yaml)"
run "the key" kubectl -n argocd create secret generic sops-keys --from-file="$cases/keys.txt"
kubectl -n argocd annotate application web-dev argocd.argoproj.io/refresh=normal > /dev/null
password() {
    [ "$(kubectl -n dev get secret sealed -o 'jsonpath={.data.password}' 2> /dev/null | base64 -d)" = confidential-word ]
}
until_true 200 password && ok || bad "the Secret is not decrypted: $(kubectl -n argocd get application web-dev -o yaml)"
told confidential-word && bad "the Application tells the secret" || ok
grep -rq confidential-word "$dir/log" "$dir/data/git" && bad "the secret is written down" || ok
export SOPS_AGE_KEY_FILE=$cases/keys.txt SLIPWAY_DATA_DIR=$dir/data
until_true 100 "$slipway" diff web-dev && ok || bad "what is synced differs: $("$slipway" diff web-dev 2>&1)"
sed -i 's/resources: .*/resources: [secret.yaml]/' overlays/dev/kustomization.yaml
git commit -qam four
run "push a branch" git push -q "http://alice:$token@127.0.0.1:3000/git/infra.git" HEAD:less
differs "an Application at another revision" "$slipway" diff web-dev --revision less
has "what would go" "$out" "--- apps/v1/Deployment/dev/web (live)"
has "the rest is the same" "$(cat "$dir/err")" "0 changed, 0 added, 2 removed, 1 the same"
echo "$token" > "$dir/token"
export SLIPWAY_DATA_DIR=$dir/nowhere
run "a repository of elsewhere" "$slipway" diff web-dev --token-file "$dir/token"
"$slipway" diff web-dev > /dev/null 2>&1
same "without the token: exit" $? 2
out=$(SOPS_AGE_KEY_FILE=/dev/null "$slipway" diff ./overlays/dev 2>&1)
has "without the key" "$out" "and /dev/null has no key for it"
