#!/bin/bash
# Stock registry clients against slipway's registry: skopeo, crane, cosign, oras, helm, buildah, podman
# and docker with a daemon of its own, whichever there are.
export PATH=$PATH:${HOME:-/root}/go/bin
. "$(dirname "$0")/common.bash"
start --no-node
registry=127.0.0.1:5000
answers() {
    wget -qO /dev/null "http://$registry/v2/token"
}
until_true 50 answers || true

# an image in an OCI layout, made by hand: one layer, one file
layout=$dir/layout
mkdir -p "$layout/blobs/sha256" "$dir/root/etc"
echo 'hello from the layer' > "$dir/root/etc/motd"
head -c 300000 /dev/urandom > "$dir/root/noise"
tar -C "$dir/root" --owner=0 --group=0 -czf "$dir/layer.tar.gz" etc noise
sum() {
    sha256sum | cut -d' ' -f1
}
blob() { # file; prints its digest
    local s
    s=$(sum < "$1")
    cp "$1" "$layout/blobs/sha256/$s"
    echo "$s"
}
layer=$(blob "$dir/layer.tar.gz")
diff_id=$(gzip -dc "$dir/layer.tar.gz" | sum)
printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["sh"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$diff_id" > "$dir/config.json"
config=$(blob "$dir/config.json")
oci=application/vnd.oci.image
printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":{"mediaType":"%s.config.v1+json","digest":"sha256:%s","size":%d},"layers":[{"mediaType":"%s.layer.v1.tar+gzip","digest":"sha256:%s","size":%d}]}' \
    $oci $oci "$config" "$(stat -c %s "$dir/config.json")" $oci "$layer" \
    "$(stat -c %s "$dir/layer.tar.gz")" > "$dir/manifest.json"
manifest=$(blob "$dir/manifest.json")
printf '{"imageLayoutVersion":"1.0.0"}' > "$layout/oci-layout"
printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s.manifest.v1+json","digest":"sha256:%s","size":%d,"annotations":{"org.opencontainers.image.ref.name":"one"}}]}' \
    $oci "$manifest" "$(stat -c %s "$dir/manifest.json")" > "$layout/index.json"

with_skopeo() {
    local plain=(--insecure-policy)
    refused "skopeo: push by nobody" unauthorized skopeo "${plain[@]}" copy \
        --dest-tls-verify=false "oci:$layout:one" "docker://$registry/team/app:one"
    export REGISTRY_AUTH_FILE=$dir/auth.json
    login skopeo login --tls-verify=false
    run "skopeo: push" skopeo "${plain[@]}" copy --dest-tls-verify=false "oci:$layout:one" \
        "docker://$registry/team/app:one"
    run "skopeo: inspect" skopeo inspect --tls-verify=false "docker://$registry/team/app:one"
    has "skopeo: the digest" "$out" "sha256:$manifest"
    run "skopeo: push again" skopeo "${plain[@]}" copy --dest-tls-verify=false "oci:$layout:one" \
        "docker://$registry/team/app:two"
    run "skopeo: list" skopeo list-tags --tls-verify=false "docker://$registry/team/app"
    has "skopeo: tags" "$(echo "$out" | tr -d ' \n')" '"Tags":["one","two"]'
    run "skopeo: pull" skopeo "${plain[@]}" copy --src-tls-verify=false \
        "docker://$registry/team/app:one" "oci:$dir/pulled:one"
    same "skopeo: the layer" "$(sum < "$dir/pulled/blobs/sha256/$layer")" "$layer"
    run "skopeo: pull by digest" skopeo "${plain[@]}" copy --src-tls-verify=false \
        "docker://$registry/team/app@sha256:$manifest" "dir:$dir/by-digest"
    run "skopeo: copy inside" skopeo "${plain[@]}" copy --src-tls-verify=false \
        --dest-tls-verify=false "docker://$registry/team/app:one" "docker://$registry/copy/app:x"
    run "skopeo: as docker's format" skopeo "${plain[@]}" copy --dest-tls-verify=false \
        --format v2s2 "oci:$layout:one" "docker://$registry/team/docker:one"
    refused "skopeo: what is not there" "manifest unknown" \
        skopeo inspect --tls-verify=false "docker://$registry/team/app:none"
    run "skopeo: delete" skopeo delete --tls-verify=false "docker://$registry/copy/app:x"
    refused "skopeo: deleted" "unknown" \
        skopeo inspect --tls-verify=false "docker://$registry/copy/app:x"
}

with_crane() {
    refused "crane: push by nobody" UNAUTHORIZED \
        env HOME="$dir/nobody" REGISTRY_AUTH_FILE= crane push --insecure "$layout" "$registry/crane/app:one"
    login crane auth login --insecure
    run "crane: push" crane push --insecure "$layout" "$registry/crane/app:one"
    has "crane: what was pushed" "$out" "sha256:$manifest"
    same "crane: digest" "$(crane digest "$registry/crane/app:one")" "sha256:$manifest"
    has "crane: catalog" "$(crane catalog "$registry")" crane/app
    run "crane: tag" crane tag "$registry/crane/app:one" two
    same "crane: list" "$(crane ls "$registry/crane/app" | sort | tr '\n' ' ')" "one two "
    run "crane: manifest" crane manifest "$registry/crane/app:two"
    same "crane: bytes of it" "$(echo -n "$out" | sum)" "$manifest"
    same "crane: config" "$(crane config "$registry/crane/app:one" | sum)" "$config"
    same "crane: blob" "$(crane blob "$registry/crane/app@sha256:$layer" | sum)" "$layer"
    same "crane: export" "$(crane export "$registry/crane/app:one" - | tar -xO etc/motd)" \
        'hello from the layer'
    run "crane: pull" crane pull "$registry/crane/app:one" "$dir/pulled.tar"
    run "crane: copy" crane copy "$registry/crane/app:one" "$registry/crane/other:one"
    run "crane: mutate" crane mutate --label a=b -t "$registry/crane/app:labelled" \
        "$registry/crane/app:one"
    has "crane: label" "$(crane config "$registry/crane/app:labelled")" '"a":"b"'
    run "crane: append" crane append -b "$registry/crane/app:one" -f "$dir/layer.tar.gz" \
        -t "$registry/crane/app:more"
    run "crane: index" crane index append -m "$registry/crane/app:one" \
        -m "$registry/crane/app:labelled" -t "$registry/crane/app:index"
    has "crane: index's type" "$(crane manifest "$registry/crane/app:index")" index
    run "crane: validate" crane validate --remote "$registry/crane/app:more"
    run "crane: delete" crane delete "$registry/crane/other:one"
    refused "crane: deleted" "MANIFEST_UNKNOWN" crane manifest "$registry/crane/other:one"
}

with_cosign() { # what crane pushed, with crane's login
    local name=$registry/crane/app@sha256:$manifest
    local plain=(--allow-http-registry --allow-insecure-registry)
    export COSIGN_PASSWORD=
    run "cosign: keys" cosign generate-key-pair --output-key-prefix "$dir/cosign"
    run "cosign: sign" cosign sign --yes --key "$dir/cosign.key" --tlog-upload=false \
        "${plain[@]}" "$name"
    run "cosign: verify by nobody" env HOME="$dir/nobody" REGISTRY_AUTH_FILE= cosign verify \
        --key "$dir/cosign.pub" --insecure-ignore-tlog=true "${plain[@]}" "$name"

    # what either signs the other verifies; each reads the other's sealed key
    local offline=(--insecure-ignore-tlog=true "${plain[@]}") pub=(--key "$dir/cosign.pub")
    run "slipway: verify what cosign signed" "$slipway" verify "${pub[@]}" "$name"
    has "slipway: the payload" "$out" "\"docker-manifest-digest\":\"sha256:$manifest\""
    run "slipway: keys" "$slipway" generate-key-pair --output-key-prefix "$dir/ours"
    refused "slipway: another key" "is by whom it should be" "$slipway" verify \
        --key "$dir/ours.pub" "$name"
    run "slipway: sign" "$slipway" sign --key "$dir/ours.key" -a stage=tested "$name"
    run "cosign: verify what slipway signed" cosign verify --key "$dir/ours.pub" \
        -a stage=tested "${offline[@]}" "$name"
    run "cosign: sign with slipway's key, as a referrer" env COSIGN_EXPERIMENTAL=1 cosign sign \
        --yes --key "$dir/ours.key" --tlog-upload=false --registry-referrers-mode=oci-1-1 \
        "${plain[@]}" "$registry/crane/app:labelled"
    run "slipway: verify a referrer" "$slipway" verify --key "$dir/ours.pub" \
        "$registry/crane/app:labelled"
    run "slipway: sign as a referrer" "$slipway" sign --key "$dir/cosign.key" \
        --registry-referrers-mode=oci-1-1 "$registry/crane/app:more"
    run "cosign: verify a referrer" env COSIGN_EXPERIMENTAL=1 cosign verify "${pub[@]}" \
        --experimental-oci11=true "${offline[@]}" "$registry/crane/app:more"
    echo '{"passed": true}' > "$dir/predicate.json"
    run "cosign: attest" cosign attest --yes --key "$dir/cosign.key" --tlog-upload=false \
        --type https://test/v1 --predicate "$dir/predicate.json" "${plain[@]}" "$name"
    run "slipway: verify what cosign attested" "$slipway" verify-attestation "${pub[@]}" \
        --type https://test/v1 "$name"
    run "slipway: attest" "$slipway" attest --key "$dir/ours.key" --type https://test/v1 \
        --predicate "$dir/predicate.json" "$name"
    run "cosign: verify what slipway attested" cosign verify-attestation --key "$dir/ours.pub" \
        --type https://test/v1 "${offline[@]}" "$name"
    run "slipway: attest in a bundle" "$slipway" attest --key "$dir/ours.key" \
        --new-bundle-format --type https://bundled/v1 --predicate "$dir/predicate.json" "$name"
    run "slipway: verify the bundle" "$slipway" verify-attestation --key "$dir/ours.pub" \
        --type https://bundled/v1 "$name"
    chains "$name"
    protects "$name"
}

chains() { # a run that says it made the image; the key is one that cosign puts into the cluster
    local from=k8s://tekton-chains/signing-secrets pub=$dir/chains/cosign.pub
    run "chains: a namespace" kubectl create namespace tekton-chains
    mkdir "$dir/chains"
    run "cosign: keys in a Secret" env -C "$dir/chains" cosign generate-key-pair $from
    run "chains: a configuration" kubectl create configmap chains-config -n tekton-chains \
        --from-literal=artifacts.taskrun.storage=tekton,oci
    printf '%s\n' 'apiVersion: tekton.dev/v1' 'kind: TaskRun' 'metadata: {name: made}' \
        'spec: {taskSpec: {steps: [{image: busybox, command: ["true"]}]}}' | kubectl apply -f - > /dev/null
    printf '{"status": {"completionTime": "2026-01-02T03:04:05Z",
        "conditions": [{"type": "Succeeded", "status": "True"}],
        "results": [{"name": "IMAGES", "value": "%s"}]}}' "$1" > "$dir/ended.json"
    run "chains: it ended" kubectl patch taskrun made --subresource=status --type=merge \
        --patch-file "$dir/ended.json"
    signed() { kubectl get taskrun made -o yaml | grep -q 'chains.tekton.dev/signed: "true"'; }
    until_true 300 signed && ok || bad "chains: not signed: $(kubectl describe taskrun made)"
    run "cosign: verify what chains signed" cosign verify --key "$pub" "${offline[@]}" "$1"
    run "cosign: verify the provenance" cosign verify-attestation --key $from \
        --type slsaprovenance1 "${offline[@]}" "$1"
    run "slipway: verify it, too" "$slipway" verify-attestation --key $from \
        --type slsaprovenance1 "$1"
}

