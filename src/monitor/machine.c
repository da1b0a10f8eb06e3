#include "monitor/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fs.h"

enum { FILE_MAX = 1 << 20, FIELDS_MAX = 24, SECTOR = 512 };

struct reading {
    const char *proc;
    scraper_emit emit;
    void *to;
    struct arena *a;
    double hz; /* of the kernel's ticks */
};

static void put(const struct reading *r, const char *name, double v)
{
    const struct label l[] = {
        {"__name__", name}
    };
    r->emit(r->to, l, ARRAY_LEN(l), v);
}

static void put_of(const struct reading *r, const char *name, const char *key, const char *value,
                   double v)
{
    const struct label l[] = {
        {"__name__", name },
        {key,        value}
    };
    r->emit(r->to, l, ARRAY_LEN(l), v);
}

/* Lines of a file below /proc, cut at white space; n: how many fields. */
typedef void (*line_fn)(const struct reading *r, char *const *f, size_t n);

static void each_line(const struct reading *r, const char *file, const char *separators, line_fn fn)
{
    char *text, *next, *rest;
    size_t len;
    struct err e;
    const char *path = arena_printf(r->a, "%s/%s", r->proc, file);
    if (fs_read(path, FILE_MAX, r->a, &text, &len, &e) < 0)
        return;
    for (char *line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
        char *f[FIELDS_MAX];
        size_t n = 0;
        for (char *w = strtok_r(line, separators, &rest); w && n < FIELDS_MAX;
             w = strtok_r(NULL, separators, &rest))
            f[n++] = w;
        if (n > 0)
            fn(r, f, n);
    }
}

static double number(const char *text)
{
    return strtod(text, NULL);
}

/* ---- processors, memory, load ---- */

static void cpu(const struct reading *r, char *const *f, size_t n)
{
    static const char *const modes[] = {"user",   "nice", "system",  "idle",
                                        "iowait", "irq",  "softirq", "steal"};
    for (size_t i = 0; i < ARRAY_LEN(modes) && i + 1 < n; i++) {
        const struct label l[] = {
            {"__name__", "node_cpu_seconds_total"},
            {"cpu",      f[0] + 3                },
            {"mode",     modes[i]                }
        };
        r->emit(r->to, l, ARRAY_LEN(l), number(f[i + 1]) / r->hz);
    }
}

static void stat_line(const struct reading *r, char *const *f, size_t n)
{
    static const struct {
        const char *key, *metric;
    } all[] = {
        {"intr",          "node_intr_total"            },
        {"ctxt",          "node_context_switches_total"},
        {"btime",         "node_boot_time_seconds"     },
        {"processes",     "node_forks_total"           },
        {"procs_running", "node_procs_running"         },
        {"procs_blocked", "node_procs_blocked"         },
    };
    if (strncmp(f[0], "cpu", 3) == 0 && f[0][3])
        cpu(r, f, n);
    for (size_t i = 0; i < ARRAY_LEN(all) && n > 1; i++)
        if (strcmp(f[0], all[i].key) == 0)
            put(r, all[i].metric, number(f[1]));
}

/* "Active(anon): 12 kB" is node_memory_Active_anon_bytes. */
static void memory_line(const struct reading *r, char *const *f, size_t n)
{
    char key[64];
    size_t k = 0;
    bool kb = n > 2 && strcmp(f[2], "kB") == 0;
    if (n < 2)
        return;
    for (const char *s = f[0]; *s && *s != ':' && k + 1 < sizeof key; s++)
        if (*s != ')')
            key[k++] = *s == '(' ? '_' : *s;
    key[k] = '\0';
    put(r, arena_printf(r->a, "node_memory_%s%s", key, kb ? "_bytes" : ""),
        number(f[1]) * (kb ? 1024 : 1));
}

