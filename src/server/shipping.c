/* shipping.c - the ways that lines have in and out besides HTTP, of a Fluent Bit configuration. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "logs/fluentbit.h"
#include "logs/forward_in.h"
#include "logs/output.h"
#include "logs/syslog_in.h"
#include "server/server_int.h"

enum { FILE_MAX = 1 << 20, WAYS_MAX = 64 };

struct shipping {
    struct server *s;
    struct arena *arena; /* with keys */
    struct forward_in *forwards[WAYS_MAX];
    struct syslog_in *syslogs[WAYS_MAX];
    struct output *outputs[WAYS_MAX];
    const char *files[WAYS_MAX]; /* of outputs */
    size_t n_forwards, n_syslogs, n_outputs;
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

static struct output_way *way_of(struct shipping *x, const struct fluentbit_plugin *p,
                                 const struct pems *pem)
{
    const char *to = arena_printf(x->arena, "%s:%lld", p->host, (long long)p->port);
    if (p->kind == FLUENTBIT_FORWARD_OUT)
        return output_forward_new(&(struct output_forward_opts){.host = p->host,
                                                                .port = (unsigned)p->port,
                                                                .shared_key = p->shared_key,
                                                                .self_hostname = p->self_hostname,
                                                                .ack = p->ack,
                                                                .gzip = p->compress != NULL,
                                                                .tls = p->tls,
                                                                .insecure = !p->verify,
                                                                .vhost = p->vhost,
                                                                .ca_pem = pem->ca,
                                                                .cert_pem = pem->cert,
                                                                .key_pem = pem->key});
    const char *named =
        p->vhost ? arena_printf(x->arena, "%s:%lld", p->vhost, (long long)p->port) : to;
    return output_es_new(&(struct output_es_opts){
        .url = arena_join(x->arena, p->tls ? "https://" : "http://", named, p->path, NULL),
        .connect_to = p->vhost ? to : NULL,
        .user = p->user,
        .password = p->password,
        .api_key = p->api_key,
        .ca_pem = pem->ca,
        .cert_pem = pem->cert,
        .key_pem = pem->key,
        .index = p->index,
        .logstash_prefix = p->logstash_format ? p->logstash_prefix : NULL,
        .insecure = !p->verify,
        .gzip = p->compress != NULL,
        .type_name = !p->suppress_type_name});
}

/* The file is named after where lines go and which, so that an output keeps its place in the
 * store when others are put before it. */
static const char *marks_of(struct shipping *x, const struct fluentbit_plugin *p)
{
    bool es = p->kind == FLUENTBIT_ES_OUT;
    char *name = arena_printf(x->arena, "%s-%s-%lld-%s-%s", es ? "es" : "forward", p->host,
                              (long long)p->port, p->match,
                              !es                  ? ""
                              : p->logstash_format ? p->logstash_prefix
                                                   : p->index);
    for (char *c = name; *c; c++)
        if (*c == '/')
            *c = '%';
    return arena_join(x->arena, x->s->opts.data_dir, "/log-outputs/", name, NULL);
}

static int open_output(struct shipping *x, const struct fluentbit_plugin *p, struct err *e)
{
    struct pems pem = {0};
    struct output_opts o = {.db = x->s->logs,
                            .file = marks_of(x, p),
                            .name = p->name,
                            .match = p->match,
                            .retry_limit = p->retry_limit};
    for (size_t i = 0; i < x->n_outputs; i++)
        if (strcmp(x->files[i], o.file) == 0)
            return err_set(e, ERR_INVALID, "another output sends the same lines there");
    int r = fs_mkdirs(arena_join(x->arena, x->s->opts.data_dir, "/log-outputs", NULL), 0700, e);
    if (r == 0)
        r = read_pems(p, x->arena, &pem, e);
    if (r < 0)
        return r;
    o.way = way_of(x, p, &pem);
    x->files[x->n_outputs] = o.file;
    r = output_start(&o, &x->outputs[x->n_outputs], e);
    x->n_outputs += r == 0;
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
        r = f.items[i].kind < FLUENTBIT_ES_OUT ? open_input(x, &f.items[i], e)
                                               : open_output(x, &f.items[i], e);
        if (r < 0)
            (void)err_wrap(e, r, "%s", f.items[i].name);
    }
    return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}

static void measure_outputs(void *arg, scraper_emit emit, void *to)
{
    const struct shipping *x = arg;
    for (size_t i = 0; i < x->n_outputs; i++) {
        struct output_stats s;
        output_stats(x->outputs[i], &s);
        const struct {
            const char *name;
            uint64_t n;
        } values[] = {
            {"slipway_log_output_sent_total",    s.sent   },
            {"slipway_log_output_retried_total", s.retried},
            {"slipway_log_output_lost_total",    s.lost   },
            {"slipway_log_output_lag_lines",     s.behind },
        };
        for (size_t k = 0; k < ARRAY_LEN(values); k++) {
            const struct label l[] = {
                {"__name__", values[k].name},
                {"output",   s.name        }
            };
            emit(to, l, ARRAY_LEN(l), (double)values[k].n);
        }
    }
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
    int r = open_all(x, s->opts.logs_config, e);
    if (r == 0 && x->n_outputs)
        scraper_set_source(s->scraper, "log outputs", measure_outputs, x, &(struct labels){0}, 0);
    return r;
}

void shipping_free(struct shipping *x)
{
    if (!x)
        return;
    while (x->n_outputs)
        output_free(x->outputs[--x->n_outputs]);
    while (x->n_forwards)
        forward_in_free(x->forwards[--x->n_forwards]);
    while (x->n_syslogs)
        syslog_in_free(x->syslogs[--x->n_syslogs]);
    arena_free(x->arena);
    free(x);
}
