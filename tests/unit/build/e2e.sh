#!/bin/sh
# usage: e2e.sh BUILDER REGISTRY_SERVE
# Bootstraps a base, builds on it, serves the result, and lets other people's clients judge.
set -u
builder=$1 serve=$2
crane=${CRANE:-$(command -v crane || true)}
[ "$(id -u)" = 0 ] && command -v crun >/dev/null && command -v skopeo >/dev/null || exit 77

dir=$(mktemp -d /tmp/slipway-e2e-XXXXXX)
server=
finish() {
    [ -n "$server" ] && kill "$server" 2>/dev/null
    rm -rf "$dir"
}
trap finish EXIT
. "$(dirname "$0")/judge.sh"
build() { "$builder" "$dir/store" build "$@" 2>"$dir/log"; }

base=$("$builder" "$dir/store" busybox slipway.local/busybox)
is "bootstrap is deterministic" "$base" "$("$builder" "$dir/other" busybox slipway.local/busybox)"

mkdir -p "$dir/ctx/src/deep" "$dir/ctx/pack"
cd "$dir/ctx" || exit 1
echo hello >src/a.txt && echo log >src/b.log && echo deep >src/deep/c.txt && ln -s a.txt src/link
echo packed >pack/p && tar czf pack.tar.gz pack && tar cJf pack.tar.xz pack && tar cjf pack.tbz pack && printf '**/*.log\n' >.dockerignore
chmod 600 src/a.txt
cat >Containerfile <<'END'
ARG BASE=slipway.local/busybox
FROM ${BASE} AS base
ONBUILD RUN echo triggered > /triggered
FROM ${BASE} AS compile
ARG VERSION=1
ENV FLAGS="-O2 -g" V=${VERSION}
WORKDIR /work
COPY --chmod=644 src/ ./
RUN test ! -e b.log && test "$(readlink link)" = a.txt && cat a.txt deep/c.txt > out && \
    # a comment between
    echo "$FLAGS $V" >> out
RUN --mount=type=secret,id=token test "$(cat /run/secrets/token)" = s3cret
RUN --mount=type=secret,id=token,env=TOKEN test "$TOKEN" = s3cret
RUN --mount=type=cache,target=/cache echo x >> /cache/n; --mount
RUN --mount=type=bind,source=src,target=/mnt/src --mount=type=tmpfs,target=/scratch \
    test -f /mnt/src/a.txt && touch /scratch/x && ! touch /mnt/src/y
