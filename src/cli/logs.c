#include "cli/logs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "cli/verb.h"
#include "codec/json.h"
#include "kube/remote.h"
#include "net/http_client.h"

enum { FOLLOW_LIMIT = 50000, ANSWER_MAX = 256 << 20 };

static const int64_t second_ns = 1000000000, overlap_ns = 30 * 1000000000LL;

struct asking {
    const char *address, *ns, *pod, *container, *grep, *since, *until, *token, *kubeconfig, *output;
    struct option_list labels, fields;
    long limit;
    bool follow, everywhere;
    struct http_client *client;
    const char *query;      /* in LogQL, escaped for a URL */
    int64_t from_ns, to_ns; /* to 0: no end */
};

static const char *quoted(struct arena *a, const char *text)
{
    return json_text(a, value_new_str(a, text), JSON_NO_HTML);
}

/* "k=v", "k!=v", "k=~v" or "k!~v" as LogQL has it. */
static int condition(const char *text, size_t n, struct arena *a, const char **out, struct err *e)
{
    const char *pair = arena_strndup(a, text, n);
    size_t at = strcspn(pair, "=!"), op = at;
    op += strspn(pair + op, "!=~");
    const char *sign = arena_strndup(a, pair + at, op - at);
    if (strcmp(sign, "==") == 0)
        sign = "=";
    if (at == 0 || !strstr(" = != =~ !~ ", arena_join(a, " ", sign, " ", NULL)))
        return err_set(e, ERR_INVALID, "%s: it needs the form NAME=VALUE", pair);
    *out = arena_join(a, arena_strndup(a, pair, at), sign, quoted(a, pair + op), NULL);
    return 0;
}

/* Conditions of a list, each item of which may hold several between commas. */
static int conditions(const struct option_list *list, const char *between, struct arena *a,
                      const char **text, struct err *e)
{
    for (size_t i = 0; i < list->n; i++)
        for (const char *at = list->items[i]; *at;) {
            size_t n = strcspn(at, ",");
            const char *one = "";
            int r = n ? condition(at, n, a, &one, e) : 0;
            if (r < 0)
                return r;
            *text = n ? arena_join(a, *text, between, one, NULL) : *text;
            at += n + (at[n] == ',');
        }
    return 0;
}

/* A selector has at least one matcher that is not empty. */
static int make_query(struct asking *k, struct arena *a, struct err *e)
{
    const char *q = k->everywhere ? "{namespace=~\".*\",pod=~\".+\""
                                  : arena_join(a, "{namespace=", quoted(a, k->ns), NULL);
    if (k->pod)
        q = arena_join(a, q, ",pod=~", quoted(a, arena_join(a, k->pod, ".*", NULL)), NULL);
    if (k->container)
        q = arena_join(a, q, ",container=", quoted(a, k->container), NULL);
    int r = conditions(&k->labels, ",", a, &q, e);
    if (r < 0)
        return err_wrap(e, r, "--labels");
    q = arena_join(a, q, "}", NULL);
    if (k->grep)
        q = arena_join(a, q, " |= ", quoted(a, k->grep), NULL);
    if (k->fields.n)
        q = arena_join(a, q, " | json", NULL);
    r = conditions(&k->fields, " | ", a, &q, e);
    k->query = q;
    return r < 0 ? err_wrap(e, r, "--field") : 0;
}

/* "10m" ago, or a time. */
static int moment(const char *text, int64_t now_ns, int64_t *out, struct err *e)
{
    int64_t ago;
    if (clock_parse_rfc3339(text, out, NULL) == 0)
        return 0;
    if (clock_parse_duration(text, &ago, NULL) < 0)
        return err_set(e, ERR_INVALID,
                       "%s is neither a duration (10m) nor a time "
                       "(2026-01-02T03:04:05Z)",
                       text);
    *out = now_ns - ago;
    return 0;
}

static char *escape(struct arena *a, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = arena_alloc(a, strlen(text) * 3 + 1), *to = out;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (strchr("-_.~", c) || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
            (c >= 'a' && c <= 'z')) {
            *to++ = (char)c;
            continue;
        }
        *to++ = '%';
        *to++ = hex[c >> 4];
        *to++ = hex[c & 15];
    }
    return out;
}