static void load_line(const struct reading *r, char *const *f, size_t n)
{
    static const char *const names[] = {"node_load1", "node_load5", "node_load15"};
    for (size_t i = 0; i < ARRAY_LEN(names) && i < n; i++)
        put(r, names[i], number(f[i]));
}

static void vm_line(const struct reading *r, char *const *f, size_t n)
{
    static const char *const wanted[] = {"oom_kill", "pgfault", "pgmajfault", "pgpgin",
                                         "pgpgout",  "pswpin",  "pswpout"};
    for (size_t i = 0; i < ARRAY_LEN(wanted) && n > 1; i++)
        if (strcmp(f[0], wanted[i]) == 0)
            put(r, arena_printf(r->a, "node_vmstat_%s", wanted[i]), number(f[1]));
}

static void descriptors_line(const struct reading *r, char *const *f, size_t n)
{
    if (n < 3)
        return;
    put(r, "node_filefd_allocated", number(f[0]));
    put(r, "node_filefd_maximum", number(f[2]));
}

/* "some avg10=0.00 … total=123": microseconds. */
static void pressure(const struct reading *r, char *const *f, size_t n, const char *some,
                     const char *full)
{
    const char *name = strcmp(f[0], "some") == 0 ? some : full;
    if (name && strncmp(f[n - 1], "total=", 6) == 0)
        put(r, name, number(f[n - 1] + 6) / 1e6);
}

static void cpu_pressure(const struct reading *r, char *const *f, size_t n)
{
    pressure(r, f, n, "node_pressure_cpu_waiting_seconds_total", NULL);
}

static void io_pressure(const struct reading *r, char *const *f, size_t n)
{
    pressure(r, f, n, "node_pressure_io_waiting_seconds_total",
             "node_pressure_io_stalled_seconds_total");
}

static void memory_pressure(const struct reading *r, char *const *f, size_t n)
{
    pressure(r, f, n, "node_pressure_memory_waiting_seconds_total",
             "node_pressure_memory_stalled_seconds_total");
}

/* ---- network, disks, file systems ---- */

static void network_line(const struct reading *r, char *const *f, size_t n)
{
    static const struct {
        const char *metric;
        size_t at;
    } all[] = {
        {"node_network_receive_bytes_total",    1 },
        {"node_network_receive_packets_total",  2 },
        {"node_network_receive_errs_total",     3 },
        {"node_network_receive_drop_total",     4 },
        {"node_network_transmit_bytes_total",   9 },
        {"node_network_transmit_packets_total", 10},
        {"node_network_transmit_errs_total",    11},
        {"node_network_transmit_drop_total",    12},
    };
    if (n < 17 || strcmp(f[0], "face") == 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        put_of(r, all[i].metric, "device", f[0], number(f[all[i].at]));
}

/* Partitions, and disks that are none, are left out as node_exporter does by default. */
static bool is_disk(const char *name)
{
    static const char *const none[] = {"ram", "zram", "loop", "fd"};
    size_t n = strlen(name);
    bool digit = n > 0 && name[n - 1] >= '0' && name[n - 1] <= '9';
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        if (strncmp(name, none[i], strlen(none[i])) == 0)
            return false;
    if (strncmp(name, "nvme", 4) == 0 || strncmp(name, "mmcblk", 6) == 0)
        return strchr(name + 4, 'p') == NULL;
    return !digit || strncmp(name, "dm-", 3) == 0 || strncmp(name, "md", 2) == 0;
}

static void disk_line(const struct reading *r, char *const *f, size_t n)
{
    static const struct {
        const char *metric;
        size_t at;
        double unit;
    } all[] = {
        {"node_disk_reads_completed_total",          3,  1     },
        {"node_disk_read_bytes_total",               5,  SECTOR},
        {"node_disk_read_time_seconds_total",        6,  0.001 },
        {"node_disk_writes_completed_total",         7,  1     },
        {"node_disk_written_bytes_total",            9,  SECTOR},
        {"node_disk_write_time_seconds_total",       10, 0.001 },
        {"node_disk_io_now",                         11, 1     },
        {"node_disk_io_time_seconds_total",          12, 0.001 },
        {"node_disk_io_time_weighted_seconds_total", 13, 0.001 },
    };
    if (n < 14 || !is_disk(f[2]))
        return;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        put_of(r, all[i].metric, "device", f[2], number(f[all[i].at]) * all[i].unit);
}

/* Mount points are written with \040 for a space. */
static char *unescape(char *text)
{
    char *to = text;
    for (const char *s = text; *s; to++)
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
            *to = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 4;
        } else {
            *to = *s++;
        }
    *to = '\0';
    return text;
}

