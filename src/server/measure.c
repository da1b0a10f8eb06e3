#include "server/measure.h"

#include "monitor/kubestate.h"
#include "monitor/machine.h"
#include "node/node.h"

enum { SLOW_MS = 15 * 1000 };

struct measuring {
    scraper_emit emit;
    void *to;
};

static void put(const struct measuring *m, const struct node_container_stats *s, const char *name,
                double v)
{
    const struct label l[] = {
        {"__name__",  name        },
        {"namespace", s->ns       },
        {"pod",       s->pod      },
        {"container", s->container},
        {"image",     s->image    }
    };
    m->emit(m->to, l, ARRAY_LEN(l), v);
}

static void visit(void *arg, const struct node_container_stats *s)
{
    const struct measuring *m = arg;
    const struct {
        const char *name;
        double v;
    } values[] = {
        {"container_cpu_usage_seconds_total",         (double)s->cpu_ns / 1e9            },
        {"container_cpu_user_seconds_total",          (double)s->cpu_user_ns / 1e9       },
        {"container_cpu_system_seconds_total",        (double)s->cpu_system_ns / 1e9     },
        {"container_cpu_cfs_throttled_seconds_total", (double)s->throttled_ns / 1e9      },
        {"container_cpu_cfs_throttled_periods_total", (double)s->throttled_periods       },
        {"container_cpu_cfs_periods_total",           (double)s->periods                 },
        {"container_memory_usage_bytes",              (double)s->memory_bytes            },
        {"container_memory_working_set_bytes",        (double)s->memory_working_set_bytes},
        {"container_memory_rss",                      (double)s->memory_rss_bytes        },
        {"container_spec_memory_limit_bytes",         (double)s->memory_limit_bytes      },
        {"container_processes",                       (double)s->pids                    },
        {"container_fs_reads_bytes_total",            (double)s->io_read_bytes           },
        {"container_fs_writes_bytes_total",           (double)s->io_write_bytes          },
        {"container_network_receive_bytes_total",     (double)s->rx_bytes                },
        {"container_network_transmit_bytes_total",    (double)s->tx_bytes                },
        {"container_start_time_seconds",              (double)s->started_ms / 1000       },
    };
    if (!s->running)
        return;
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        put(m, s, values[i].name, values[i].v);
}

static void measure_containers(void *node, scraper_emit emit, void *to)
{
    struct measuring m = {emit, to};
    node_stats(node, false, visit, &m);
}

void measure_start(struct scraper *s, struct node *node, struct kube *kube)
{
    static const struct label containers[] =
        {
            {"job",          "kubelet"          },
            {"metrics_path", "/metrics/cadvisor"}
    },
                              objects[] = {{"job", "kube-state-metrics"}},
                              machine[] = {{"job", "node-exporter"}};
    static char proc[] = "/proc";
    if (node) {
        scraper_set_source(s, "containers", measure_containers, node,
                           &(struct labels){containers, ARRAY_LEN(containers)}, 0);
        scraper_set_source(s, "machine", machine_emit, proc,
                           &(struct labels){machine, ARRAY_LEN(machine)}, SLOW_MS);
    }
    if (kube)
        scraper_set_source(s, "objects", kubestate_emit, kube,
                       &(struct labels){objects, ARRAY_LEN(objects)}, SLOW_MS);
}
