/* shipping.c - the ways that lines have in and out besides HTTP, of a Fluent Bit configuration. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "logs/fluentbit.h"
#include "logs/forward_in.h"
#include "logs/syslog_in.h"
#include "server/server_int.h"

enum { FILE_MAX = 1 << 20, WAYS_MAX = 64 };

struct shipping {
    struct server *s;
    struct arena *arena; /* with keys */
    struct forward_in *forwards[WAYS_MAX];
    struct syslog_in *syslogs[WAYS_MAX];
    size_t n_forwards, n_syslogs;
};

static const char *variable(const char *name)
{
    return getenv(name);
}

static int read_pem(const char *path, struct arena *a, const char **out, struct err *e)
{
    char *text;
    int r = path ? fs_read(path, FILE_MAX, a, &text, NULL, e) : 0;
    if (path && r == 0)
        *out = text;
    return r;
}

struct pems {
    const char *ca, *cert, *key;
};

static int read_pems(const struct fluentbit_plugin *p, struct arena *a, struct pems *out,
                     struct err *e)
{
    int r = read_pem(p->ca_file, a, &out->ca, e);
    if (r == 0)
        r = read_pem(p->cert_file, a, &out->cert, e);
    if (r == 0)
        r = read_pem(p->key_file, a, &out->key, e);
    if (r == 0 && p->kind < FLUENTBIT_ES_OUT && p->verify && !out->ca)
        return err_set(e, ERR_INVALID, "tls.verify needs tls.ca_file");
    return r;
}

static int open_input(struct shipping *x, const struct fluentbit_plugin *p, struct err *e)
{
    struct pems pem = {0};
    bool forward = p->kind == FLUENTBIT_FORWARD_IN;
    const char *address = arena_printf(x->arena, "%s:%lld", p->listen, (long long)p->port);
    struct intake intake = {.db = x->s->logs,
                            .clock = &clock_system,
                            .source = forward ? "fluent" : "syslog",
                            .index = forward ? "logs-fluent" : "logs-syslog"};
    int r = read_pems(p, x->arena, &pem, e);
    if (r < 0)
        return r;
    const char *clients = p->verify ? pem.ca : NULL;
    if (!forward) {
        struct syslog_in_opts o = {.address = address,
                                   .udp = strcmp(p->mode, "udp") == 0,
                                   .cert_pem = pem.cert,
                                   .key_pem = pem.key,
                                   .client_ca_pem = clients,
                                   .intake = intake};
        r = syslog_in_start(&o, &x->syslogs[x->n_syslogs], e);
        x->n_syslogs += r == 0;
        return r;
    }
    struct forward_in_opts o = {.address = address,
                                .cert_pem = pem.cert,
                                .key_pem = pem.key,
                                .client_ca_pem = clients,
                                .shared_key = p->shared_key,
                                .intake = intake};
    r = forward_in_start(&o, &x->forwards[x->n_forwards], e);
    x->n_forwards += r == 0;
    return r;
}

static int open_all(struct shipping *x, const char *path, struct err *e)
{
    struct fluentbit f;
    char *text;
    size_t n;
    int r = fs_read(path, FILE_MAX, x->arena, &text, &n, e);
    if (r == 0)
        r = fluentbit_parse(text, n, variable, x->arena, &f, e);
    for (size_t i = 0; r == 0 && i < f.n; i++) {
        r = f.items[i].kind < FLUENTBIT_ES_OUT
                ? open_input(x, &f.items[i], e)
                : err_set(e, ERR_UNSUPPORTED, "outputs are not offered");
        if (r < 0)
            (void)err_wrap(e, r, "%s", f.items[i].name);
    }
    return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}

int shipping_start(struct server *s, struct err *e)
{
    if (!s->opts.logs_config)
        return 0;
    struct shipping *x = calloc(1, sizeof *x);
    if (!x)
        log_die("out of memory");
    x->s = s;
    x->arena = arena_new(0);
    s->shipping = x; /* server_free() ends what was begun */
    return open_all(x, s->opts.logs_config, e);
}

void shipping_free(struct shipping *x)
{
    if (!x)
        return;
    while (x->n_forwards)
        forward_in_free(x->forwards[--x->n_forwards]);
    while (x->n_syslogs)
        syslog_in_free(x->syslogs[--x->n_syslogs]);
    arena_free(x->arena);
    free(x);
}
