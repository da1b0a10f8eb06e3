/* The API from outside: a server on a free port, a log store in a temporary folder. */
#include "base/fs.h"
#include "codec/json.h"
#include "elastic/elastic.h"
#include "net/http_client.h"
#include "table.h"

static char dir[64];
static struct logdb *db;
static char base[64];
static struct http_client *client;

/* Tokens are "all", "shop" (sees that namespace) and "push" (adds to shop). */
static int may(void *arg, struct http_request *q, bool create, const char *ns, struct err *e)
{
    (void)arg;
    const char *t = logs_access_token(http_header(q, "Authorization"), q->arena);
    bool shop = ns && strcmp(ns, "shop") == 0;
    if (!t)
        return err_set(e, ERR_UNAUTHENTICATED, "logs are for those who show a token");
    if (strcmp(t, "all") == 0 || (shop && strcmp(t, create ? "push" : "shop") == 0))
        return 0;
    return err_set(e, ERR_DENIED, "%s is not for %s", ns ? ns : "everything", t);
}

static void add(const char *ns, const char *pod, int64_t s, const char *text)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *labels = value_new_object(a);
    struct err e = {0};
    uint32_t id;
    (void)value_set_str(a, labels, "namespace", ns);
    (void)value_set_str(a, labels, "pod", pod);
    T_RC(logdb_stream(db, labels, &id, &e), &e, pod);
    T_RC(logdb_append(db, id, s * 1000000000, text, strlen(text), &e), &e, text);
}

static void fill(void)
{
    int64_t now = clock_real_ms() / 1000;
    add("shop", "web", now - 10800, "{\"level\":\"error\",\"msg\":\"no stock\"}");
    add("shop", "web", now - 3600, "plain words");
    add("ci", "build", now - 2400, "secret of ci");
}

static const char *one_line(struct arena *a, const char *text)
{
    char *s = arena_strdup(a, text);
    for (char *p = s; *p; p++)
        *p = *p == '\n' ? (p[1] ? ';' : '\0') : *p;
    return *s ? s : "nothing";
}

/* METHOD PATH | TOKEN | BODY or - | STATUS PATH | what the answer has there */
static const char *call(char **cells, size_t n, struct arena *a)
{
    (void)n;
    char *space = strchr(cells[0], ' '), *path = strchr(cells[3], ' ');
    const char *basic = arena_printf(a, "Authorization: Bearer %s", cells[1]);
    const char *headers[] = {"Content-Type: application/json",
                             strcmp(cells[1], "-") == 0 ? NULL : basic, NULL};
    const char *body = strcmp(cells[2], "-") == 0 ? "" : cells[2];
    struct buf lines = {.max = 1 << 20};
    for (const char *p = body; *p; p++) { /* NDJSON: \n as two characters between its lines */
        bool nl = p[0] == '\\' && p[1] == 'n' && (p[2] == '{' || !p[2]);
        buf_putc(&lines, nl ? '\n' : *p);
        p += nl;
    }
    *space = '\0';
    struct http_call c = {.method = cells[0],
                          .url = arena_join(a, base, space + 1, NULL),
                          .headers = headers,
                          .body = buf_text(&lines),
                          .body_len = lines.len};
    struct http_answer answer;
    struct err e = {0};
    int r = http_do(client, &c, a, &answer, &e);
    buf_done(&lines);
    if (r < 0)
        return arena_strdup(a, e.msg);
    const char *product = http_answer_header(&answer, "x-elastic-product");
    if (!product || strcmp(product, "Elasticsearch") != 0)
        return "no product header";
    struct value *v;
    if (answer.status != (int)strtol(cells[3], NULL, 10))
        return arena_printf(a, "%d %s", answer.status, answer.body);
    if (!path || json_parse(a, answer.body, answer.body_len, 0, &v, NULL) < 0)
        return one_line(a, answer.body);
    const struct value *at = value_at(v, path + 1);
    return at ? json_text(a, at, JSON_NO_HTML) : "absent";
}

