/* Applications of charts in a repository on loopback: versions and ranges, who asks, values from
 * Git, and what becomes of a version that fails. */
#include <pthread.h>

#include "base/buf.h"
#include "codec/base64.h"
#include "net/http_server.h"
#include "render/helm/chart.h"
#include "world.h"

enum { VERSIONS = 4 };

struct shop {
    struct world w;
    struct http_server *server;
    const char *url;
    pthread_mutex_t lock;
    const char *versions[VERSIONS + 1]; /* in the index */
    const char *password;               /* what it takes to be served; NULL: nothing */
    unsigned archives;                  /* times one was asked for */
    bool down;
};

static const char *packed(struct arena *a, const char *version, size_t *n)
{
    const struct tree_file files[] = {
        {"Chart.yaml",                           arena_printf(a, "apiVersion: v2\nname: web\nversion: %s\n", version)},
        {"values.yaml",                              "a: default\n"                                           },
        {"prod.yaml","a: of the chart\n"},
        {"templates/map.yaml",
         "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\n"
         "data: {k: \"{{ .Chart.Version }} {{ .Values.a }} {{ .Release.Name }}"
         "\", at: \"{{ now | unixEpoch }}\"}\n"                                                                         },
        {NULL, NULL},
    };
    AUTO(tree) struct tree *t = tree_of_table(files);
    AUTO_BUF struct buf b;
    struct helm_log log = {.arena = a};
    struct helm_chart *chart;
    struct err e = {0};
    buf_init(&b, 1 << 20);
    T_RC(helm_chart_load(t, "", &log, &chart, &e), &e, version);
    T_RC(helm_chart_save(chart, 1800000000, &log, &b, &e), &e, version);
    *n = b.len;
    return arena_dup(a, buf_text(&b), b.len);
}

static void serve(struct http_request *q, void *arg)
{
    struct shop *s = arg;
    AUTO(arena) struct arena *a = arena_new(0);
    const char *who = http_header(q, "authorization");
    (void)pthread_mutex_lock(&s->lock);
    if (s->down || (s->password && (!who || strcmp(who, s->password) != 0))) {
        http_send_text(q, s->down ? 503 : 401, "no");
    } else if (strcmp(q->path, "/charts/index.yaml") == 0) {
        const char *text = "apiVersion: v1\nentries:\n  web:\n";
        for (size_t i = 0; s->versions[i]; i++)
            text = arena_printf(a, "%s  - {name: web, version: %s, urls: [web-%s.tgz]}\n", text,
                                s->versions[i], s->versions[i]);
        http_send(q, 200, "text/yaml", text, strlen(text));
    } else if (strncmp(q->path, "/charts/web-", 12) == 0) {
        size_t n;
        const char *version = q->path + 12;
        const char *bytes = packed(a, arena_strndup(a, version, strlen(version) - 4), &n);
        s->archives++;
        http_send(q, 200, "application/gzip", bytes, n);
    } else {
        http_send_text(q, 404, "no");
    }
    (void)pthread_mutex_unlock(&s->lock);
}

static void open_shop(struct shop *s)
{
    const struct http_listen l = {.address = "127.0.0.1:0"};
    struct err e = {0};
    *s = (struct shop){
        .versions = {"1.0.0", "1.1.0", "2.0.0"}
    };
    (void)pthread_mutex_init(&s->lock, NULL);
    setup(&s->w);
    T_RC(http_server_start(&l, serve, s, &s->server, &e), &e, "listen");
    s->url = arena_printf(s->w.a, "http://127.0.0.1:%u/charts", http_server_port(s->server));
}

static void close_shop(struct shop *s)
{
    teardown(&s->w);
    http_server_free(s->server);
    (void)pthread_mutex_destroy(&s->lock);
}

/* `source` with the shop's URL for each '@'. */
static void apply(struct shop *s, const char *notes, const char *source)
{
    const char *text = "";
    for (const char *c = source; *c;) {
        size_t n = strcspn(c, "@");
        text = arena_printf(s->w.a, "%s%.*s%s", text, (int)n, c, c[n] ? s->url : "");
        c += n + (c[n] == '@');
    }
    load(&s->w,
         arena_printf(s->w.a,
                      "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
                      "metadata: {name: shop, namespace: argocd%s}\n"
                      "spec:\n  project: default\n%s"
                      "  destination: {server: \"https://kubernetes.default.svc\", "
                      "namespace: web}\n"
                      "  syncPolicy: {automated: {prune: true, selfHeal: true}, syncOptions: "
                      "[PrunePropagationPolicy=background]}\n",
                      notes, text));
    settle(&s->w);
}

