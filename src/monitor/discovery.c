#include "monitor/discovery_int.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "rules/rules.h"

enum {
    LIST_MAX = 16 << 20, /* bytes of a file or page */
    FILES_MAX = 1000,
    LOOK_MS = 5000, /* between looks at files */
    HTTP_EVERY_MS = 60000,
    HTTP_TIMEOUT_MS = 10000,
};

/* What a file or page said last. */
struct listing {
    struct listing *next;
    char *name;          /* a path or a URL */
    struct arena *arena; /* of the groups; NULL: none were read yet */
    const struct value *groups;
    char said[200]; /* what was wrong with it last, "" nothing */
    bool page, used;
};

struct http_discovery {
    const char *url;
    struct client_config client;
    int64_t every_ms, due_ms; /* monotonic */
};

struct discovery {
    struct arena *arena;
    const struct value *scrape;
    const char *folder;
    struct kube_discovery *kubes;
    struct http_discovery *https;
    size_t n_kubes, n_https;
    struct listing *listings;
};

/* ---- groups ---- */

static int group_check(const struct value *g, struct err *e)
{
    const struct value *targets = value_get(g, "targets"), *labels = value_get(g, "labels");
    VALUE_EACH_MEMBER (m, g)
        if (strcmp(m->key, "targets") != 0 && strcmp(m->key, "labels") != 0)
            return err_set(e, ERR_INVALID, "a group has targets and labels, no %.60s", m->key);
    if (!value_is(g, VALUE_OBJECT))
        return err_set(e, ERR_INVALID, "a group is %s, not an object", value_kind_name(g->kind));
    if ((targets && targets->kind != VALUE_ARRAY && targets->kind != VALUE_NULL) ||
        (labels && labels->kind != VALUE_OBJECT && labels->kind != VALUE_NULL))
        return err_set(e, ERR_INVALID, "a group's targets are a list, its labels an object");
    VALUE_EACH_ITEM (t, targets)
        if (t->kind != VALUE_STRING)
            return err_set(e, ERR_INVALID, "a target is %s, not a text", value_kind_name(t->kind));
    VALUE_EACH_MEMBER (m, labels)
        if (!value_is(&m->value, VALUE_STRING) && !value_is(&m->value, VALUE_INT) &&
            !value_is(&m->value, VALUE_FLOAT))
            return err_set(e, ERR_INVALID, "label %.60s is %s, not a text: quote it", m->key,
                           value_kind_name(m->value.kind));
    return 0;
}

int discovery_groups_read(const char *text, size_t n, bool yaml, struct arena *a,
                          const struct value **out, struct err *e)
{
    struct value *v;
    int r =
        yaml ? yaml_parse(a, text, n, YAML_STRICT_KEYS, &v, e) : json_parse(a, text, n, 0, &v, e);
    if (r < 0)
        return r;
    if (!value_is(v, VALUE_ARRAY) && !value_is(v, VALUE_NULL))
        return err_set(e, ERR_INVALID, "it is %s, not a list of groups", value_kind_name(v->kind));
    VALUE_EACH_ITEM (g, v)
        if (r == 0)
            r = group_check(g, e);
    if (r == 0)
        *out = v;
    return r;
}

int discovery__emit(struct discovery_sink *s, struct arena *a, struct err *e)
{
    if (s->n++ == DISCOVERED_MAX)
        return err_set(e, ERR_TOO_LARGE, "more than %d targets", DISCOVERED_MAX);
    for (size_t i = 0; i < s->group.n; i++)
        if (!*label_set_get(&s->target, s->group.items[i].name))
            label_set_put(&s->target, s->group.items[i].name, s->group.items[i].value);
    return s->found(s->arg, &s->target, a, e);
}

/* `meta` and `from`: where the group stands; or NULL. */
static int run_groups(struct discovery_sink *s, const struct value *groups, const char *meta,
                      const char *from, struct err *e)
{
    int r = 0;
    VALUE_EACH_ITEM (g, groups) {
        s->group.n = 0;
        VALUE_EACH_MEMBER (m, value_get(g, "labels"))
            label_set_put(&s->group, m->key, m->value.text);
        if (meta)
            label_set_put(&s->group, meta, from);
        VALUE_EACH_ITEM (t, value_get(g, "targets")) {
            AUTO(arena) struct arena *a = arena_new(0);
            s->target.n = 0;
            label_set_put(&s->target, "__address__", value_str(t, ""));
            if (r == 0)
                r = discovery__emit(s, a, e);
        }
    }
    return r;
}

/* ---- files and pages ---- */

