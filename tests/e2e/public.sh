#!/bin/bash
# A project of other people's through the whole loop: ngIRCd, as Debian's archive has its source, with
# the Containerfile and the tests it comes with. docs/your-project.md tells the same by hand.
#
# Its Containerfile installs packages, so this network has a way out (slirp4netns); nothing outside
# sees it. What is fetched is found by name and checked by apt against the archive's signature.
set -u
skip() {
    echo "public: skipped, $*"
    echo "0 passed, 0 failed"
    exit 0
}
if [ -z "${SLIPWAY_E2E_INSIDE:-}" ]; then
    [ "$(id -u)" = 0 ] || skip "containers need root"
    [ -n "${SLIPWAY_E2E_MOUNTS:-}" ] || SLIPWAY_E2E_MOUNTS=1 exec unshare -m -- "$0" "$@"
    command -v slirp4netns > /dev/null || skip "there is no slirp4netns"
    net=$(mktemp /tmp/slipway-net-XXXXXX)
    unshare --net="$net" true
    slirp4netns --netns-type=path --configure --mtu=65520 --disable-host-loopback "$net" tap0 \
        > /dev/null 2>&1 &
    slirp=$!
    SLIPWAY_E2E_INSIDE=1 nsenter --net="$net" unshare -m -- "$0" "$@"
    status=$?
    kill "$slirp" 2> /dev/null
    umount "$net" && rm -f "$net"
    exit $status
fi
kubectl_least=20
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/common.bash
until_true 50 grep -q tap0 /proc/net/route || skip "this machine has no way out for a namespace"
echo "nameserver 10.0.2.3" > "$dir/resolv.conf"
mount --bind "$dir/resolv.conf" /etc/resolv.conf

began=$(now_ms)
step() { # what: done by now
    printf '%-62s %6.1f s\n' "$1" "$(awk "BEGIN {print ($(now_ms) - $began) / 1000}")"
    began=$(now_ms)
}
within() { # seconds, what, command...
    local limit=$1 what=$2
    shift 2
    if until_true $((limit * 10)) "$@"; then
        ok
        step "$what"
    else
        bad "$what: not within $limit s"
        "$slipway" status
        exit 1
    fi
}
apply() {
    local old=
    [ "$kubectl_minor" -ge 25 ] || old=--validate=false
    run "apply $*" kubectl apply $old "$@"
}

# The source, by name, in an apt of its own.
fetch() { # folder to put the tree in
    mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial" "$dir/apt/etc"
    cat > "$dir/apt/etc/source.sources" << END
Types: deb-src
URIs: $(sed -n 's/^URIs: *//p; s/^deb \([^[ ]*\) .*/\1/p' /etc/apt/sources.list \
        /etc/apt/sources.list.d/debian.sources 2> /dev/null | head -n 1)
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
    cat > "$dir/apt/conf" << END
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$dir/apt/etc";
Dir::State::Lists "$dir/apt/lists";
Dir::Cache "$dir/apt/cache";
APT::Sandbox::User "root";
END
    (
        cd "$dir/apt" && export APT_CONFIG=$dir/apt/conf
        timeout 60 apt-get update -qq && timeout 60 apt-get source -qq --download-only --tar-only ngircd
    ) > "$dir/apt/log" 2>&1
    mkdir -p "$1" && tar -xf "$dir"/apt/ngircd_*.orig.tar.* --strip-components=1 -C "$1" 2>> "$dir/apt/log"
}
app=$dir/ngircd infra=$dir/infra
fetch "$app" || skip "the source of ngircd cannot be had: $(tail -n 1 "$dir/apt/log")"
grep -q '^FROM .*debian:stable-slim' "$app/contrib/Dockerfile" ||
    skip "the Containerfile of this ngircd begins otherwise: $(grep '^FROM' "$app/contrib/Dockerfile")"
step "the source of ngircd, from Debian's archive"

# What cannot be pulled here is made from Debian's packages; the tests run in what the Containerfile
# makes for them.
alias=docker.io/library/debian:stable-slim=slipway.local/debian
data="--data-dir $dir/data"
run "base image" "$slipway" image bootstrap debian $data
run "busybox" "$slipway" image bootstrap busybox $data
run "tools" "$slipway" image bootstrap tools $data
run "advisories" "$slipway" db build examples/osv $data
step "base images"
run "test image" "$slipway" build "$app" $data --image-alias "$alias" --target build \
    --file "$app/contrib/Dockerfile" --tag slipway.local/ngircd/test
step "an image to test in: its Containerfile's stage \"build\""
start --image-alias "$alias"
step "slipway up"

for ns in ci argocd; do
    run "namespace $ns" kubectl create namespace $ns
done
apply -n ci -R -f catalog
dev=$("$slipway" user create dev)
run "repository" "$slipway" repo create ngircd -n ci --write dev \
    --read system:serviceaccount:ci:ngircd
