#!/bin/bash
# Rules run, alerts fire, a webhook hears of them once, and again when they are over. Dashboards are
# read, and named when a query of theirs cannot work.
. "$(dirname "$0")/common.bash"
start --no-node
at=http://127.0.0.1:9090
cat > "$dir/hook.py" << 'PYTHON'
import http.server, json, sys
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print(said["status"], said["commonLabels"]["alertname"], flush=True)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", 9095), Hook).serve_forever()
PYTHON
python3 "$dir/hook.py" > "$dir/told" &
hook=$!
cat > "$dir/alertmanager.yaml" << 'YAML'
route: {receiver: team, group_by: [alertname], group_wait: 0s, group_interval: 1s}
receivers: [{name: team, webhook_configs: [{url: 'http://127.0.0.1:9095/s3cret'}]}]
YAML
rules() { # expression of the alert
    kubectl apply -f - << YAML
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: demo, namespace: default}
spec:
  groups:
  - name: demo
    interval: 1s
    rules:
    - {record: demo:one, expr: vector(1)}
    - {alert: Demo, expr: $1, annotations: {summary: '{{ query "demo:one" | first | value }}'}}
YAML
}
run "a namespace" kubectl create namespace monitoring
run "the configuration" kubectl create secret generic alertmanager-main -n monitoring --from-file="$dir/alertmanager.yaml"
run "a rule" rules "demo:one > 0"
told() { [ "$(cat "$dir/told")" = "$1" ]; }
firing="firing Demo"
until_true 600 told "$firing" && ok || bad "the webhook was told '$(cat "$dir/told")'"
counted() { [ "$(kubectl get prometheusrules demo --no-headers | awk '{print $2, $3, $5}')" = "True 2 1" ]; }
until_true 600 counted && ok || bad "kubectl get prometheusrules: $(kubectl get prometheusrules demo)"
has "slipway status" "$("$slipway" status)" Demo
is_series() { wget -qO- "$at/api/v1/query?query=ALERTS" | grep -q '"alertstate":"firing"'; }
until_true 600 is_series && ok || bad "there is no series ALERTS" # after two rounds, as in Prometheus
is_rule() { wget -qO- "$at/api/v1/rules?type=alert" | grep -q '"summary":"1"'; }
until_true 600 is_rule && ok || bad "the API does not show the alert: $(wget -qO- "$at/api/v1/rules")"
has "alerts of the Alertmanager" "$(wget -qO- "$at/api/v2/alerts")" '"name":"team"'
kill "$pid" && wait "$pid" 2> /dev/null
start --no-node
alert_is_back() { wget -qO- "$at/api/v1/alerts" | grep -q '"state":"firing"'; }
until_true 600 alert_is_back && ok || bad "the alert does not fire after a restart"
run "it is over" rules "demo:one > 1"
until_true 600 told "$firing
resolved Demo" && ok || bad "the webhook was told '$(cat "$dir/told")'"
run "a rule that is wrong" rules "sum((("
loaded() { kubectl get prometheusrules demo -o 'jsonpath={.status.conditions[?(@.type=="Loaded")].message}'; }
wrong() { loaded | grep -q "could not parse expression"; }
until_true 600 wrong && ok || bad "the wrong rule is not named: $(loaded)"

board() { # file, uid, query
    echo "{\"uid\":\"$2\",\"title\":\"Shop\",\"panels\":[{\"id\":1,\"title\":\"Requests\",\"targets\":[{\"refId\":\"A\",\"expr\":\"$3\"}]}]}" > "$dir/$1"
}
board good.json good 'demo:one > 0'
board bad.json bad 'sum(demo:one'
run "a dashboard that works" "$slipway" dashboard check "$dir/good.json"
refused "a dashboard that does not" 'panel "Requests", query A: 1:13: parse error' "$slipway" dashboard check "$dir/bad.json"
run "dashboards" kubectl create configmap shop --from-file="$dir/good.json" --from-file="$dir/bad.json"
run "the sidecar's label" kubectl label configmap shop grafana_dashboard=1
named() { kubectl get events --field-selector reason=InvalidDashboard -o 'jsonpath={.items[*].message}' | grep -q '^bad.json: panel "Requests", query A: '; }
until_true 600 named && ok || bad "the dashboard is not named: $(kubectl get events)"
has "the list of dashboards" "$(wget -qO- "$at/api/v1/dashboards")" '"uid":"good"'
has "a dashboard" "$(wget -qO- "$at/api/v1/dashboards/good")" '"expr":"demo:one > 0"'
run "the ConfigMap goes" kubectl delete configmap shop
is_gone() { [ "$(wget -qO- "$at/api/v1/dashboards")" = '{"status":"success","data":[]}' ]; }
until_true 600 is_gone && ok || bad "dashboards stay: $(wget -qO- "$at/api/v1/dashboards")"
if grep -rqs s3cret "$dir/log" || wget -qO- "$at/api/v2/status" | grep -q s3cret; then bad "a secret is shown"; else ok; fi
kill "$hook"
