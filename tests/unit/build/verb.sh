#!/bin/bash
# usage: verb.sh SLIPWAY
# What people type: `slipway build`, in both of the programs that know it.
set -u
slipway=$1
[ "$(id -u)" = 0 ] && command -v crun >/dev/null || exit 77

dir=$(mktemp -d /tmp/slipway-verb-XXXXXX)
trap 'rm -rf "$dir"' EXIT
. "$(dirname "$0")/judge.sh"
not() { ! "$@"; }
refused() { # NAME WORDS COMMAND…
    local name=$1 words=$2
    shift 2
    ok "$name is refused" not "$@"
    cat "$dir/log" "$dir/out" >"$dir/said"
    ok "$name: why" grep -F -- "$words" "$dir/said"
}
build() { "$slipway" build --data-dir "$dir/data" "$@" 2>"$dir/log"; }

"$slipway" image bootstrap busybox --data-dir "$dir/data" >/dev/null || exit 1
mkdir "$dir/ctx" && echo one >"$dir/ctx/file"
cat >"$dir/ctx/Containerfile" <<'END'
FROM slipway.local/busybox AS tools
RUN --network=none echo tool > /tool
FROM slipway.local/busybox
WORKDIR /work
COPY file .
COPY --from=tools /tool /tool
RUN --network=none cat file /tool > /both
ENV A=b
END

# ---- what is cached needs neither containers nor network: the small program is enough ----

mkdir -p "$dir/alone/whole"
cp "$slipway" "$dir/alone/" && cp "${slipway%/*}/whole/builds" "$dir/alone/whole/"
alone() { "$dir/alone/slipway" build --data-dir "$dir/data" "$@"; }
first=$(build "$dir/ctx" -t shop/app:1)
ok "a build" test -n "$first"
is "the same again, by the small program" "$first" "$(alone "$dir/ctx" -t shop/app:1 2>"$dir/log")"
is "all of it cached" 5 "$(grep -c '^  cached' "$dir/log")"
is "without a scratch folder" "" "$(ls "$dir/data/images/build")"
echo two >"$dir/ctx/file"
refused "a change, by the small program alone" "other half" alone "$dir/ctx"
second=$(build "$dir/ctx" -t shop/app:1)
ok "a change gives another image" test -n "$second" -a "$second" != "$first"
is "nothing is said twice" 1 "$(grep -c '/.*WORKDIR' "$dir/log")"
is "and then the small program knows it" "$second" "$(alone -q "$dir/ctx" 2>/dev/null)"
printf 'FROM slipway.local/busybox\nRUN --network=none exit 3\n' >"$dir/ctx/bad"
refused "a command that fails" "/bad:2: RUN exit 3: exit code 3" build "$dir/ctx" -f "$dir/ctx/bad"
is "nothing is left behind" "images" "$(ls "$dir/data")"

# ---- stages side by side ----

mkdir "$dir/side"
meet() { echo "touch /meet/$1; n=0; until [ -e /meet/$2 ]; do n=\$((n + 1)); [ \$n -lt 1200 ] || exit 1; sleep 0.05; done; echo met $2"; }
cat >"$dir/side/Containerfile" <<END
FROM slipway.local/busybox AS one
RUN --network=none --mount=type=cache,target=/meet $(meet one two)
RUN --network=none cat /proc/sys/kernel/random/uuid > /same
FROM slipway.local/busybox AS two
RUN --network=none --mount=type=cache,target=/meet $(meet two one)
FROM slipway.local/busybox AS three
COPY --from=one /same /same
FROM slipway.local/busybox AS four
RUN --network=none cat /proc/sys/kernel/random/uuid > /made
FROM slipway.local/busybox AS five
RUN --network=none cat /proc/sys/kernel/random/uuid > /made
FROM slipway.local/busybox AS last
COPY --from=three /same /
COPY --from=four /made /made4
COPY --from=five /made /made5
COPY --from=two /etc/passwd /
RUN --network=none cmp /made4 /made5 && test -s /same
END
ok "stages that wait for each other end" build "$dir/side" --iidfile "$dir/id"
ok "lines say whose they are" grep -qx '\[two\] met one' "$dir/log"
is "once more, the same" "$(cat "$dir/id")" "$(build "$dir/side")"
cat >"$dir/side/fails" <<'END'
FROM slipway.local/busybox AS slow
RUN --network=none sleep 1000
FROM slipway.local/busybox AS bad
RUN --network=none exit 7
FROM scratch
COPY --from=slow /etc/passwd /
COPY --from=bad /etc/passwd /
END
refused "a stage that fails beside one that takes long" "fails:4: RUN exit 7: exit code 7" build "$dir/side" -f "$dir/side/fails"
is "nothing is left of either" "images" "$(ls "$dir/data")"

