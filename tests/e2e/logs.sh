#!/bin/bash
# Logs through others' interfaces: Elasticsearch's own Python client, Loki's push and query.
. "$(dirname "$0")/common.bash"
client=/usr/bin/python3 # the distribution's, which has its packages
if ! "$client" -c 'import elasticsearch' 2> /dev/null; then
    trap - EXIT
    rm -rf "$dir"
    echo "0 passed, 0 failed (skipped: needs python3-elasticsearch)"
    exit 0
fi
start --no-node
at=http://127.0.0.1:9090
admin=$(cat "$dir/data/pki/admin.token")
run "a namespace" kubectl create namespace shop
run "a reader" kubectl create serviceaccount reader -n shop
run "its role" kubectl create role reads --verb=get --resource=pods/log -n shop
run "its right" kubectl create rolebinding reads -n shop --role=reads --serviceaccount=shop:reader
reader=$(kubectl create token reader -n shop)

cat > "$dir/ask.py" << 'PYTHON'
"""Prints what the client got, a line an answer."""
import sys

from elasticsearch import Elasticsearch, exceptions, helpers

token, what = sys.argv[1:3]
es = Elasticsearch(["http://127.0.0.1:9090/elastic"], headers={"Authorization": "Bearer " + token})
LEVELS = ["info", "error", "info", "warn", "error", "info"]


def document(i, namespace):
    return {"@timestamp": f"2026-03-01T10:00:0{i}Z", "message": f"order {i} was placed", "level": LEVELS[i],
            "took": i * 10, "kubernetes": {"namespace_name": namespace}}


def write():
    docs = [{"_index": "orders", "_op_type": "create", "_source": document(i, "shop")} for i in range(6)]
    docs.append({"_index": "orders", "_op_type": "create", "_source": document(0, "other")})
    print("bulk", helpers.bulk(es, docs)[0])


def read():
    print("count", es.count(index="orders")["count"])
    found = es.search(index="orders", query={"bool": {"must": [{"match": {"message": "placed"}}],
                                                      "filter": [{"term": {"level.keyword": "error"}}]}},
                      sort=[{"took": "desc"}])
    print("error", [h["_source"]["took"] for h in found["hits"]["hits"]])
    sums = es.search(index="orders", size=0, query={"range": {"took": {"gte": 10}}},
                     aggs={"levels": {"terms": {"field": "level.keyword"}, "aggs": {"t": {"avg": {"field": "took"}}}}})
    print("levels", [(b["key"], b["doc_count"], float(b["t"]["value"])) for b in sums["aggregations"]["levels"]["buckets"]])
    print("scan", sum(1 for _ in helpers.scan(es, index="orders", size=2, query={"query": {"match_all": {}}})))


try:
    {"write": write, "read": read}[what]()
except exceptions.TransportError as e:
    print("refused", e.status_code)
except helpers.BulkIndexError as e:
    print("refused", e.errors[0]["create"]["status"])
PYTHON
ask() { # token, what
    "$client" -W ignore "$dir/ask.py" "$1" "$2" 2>&1
}
same "documents in" "$(ask "$admin" write)" "bulk 7"
same "what the admin reads" "$(ask "$admin" read)" "count 7
error [40, 10]
levels [('error', 2, 25.0), ('info', 2, 35.0), ('warn', 1, 30.0)]
scan 7"
same "what the namespace's reader reads" "$(ask "$reader" read | head -n 1)" "count 6"
same "who may not write" "$(ask "$reader" write)" "refused 403"
same "who is not known" "$(ask nobody read)" "refused 401"

now=$(date +%s)
stream() { # time in seconds
    printf '{"streams": [{"stream": {"job": "batch", "namespace": "shop"}, "values": [
        ["%s000000000", "level=info took=3"], ["%s000000001", "level=error took=9"]]}]}' "$1" "$1"
}
answer() { # token, path, what curl takes
    local token=$1 path=$2
    shift 2
    curl -s -H "Authorization: Bearer $token" "$@" "$at/loki/api/v1/$path"
}
push() { # time in seconds, what curl takes
    local body
    body=$(stream "$1")
    shift
    answer "$admin" push -w ' %{http_code}' -H 'Content-Type: application/json' -d "$body" "$@"
}
range() { # token, query
    answer "$1" query_range -G --data-urlencode "query=$2" -d start=$((now - 10)) -d end=$((now + 50)) -d step=60
}
same "Loki's push" "$(push "$now")" " 204"
has "a push of what is too old to keep" "$(push $((now - 40 * 86400)))" "2 lines are too old"
printf 'groups: [{name: jobs, interval: 1s, rules: [{record: "job:took:sum", expr: %s}]}]' \
    "'sum by (job) (sum_over_time({job=\"batch\"} | logfmt | unwrap took [1h]))'" > "$dir/jobs.yaml"
run "a rule over lines" kubectl create configmap jobs -n shop --from-file="$dir/jobs.yaml"
run "its label" kubectl label configmap jobs -n shop slipway.dev/logs=rules
has "a filter" "$(range "$reader" '{job="batch"} | logfmt | took > 5')" 'level=error took=9'
has "a range aggregation" "$(range "$reader" 'sum(sum_over_time({job="batch"} | logfmt | unwrap took [2m]))')" '"12"'
made() {
    curl -s "$at/api/v1/query?query=job:took:sum" | grep -q '"job":"batch","namespace":"shop"}.*"12"'
}
until_true 600 made && ok || bad "no metric of lines: $(curl -s "$at/api/v1/query?query=job:took:sum")"
crash
start --no-node
same "after a kill" "$(ask "$admin" read | head -n 1)" "count 7"

body='{"streams": [{"stream": {"namespace": "shop", "pod": "web-1", "commit": "c0ffee"}, "values": [
    ["'$now'000000002", "{\"level\":\"info\",\"n\":1}"], ["'$now'000000003", "{\"level\":\"error\",\"n\":2}"]]}]}'
same "lines with a commit" "$(answer "$admin" push -w '%{http_code}' -H 'Content-Type: application/json' -d "$body")" 204
has "slipway logs by label and field, as JSON" "$("$slipway" logs web -n shop -l commit=c0ffee --field level=error -o json)" \
    '"commit":"c0ffee"'
same "slipway logs between two moments" "$("$slipway" logs -n shop -l commit=c0ffee -o raw --since "$(date -u -d @$((now - 5)) +%FT%TZ)" \
    --until "$(date -u -d @$((now + 5)) +%FT%TZ)" | wc -l)" 2
mkfifo "$dir/followed"
"$slipway" logs -n shop -l commit=c0ffee -o raw -f --since 10m > "$dir/followed" &
exec 7< "$dir/followed"
read -r -t 60 line <&7 && read -r -t 60 line <&7
push_late=${body//"$now"/$(date +%s)}
answer "$admin" push -H 'Content-Type: application/json' -d "${push_late//info/late}"
read -r -t 60 line <&7
same "slipway logs --follow" "$line" '{"level":"late","n":1}'
kill $!
exec 7<&-