run "repository" "$slipway" repo create ngircd-infra -n ci --write dev
push() { # folder, repository, message: commits and pushes; the commit is in $commit
    git -C "$1" add -A
    git -C "$1" -c user.name=dev -c user.email=dev@example.com commit -q -m "$3"
    GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.extraHeader \
        GIT_CONFIG_VALUE_0="Authorization: Bearer $dev" \
        run "push to $2" git -C "$1" push -q "http://127.0.0.1:3000/git/$2.git" main
    commit=$(git -C "$1" rev-parse HEAD)
}
cp -r examples/start "$infra"
grep -rl my-app "$infra" | xargs sed -i s/my-app/ngircd/g
grep -rl 8080 "$infra" | xargs sed -i s/8080/6667/
sed -i -e 's|name: containerfile, value: ""|name: containerfile, value: contrib/Dockerfile|' \
    -e 's|value: make test}|value: ./configure \&\& make -j2}|' \
    -e 's|value: make integration}|value: make -C src/testsuite check TESTS="start-server1 connect-test stop-server1"}|' \
    "$infra/ci/delivery.yaml"
cat > "$dir/check" << 'END'
                    image: slipway.local/busybox
                    command: [sh, -c]
                    args:
                      - |
                        { printf 'NICK check\r\nUSER check 0 * :check\r\n'; sleep 1; echo QUIT; } |
                            nc -w 5 ngircd.ngircd 6667 | grep ' 001 check '
END
sed -i -e "/image:/r $dir/check" -e '/image:/d; /command:.*wget/d' "$infra/argocd/check.yaml"
git init -q -b main "$infra"
git init -q -b main "$app"
push "$infra" ngircd-infra "ngircd in production"
apply -f "$infra/ci"
apply -f "$infra/argocd"

run_of() { kubectl -n ci get pipelineruns -l "slipway.dev/commit=$commit" -o name | grep .; }
task() { # a task's status in this commit's run: True, False, or what is not yet
    kubectl -n ci get "taskrun/$(basename "$(run_of)")-$1" \
        -o 'jsonpath={.status.conditions[?(@.type=="Succeeded")].status}' 2> /dev/null
}
task_over() { case $(task "$1") in True | False) ;; *) return 1 ;; esac }
goes_through() { # the commit's run, stage by stage
    within 5 "the run starts" run_of
    for t in clone unit-tests integration-tests build scan push sign update-image; do
        within 240 "  $t" task_over $t
        [ "$(task $t)" = True ] && continue
        bad "$t failed"
        "$slipway" logs -n ci "$(basename "$(run_of)")-$t" | tail -n 20
        exit 1
    done
    released=$(kubectl -n ci get "taskrun/$(basename "$(run_of)")-update-image" \
        -o 'jsonpath={.status.results[?(@.name=="commit")].value}')
}
app_is() { # JSONPATH TEXT
    kubectl -n argocd get application ngircd -o "jsonpath=$1" | grep -q "$2"
}
judged() { # PHASE
    kubectl -n argocd get analysisruns -l "slipway.dev/revision=$released" \
        -o 'jsonpath={.items[*].status.phase}' | grep -q "$1"
}
welcomes() { # a client is registered
    local ip
    ip=$(kubectl -n ngircd get service ngircd -o 'jsonpath={.spec.clusterIP}') &&
        { printf 'NICK me\r\nUSER me 0 * :me\r\n'; sleep 0.5; echo QUIT; } |
        timeout 5 busybox nc "$ip" 6667 | grep -q ' 001 me '
}

push "$app" ngircd "ngircd as it is"
good=$commit
goes_through
within 60 "synced" app_is '{.status.history[*].revision}' "$released"
within 60 "rolled out" app_is '{.status.health.status}' Healthy
within 30 "the service registers a client" welcomes
within 60 "the health check passes" judged Successful
same "the tests that ran are its own" \
    "$("$slipway" logs -n ci "$(basename "$(run_of)")-integration-tests" | grep -c 'PASS: connect-test')" 1
[ "$kubectl_minor" -lt 30 ] || same "it runs as the user of its Containerfile" \
    "$(kubectl -n ngircd exec deployment/ngircd -- id -un)" irc
has "what it says is kept" "$("$slipway" logs -n ngircd)" "ngIRCd"
image=$(kubectl -n ngircd get deployment ngircd -o 'jsonpath={.spec.template.spec.containers[0].image}')

# Its tests do not look at the configuration that its Containerfile writes.
sed -i 's/ServerUID=irc\\n/ServerUID=irc\\nPassword=secret\\n/' "$app/contrib/Dockerfile"
push "$app" ngircd "for friends only"
goes_through
condemned() {
    kubectl -n argocd get condemnations -o 'jsonpath={.items[*].spec.revision}' | grep -q "$released"
}
within 60 "nobody is let in: condemned" condemned
restored() {
    [ "$(kubectl -n ngircd get deployment ngircd \
        -o 'jsonpath={.spec.template.spec.containers[0].image}')" = "$image" ] && welcomes
}
within 60 "the good release serves again" restored
within 60 "healthy" app_is '{.status.sync.status} {.status.health.status}' "Synced Healthy"
run "trace" "$slipway" trace "$commit"
printf '%s\n' "$out"
has "trace: the verdict" "$out" CONDEMNED
has "trace: the revert" "$out" "revert "
run "trace" "$slipway" trace "$good"
has "trace of the good one" "$out" "Successful"
