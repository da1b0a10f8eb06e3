/* sandbox.h - a busybox layer and a runtime below a temporary folder, for tests that need root. */
#pragma once
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "runtime/runtime.h"
#include "t.h"

struct sandbox {
    char dir[64], layer[96], state[96], log[96];
    struct runtime *r;
};

static inline void sandbox_layer(const char *layer)
{
    static const char *const applets[] = {
        "sh",   "sleep",  "echo", "cat",  "id",    "env",   "ls",    "true",     "false",
        "kill", "head",   "tail", "stat", "mkdir", "touch", "ps",    "hostname", "wc",
        "yes",  "dd",     "pwd",  "rm",   "wget",  "nc",    "httpd", "seq",      "tty",
        "test", "printf", "date", "awk",  "grep",  "sed",   "mount"};
    static const char *const folders[] = {"bin", "etc", "proc", "sys", "dev", "tmp", "root"};
    char path[PATH_MAX];
    struct err e;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", layer, folders[i]);
        (void)!fs_mkdirs(path, 0755, &e);
    }
    (void)snprintf(path, sizeof path, "cp /bin/busybox %s/bin/busybox", layer);
    FILE *p = popen(path, "r");
    (void)pclose(p);
    for (size_t i = 0; i < sizeof applets / sizeof applets[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/bin/%s", layer, applets[i]);
        (void)!symlink("busybox", path);
    }
    static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/:/bin/sh\n";
    static const char group[] = "root:x:0:\nstaff:x:50:app\napp:x:1001:\n";
    (void)snprintf(path, sizeof path, "%s/etc/passwd", layer);
    (void)!fs_write_atomic(path, 0644, passwd, sizeof passwd - 1, &e);
    (void)snprintf(path, sizeof path, "%s/etc/group", layer);
    (void)!fs_write_atomic(path, 0644, group, sizeof group - 1, &e);
}

static inline bool sandbox_open(struct sandbox *s)
{
    (void)snprintf(s->dir, sizeof s->dir, "/tmp/slipway-runtime-XXXXXX");
    if (geteuid() != 0 || !mkdtemp(s->dir))
        return false;
    (void)snprintf(s->layer, sizeof s->layer, "%s/layer", s->dir);
    (void)snprintf(s->state, sizeof s->state, "%s/run", s->dir);
    (void)snprintf(s->log, sizeof s->log, "%s/log/0.log", s->dir);
    sandbox_layer(s->layer);
    return true;
}

static inline void sandbox_close(struct sandbox *s)
{
    struct err e;
    if (s->r) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct container_info *list;
        size_t n;
        runtime_list(s->r, a, &list, &n);
        for (size_t i = 0; i < n; i++)
            T_RC(runtime_remove(s->r, list[i].id, &e), &e, "remove");
        runtime_close(s->r);
    }
    (void)!fs_remove_tree(s->dir, &e);
}
