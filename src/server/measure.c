#include "server/measure.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

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

/* ---- slipway itself ---- */

static size_t open_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    size_t n = 0;
    for (; d && readdir(d); n++)
        ;
    if (d)
        (void)closedir(d);
    return n > 3 ? n - 3 : 0; /* ".", ".." and this one */
}

/* Pages, from /proc/self/statm. */
static void memory_pages(double *virtual_pages, double *resident)
{
    FILE *f = fopen("/proc/self/statm", "re");
    char line[128] = "";
    *virtual_pages = *resident = 0;
    if (f && fgets(line, sizeof line, f)) {
        char *rest;
        *virtual_pages = strtod(line, &rest);
        *resident = strtod(rest, NULL);
    }
    if (f)
        (void)fclose(f);
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void measure_self(void *arg, scraper_emit emit, void *to)
{
    const struct measured_self *self = arg;
    struct rusage used = {0};
    struct tsdb_stats series;
    struct logdb_stats lines;
    double virtual_pages, resident, page = (double)sysconf(_SC_PAGESIZE);
    (void)getrusage(RUSAGE_SELF, &used);
    memory_pages(&virtual_pages, &resident);
    tsdb_stats(self->metrics, &series);
    logdb_stats(self->logs, &lines);
    const struct {
        const char *name;
        double v;
    } values[] = {
        {"process_cpu_seconds_total",                   seconds(used.ru_utime) + seconds(used.ru_stime)},
        {"process_resident_memory_bytes",               resident * page                                },
        {"process_virtual_memory_bytes",                virtual_pages * page                           },
        {"process_open_fds",                            (double)open_descriptors()                     },
        {"process_start_time_seconds",                  (double)self->started_ms / 1000                },
        {"prometheus_tsdb_head_series",                 (double)series.series                          },
        {"prometheus_tsdb_head_samples_appended_total", (double)series.samples_in                      },
        {"slipway_metrics_refused_samples_total",       (double)series.refused                         },
        {"slipway_metrics_chunk_bytes",                 (double)series.chunk_bytes                     },
        {"slipway_log_streams",                         (double)lines.streams                          },
        {"slipway_log_lines_total",                     (double)lines.lines_in                         },
        {"slipway_log_bytes_total",                     (double)lines.bytes_in                         },
        {"slipway_log_cut_lines_total",                 (double)lines.cut_lines                        },
        {"slipway_log_disk_bytes",                      (double)lines.disk_bytes                       },
    };
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        const struct label l = {"__name__", values[i].name};
        emit(to, &l, 1, values[i].v);
    }
}

void measure_start(struct scraper *s, struct node *node, struct kube *kube,
                   struct measured_self *self)
{
    static const struct label containers[] =
        {
            {"job",          "kubelet"          },
            {"metrics_path", "/metrics/cadvisor"}
    },
                              objects[] = {{"job", "kube-state-metrics"}},
                              machine[] = {{"job", "node-exporter"}}, own[] = {{"job", "slipway"}};
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
    scraper_set_source(s, "slipway", measure_self, self, &(struct labels){own, ARRAY_LEN(own)},
                       SLOW_MS);
}