static struct value *ask(struct arena *a, const char *method, const char *path, const char *body)
{
    const char *headers[] = {"Content-Type: application/json", "Authorization: Bearer all", NULL};
    struct http_call c = {.method = method,
                          .url = arena_join(a, base, path, NULL),
                          .headers = headers,
                          .body = body,
                          .body_len = strlen(body)};
    struct http_answer answer;
    struct err e = {0};
    struct value *v = NULL;
    T_RC(http_do(client, &c, a, &answer, &e), &e, path);
    T_EQ_INT(answer.status, 200, answer.body);
    T_RC(json_parse(a, answer.body, answer.body_len, 0, &v, &e), &e, path);
    return v;
}

/* Pages of a scroll and of a point in time show what was there when they began, each once. */
static void pages(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *seen = arena_strdup(a, "");
    struct value *first = ask(a, "POST", "/pages/_pit?keep_alive=1m", "");
    const char *pit = value_at_str(first, "id", ""), *after = "";
    struct value *v = ask(a, "POST", "/pages/_search?scroll=1m", "{\"size\":2}");
    (void)usleep(2000);
    (void)ask(a, "POST", "/_bulk", "{\"index\":{\"_index\":\"pages\",\"_id\":\"late\"}}\n{}\n");
    for (int i = 0; i < 5 && value_count(value_at(v, "hits.hits")); i++) {
        VALUE_EACH_ITEM (h, value_at(v, "hits.hits"))
            seen = arena_join(a, seen, value_at_str(h, "_id", "?"), " ", NULL);
        v = ask(a, "POST", "/_search/scroll",
                arena_printf(a, "{\"scroll_id\":\"%s\"}", value_at_str(v, "_scroll_id", "")));
    }
    T_EQ_STR(seen, "p0 p1 p2 p3 p4 ", "scroll");
    seen = arena_strdup(a, "");
    for (int i = 0; i < 5; i++) {
        v = ask(a, "POST", "/_search",
                arena_printf(a,
                             "{\"size\":2,\"sort\":[{\"n\":\"desc\"}],\"pit\":{\"id\":\"%s\"}%s}",
                             pit, after));
        VALUE_EACH_ITEM (h, value_at(v, "hits.hits")) {
            seen = arena_join(a, seen, value_at_str(h, "_id", "?"), " ", NULL);
            after = arena_join(
                a, ",\"search_after\":", json_text(a, value_get(h, "sort"), JSON_NO_HTML), NULL);
        }
    }
    T_EQ_STR(seen, "p3 p4 p1 p2 p0 ", "point in time");
}

static void answers(void)
{
    struct err e = {0};
    (void)snprintf(dir, sizeof dir, "/tmp/slipway-elastic-XXXXXX");
    T_OK(mkdtemp(dir), "mkdtemp");
    AUTO(arena) struct arena *a = arena_new(0);
    struct logdb_opts lo = {.dir = arena_join(a, dir, "/logs", NULL), .clock = &clock_system};
    T_RC(logdb_open(&lo, &db, &e), &e, "store");
    struct elastic_opts o = {
        .access = {.db = db, .may = may},
        .path = arena_join(a, dir, "/elastic.json", NULL),
        .clock = &clock_system,
        .prefix = "/elastic"
    };
    struct elastic *x = NULL;
    struct http_server *server = NULL;
    T_RC(elastic_open(&o, &x, &e), &e, "elastic");
    T_RC(http_server_start(&(struct http_listen){.address = "127.0.0.1:0"}, elastic_handle, x,
                           &server, &e),
         &e, "server");
    (void)snprintf(base, sizeof base, "http://127.0.0.1:%u/elastic", http_server_port(server));
    client = http_client_new(&(struct http_client_opts){.timeout_ms = 60000, .no_proxy = true});
    fill();
    table_run("tests/cases/elastic/api.table", call);
    char *bulk = arena_strdup(a, "");
    for (int i = 0; i < 5; i++)
        bulk = arena_printf(a, "%s{\"index\":{\"_index\":\"pages\",\"_id\":\"p%d\"}}\n{\"n\":%d}\n",
                            bulk, i, (i + 1) / 2);
    (void)ask(a, "POST", "/_bulk", bulk);
    (void)usleep(2000); /* times are in milliseconds */
    pages();
    http_client_free(client);
    http_server_free(server);
    elastic_free(x);
    logdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

T_MAIN(answers)