static int fetch(const struct asking *k, int64_t from_ns, long limit, struct arena *a,
                 struct value **out, struct err *e)
{
    const char *url =
        arena_printf(a, "http://%s/loki/api/v1/query_range?limit=%ld&start=%lld&query=%s",
                     k->address, limit, (long long)from_ns, escape(a, k->query));
    if (k->to_ns)
        url = arena_printf(a, "%s&end=%lld", url, (long long)k->to_ns);
    struct http_call call = {.method = "GET", .url = url, .max_answer = ANSWER_MAX};
    struct http_answer answer;
    int r = http_do(k->client, &call, a, &answer, e);
    if (r == 0 && answer.status != 200)
        return err_set(e, ERR_INVALID, "%s", answer.body);
    return r < 0 ? r : json_parse(a, answer.body, answer.body_len, 0, out, e);
}

/* ---- printing ---- */

struct log_line {
    const char *time;
    const struct value *labels, *text;
    size_t place; /* among lines of one time: a burst has one for all */
};

static int by_time(const void *a, const void *b)
{
    const struct log_line *x = a, *y = b;
    int order = strcmp(x->time, y->time);
    return order ? order : x->place < y->place ? -1 : x->place > y->place;
}

static struct log_line *lines_of(const struct value *doc, struct arena *a, size_t *out_n)
{
    struct log_line *lines = NULL;
    size_t n = 0, cap = 0;
    VALUE_EACH_ITEM (s, value_at(doc, "data.result")) {
        const struct value *values = value_get(s, "values");
        for (size_t i = value_count(values); i-- > 0;) { /* they come newest first */
            const struct value *v = value_item(values, i);
            if (n == cap) {
                size_t more = cap ? cap * 2 : 256;
                lines = arena_grow(a, lines, cap * sizeof *lines, more * sizeof *lines);
                cap = more;
            }
            lines[n] = (struct log_line){value_str(value_item(v, 0), ""), value_get(s, "stream"),
                                         value_item(v, 1), n};
            n++;
        }
    }
    if (n)
        qsort(lines, n, sizeof *lines, by_time);
    *out_n = n;
    return lines;
}

static void print_json(const struct log_line *l, struct arena *a)
{
    char when[CLOCK_TEXT_MAX];
    struct value *o = value_new_object(a);
    clock_format_rfc3339_nano(strtoll(l->time, NULL, 10), when);
    (void)value_set_str(a, o, "time", when);
    VALUE_EACH_MEMBER (m, l->labels)
        (void)value_set(a, o, m->key, &m->value);
    (void)value_set(a, o, "line", l->text);
    (void)puts(json_text(a, o, JSON_NO_HTML));
}

static void print_line(const struct asking *k, const struct log_line *l, struct arena *a)
{
    char when[CLOCK_TEXT_MAX];
    if (strcmp(k->output, "json") == 0) {
        print_json(l, a);
        return;
    }
    if (strcmp(k->output, "raw") != 0) {
        clock_format_rfc3339_ms(strtoll(l->time, NULL, 10) / 1000000, when);
        (void)printf("%s %s/%s ", when, value_at_str(l->labels, "pod", ""),
                     value_at_str(l->labels, "container", ""));
    }
    (void)puts(value_str(l->text, ""));
}

/* ---- following ---- */

/* What tells a line from all others of one answer. */
static const char *key_of(const struct log_line *l, const struct map *seen, struct arena *a)
{
    const char *labels = json_text(a, l->labels, JSON_SORTED), *key;
    size_t nth = 0;
    do {
        key = arena_printf(a, "%s %s %zu %s", l->time, labels, nth++, value_str(l->text, ""));
    } while (map_has(seen, key) && nth < 1000);
    return key;
}

/* Lines of several pods arrive a little out of order: those of the last seconds are asked for
 * again, and what was shown before is not shown. */
static int look(const struct asking *k, int64_t from_ns, struct map *seen, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *doc;
    struct map now;
    size_t n;
    int r = fetch(k, from_ns, FOLLOW_LIMIT, a, &doc, e);
    if (r < 0)
        return r;
    map_init(&now);
    const struct log_line *lines = lines_of(doc, a, &n);
    if (n == FOLLOW_LIMIT)
        (void)fprintf(stderr, "slipway: too many lines at once; the newest %zu are shown\n", n);
    for (size_t i = 0; i < n; i++) {
        const char *key = key_of(&lines[i], &now, a);
        (void)map_put(&now, key, seen);
        if (!map_has(seen, key))
            print_line(k, &lines[i], a);
    }
    (void)fflush(stdout);
    map_done(seen);
    *seen = now;
    return ferror(stdout) ? err_set(e, ERR_SYSTEM, "nobody reads what is printed") : 0;
}

static int follow(const struct asking *k, struct err *e)
{
    struct map seen;
    int r;
    map_init(&seen);
    int64_t from_ns = k->from_ns;
    while ((r = look(k, from_ns, &seen, e)) == 0) {
        from_ns = clock_real_ns() - overlap_ns;
        if (from_ns < k->from_ns)
            from_ns = k->from_ns;
        (void)sleep(1);
    }
    map_done(&seen);
    return r;
}

