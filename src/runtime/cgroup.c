#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "runtime/runtime_int.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

/* The v1 controllers that a container's group is made in. */
static const char *const controllers[] = {
    "memory",     "cpu",     "cpuacct",  "pids",    "blkio",   "devices", "freezer", "cpuset",
    "perf_event", "net_cls", "net_prio", "hugetlb", "systemd", "rdma",    "misc",    "unified",
};

enum cgroup_mode cgroup__mode(void)
{
    struct statfs st;
    return statfs(CGROUP_ROOT, &st) == 0 && st.f_type == CGROUP2_SUPER_MAGIC ? CGROUP_V2
                                                                             : CGROUP_V1;
}

bool cgroup__is_hybrid(void)
{
    struct statfs st;
    return cgroup__mode() == CGROUP_V1 && statfs(CGROUP_ROOT "/unified", &st) == 0 &&
           st.f_type == CGROUP2_SUPER_MAGIC;
}

/* Reads a file of the group into `text`; `controller` counts on v1 only. */
static bool read_file(const char *controller, const char *path, const char *file, char *text,
                      size_t room)
{
    char full[512];
    if (cgroup__mode() == CGROUP_V2)
        (void)snprintf(full, sizeof full, CGROUP_ROOT "%s/%s", path, file);
    else
        (void)snprintf(full, sizeof full, CGROUP_ROOT "/%s%s/%s", controller, path, file);
    AUTO_FD int fd = open(full, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, room - 1);
    if (n < 0)
        return false;
    text[n] = '\0';
    return true;
}

/* The number after "key " at the start of a line; 0 when absent. */
static uint64_t keyed(const char *text, const char *key)
{
    size_t n = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, n) == 0 && line[n] == ' ')
            return strtoull(line + n + 1, NULL, 10);
    }
    return 0;
}

static uint64_t number(const char *controller, const char *path, const char *file)
{
    char text[64];
    /* "max" and v1's "no limit" (2^63 rounded down to a page) both mean none */
    if (!read_file(controller, path, file, text, sizeof text))
        return 0;
    uint64_t v = strtoull(text, NULL, 10);
    return v >= 0x7ffffffffffff000 ? 0 : v;
}

uint64_t cgroup__oom_kills(const char *path)
{
    char text[1024];
    const char *file = cgroup__mode() == CGROUP_V2 ? "memory.events" : "memory.oom_control";
    return read_file("memory", path, file, text, sizeof text) ? keyed(text, "oom_kill") : 0;
}

static uint64_t working_set(uint64_t usage, uint64_t inactive_file)
{
    return usage > inactive_file ? usage - inactive_file : 0;
}

/* io.stat: "8:0 rbytes=1 wbytes=2 …" a line a device */
static void add_io_v2(const char *text, struct container_stats *out)
{
    for (const char *p = text; (p = strstr(p, "rbytes=")); p++)
        out->io_read_bytes += strtoull(p + 7, NULL, 10);
    for (const char *p = text; (p = strstr(p, "wbytes=")); p++)
        out->io_write_bytes += strtoull(p + 7, NULL, 10);
}

static int stats_v2(const char *path, struct container_stats *out, struct err *e)
{
    char text[8192];
    if (!read_file("", path, "cpu.stat", text, sizeof text))
        return err_set(e, ERR_NOT_FOUND, "cgroup %s is gone", path);
    out->cpu_ns = keyed(text, "usage_usec") * 1000;
    out->cpu_user_ns = keyed(text, "user_usec") * 1000;
    out->cpu_system_ns = keyed(text, "system_usec") * 1000;
    out->periods = keyed(text, "nr_periods");
    out->throttled_periods = keyed(text, "nr_throttled");
    out->throttled_ns = keyed(text, "throttled_usec") * 1000;
    out->memory_bytes = number("", path, "memory.current");
    out->memory_limit_bytes = number("", path, "memory.max");
    if (read_file("", path, "memory.stat", text, sizeof text)) {
        out->memory_rss_bytes = keyed(text, "anon");
        out->memory_working_set_bytes =
            working_set(out->memory_bytes, keyed(text, "inactive_file"));
        out->page_faults = keyed(text, "pgfault");
        out->major_page_faults = keyed(text, "pgmajfault");
    }
    out->pids = number("", path, "pids.current");
    if (read_file("", path, "io.stat", text, sizeof text))
        add_io_v2(text, out);
    return 0;
}

