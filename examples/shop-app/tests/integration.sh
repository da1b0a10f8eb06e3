#!/bin/sh
# Starts the service on a free port and asks it what a client would ask.
set -eu
cd "$(dirname "$0")/.."
port=18080
PORT=$port GREETING=hello ./shop &
pid=$!
trap 'kill $pid 2>/dev/null || true' EXIT
get() { curl -sS --max-time 2 -o /tmp/shop-answer -w '%{http_code}' "http://127.0.0.1:$port$1"; }
i=0
until get /healthz >/dev/null 2>&1; do
    i=$((i + 1))
    [ $i -lt 50 ] || { echo "the service does not answer"; exit 1; }
    sleep 0.1
done
check() {
    code=$(get "$1")
    body=$(cat /tmp/shop-answer)
    [ "$code" = "$2" ] || { echo "GET $1: status $code, not $2"; exit 1; }
    case "$body" in *"$3"*) ;; *) echo "GET $1: \"$body\" lacks \"$3\""; exit 1 ;; esac
    echo "GET $1: $code"
}
check / 200 hello
check /price/apple 200 30
check /price/caviar 404 "no such article"
check /metrics 200 'http_requests_total{code="2xx"} 1'
echo "4 passed, 0 failed"