# ---- what comes from elsewhere: repositories, agents, caches that start with something ----

mkdir "$dir/else" "$dir/repo.git"
git() { command git -c user.name=a -c user.email=a@b -c init.defaultBranch=main -C "$dir/repo.git" "$@"; }
git init -q && mkdir "$dir/repo.git/sub" && echo old >"$dir/repo.git/sub/f" && git add -A && git commit -qm 1 && git tag v1
echo new >"$dir/repo.git/sub/f" && git commit -qam 2
cat >"$dir/else/Containerfile" <<END
FROM slipway.local/busybox
ADD file://$dir/repo.git /head
ADD file://$dir/repo.git#v1:sub /old/
ADD --keep-git-dir=true --checksum=$(git rev-parse HEAD) file://$dir/repo.git#$(git rev-parse HEAD) /kept
RUN --network=none grep -qx new /head/sub/f && grep -qx old /old/f && test ! -e /head/.git && test -d /kept/.git
END
ok "ADD of repositories" build "$dir/else"
printf 'FROM scratch\nADD --checksum=0123456789 file://%s /x\n' "$dir/repo.git" >"$dir/else/wrong"
refused "another commit" "not 0123456789" build "$dir/else" -f "$dir/else/wrong"

cat >"$dir/else/cache" <<'END'
FROM slipway.local/busybox AS seed
RUN --network=none mkdir -p /a/b && echo seed > /a/b/c
FROM slipway.local/busybox
RUN --network=none --mount=type=cache,target=/k,from=seed,source=/a grep -qx seed /k/b/c && echo more > /k/more
RUN --network=none --mount=type=cache,target=/k,from=seed,source=/a grep -qx more /k/more
END
ok "a cache that starts with something" build "$dir/else" -f "$dir/else/cache"

if command -v ssh-agent >/dev/null; then
    ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
    cat >"$dir/else/ssh" <<'END'
FROM slipway.local/busybox
RUN --network=none --mount=type=ssh test -S "$SSH_AUTH_SOCK"
RUN --network=none test -z "$SSH_AUTH_SOCK"
RUN --network=none --mount=type=ssh,id=other test -z "$SSH_AUTH_SOCK"
END
    ok "an agent with a key" build "$dir/else" -f "$dir/else/ssh" --ssh "default=$dir/key"
    printf 'FROM slipway.local/busybox\nRUN --mount=type=ssh,required true\n' >"$dir/else/required"
    refused "an agent that is not there" "ssh agent default was not given" build "$dir/else" -f "$dir/else/required"
fi
printf 'FROM scratch\nCOPY <<"../escaped" /x\nout\n../escaped\n' >"$dir/else/escape"
refused "a here-document that would be elsewhere" "name is that of a file" build "$dir/else" -f "$dir/else/escape"
refused "a flag of other builders" "build has no --squash: layers are shared" build --squash "$dir/else"
ok "flags of other builders" build "$dir/else" --layers --format oci --timestamp 1700000000 --annotation a=b --logfile "$dir/logfile"
ok "a log file" grep -q 'ADD file' "$dir/logfile"
is "nothing is left of all that" "images" "$(ls "$dir/data")"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
