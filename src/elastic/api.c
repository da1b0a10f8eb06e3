/* api.c - paths, errors and answers. */
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "codec/json.h"
#include "elastic/api_int.h"

enum { ANSWER_MAX = 512 << 20 };

struct value *api__error(struct ask *k, const struct err *e, int *status);

/* ---- opening ---- */

int elastic_open(const struct elastic_opts *o, struct elastic **out, struct err *e)
{
    AUTO(elastic) struct elastic *x = calloc(1, sizeof *x);
    if (!x || !(x->path = strdup(o->path)) || !(x->prefix = strdup(o->prefix)))
        log_die("out of memory");
    x->opts = *o;
    (void)pthread_mutex_init(&x->lock, NULL);
    int r = names_open(x, e);
    if (r < 0)
        return r;
    *out = take_ptr(x);
    return 0;
}

void elastic_free(struct elastic *x)
{
    if (!x)
        return;
    (void)pthread_mutex_destroy(&x->lock);
    free(x->names);
    free(x->path);
    free(x->prefix);
    free(x);
}

/* ---- parameters, bodies ---- */

const char *ask_param(struct ask *k, const char *name, const char *dflt)
{
    const char *v = http_query(k->q, name);
    return v ? v : dflt;
}

bool ask_flag(struct ask *k, const char *name)
{
    const char *v = http_query(k->q, name);
    return v && strcmp(v, "false") != 0;
}

int ask_body(struct ask *k, struct value **out, struct err *e)
{
    char *text;
    size_t n;
    int r = http_read_all(k->q, BODY_MAX, &text, &n, e);
    if (r < 0)
        return r;
    const char *source = n ? text : ask_param(k, "source", "");
    if (!*source)
        return 0;
    r = json_parse(k->call.arena, source, strlen(source), JSON_SHALLOW, out, e);
    if (r < 0)
        k->call.fault = "parsing_exception";
    return r;
}

int ask_may_create(struct ask *k, const char *ns, struct err *e)
{
    return k->x->opts.access.may(k->x->opts.access.arg, k->q, true, ns, e);
}

struct value *ask_shards(struct arena *a)
{
    struct value *v = value_new_object(a);
    (void)value_set_int(a, v, "total", 1);
    (void)value_set_int(a, v, "successful", 1);
    (void)value_set_int(a, v, "skipped", 0);
    (void)value_set_int(a, v, "failed", 0);
    return v;
}

/* ---- answers ---- */

/* Clients that ask for a version's form get it under that name. */
static const char *content_type(struct ask *k)
{
    const char *accept = http_header(k->q, "Accept");
    bool versioned = accept && strncmp(accept, "application/vnd.elasticsearch+json", 34) == 0;
    return versioned ? arena_strndup(k->call.arena, accept, strcspn(accept, ","))
                     : "application/json";
}

void ask_send(struct ask *k, int status, const struct value *v)
{
    AUTO_BUF struct buf b;
    struct err e = {0};
    buf_init(&b, ANSWER_MAX);
    json_print(&b, v, JSON_NO_HTML | (ask_flag(k, "pretty") ? JSON_PRETTY : 0));
    if (buf_check(&b, &e) < 0) {
        b.overflow = false;
        buf_clear(&b);
        status = 413;
        buf_puts(&b, "{\"error\":{\"type\":\"circuit_breaking_exception\",\"reason\":\"the answer "
                     "is too large\"},\"status\":413}");
    }
    http_send(k->q, status, content_type(k), buf_text(&b), b.len);
}

static const struct {
    int code, status;
    const char *fault;
} faults[] = {
    {ERR_INVALID,         400, "illegal_argument_exception"  },
    {ERR_NOT_FOUND,       404, "resource_not_found_exception"},
    {ERR_TOO_LARGE,       413, "circuit_breaking_exception"  },
    {ERR_DENIED,          403, "security_exception"          },
    {ERR_UNAUTHENTICATED, 401, "security_exception"          },
    {ERR_UNSUPPORTED,     405, "illegal_argument_exception"  },
    {ERR_AGAIN,           429, "circuit_breaking_exception"  },
};