RUN --network=none ! wget -q -T 1 http://127.0.0.1/
FROM ${BASE} AS unused
RUN false
FROM ${BASE}
COPY --from=compile --chown=nobody:nogroup /work/out /data/
COPY --from=compile --parents /work/./deep/*.txt /parents/
ADD pack.tar.gz /unpacked/
ADD pack.tar.xz /unpacked-xz/
ADD pack.tbz /unpacked-bz/
COPY <<A <<-"B" /etc/app/
first $PATH
A
	second $PATH
	B
RUN rm -r /usr/bin && mkdir /usr/bin && touch /usr/bin/new
RUN <<SCRIPT
#!/bin/sh
id -u > /tmp/uid
SCRIPT
USER nobody
RUN id -u > /tmp/nobody && pwd >> /tmp/nobody
VOLUME /data
EXPOSE 80 53/udp
STOPSIGNAL SIGTERM
LABEL org.example="a b" other=c
HEALTHCHECK --interval=10s --retries=2 CMD ["true"]
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["cat /data/out"]
END
sed -i 's/; --mount$//' Containerfile
ok "build" build "$dir/ctx" slipway.local/team/app:1
cp "$dir/out" "$dir/first"
[ "$failed" = 0 ] || cat "$dir/log"
is "again, all from the cache" "$(cut -d' ' -f1 "$dir/first")" "$(build "$dir/ctx" slipway.local/team/app:1 | cut -d' ' -f1)"
ok "RUN is cached" grep -q CACHED "$dir/log"
ok "the cache folder is no layer" sh -c "! find '$dir'/store/layers -name cache -path '*/fs/cache/*' | grep -q ."
one=$(build "$dir/ctx" slipway.local/team/app:e SOURCE_DATE_EPOCH=1700000000 | cut -d' ' -f1)
two=$("$builder" "$dir/other" build "$dir/ctx" slipway.local/x SOURCE_DATE_EPOCH=1700000000 2>/dev/null | cut -d' ' -f1)
is "reproducible elsewhere" "$one" "$two"
touch src/a.txt
build "$dir/ctx" slipway.local/team/app:1 >/dev/null
ok "times do not spoil the cache" sh -c "! grep -q '^#[0-9]* DONE.*RUN' '$dir/log'"
printf 'FROM slipway.local/busybox\nRUN echo no && false\n' >bad.txt
mkdir "$dir/bad" && cp bad.txt "$dir/bad/Containerfile"
ok "a failing RUN fails" sh -c "! '$builder' '$dir/store' build '$dir/bad' slipway.local/bad 2>'$dir/log'"
ok "and says where" grep -q "Containerfile:2: RUN echo no && false: exit code 1" "$dir/log"
is "no container is left" "" "$(ls "$dir/store/run/containers")"
is "no scratch is left" "" "$(ls "$dir/store/build")"


# kill -9 in the middle of a RUN: the next start cleans up, the cache keeps what was finished.
mkdir "$dir/long"
printf 'FROM slipway.local/busybox\nRUN echo first > /f\nRUN sleep 1000\n' >"$dir/long/Containerfile"
"$builder" "$dir/store" build "$dir/long" slipway.local/long >/dev/null 2>"$dir/log" &
victim=$!
tries=0
while [ $tries -lt 100 ] && ! grep -q 'sleep 1000' "$dir/log"; do
    tries=$((tries + 1))
    sleep 0.1
done
sleep 0.3
kill -9 $victim
wait $victim 2>/dev/null
printf 'FROM slipway.local/busybox\nRUN echo first > /f\nRUN echo second > /g\n' >"$dir/long/Containerfile"
ok "a build after a crash" build "$dir/long" slipway.local/long
ok "goes on from the cache" grep -q '^#1 CACHED' "$dir/log"
is "no container is left after a crash" "" "$(ls "$dir/store/run/containers")"
is "no scratch is left after a crash" "" "$(ls "$dir/store/build")"

# With a pod network RUN has an address of its own and does not see the host's loopback.
mkdir "$dir/net"
cat >"$dir/net/Containerfile" <<'END'
FROM slipway.local/busybox
RUN ip addr | grep -q 'inet 10\.88\.' && grep -q 'nameserver 10\.88\.0\.1' /etc/resolv.conf && ! ip addr | grep -q slipway0
RUN --network=none ! ip addr | grep -q 'inet 10'
END
if unshare -n true 2>/dev/null; then
    ok "RUN in the pod network" unshare -n sh -c "ip link set lo up; '$builder' '$dir/store' netbuild '$dir/net' slipway.local/net 2>&1 && ! ip link | grep -q '[0-9]: sw[0-9a-f]'"
fi

mkfifo "$dir/in"
"$serve" "$dir/store" 127.0.0.1:0 <"$dir/in" >"$dir/port" &
server=$!
exec 9>"$dir/in"
while [ ! -s "$dir/port" ]; do sleep 0.01; done
at=127.0.0.1:$(cat "$dir/port")
ok "skopeo pulls" skopeo copy --src-tls-verify=false "docker://$at/team/app:1" "oci:$dir/oci:x"
ok "skopeo pushes schema 2" skopeo copy --dest-tls-verify=false --format v2s2 "oci:$dir/oci:x" "docker://$at/team/s2:1"
ok "skopeo inspects" skopeo inspect --tls-verify=false "docker://$at/team/s2:1"
ok "we pull from a registry" "$builder" "$dir/third" pull "$at/team/s2:1"
ok "we push to a registry" "$builder" "$dir/third" push "$at/team/s2:1" "$at/team/back:1"
if [ -x "$crane" ]; then
    ok "crane validates" "$crane" validate --remote "$at/team/app:1"
    ok "crane validates what skopeo pushed" "$crane" validate --remote "$at/team/s2:1"
    ok "crane validates what we pushed" "$crane" validate --remote "$at/team/back:1"
    "$crane" export "$at/team/app:1" "$dir/fs.tar" && mkdir "$dir/fs" && tar xf "$dir/fs.tar" -C "$dir/fs"
    is "content" "hello deep -O2 -g 1" "$(tr '\n' ' ' <"$dir/fs/data/out" | sed 's/ $//')"
    is "owner" 65534:65534 "$(stat -c %u:%g "$dir/fs/data/out")"
    is "parents" deep "$(cat "$dir/fs/parents/deep/c.txt")"
    is "archives" "packed packed packed" "$(cat "$dir"/fs/unpacked*/pack/p | tr '\n' ' ' | sed 's/ $//')"
    is "here-document, as it stands" 'second $PATH' "$(cat "$dir/fs/etc/app/B")"
    is "here-document, expanded" "first /usr/local" "$(cut -c1-16 "$dir/fs/etc/app/A")"
    is "opaque folder" new "$(ls "$dir/fs/usr/bin")"
    is "script" 0 "$(cat "$dir/fs/tmp/uid")"
    is "user" "65534 /" "$(tr '\n' ' ' <"$dir/fs/tmp/nobody" | sed 's/ $//')"
    is "no stubs" "" "$(ls -d "$dir/fs/etc/resolv.conf" "$dir/fs/dev/pipes" 2>/dev/null)"
    ok "no secret" sh -c "! grep -rq s3cret '$dir/fs' && ! '$crane' config '$at/team/app:1' | grep -q s3cret"
