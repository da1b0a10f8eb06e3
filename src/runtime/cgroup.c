#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
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

/* rmdir of the group and of those above it, as far as they are empty; never the first one. */
static void remove_in(const char *mount, const char *path)
{
    char full[512];
    int n = snprintf(full, sizeof full, "%s%s", mount, path);
    if (n < 0 || (size_t)n >= sizeof full)
        return;
    size_t keep = strlen(mount) + 1 + strcspn(path + 1, "/");
    while (strlen(full) > keep && (rmdir(full) == 0 || errno == ENOENT))
        *strrchr(full, '/') = '\0';
}

void cgroup__remove(const char *path)
{
    if (path[0] != '/' || strstr(path, "/../"))
        return;
    if (cgroup__mode() == CGROUP_V2) {
        remove_in(CGROUP_ROOT, path);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(controllers); i++) {
        char mount[64];
        (void)snprintf(mount, sizeof mount, CGROUP_ROOT "/%s", controllers[i]);
        if (access(mount, F_OK) == 0)
            remove_in(mount, path);
    }
}
