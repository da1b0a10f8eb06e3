"""What is asked: queries of Kubernetes dashboards over the fleet of bench/metrics/fleet.c, and each function of PromQL."""

POD = 'namespace="team-3", pod=~"shop-3.*"'
BUCKET, REQUESTS = "http_request_duration_seconds_bucket", "http_requests_total"
CPU, MEMORY = "container_cpu_usage_seconds_total", "container_memory_working_set_bytes"
LIMITS = "kube_pod_container_resource_limits"

DASHBOARD = (
    # the cluster
    f"sum(rate({CPU}[5m]))", f"sum(rate({CPU}[5m])) by (namespace)", f"sum(rate({CPU}[5m])) by (namespace, pod)",
    f"sum(rate({CPU}[5m])) by (node)", f"sum({MEMORY})", f"sum({MEMORY}) by (namespace)", f"sum({MEMORY}) by (pod)",
    f"sum({MEMORY}) by (node)", f"topk(10, sum(rate({CPU}[5m])) by (pod))", f"topk(10, sum({MEMORY}) by (pod))",
    f'sum({LIMITS}{{resource="cpu"}}) by (namespace)', f'sum({LIMITS}{{resource="memory"}}) by (namespace)',
    f'sum(rate({CPU}[5m])) by (namespace) / sum({LIMITS}{{resource="cpu"}}) by (namespace)',
    f'sum({MEMORY}) by (namespace) / sum({LIMITS}{{resource="memory"}}) by (namespace)',
    "sum(kube_pod_status_phase) by (phase)", "count(kube_pod_status_phase > 0) by (namespace)",
    "sum(increase(kube_pod_container_status_restarts_total[1h])) by (namespace)",
    "max(kube_pod_container_status_restarts_total) by (pod)", "sum(up)", "count(up == 0) by (job)", "avg(up) by (job)",
    # a workload
    f'sum(rate({CPU}{{{POD}}}[5m])) by (pod)', f'sum({MEMORY}{{{POD}}}) by (pod)',
    f'sum(rate({CPU}{{{POD}}}[5m])) by (container)', f'sum({MEMORY}{{{POD}}}) by (container)',
    f'sum(irate(container_network_receive_bytes_total{{{POD}}}[5m])) by (pod)',
    f'sum(rate(container_network_receive_bytes_total[5m])) by (namespace)',
    f'sum(rate(container_fs_writes_bytes_total[5m])) by (namespace)',
    f'sum(rate(container_fs_writes_bytes_total{{{POD}}}[5m])) by (pod)',
    f'max_over_time(process_resident_memory_bytes{{{POD}}}[1h])', 'time() - process_start_time_seconds',
    "avg(go_goroutines) by (job)", "max(go_goroutines) by (job)", "sum(rate(go_gc_duration_seconds_sum[5m])) by (job)",
    "deriv(process_resident_memory_bytes[30m])", "predict_linear(process_resident_memory_bytes[1h], 4 * 3600)",
    # requests, errors, latency
    f"sum(rate({REQUESTS}[5m]))", f"sum(rate({REQUESTS}[5m])) by (job)", f"sum(rate({REQUESTS}[5m])) by (code)",
    f"sum(rate({REQUESTS}[5m])) by (method, code)", f'sum(rate({REQUESTS}{{code=~"5.."}}[5m])) by (job)',
    f'sum(rate({REQUESTS}{{code=~"5.."}}[5m])) by (job) / sum(rate({REQUESTS}[5m])) by (job)',
    f"histogram_quantile(0.99, sum(rate({BUCKET}[5m])) by (le))",
    f"histogram_quantile(0.95, sum(rate({BUCKET}[5m])) by (le, job))",
    f"histogram_quantile(0.5, sum(rate({BUCKET}[5m])) by (le, method))",
    f'histogram_quantile(0.9, sum(rate({BUCKET}{{job="shop-3"}}[5m])) by (le, pod))',
    "sum(rate(http_request_duration_seconds_sum[5m])) by (job) / sum(rate(http_request_duration_seconds_count[5m])) by (job)",
    "sum(rate(app_events_total[5m])) by (event)", "max(app_queue_length) by (event)",
    "quantile(0.9, app_queue_length) by (job)",
)

# Of a thousand series: counters for what wants them, gauges for the rest.
OVER_RANGES = ("avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "count_over_time", "last_over_time",
               "present_over_time", "stddev_over_time", "stdvar_over_time", "changes", "delta", "deriv", "idelta")
OVER_COUNTERS = ("rate", "increase", "irate", "resets")
OF_VECTORS = ("abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "round", "timestamp", "sort", "sort_desc",
              "sin", "cos", "tan", "asinh", "atan", "sinh", "cosh", "tanh", "deg", "rad", "minute", "hour",
              "day_of_month", "day_of_week", "day_of_year", "days_in_month", "month", "year", "scalar", "absent")
AGGREGATES = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
GAUGE, COUNTER = "app_queue_length", "app_events_total"

FUNCTIONS = (
    *(f"{name}({GAUGE}[5m])" for name in OVER_RANGES), *(f"{name}({COUNTER}[5m])" for name in OVER_COUNTERS),
    *(f"{name}({GAUGE})" for name in OF_VECTORS), *(f"{name}({GAUGE}) by (event)" for name in AGGREGATES),
    f"quantile_over_time(0.9, {GAUGE}[5m])", f"predict_linear({GAUGE}[5m], 600)", f"holt_winters({GAUGE}[5m], 0.5, 0.5)",
    f"absent_over_time({GAUGE}[5m])", f"clamp({GAUGE}, 1, 9)", f"clamp_min({GAUGE}, 1)", f"clamp_max({GAUGE}, 9)",
    f'label_replace({GAUGE}, "short", "$1", "pod", "shop-(.*)")', f'label_join({GAUGE}, "both", "-", "pod", "event")',
    f"topk(5, {GAUGE})", f"bottomk(5, {GAUGE})", f"quantile(0.9, {GAUGE})", f'count_values("value", {GAUGE})',
    f"{GAUGE} * 2", f"{GAUGE} > 5", f"{GAUGE} + {COUNTER}", f"{GAUGE} / on (pod, event) {COUNTER}",
    f"{GAUGE} and {COUNTER}", f"{GAUGE} unless {COUNTER}", f"{GAUGE} or {COUNTER}",
    f"max_over_time(rate({COUNTER}[5m])[30m:1m])",
)
