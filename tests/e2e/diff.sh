#!/bin/bash
# slipway diff: what a folder would change in what runs, and a commit in it.
. "$(dirname "$0")/common.bash"
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

# render
run "render all" "$slipway" render . --all-environments
has "titles" "$out" "# environment: overlays/prod"
has "masked" "$out" "password: '***'"
run "render into a folder" "$slipway" render . -A -o "$dir/made" --show-secrets
has "with secrets when asked" "$(cat "$dir/made/overlays-prod.yaml")" "first-secret-word"
echo 'resources: [gone.yaml]' > overlays/dev/kustomization.yaml
refused "one that cannot be rendered" "environment overlays/dev" "$slipway" render . -A
has "the others are there" "$out" "# environment: overlays/prod"