fi

# for another machine: nothing of it runs here, but what stages of this one make goes into it
mkdir "$dir/foreign"
cat >"$dir/foreign/Containerfile" <<'END'
FROM --platform=$BUILDPLATFORM slipway.local/busybox AS tools
RUN echo "for $TARGETPLATFORM" > /made
FROM scratch
COPY --from=tools /made /made
END
ok "for another machine" env BUILD_FOR=linux/s390x "$builder" "$dir/store" build "$dir/foreign" slipway.local/foreign:1
echo 'RUN ["/made"]' >>"$dir/foreign/Containerfile"
env BUILD_FOR=linux/s390x "$builder" "$dir/store" build "$dir/foreign" slipway.local/foreign:2 >"$dir/log" 2>&1
ok "its programs are not run" grep -q 'Containerfile:5: RUN in an image for linux/s390x is not possible' "$dir/log"

# kill -9 in the middle of a push leaves nothing that is not whole.
head -c 30000000 /dev/urandom >"$dir/big"
(curl -s -X POST -H 'Content-Type: application/octet-stream' --limit-rate 2M --data-binary @"$dir/big" \
    "http://$at/v2/big/blobs/uploads/?digest=sha256:$(sha256sum <"$dir/big" | cut -d' ' -f1)" >/dev/null 2>&1) &
arriving() { # how many files have bytes and no name among blobs yet
    find "/proc/$server/fd" -lname '*/store/blobs/tmp/*' -exec stat -L -c %s {} + | grep -vc '^0$'
}
tries=0
while [ $tries -lt 600 ] && [ "$(arriving)" = 0 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
is "some of it is there" 1 "$(arriving)"
kill -9 $server
wait $server 2>/dev/null
"$builder" "$dir/store" pull slipway.local/busybox >/dev/null
is "and gone at the next start" 0 "$(ls "$dir/store/blobs/tmp" | wc -l)"
bad=0
for f in "$dir"/store/blobs/sha256/*/*; do
    [ "$(sha256sum <"$f" | cut -d' ' -f1)" = "$(basename "$f")" ] || bad=$((bad + 1))
done
is "every blob is what it is called" 0 $bad
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