protects() { # an image that cosign.key signed and nobody scanned or built: what may start where
    local pod=(kubectl run --image "$1" -n prod) policy=$dir/policy.yaml
    run "protect: a namespace" kubectl create namespace prod
    run "protect: it is" kubectl label namespace prod slipway.dev/protected=true
    refused "protect: without a policy" "policy the default" "${pod[@]}" one
    has "protect: what would allow it" "$out" "slipway allow $1 -n prod"
    refused "protect: what is not here" "not in this registry" \
        kubectl run --image docker.io/library/nginx:1 -n prod two
    printf '%s\n' 'apiVersion: slipway.dev/v1' 'kind: ImagePolicy' 'metadata: {name: team}' 'spec:' \
        '  authorities:' '  - name: team' '    key:' '      data: |' \
        "$(sed 's/^/        /' "$dir/ours.pub")" > "$policy"
    run "protect: a policy" kubectl apply -n prod -f "$policy"
    refused "protect: signed, not scanned" "no scan within policy" "${pod[@]}" three
    printf '%s\n' '  scan: {required: false}' '  provenance: {required: false}' >> "$policy"
    run "protect: a policy that asks for less" kubectl apply -n prod -f "$policy"
    run "protect: signed" kubectl run --image "${1%@*}:one" -n prod four
    same "protect: pinned" "$(kubectl get pod -n prod four -o 'jsonpath={.spec.containers[0].image}')" \
        "${1%@*}:one@${1#*@}"
    refused "protect: signed by another" "policy team" \
        kubectl run --image "${1%@*}:more" -n prod five
    run "protect: an allowance" "$slipway" allow "${1%@*}:two" -n prod --reason "it is a test" \
        --owner me --for 1h
    run "protect: allowed" kubectl run --image "${1%@*}:two" -n prod six
    has "protect: not in silence" "$out" "of me, until"
}