/* Time goes by: ranges are looked up again. */
static void wait_a_while(struct shop *s)
{
    fake_clock_move(&s->w.clock, 200 * 1000);
    settle(&s->w);
}

static void versions(void)
{
    static const struct {
        const char *version, *want, *said;
    } cases[] = {
        {"1.0.0",    "1.0.0", ""                                            },
        {"1.x",      "1.1.0", ""                                            },
        {"~1.0",     "1.0.0", ""                                            },
        {"'*'",      "2.0.0", ""                                            },
        {"''",       "2.0.0", ""                                            },
        {"'>=1 <2'", "1.1.0", ""                                            },
        {"3.x",      "",      "chart \"web\" version \"3.x\" not found in"  },
        {"3.0.0",    "",      "chart \"web\" version \"3.0.0\" not found in"},
        {"'>>'",     "",      "chart \"web\" version \">>\" not found in"   },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct shop s;
        open_shop(&s);
        apply(&s, "",
              arena_printf(s.w.a,
                           "  source: {repoURL: \"@\", chart: web, targetRevision: %s, helm: "
                           "{releaseName: r, valuesObject: {a: v}}}\n",
                           cases[i].version));
        const char *said = app(&s.w, "status.conditions[0].message");
        T_OK(*cases[i].said ? strstr(said, cases[i].said) != NULL : !*said, said);
        T_EQ_STR(app(&s.w, "status.sync.revision"), cases[i].want, cases[i].version);
        const char *map = arena_printf(s.w.a, "%s v r", cases[i].want);
        T_EQ_STR(map_value(&s.w, "map"), *cases[i].want ? map : "gone", cases[i].version);
        T_EQ_INT(s.archives, *cases[i].want != '\0', "fetched once, however often it is rendered");
        close_shop(&s);
    }
}

static void follows_a_range(void)
{
    struct shop s;
    open_shop(&s);
    apply(&s, "",
          "  source: {repoURL: \"@\", chart: web, targetRevision: 1.x, helm: {valueFiles: "
          "[prod.yaml]}}\n");
    T_EQ_STR(map_value(&s.w, "map"), "1.1.0 of the chart shop", "a file of the chart");
    T_EQ_STR(value_at_str(get(&s.w, &RES_CONFIG_MAP, "web", "map"), "data.at", ""), "1800000000",
             "the time is when it was packed");
    T_EQ_STR(app(&s.w, "status.sourceType"), "Helm", "what it is");
    s.versions[2] = "1.2.0";
    settle(&s.w);
    T_EQ_STR(app(&s.w, "status.sync.revision"), "1.1.0", "not asked all the time");
    wait_a_while(&s);
    T_EQ_STR(app(&s.w, "status.sync.revision"), "1.2.0", "in time");
    s.versions[3] = "1.3.0";
    patch(&s.w, &RES_APPLICATION, "argocd", "shop", NULL,
          "{\"metadata\":{\"annotations\":{\"argocd.argoproj.io/refresh\":\"normal\"}}}");
    T_EQ_STR(app(&s.w, "status.sync.revision"), "1.3.0", "a refresh asks at once");
    T_EQ_STR(app(&s.w, "status.history[2].revision"), "1.3.0", "history");
    s.down = true;
    wait_a_while(&s);
    T_OK(strstr(app(&s.w, "status.conditions[0].message"), "cannot be reached"),
         "says that nobody answers");
    T_EQ_STR(map_value(&s.w, "map"), "1.3.0 of the chart shop", "what runs, runs on");
    s.down = false;
    wait_a_while(&s);
    T_EQ_STR(app(&s.w, "status.conditions[0].message"), "", "again");
    close_shop(&s);
}

#define VALUES_OF_GIT                                                                              \
    "  sources:\n"                                                                                 \
    "  - {repoURL: \"@\", chart: web, targetRevision: 1.0.0, helm: {valueFiles: "                  \
    "[$values/prod/$ARGOCD_APP_NAME.yaml, $values/none.yaml], ignoreMissingValueFiles: true}}\n"   \
    "  - {repoURL: \"http://h/git/infra.git\", targetRevision: main, ref: values}\n"               \
    "  - {repoURL: \"http://h/git/infra.git\", targetRevision: main, path: more}\n"

