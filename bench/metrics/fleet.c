#include "metrics/fleet.h"

enum kind { COUNTS, SECONDS, BYTES, WANDERS, STAYS };

/* The part of a Pod's series that one metric has: `n` of them from number `first` on. */
static const struct metric {
    const char *name;
    size_t first, n;
    enum kind kind;
} metrics[] = {
    {"http_request_duration_seconds_bucket",     0,  36, COUNTS },
    {"http_request_duration_seconds_sum",        36, 3,  SECONDS},
    {"http_request_duration_seconds_count",      39, 3,  COUNTS },
    {"http_requests_total",                      42, 12, COUNTS },
    {"app_events_total",                         54, 10, COUNTS },
    {"app_queue_length",                         64, 10, WANDERS},
    {"container_cpu_usage_seconds_total",        74, 2,  SECONDS},
    {"container_memory_working_set_bytes",       76, 2,  BYTES  },
    {"container_network_receive_bytes_total",    78, 2,  BYTES  },
    {"container_fs_writes_bytes_total",          80, 4,  COUNTS },
    {"kube_pod_container_status_restarts_total", 84, 2,  STAYS  },
    {"kube_pod_container_resource_limits",       86, 4,  STAYS  },
    {"kube_pod_status_phase",                    90, 5,  STAYS  },
    {"go_goroutines",                            95, 1,  WANDERS},
    {"process_resident_memory_bytes",            96, 1,  BYTES  },
    {"go_gc_duration_seconds_sum",               97, 1,  SECONDS},
    {"process_start_time_seconds",               98, 1,  STAYS  },
    {"up",                                       99, 1,  STAYS  },
};

static const char *const bounds[] = {"0.005", "0.01", "0.025", "0.05", "0.1", "0.25",
                                     "0.5",   "1",    "2.5",   "5",    "10",  "+Inf"};
static const char *const methods[] = {"GET", "POST", "PUT"};
static const char *const codes[] = {"200", "404", "500", "503"};
static const char *const phases[] = {"Failed", "Pending", "Running", "Succeeded", "Unknown"};

static const struct metric *metric_of(size_t i)
{
    size_t k = ARRAY_LEN(metrics) - 1;
    while (metrics[k].first > i % FLEET_POD_SERIES)
        k--;
    return &metrics[k];
}

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* What tells one of a metric's series from the others. */
static size_t own_labels(const struct metric *m, size_t k, struct arena *a, struct label *out)
{
    if (m->n == 36) {
        out[0] = (struct label){"le", bounds[k % 12]};
        out[1] = (struct label){"method", methods[k / 12]};
        return 2;
    }
    if (m->n == 12) {
        out[0] = (struct label){"code", codes[k % 4]};
        out[1] = (struct label){"method", methods[k / 4]};
        return 2;
    }
    if (m->n == 3)
        *out = (struct label){"method", methods[k]};
    else if (m->n == 5)
        *out = (struct label){"phase", phases[k]};
    else if (m->n == 10)
        *out = (struct label){"event", arena_printf(a, "event-%zu", k)};
    else if (m->n == 2)
        *out = (struct label){"container", k ? "sidecar" : "app"};
    else if (m->n == 4)
        *out = (struct label){"resource", k % 2 ? "memory" : "cpu"},
        out[1] = (struct label){"container", k / 2 ? "sidecar" : "app"};
    return m->n == 4 ? 2 : m->n != 1;
}

void fleet_series(size_t i, struct arena *a, struct fleet_series *out)
{
    const struct metric *m = metric_of(i);
    size_t pod = i / FLEET_POD_SERIES, k = i % FLEET_POD_SERIES - m->first;
    uint64_t id = pod;
    const char *pod_name = arena_printf(a, "shop-%zu-%08llx-%05zu", pod / 10 % 40,
                                        (unsigned long long)(draw(&id) >> 32), pod);
    struct label l[10] = {
        {"__name__",      m->name   },
        {               "namespace",            arena_printf(a,  "team-%zu", pod / 10 % 8)},
        {               "pod",                  pod_name               },
        { "instance", arena_printf(a, "10.%zu.%zu.%zu:8080", pod >> 16, pod >> 8 & 255, pod & 255)},
        {               "job",                  arena_printf(a, "shop-%zu", pod / 10 % 40)},
        {               "node",                 arena_printf(a,      "node-%zu", pod % 10)},
    };
    size_t n = 6 + own_labels(m, k, a, l + 6);
    out->labels = labels_make(a, l, n);
    out->random = i * 7919;
    out->v = m->kind == BYTES   ? (double)(draw(&out->random) % 100000 * 4096)
             : m->kind == STAYS ? (double)(draw(&out->random) % 3)
                                : (double)(draw(&out->random) % 1000);
}

double fleet_next(size_t i, struct fleet_series *s)
{
    uint64_t r = draw(&s->random);
    switch (metric_of(i)->kind) {
    case COUNTS:
        s->v += r % 4 ? (double)(r >> 8 & 63) : 0;
        break;
    case SECONDS:
        s->v += (double)(r % 15000) / 1000;
        break;
    case BYTES:
        s->v += (double)((int64_t)(r % 65) - 32) * 4096;
        break;
    case WANDERS:
        s->v += (double)((int64_t)(r % 9) - 4);
        break;
    case STAYS:
        break;
    }
    return s->v;
}