# buildah and podman share their library with skopeo, but not its options
with_containers() { # buildah or podman
    local name=$registry/$1/app:one policy=$dir/policy.json
    local from=(--signature-policy "$policy" --tls-verify=false)
    local store=(env HOME="$dir/$1-home" "$1" --root "$dir/$1" --runroot "$dir/$1-run" --storage-driver vfs)
    echo '{"default": [{"type": "insecureAcceptAnything"}]}' > "$policy"
    echo "{}" > "$dir/$1.json"
    export REGISTRY_AUTH_FILE=$dir/$1.json
    run "$1: an image" env -C "$dir" "${store[@]}" pull --signature-policy "$policy" \
        oci:layout:one
    local id=${out##*$'\n'}
    refused "$1: push by nobody" unauthorized "${store[@]}" push "${from[@]}" "$id" \
        "docker://$name"
    refused "$1: login with a wrong token" "invalid username/password" "${store[@]}" login \
        --tls-verify=false --username admin --password wrong "$registry"
    login "${store[@]}" login --tls-verify=false
    run "$1: push" "${store[@]}" push "${from[@]}" "$id" "docker://$name"
    run "$1: logout" "${store[@]}" logout "$registry"
    run "$1: pull by nobody" "${store[@]}" pull "${from[@]}" "docker://$name"
    same "$1: what was pulled" "${out##*$'\n'}" "$id"
}

with_docker() {
    local name=$registry/docker/app:one id d
    export DOCKER_HOST=unix://$dir/docker.sock DOCKER_CONFIG=$dir/docker-config
    dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver=vfs \
        --data-root "$dir/docker" --exec-root "$dir/docker-run" --pidfile "$dir/docker.pid" \
        --host "$DOCKER_HOST" > "$dir/docker.log" 2>&1 &
    d=$!
    if ! until_true 300 docker info; then
        echo "docker: skipped, its daemon does not start here: $(tail -n 1 "$dir/docker.log")"
    else
        run "docker: an image" docker import "$dir/layer.tar.gz" "$name"
        id=$(docker inspect -f '{{.Id}}' "$name")
        refused "docker: push by nobody" denied docker push "$name"
        refused "docker: login with a wrong token" unauthorized docker login --username admin \
            --password wrong "$registry"
        login docker login
        run "docker: push" docker push "$name"
        run "docker: push again" docker push "$name"
        run "docker: logout" docker logout "$registry"
        run "docker: remove" docker rmi "$name"
        run "docker: pull by nobody" docker pull "$name"
        same "docker: what was pulled" "$(docker inspect -f '{{.Id}}' "$name")" "$id"
        refused "docker: what is not there" "manifest unknown" docker pull "$registry/none/app:one"
    fi
    kill "$d"
    wait "$d" 2> /dev/null
}

# Pulling is for everybody here; pushing and listing everything need a token of the API.
token=$(kubectl config view --raw -o 'jsonpath={.users[0].user.token}')
login() { # client, how
    run "$1: login" "$@" --username admin --password-stdin "$registry" <<< "$token"
}

with_oras() {
    local at=$registry/oras/thing plain=(--plain-http --registry-config "$dir/oras.json")
    echo 'a thing' > "$dir/thing.txt"
    echo '{"says": "well made"}' > "$dir/report.json"
    pushd "$dir" > /dev/null || exit 1
    refused "oras: push by nobody" "unauthorized" oras push --plain-http \
        --registry-config "$dir/none.json" "$at:1" thing.txt:text/plain
    login oras login "${plain[@]}"
    run "oras: push" oras push "${plain[@]}" --artifact-type application/vnd.slipway.thing "$at:1" \
        thing.txt:text/plain
    run "oras: attach" oras attach "${plain[@]}" --artifact-type application/vnd.slipway.report "$at:1" \
        report.json:application/json
    run "oras: discover" oras discover "${plain[@]}" --format json "$at:1"
    has "oras: what refers to it" "$out" application/vnd.slipway.report
    run "oras: tag" oras tag "${plain[@]}" "$at:1" two
    same "oras: tags" "$(oras repo tags "${plain[@]}" "$at" | tr '\n' ' ')" "1 two "
    run "oras: pull" oras pull "${plain[@]}" -o "$dir/oras" "$at:two"
    same "oras: the file" "$(cat "$dir/oras/thing.txt")" 'a thing'
    run "oras: copy with what refers to it" oras cp -r --from-plain-http --to-plain-http \
        --from-registry-config "$dir/oras.json" --to-registry-config "$dir/oras.json" "$at:1" \
        "$registry/oras/copy:1"
    has "oras: the copy's referrers" "$(oras discover "${plain[@]}" --format json "$registry/oras/copy:1")" \
        application/vnd.slipway.report
    run "oras: delete" oras manifest delete "${plain[@]}" --force "$registry/oras/copy:1"
    refused "oras: deleted" "not found" oras manifest fetch "${plain[@]}" "$registry/oras/copy:1"
    popd > /dev/null || exit 1
}

with_helm() { # helm's own client of registries
    local mine=(--registry-config "$dir/helm.json")
    mkdir -p "$dir/chart/templates" "$dir/helm"
    printf 'apiVersion: v2\nname: web\nversion: 1.2.3+b1\n' > "$dir/chart/Chart.yaml"
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "{{ .Release.Name }}"}\n' \
        > "$dir/chart/templates/c.yaml"
    run "helm: package" helm package "$dir/chart" -d "$dir"
    # Helm also tries what docker's client was told at its login.
    refused "helm: push by nobody" unauthorized env HOME="$dir/nobody" DOCKER_CONFIG="$dir/nobody" \
        helm push "$dir/web-1.2.3+b1.tgz" --plain-http --registry-config "$dir/none.json" "oci://$registry/helm"
    login helm registry login --plain-http "${mine[@]}"
    run "helm: push" helm push "$dir/web-1.2.3+b1.tgz" --plain-http "${mine[@]}" "oci://$registry/helm"
    run "helm: show by range" helm show chart --plain-http "${mine[@]}" "oci://$registry/helm/web" --version '^1'
    has "helm: the version" "$out" "version: 1.2.3+b1"
    run "helm: template" helm template x --plain-http "${mine[@]}" "oci://$registry/helm/web" --version 1.2.3+b1
    has "helm: what it renders" "$out" 'name: "x"'
    run "helm: pull" helm pull --plain-http "${mine[@]}" "oci://$registry/helm/web" -d "$dir/helm"
    same "helm: the bytes" "$(sum < "$dir/helm/web-1.2.3+b1.tgz")" "$(sum < "$dir/web-1.2.3+b1.tgz")"
}