static void values_from_git(void)
{
    struct shop s;
    open_shop(&s);
    const char *first =
        push(&s.w,
             (struct file_edit[]){
                 {"prod/shop.yaml", "a: of Git\n"},
                 {"more/map.yaml",                MAP("other", "plain")},
                 {0}
    });
    apply(&s, "", VALUES_OF_GIT);
    T_EQ_STR(app(&s.w, "status.conditions[0].message"), "", "no complaints");
    T_EQ_STR(map_value(&s.w, "map"), "1.0.0 of Git shop", "values of another source");
    T_EQ_STR(map_value(&s.w, "other"), "plain", "a third source");
    T_EQ_STR(app(&s.w, "status.sync.revisions[0]"), "1.0.0", "its revision");
    T_EQ_STR(app(&s.w, "status.sync.revisions[1]"), first, "a commit");
    T_EQ_STR(app(&s.w, "status.sync.comparedTo.sources[1].ref"), "values", "sources");
    T_EQ_STR(app(&s.w, "status.sourceTypes[0]"), "Helm", "types");
    T_EQ_STR(app(&s.w, "status.sourceTypes[1]"), "", "a reference is no source");
    T_EQ_STR(app(&s.w, "status.sourceTypes[2]"), "Directory", "types");
    T_EQ_STR(app(&s.w, "status.history[0].revisions[2]"), first, "history");
    (void)push(&s.w,
               (struct file_edit[]){
                   {"prod/shop.yaml", "a: newer\n"},
                   {"more/map.yaml",                MAP("map", "repeat")},
                   {0}
    });
    T_EQ_STR(map_value(&s.w, "map"), "repeat", "the last source counts");
    T_EQ_STR(map_value(&s.w, "other"), "gone", "pruned");
    T_EQ_STR(app(&s.w, "status.conditions[0].type"), "RepeatedResourceWarning", "and it is said");
    close_shop(&s);
}

static const char *encoded(struct arena *a, const char *text)
{
    return base64_encode(a, text, strlen(text), BASE64_STD);
}

static void who_asks(void)
{
    static const struct {
        const char *type, *url, *project, *want; /* url NULL: the shop's */
    } cases[] = {
        {"",           NULL,               "",        "gone"              },
        {"repository", NULL,               "",        "1.1.0 default shop"},
        {"repository", NULL,               "default", "1.1.0 default shop"},
        {"repository", NULL,               "other",   "gone"              },
        {"repo-creds", "http://127.0.0.1", "",        "gone"              },
        {"repo-creds", NULL,               "",        "1.1.0 default shop"},
        {"cluster",    NULL,               "",        "gone"              },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct shop s;
        open_shop(&s);
        s.password = "Basic bWU6c2VjcmV0";
        load(&s.w,
             arena_printf(s.w.a,
                          "apiVersion: v1\nkind: Secret\nmetadata: {name: c, namespace: argocd, "
                          "labels: {argocd.argoproj.io/secret-type: \"%s\"}}\n"
                          "data: {username: bWU=, password: c2VjcmV0, url: %s, project: \"%s\"}\n",
                          cases[i].type, encoded(s.w.a, cases[i].url ? cases[i].url : s.url),
                          encoded(s.w.a, cases[i].project)));
        apply(&s, "", "  source: {repoURL: \"@\", chart: web, targetRevision: 1.x}\n");
        T_EQ_STR(map_value(&s.w, "map"), cases[i].want, cases[i].type);
        T_OK(!strstr(app(&s.w, "status.conditions[0].message"), "secret"), "no password is said");
        close_shop(&s);
    }
}

/* Whoever gives a user's name and not the password does not get what is kept for the user. */
static void keeps_for_who_knows_the_password(void)
{
    struct shop s;
    open_shop(&s);
    s.password = "Basic bWU6c2VjcmV0";
    struct charts_access access = {.user = "me", .password = "secret"};
    const struct charts_wish wish = {
        .repository = s.url, .name = "web", .version = "1.0.0", .access = &access};
    const char *bytes;
    size_t n;
    struct err e = {0};
    for (int i = 0; i < 2; i++)
        T_RC(charts_store_get(s.w.charts, &wish, s.w.a, &bytes, &n, &e), &e, "by its user");
    T_EQ_INT(s.archives, 1, "kept");
    access.password = "guess";
    T_EQ_INT(charts_store_get(s.w.charts, &wish, s.w.a, &bytes, &n, &e), ERR_UNAUTHENTICATED,
             "by someone else");
    access.password = NULL;
    T_EQ_INT(charts_store_get(s.w.charts, &wish, s.w.a, &bytes, &n, &e), ERR_UNAUTHENTICATED,
             "without a password");
    close_shop(&s);
}