struct value *api__error(struct ask *k, const struct err *e, int *status)
{
    struct arena *a = k->call.arena;
    struct value *all = value_new_object(a), *cause = value_new_object(a);
    const char *fault = "exception";
    *status = 500;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        if (faults[i].code == (int)e->code) {
            *status = faults[i].status;
            fault = faults[i].fault;
        }
    if (k->call.fault && e->code != ERR_DENIED && e->code != ERR_UNAUTHENTICATED)
        fault = k->call.fault;
    if (strcmp(fault, "too_many_buckets_exception") == 0)
        *status = 400;
    (void)value_set_str(a, cause, "type", fault);
    (void)value_set_str(a, cause, "reason", e->msg);
    struct value *error = value_copy(a, cause), *roots = value_new_array(a);
    (void)value_push(a, roots, cause);
    struct value *with = value_new_object(a);
    (void)value_set(a, with, "root_cause", roots);
    VALUE_EACH_MEMBER (m, error)
        (void)value_set(a, with, m->key, &m->value);
    (void)value_set(a, all, "error", with);
    (void)value_set_int(a, all, "status", *status);
    return all;
}

/* ---- the root ---- */

static int api_root(struct ask *k, struct err *e)
{
    static const char *const version[][2] = {
        {"number",                              "8.11.0"                  },
        {"build_flavor",                        "default"                 },
        {"build_type",                          "tar"                     },
        {"build_hash",                          "slipway"                 },
        {"build_date",                          "2024-01-01T00:00:00.000Z"},
        {"lucene_version",                      "9.8.0"                   },
        {"minimum_wire_compatibility_version",  "7.17.0"                  },
        {"minimum_index_compatibility_version", "7.0.0"                   },
    };
    struct arena *a = k->call.arena;
    struct value *v = value_new_object(a), *is = value_new_object(a);
    (void)e;
    (void)value_set_str(a, v, "name", "slipway");
    (void)value_set_str(a, v, "cluster_name", "slipway");
    (void)value_set_str(a, v, "cluster_uuid", "slipway");
    for (size_t i = 0; i < ARRAY_LEN(version); i++)
        (void)value_set_str(a, is, version[i][0], version[i][1]);
    (void)value_set_bool(a, is, "build_snapshot", false);
    (void)value_set(a, v, "version", is);
    (void)value_set_str(a, v, "tagline", "You Know, for Search");
    ask_send(k, 200, v);
    return 0;
}

static int api_license(struct ask *k, struct err *e)
{
    struct arena *a = k->call.arena;
    struct value *v = value_new_object(a), *license = value_make_object(a, v, "license");
    (void)e;
    (void)value_set_str(a, license, "status", "active");
    (void)value_set_str(a, license, "uid", "slipway");
    (void)value_set_str(a, license, "type", "basic");
    ask_send(k, 200, v);
    return 0;
}

/* ---- paths: INDEX is a name or a list of them, ANY one part of any text ---- */

#define INDEX "*"
#define ANY   "?"

static const struct route {
    const char *methods;
    const char *part[4];
    ask_fn fn;
} routes[] = {
    {"GET HEAD",                 {NULL},                       api_root       },
    {"GET POST",                 {"_search"},                  api_search     },
    {"GET POST",                 {INDEX, "_search"},           api_search     },
    {"GET POST DELETE",          {"_search", "scroll"},        api_scroll     },
    {"GET POST DELETE",          {"_search", "scroll", ANY},   api_scroll     },
    {"GET POST",                 {"_count"},                   api_count      },
    {"GET POST",                 {INDEX, "_count"},            api_count      },
    {"GET POST",                 {"_msearch"},                 api_msearch    },
    {"GET POST",                 {INDEX, "_msearch"},          api_msearch    },
    {"POST",                     {INDEX, "_pit"},              api_pit        },
    {"DELETE",                   {"_pit"},                     api_pit        },
    {"GET HEAD",                 {INDEX, "_doc", ANY},         api_doc        },
    {"GET HEAD",                 {INDEX, "_source", ANY},      api_doc        },
    {"GET POST",                 {"_mget"},                    api_mget       },
    {"GET POST",                 {INDEX, "_mget"},             api_mget       },
    {"POST PUT",                 {"_bulk"},                    api_bulk       },
    {"POST PUT",                 {INDEX, "_bulk"},             api_bulk       },
    {"POST",                     {INDEX, "_doc"},              api_index      },
    {"POST PUT",                 {INDEX, "_doc", ANY},         api_index      },
    {"POST PUT",                 {INDEX, "_create", ANY},      api_index      },
    {"GET",                      {"_mapping"},                 api_mapping    },
    {"GET PUT POST",             {INDEX, "_mapping"},          api_mapping    },
    {"GET POST",                 {"_field_caps"},              api_field_caps },
    {"GET POST",                 {INDEX, "_field_caps"},       api_field_caps },
    {"GET PUT",                  {INDEX, "_settings"},         api_settings   },
    {"GET POST",                 {"_refresh"},                 api_settings   },
    {"GET POST",                 {INDEX, "_refresh"},          api_settings   },
    {"GET POST",                 {INDEX, "_flush"},            api_settings   },
    {"GET HEAD PUT DELETE",      {INDEX},                      api_settings   },
    {"GET",                      {"_index_template"},          api_named      },
    {"GET HEAD PUT POST DELETE", {"_index_template", ANY},     api_named      },
    {"GET",                      {"_component_template"},      api_named      },
    {"GET HEAD PUT POST DELETE", {"_component_template", ANY}, api_named      },
    {"GET",                      {"_template"},                api_named      },
    {"GET HEAD PUT POST DELETE", {"_template", ANY},           api_named      },
    {"GET",                      {"_data_stream"},             api_data_stream},
    {"GET PUT DELETE",           {"_data_stream", ANY},        api_data_stream},
    {"GET",                      {"_cluster", "health"},       api_health     },
    {"GET",                      {"_cluster", "health", ANY},  api_health     },
    {"GET",                      {"_cat", ANY},                api_cat        },
    {"GET",                      {"_cat", ANY, ANY},           api_cat        },
    {"GET",                      {"_license"},                 api_license    },
};