static struct listing *listing_of(struct discovery *d, const char *name, bool page)
{
    struct listing *l = d->listings;
    while (l && (l->page != page || strcmp(l->name, name) != 0))
        l = l->next;
    if (l)
        return l;
    l = calloc(1, sizeof *l);
    if (!l || !(l->name = strdup(name)))
        log_die("out of memory");
    l->page = page;
    l->next = d->listings;
    return d->listings = l;
}

static void listing_free(struct listing *l)
{
    arena_free(l->arena);
    free(l->name);
    free(l);
}

/* Takes over the arena that the groups lie in. */
static void listing_keep(struct listing *l, struct arena *a, const struct value *groups)
{
    arena_free(l->arena);
    l->arena = a;
    l->groups = groups;
    l->said[0] = '\0';
}

static void listing_fault(struct listing *l, const struct err *e)
{
    if (strncmp(l->said, e->msg, sizeof l->said - 1) == 0)
        return;
    log_warn("metrics", "targets of %s: %s%s", l->name, e->msg,
             l->arena ? "; those that it named before stay" : "");
    (void)snprintf(l->said, sizeof l->said, "%.199s", e->msg);
}

static void read_file(struct listing *l)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *dot = strrchr(l->name, '.');
    const struct value *groups;
    struct err e;
    char *text;
    size_t n;
    int r = fs_read(l->name, LIST_MAX, a, &text, &n, &e);
    if (r == 0)
        r = discovery_groups_read(text, n, !dot || strcmp(dot, ".json") != 0, a, &groups, &e);
    if (r < 0)
        listing_fault(l, &e);
    else
        listing_keep(l, take_ptr(a), groups);
}

static void read_page(struct listing *l, const struct http_discovery *h)
{
    AUTO(arena) struct arena *a = arena_new(2 * LIST_MAX);
    const char *const own[] = {
        "Accept: application/json",
        arena_printf(a, "X-Prometheus-Refresh-Interval-Seconds: %g", (double)h->every_ms / 1000),
        NULL};
    struct http_client_opts o = {.timeout_ms = HTTP_TIMEOUT_MS,
                                 .connect_timeout_ms = HTTP_TIMEOUT_MS};
    struct http_call call = {
        .method = "GET", .url = h->url, .max_answer = LIST_MAX, .follow = h->client.follow};
    struct http_answer answer;
    const struct value *groups = NULL;
    struct err e;
    int r = client_config_open(&h->client, own, a, &o, &call.headers, &e);
    AUTO(http_client) struct http_client *c = r == 0 ? http_client_new(&o) : NULL;
    if (r == 0)
        r = http_do(c, &call, a, &answer, &e);
    if (r == 0 && answer.status != 200)
        r = err_set(&e, ERR_AGAIN, "server returned HTTP status %d", answer.status);
    if (r == 0)
        r = discovery_groups_read(answer.body, answer.body_len, false, a, &groups, &e);
    if (r < 0)
        listing_fault(l, &e);
    else
        listing_keep(l, take_ptr(a), groups);
}

/* The files that the patterns name; what a name that is gone said is forgotten. */
static void look_at_files(struct discovery *d)
{
    size_t count = 0;
    VALUE_EACH_ITEM (sd, value_get(d->scrape, "file_sd_configs"))
        VALUE_EACH_ITEM (p, value_get(sd, "files")) {
            AUTO(arena) struct arena *a = arena_new(0);
            const char *pattern = value_str(p, "");
            glob_t found = {0};
            if (*pattern != '/')
                pattern = arena_join(a, d->folder, "/", pattern, NULL);
            (void)glob(pattern, 0, NULL, &found);
            for (size_t i = 0; i < found.gl_pathc && count < FILES_MAX; i++) {
                struct listing *l = listing_of(d, found.gl_pathv[i], false);
                if (!l->used)
                    read_file(l);
                l->used = true;
                count++;
            }
            globfree(&found);
        }
}

static void look_at_pages(struct discovery *d)
{
    for (size_t i = 0; i < d->n_https; i++) {
        struct http_discovery *h = &d->https[i];
        struct listing *l = listing_of(d, h->url, true);
        l->used = true;
        if (clock_mono_ms() < h->due_ms)
            continue;
        read_page(l, h);
        h->due_ms = clock_mono_ms() + (l->said[0] && h->every_ms > LOOK_MS ? LOOK_MS : h->every_ms);
    }
}

static void forget_unused(struct discovery *d)
{
    for (struct listing **at = &d->listings; *at;) {
        struct listing *l = *at;
        if (l->used) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        listing_free(l);
    }
}