/* There is no commit to revert: the last good version stays, with the values it was good with. */
static void condemned(void)
{
    struct shop s;
    open_shop(&s);
    load(&s.w, TEMPLATE);
    apply(
        &s, ", annotations: {slipway.dev/analysis: ok}",
        "  source: {repoURL: \"@\", chart: web, targetRevision: 1.0.0, helm: {values: 'a: x'}}\n");
    (void)verdict(&s.w, "Successful");
    T_EQ_STR(map_value(&s.w, "map"), "1.0.0 x shop", "the first");
    patch(&s.w, &RES_APPLICATION, "argocd", "shop", NULL,
          "{\"spec\":{\"source\":{\"targetRevision\":\"1.1.0\",\"helm\":{\"values\":\"a: z\"}}}}");
    T_EQ_STR(map_value(&s.w, "map"), "1.1.0 z shop", "another version");
    (void)verdict(&s.w, "Failed");
    T_EQ_STR(map_value(&s.w, "map"), "1.0.0 x shop", "goes back");
    T_EQ_STR(app(&s.w, "status.sync.revision"), "1.0.0", "and says so");
    T_EQ_STR(app(&s.w, "status.sync.status"), "Synced", "with what is served");
    T_EQ_STR(app(&s.w, "status.conditions[0].message"),
             "revision 1.1.0 is condemned and cannot be reverted in Git; 1.0.0 is served until "
             "something newer comes",
             "why");
    T_EQ_INT(count_of(&s.w, &RES_CONDEMNATION), 1, "one failure, one condemnation");
    patch(&s.w, &RES_CONFIG_MAP, "web", "map", NULL, "{\"data\":{\"k\":\"changed\"}}");
    T_EQ_STR(map_value(&s.w, "map"), "1.0.0 x shop", "healed to it");
    patch(&s.w, &RES_APPLICATION, "argocd", "shop", NULL,
          "{\"spec\":{\"source\":{\"targetRevision\":\"2.0.0\"}}}");
    T_EQ_STR(map_value(&s.w, "map"), "2.0.0 z shop", "something newer");
    (void)verdict(&s.w, "Successful");
    T_EQ_STR(app(&s.w, "status.conditions[0].message"), "", "is good");
    close_shop(&s);
}

/* A commit that changes the values is reverted there, though another source is a chart. */
static void reverts_values(void)
{
    struct shop s;
    open_shop(&s);
    load(&s.w, TEMPLATE);
    (void)push(&s.w,
               (struct file_edit[]){
                   {"prod/shop.yaml", "a: good\n"},
                   {"more/map.yaml",                MAP("other", "plain")},
                   {0}
    });
    apply(&s, ", annotations: {slipway.dev/analysis: ok}", VALUES_OF_GIT);
    (void)verdict(&s.w, "Successful");
    (void)push(&s.w, (struct file_edit[]){
                         {"prod/shop.yaml", "a: bad\n"},
                         {0               }
    });
    T_EQ_STR(map_value(&s.w, "map"), "1.0.0 bad shop", "the change");
    (void)verdict(&s.w, "Failed");
    T_EQ_STR(map_value(&s.w, "map"), "1.0.0 good shop", "is taken back");
    T_EQ_INT(s.w.commits, 1, "by a commit");
    T_EQ_STR(app(&s.w, "status.conditions[0].message"), "", "nothing is pinned");
    close_shop(&s);
}

static void refuses(void)
{
    static const struct {
        const char *source, *want;
    } cases[] = {
        {"  source: {repoURL: \"@\", chart: web, targetRevision: 1.0.0, path: x}\n",
         "spec.source: a chart of a repository has no path"                                                                           },
        {"  source: {repoURL: \"s3://b\", chart: web, targetRevision: 1.0.0}\n",
         "charts come over HTTP or OCI only"                                                                                          },
        {"  source: {repoURL: \"oci://127.0.0.1:1/x\", path: .}\n",
         "charts are offered only: set chart"                                                                                         },
        {"  sources: [{repoURL: \"@\", chart: web, targetRevision: 1.0.0, ref: v}]\n",
         "spec.sources[0]: a chart of a repository has no ref"                                                                        },
        {"  sources: [{repoURL: \"@\", chart: web, targetRevision: 1.0.0, helm: {valueFiles: "
         "[$other/x]}}]\n",                                                           "$other/x: no source has the ref other"},
        {"  source: {repoURL: \"@\", chart: web, targetRevision: 1.0.0, plugin: {name: x}}\n",
         "spec.source.plugin is not offered here yet"                                                                                 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct shop s;
        open_shop(&s);
        apply(&s, "", cases[i].source);
        const char *said = app(&s.w, "status.conditions[0].message");
        T_OK(strstr(said, cases[i].want), said);
        T_EQ_STR(map_value(&s.w, "map"), "gone", "nothing is done");
        close_shop(&s);
    }
}

T_MAIN(versions, follows_a_range, values_from_git, who_asks, keeps_for_who_knows_the_password,
       condemned, reverts_values, refuses)