/* blkio.throttle.io_service_bytes: "8:0 Read 4096" a line */
static uint64_t sum_io_v1(const char *text, const char *word)
{
    uint64_t sum = 0;
    for (const char *p = text; (p = strstr(p, word)); p++)
        sum += strtoull(p + strlen(word), NULL, 10);
    return sum;
}

static int stats_v1(const char *path, struct container_stats *out, struct err *e)
{
    char text[8192];
    if (!read_file("cpuacct", path, "cpuacct.usage", text, sizeof text))
        return err_set(e, ERR_NOT_FOUND, "cgroup %s is gone", path);
    out->cpu_ns = strtoull(text, NULL, 10);
    uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
    if (read_file("cpuacct", path, "cpuacct.stat", text, sizeof text)) {
        out->cpu_user_ns = keyed(text, "user") * tick_ns;
        out->cpu_system_ns = keyed(text, "system") * tick_ns;
    }
    if (read_file("cpu", path, "cpu.stat", text, sizeof text)) {
        out->periods = keyed(text, "nr_periods");
        out->throttled_periods = keyed(text, "nr_throttled");
        out->throttled_ns = keyed(text, "throttled_time");
    }
    out->memory_bytes = number("memory", path, "memory.usage_in_bytes");
    out->memory_limit_bytes = number("memory", path, "memory.limit_in_bytes");
    if (read_file("memory", path, "memory.stat", text, sizeof text)) {
        out->memory_rss_bytes = keyed(text, "total_rss");
        out->memory_working_set_bytes =
            working_set(out->memory_bytes, keyed(text, "total_inactive_file"));
        out->page_faults = keyed(text, "total_pgfault");
        out->major_page_faults = keyed(text, "total_pgmajfault");
    }
    out->pids = number("pids", path, "pids.current");
    if (read_file("blkio", path, "blkio.throttle.io_service_bytes", text, sizeof text)) {
        out->io_read_bytes = sum_io_v1(text, "Read ");
        out->io_write_bytes = sum_io_v1(text, "Write ");
    }
    return 0;
}

int cgroup__stats(const char *path, struct container_stats *out, struct err *e)
{
    return cgroup__mode() == CGROUP_V2 ? stats_v2(path, out, e) : stats_v1(path, out, e);
}

/* Every mount that has the group, one after the other; false at the end. */
static bool next_mount(size_t *i, char *mount, size_t room)
{
    if (cgroup__mode() == CGROUP_V2) {
        (void)snprintf(mount, room, CGROUP_ROOT);
        return (*i)++ == 0;
    }
    while (*i < ARRAY_LEN(controllers)) {
        (void)snprintf(mount, room, CGROUP_ROOT "/%s", controllers[(*i)++]);
        if (access(mount, F_OK) == 0)
            return true;
    }
    return false;
}

void cgroup__remove(const char *path)
{
    char mount[64], full[512];
    if (path[0] != '/' || !path[1] || strstr(path, "/../"))
        return;
    for (size_t i = 0; next_mount(&i, mount, sizeof mount);)
        if (snprintf(full, sizeof full, "%s%s", mount, path) < (int)sizeof full)
            (void)rmdir(full);
}

/* Signals whoever is in the group; the number of those. */
static size_t kill_members(const char *path)
{
    char full[512];
    const char *controller = cgroup__mode() == CGROUP_V2 ? "" : "/pids";
    (void)snprintf(full, sizeof full, CGROUP_ROOT "%s%s/cgroup.procs", controller, path);
    FILE *f = fopen(full, "re");
    int pid;
    size_t n = 0;
    while (f && fscanf(f, "%d", &pid) == 1)
        n += pid > 0 && kill(pid, SIGKILL) == 0;
    if (f)
        (void)fclose(f);
    return n;
}

void cgroup__kill(const char *path)
{
    enum { ROUNDS = 200, PAUSE_US = 1000 }; /* a process may fork while we read the list */
    for (int i = 0; i < ROUNDS && kill_members(path); i++)
        (void)usleep(PAUSE_US);
}