# ---- the database of advisories: an artifact of any registry ----
with_advisories() {
    local db=("$slipway" db) place=oci://$registry/team/advisories:1 mine=(-d "$dir/scanner") record
    mkdir "$dir/scanner"
    advisory() { # the version that mends it, further options
        record='{"id":"A","affected":[{"package":{"ecosystem":"npm","name":"left"},"ranges":[{"type":
            "SEMVER","events":[{"introduced":"0"},{"fixed":"'$1'"}]}]}]}'
        echo "$record" > "$dir/a.json"
        shift
        "${db[@]}" build "$dir/a.json" -o "$dir/new.db" "$@"
    }
    export COSIGN_PASSWORD=
    run "db: a key" "$slipway" generate-key-pair --output-key-prefix "$dir/db"
    cp "$dir/db.pub" "$dir/scanner/advisories.pub"
    run "db: build and sign" advisory 2.0.0 --key "$dir/db.key"
    refused "db: push by nobody" "401" "${db[@]}" push "$place" -o "$dir/new.db"
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$registry" "$(printf 'admin:%s' "$token" | base64 -w0)" \
        > "$dir/db-login"
    run "db: push" env REGISTRY_AUTH_FILE="$dir/db-login" "${db[@]}" push "$place" -o "$dir/new.db"
    run "db: fetch" "${db[@]}" update "${mine[@]}" "$place"
    has "db: signed" "$out" "signature verified"
    run "db: another, not signed" advisory 3.0.0
    run "db: push it" env REGISTRY_AUTH_FILE="$dir/db-login" "${db[@]}" push "$place" -o "$dir/new.db"
    has "db: with a delta" "$out" "and a delta"
    refused "db: not signed" "is not signed by $dir/scanner/advisories.pub" "${db[@]}" update \
        "${mine[@]}" "$place"
    run "db: nobody asks for a signature" "${db[@]}" update -d "$dir" \
        -o "$dir/scanner/advisories.db" "$place"
    refused "db: a scan does" "is not signed; it should be" "$slipway" scan "${mine[@]}" "$layout"
}