static void mount_line(const struct reading *r, char *const *f, size_t n)
{
    static const char *const own[] = {"ext2",  "ext3", "ext4", "xfs",
                                      "btrfs", "f2fs", "vfat", "zfs"};
    static const char *const layers[] = {
        "/proc/", "/sys/", "/dev/", "/run/", "/var/lib/docker/", "/var/lib/containers/"};
    struct statvfs s;
    bool is_own = false;
    for (size_t i = 0; i < ARRAY_LEN(own) && n > 3; i++)
        is_own |= strcmp(f[2], own[i]) == 0;
    for (size_t i = 0; i < ARRAY_LEN(layers) && is_own; i++)
        is_own = strncmp(f[1], layers[i], strlen(layers[i])) != 0;
    if (!is_own || statvfs(unescape(f[1]), &s) < 0)
        return;
    const struct {
        const char *metric;
        double v;
    } all[] = {
        {"node_filesystem_size_bytes",  (double)s.f_blocks * (double)s.f_frsize},
        {"node_filesystem_free_bytes",  (double)s.f_bfree * (double)s.f_frsize },
        {"node_filesystem_avail_bytes", (double)s.f_bavail * (double)s.f_frsize},
        {"node_filesystem_files",       (double)s.f_files                      },
        {"node_filesystem_files_free",  (double)s.f_ffree                      },
        {"node_filesystem_readonly",    (s.f_flag & ST_RDONLY) ? 1 : 0         },
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        const struct label l[] = {
            {"__name__",   all[i].metric},
            {"device",     f[0]         },
            {"fstype",     f[2]         },
            {"mountpoint", f[1]         }
        };
        r->emit(r->to, l, ARRAY_LEN(l), all[i].v);
    }
}

static void put_uname(const struct reading *r)
{
    struct utsname u;
    if (uname(&u) < 0)
        return;
    const struct label l[] = {
        {"__name__", "node_uname_info"},
        {"machine",  u.machine        },
        {"nodename", u.nodename       },
        {"release",  u.release        },
        {"sysname",  u.sysname        },
        {"version",  u.version        }
    };
    r->emit(r->to, l, ARRAY_LEN(l), 1);
}

void machine_emit(void *proc, scraper_emit emit, void *to)
{
    static const struct {
        const char *file, *separators;
        line_fn fn;
    } files[] = {
        {"stat",            " ",   stat_line       },
        {"meminfo",         " ",   memory_line     },
        {"loadavg",         " ",   load_line       },
        {"vmstat",          " ",   vm_line         },
        {"sys/fs/file-nr",  " \t", descriptors_line},
        {"pressure/cpu",    " ",   cpu_pressure    },
        {"pressure/io",     " ",   io_pressure     },
        {"pressure/memory", " ",   memory_pressure },
        {"net/dev",         " :|", network_line    },
        {"diskstats",       " ",   disk_line       },
        {"self/mounts",     " ",   mount_line      },
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct reading r = {proc, emit, to, a, (double)sysconf(_SC_CLK_TCK)};
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        each_line(&r, files[i].file, files[i].separators, files[i].fn);
    put_uname(&r);
    put(&r, "node_time_seconds", (double)clock_real_ms() / 1000);
}