static int show(const struct asking *k, struct arena *a, struct err *e)
{
    struct value *doc;
    size_t n;
    int r = fetch(k, k->from_ns, k->limit, a, &doc, e);
    if (r < 0)
        return r;
    const struct log_line *lines = lines_of(doc, a, &n);
    for (size_t i = 0; i < n; i++)
        print_line(k, &lines[i], a);
    if (n == 0) /* not an error: there may be nothing to say */
        (void)fprintf(stderr, "slipway: no such lines in %s%s, --since %s\n",
                      k->everywhere ? "any namespace" : "namespace ", k->everywhere ? "" : k->ns,
                      k->since);
    return 0;
}

static int prepare(struct asking *k, struct arena *a, struct err *e)
{
    int64_t now = clock_real_ns();
    struct kube_config config = {.token = k->token};
    if (!strstr(" text json raw ", arena_join(a, " ", k->output, " ", NULL)))
        return err_set(e, ERR_INVALID, "--output %s: there is text, json and raw", k->output);
    if (k->follow && k->until)
        return err_set(e, ERR_INVALID, "--follow and --until do not go together");
    int r = moment(k->since, now, &k->from_ns, e);
    if (r < 0)
        return err_wrap(e, r, "--since");
    if (k->until && (r = moment(k->until, now, &k->to_ns, e)) < 0)
        return err_wrap(e, r, "--until");
    if (k->to_ns && k->to_ns - k->from_ns < second_ns / 1000)
        return err_set(e, ERR_INVALID, "--until %s is before --since %s", k->until, k->since);
    r = make_query(k, a, e);
    if (r == 0 && !k->token)
        r = verb_config(k->kubeconfig, NULL, a, &config, e);
    if (r < 0)
        return r;
    struct http_client_opts opts = {.timeout_ms = 90000, .bearer = config.token};
    k->client = http_client_new(&opts);
    return 0;
}

int logs_run(const struct verb *verb, int argc, char **argv)
{
    struct asking k = {.address = "127.0.0.1:9090",
                       .ns = "default",
                       .since = "1h",
                       .output = "text",
                       .limit = 1000};
    const struct option table[] = {
        {"namespace",                                                            'n', OPTION_TEXT, &k.ns, "NAME", "namespace (default)"},
        {"all-namespaces",                                                           'A', OPTION_FLAG, &k.everywhere, NULL, "of every namespace"},
        {"container",                                                                'c', OPTION_TEXT, &k.container, "NAME", "one container only"},
        {"labels",                                                                      'l', OPTION_LIST, &k.labels, "NAME=VALUE",
         "app, commit, repository, pipeline_run, task, stream; also !=, =~, !~"},
        {"grep",         'g', OPTION_TEXT, &k.grep, "TEXT", "lines that hold TEXT"},
        {"field",                                                         0, OPTION_LIST, &k.fields, "NAME=VALUE",
         "lines that are JSON with this member (a_b: b in a)"},
        {"since",                                                  's', OPTION_TEXT, &k.since, "TIME",
         "from when: 10m, 24h (1h), or 2026-01-02T03:04:05Z"},
        {"until",                                                            0, OPTION_TEXT, &k.until, "TIME", "up to when, in the same forms"},
        {"follow",                                                           'f', OPTION_FLAG, &k.follow, NULL, "go on with what is written"},
        {"output",                                                                'o', OPTION_TEXT, &k.output, "FORM",
         "text, json (with commit and run) or raw (the line alone)"},
        {"limit",                                                                      0, OPTION_NUMBER, &k.limit, "N", "the newest N lines (1000)"},
        {"address",0, OPTION_TEXT, &k.address, "HOST:PORT",
         "metrics and logs API (127.0.0.1:9090)"},
        {"kubeconfig",                                                             0, OPTION_TEXT, &k.kubeconfig, "FILE", "whose token is shown"},
        {"token", 0, OPTION_TEXT, &k.token, "TOKEN", "the token to show instead"},
        {0                                                                }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct arguments args;
    struct err e = {0};
    int code;
    if (!verb_begin(verb, table, argc, argv, a, &args, &code))
        return code;
    if (args.n > 1)
        return verb_usage(verb);
    k.pod = args.n ? args.items[0] : NULL;
    int r = prepare(&k, a, &e);
    if (r == 0)
        r = k.follow ? follow(&k, &e) : show(&k, a, &e);
    http_client_free(k.client);
    return r < 0 ? verb_fail(&e) : EXIT_OK;
}