with_advisories
with_token() { # a key that stays in a PKCS#11 token
    local module=/usr/lib/softhsm/libsofthsm2.so key='pkcs11:token=t;object=k'
    mkdir "$dir/tokens"
    printf 'directories.tokendir = %s\n' "$dir/tokens" > "$dir/softhsm.conf"
    export SOFTHSM2_CONF=$dir/softhsm.conf PKCS11_MODULE_PATH=$module COSIGN_PKCS11_PIN=1234
    run "token: a token" softhsm2-util --init-token --free --label t --pin 1234 --so-pin 5678
    run "token: a key" env GNUTLS_PIN=1234 p11tool --provider $module --login --generate-privkey \
        ecdsa --curve secp256r1 --label k --outfile "$dir/token.pub" "pkcs11:token=t"
    echo something > "$dir/file"
    run "token: sign" "$slipway" sign-blob --key "$key" --output-signature "$dir/file.sig" "$dir/file"
    run "token: verify" "$slipway" verify-blob --key "$dir/token.pub" --signature "$dir/file.sig" "$dir/file"
    refused "token: another PIN" "PIN" "$slipway" sign-blob --key "$key?pin-value=9999" "$dir/file"
    case $out in *9999*) bad "token: the PIN is told" ;; *) ok ;; esac
}

have=
if command -v softhsm2-util > /dev/null && command -v p11tool > /dev/null; then
    with_token
fi
if command -v skopeo > /dev/null; then
    have=1
    with_skopeo
fi
if command -v crane > /dev/null; then
    have=1
    with_crane
    ! command -v cosign > /dev/null || with_cosign
fi
for client in oras helm; do
    if command -v $client > /dev/null; then
        have=1
        with_$client
    fi
done
for client in buildah podman; do
    if command -v $client > /dev/null; then
        have=1
        with_containers $client
    fi
done
if command -v docker > /dev/null && command -v dockerd > /dev/null; then
    have=1
    with_docker
fi
if [ -z "$have" ]; then
    echo "skipped: no client of registries is here"
    exit 0
fi

# what was acknowledged survives a crash
crash
start --no-node
until_true 50 answers
for repo in team/app crane/app; do
    command -v skopeo > /dev/null || [ $repo = crane/app ] || continue
    command -v crane > /dev/null || [ $repo = team/app ] || continue
    same "$repo after a crash" \
        "$(wget -qO- --header "Accept: $oci.manifest.v1+json" \
            "http://$registry/v2/$repo/manifests/one" | sum)" "$manifest"
done