static int run_listings(struct discovery *d, struct discovery_sink *s, struct err *e)
{
    int r = 0;
    for (struct listing *l = d->listings; l; l = l->next)
        l->used = false;
    look_at_files(d);
    look_at_pages(d);
    forget_unused(d);
    for (struct listing *l = d->listings; r == 0 && l; l = l->next)
        r = run_groups(s, l->groups, l->page ? "__meta_url" : "__meta_filepath", l->name, e);
    return r;
}

/* ---- life ---- */

int discovery_run(struct discovery *d, struct cache *cache, discovery_found found, void *arg,
                  struct err *e)
{
    struct discovery_sink *s = calloc(1, sizeof *s);
    if (!s)
        log_die("out of memory");
    s->found = found;
    s->arg = arg;
    int r = run_groups(s, value_get(d->scrape, "static_configs"), NULL, NULL, e);
    if (r == 0)
        r = run_listings(d, s, e);
    for (size_t i = 0; r == 0 && i < d->n_kubes; i++)
        r = discovery__kube_run(&d->kubes[i], cache, s, e);
    free(s);
    return r;
}

bool discovery_watches(const struct discovery *d)
{
    return d->n_kubes > 0;
}

int64_t discovery_again_ms(const struct discovery *d)
{
    return value_count(value_get(d->scrape, "file_sd_configs")) || d->n_https ? LOOK_MS : 0;
}

/* Every other way to find targets is named. */
static int check_ways(const struct value *scrape, struct err *e)
{
    static const char *const known[] = {"static_configs", "file_sd_configs", "http_sd_configs",
                                        "kubernetes_sd_configs"};
    VALUE_EACH_MEMBER (m, scrape) {
        size_t n = strlen(m->key), i = 0;
        if (n < 11 || strcmp(m->key + n - 11, "_sd_configs") != 0)
            continue;
        while (i < ARRAY_LEN(known) && strcmp(known[i], m->key) != 0)
            i++;
        if (i == ARRAY_LEN(known) && value_count(&m->value))
            return err_set(e, ERR_UNSUPPORTED, "line %u: %s is not acted on here", m->line, m->key);
    }
    return 0;
}

static int read_http(struct discovery *d, const struct value *v, struct http_discovery *out,
                     struct err *e)
{
    out->url = arena_strdup(d->arena, value_at_str(v, "url", ""));
    out->every_ms = HTTP_EVERY_MS;
    int r = client_config_read(v, d->folder, d->arena, &out->client, e);
    if (r == 0 && value_get(v, "refresh_interval"))
        r = rules_duration(value_at_str(v, "refresh_interval", ""), &out->every_ms, e);
    if (r == 0 && out->every_ms < 1000)
        out->every_ms = 1000;
    return r;
}

static int read_ways(struct discovery *d, struct err *e)
{
    const struct value *kubes = value_get(d->scrape, "kubernetes_sd_configs");
    const struct value *https = value_get(d->scrape, "http_sd_configs");
    int r = check_ways(d->scrape, e);
    VALUE_EACH_ITEM (g, value_get(d->scrape, "static_configs"))
        if (r == 0 && (r = group_check(g, e)) < 0)
            r = err_wrap(e, r, "line %u", g->line);
    d->kubes = ARENA_ARRAY(d->arena, struct kube_discovery, value_count(kubes) + 1);
    d->https = ARENA_ARRAY(d->arena, struct http_discovery, value_count(https) + 1);
    VALUE_EACH_ITEM (v, kubes)
        if (r == 0)
            r = discovery__kube_read(v, d->arena, &d->kubes[d->n_kubes++], e);
    VALUE_EACH_ITEM (v, https)
        if (r == 0)
            r = read_http(d, v, &d->https[d->n_https++], e);
    return r;
}

int discovery_new(const struct value *scrape, const char *folder, struct discovery **out,
                  struct err *e)
{
    AUTO(discovery) struct discovery *d = calloc(1, sizeof *d);
    if (!d)
        log_die("out of memory");
    d->arena = arena_new(0);
    d->scrape = scrape;
    d->folder = arena_strdup(d->arena, folder);
    int r = read_ways(d, e);
    if (r == 0)
        *out = take_ptr(d);
    return r;
}

void discovery_free(struct discovery *d)
{
    if (!d)
        return;
    for (struct listing *l = d->listings; l;) {
        struct listing *next = l->next;
        listing_free(l);
        l = next;
    }
    arena_free(d->arena);
    free(d);
}
