#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "runtime/runtime_int.h"

static void put(struct buf *b, const char *key, const char *value)
{
    if (value)
        buf_printf(b, "%s %s\n", key, value);
}

int shim_conf__write(const struct shim_conf *c, const char *path, struct err *e)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    put(&b, "id", c->id);
    put(&b, "dir", c->dir);
    put(&b, "crun", c->crun);
    put(&b, "cgroup", c->cgroup);
    put(&b, "log", c->log);
    buf_printf(&b, "log_max %lld\n", (long long)c->log_max);
    put(&b, "tty", c->tty ? "1" : NULL);
    put(&b, "stdin_open", c->stdin_open ? "1" : NULL);
    put(&b, "stdin_once", c->stdin_once ? "1" : NULL);
    for (size_t i = 0; i < c->n_layers; i++) {
        if (strpbrk(c->layers[i], "\n:,\\"))
            return err_set(e, ERR_INVALID, "layer folder %s: its name holds one of \\ : ,",
                           c->layers[i]);
        put(&b, "layer", c->layers[i]);
    }
    int r = buf_check(&b, e);
    return r < 0 ? r : record__put(path, buf_text(&b), e);
}

static void take(struct shim_conf *c, const char *key, const char *value)
{
    if (strcmp(key, "id") == 0)
        c->id = value;
    else if (strcmp(key, "dir") == 0)
        c->dir = value;
    else if (strcmp(key, "crun") == 0)
        c->crun = value;
    else if (strcmp(key, "cgroup") == 0)
        c->cgroup = value;
    else if (strcmp(key, "log") == 0)
        c->log = value;
    else if (strcmp(key, "log_max") == 0)
        c->log_max = strtoll(value, NULL, 10);
    else if (strcmp(key, "tty") == 0)
        c->tty = true;
    else if (strcmp(key, "stdin_open") == 0)
        c->stdin_open = true;
    else if (strcmp(key, "stdin_once") == 0)
        c->stdin_once = true;
    else if (strcmp(key, "layer") == 0)
        c->layers[c->n_layers++] = value;
}

int shim_conf__read(struct shim_conf *c, const char *path, struct arena *a, struct err *e)
{
    char *text;
    int r = fs_read(path, 1 << 20, a, &text, NULL, e);
    if (r < 0)
        return r;
    *c = (struct shim_conf){0};
    size_t lines = 0;
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    c->layers = ARENA_ARRAY(a, const char *, lines + 1);
    for (char *p = text, *end; *p && (end = strchr(p, '\n')); p = end + 1) {
        *end = '\0';
        char *space = strchr(p, ' ');
        if (!space)
            continue;
        *space = '\0';
        take(c, p, space + 1);
    }
    if (!c->id || !c->dir || !c->crun || !c->cgroup)
        return err_set(e, ERR_INVALID, "%s is not whole", path);
    return 0;
}