static bool part_fits(const char *want, const char *have)
{
    if (strcmp(want, ANY) == 0)
        return true;
    if (strcmp(want, INDEX) == 0)
        return have[0] != '_' || strcmp(have, "_all") == 0;
    return strcmp(want, have) == 0;
}

static bool route_fits(const struct route *r, const struct ask *k)
{
    size_t n = 0;
    while (n < ARRAY_LEN(r->part) && r->part[n])
        n++;
    if (n != k->n_parts)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!part_fits(r->part[i], k->part[i]))
            return false;
    return true;
}

static int split_path(struct ask *k, struct err *e)
{
    size_t skip = strlen(k->x->prefix);
    const char *p = strlen(k->q->path) >= skip ? k->q->path + skip : "";
    while (*p) {
        p += strspn(p, "/");
        size_t n = strcspn(p, "/");
        if (n == 0)
            break;
        if (k->n_parts == PARTS_MAX)
            return err_set(e, ERR_INVALID, "the path has more than %d parts", PARTS_MAX);
        k->part[k->n_parts++] = arena_strndup(k->call.arena, p, n);
        p += n;
    }
    return 0;
}

static int dispatch(struct ask *k, struct err *e)
{
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (!route_fits(&routes[i], k))
            continue;
        known = true;
        if (strstr(arena_join(k->call.arena, " ", routes[i].methods, " ", NULL),
                   arena_join(k->call.arena, " ", k->method, " ", NULL)))
            return routes[i].fn(k, e);
    }
    if (known)
        return elastic__fault(&k->call, e, ERR_UNSUPPORTED, "illegal_argument_exception",
                              "Incorrect HTTP method for uri [%s] and method [%s]", k->q->path,
                              k->method);
    return elastic__fault(
        &k->call, e, ERR_INVALID, "illegal_argument_exception",
        "no handler found for uri [%s] and method [%s]: slipway does not offer it", k->q->path,
        k->method);
}

static int read_names(struct ask *k, struct err *e)
{
    struct value *v;
    char *text;
    {
        LOCK_SCOPE(&k->x->lock);
        text = arena_strdup(k->call.arena, k->x->names);
    }
    int r = json_parse(k->call.arena, text, strlen(text), 0, &v, e);
    k->names = v;
    return r;
}

/* Whoever asks is known before his body is read; what he may see, each answer decides. */
static int authenticate(struct ask *k, struct err *e)
{
    const struct logs_access *x = &k->x->opts.access;
    int r = x->may(x->arg, k->q, false, NULL, e);
    return r == ERR_DENIED ? 0 : r;
}

void elastic_handle(struct http_request *q, void *arg)
{
    struct elastic *x = arg;
    struct ask k = {.x = x, .q = q, .method = q->method, .began_ms = clock_mono_ms()};
    struct err e = {0};
    k.call.arena = q->arena;
    k.call.now_ms = x->opts.clock->real_ms(x->opts.clock);
    http_accept_gzip(q);
    http_set_header(q, "X-elastic-product", "Elasticsearch");
    int r = authenticate(&k, &e);
    if (r == 0)
        r = split_path(&k, &e);
    if (r == 0)
        r = read_names(&k, &e);
    if (r == 0)
        r = dispatch(&k, &e);
    if (r == 0)
        return;
    int status;
    struct value *error = api__error(&k, &e, &status);
    if (status == 401)
        http_set_header(q, "WWW-Authenticate", "Basic realm=\"slipway\", charset=\"UTF-8\"");
    ask_send(&k, status, error);
}
