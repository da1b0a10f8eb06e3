/* Charts over HTTP from a server in this process: who is asked, with which password, and what of
 * the answers is believed. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "charts/dependency.h"
#include "charts/logins.h"
#include "codec/json.h"
#include "net/http_server.h"
#include "t.h"

/* What the server was asked last, and how often it saw a password. */
struct seen {
    char path[256];
    unsigned passwords, asked;
    unsigned port; /* its own */
};

static void refuse(struct http_request *q)
{
    http_set_header(q, "WWW-Authenticate", "Basic realm=\"charts\"");
    http_send_text(q, 401, "who are you?");
}

static void serve(struct http_request *q, void *arg)
{
    static const char index[] =
        "apiVersion: v1\n"
        "entries:\n"
        "  web:\n"
        "  - {name: web, version: 1.0.0, urls: [charts/web-1.0.0.tgz]}\n"
        "  - {name: web, version: 1.1.0, urls: ['http://localhost:1/web-1.1.0.tgz']}\n"
        "  - {name: web, version: 1.2.0, urls: ['oci://localhost:%u/charts/web']}\n"
        "  bare:\n"
        "  - {name: bare, version: 1.0.0}\n";
    struct seen *s = arg;
    char text[sizeof index + 8];
    (void)snprintf(text, sizeof text, index, s->port);
    (void)snprintf(s->path, sizeof s->path, "%s", q->path);
    s->asked++;
    s->passwords += http_header(q, "authorization") != NULL;
    if (strcmp(q->path, "/repo/index.yaml") == 0)
        http_send(q, 200, "text/yaml", text, strlen(text));
    else if (strcmp(q->path, "/repo/charts/web-1.0.0.tgz") == 0)
        http_send(q, 200, "application/gzip", "archive", 7);
    else if (strncmp(q->path, "/v2/", 4) == 0)
        refuse(q);
    else
        http_send_text(q, 404, "no");
}

struct shop {
    struct http_server *server;
    struct seen seen;
    struct arena *a;
    const char *url;
};

static void open_shop(struct shop *s)
{
    const struct http_listen l = {.address = "127.0.0.1:0"};
    struct err e = {0};
    *s = (struct shop){.a = arena_new(0)};
    T_RC(http_server_start(&l, serve, &s->seen, &s->server, &e), &e, "listen");
    s->seen.port = http_server_port(s->server);
    s->url = arena_printf(s->a, "http://127.0.0.1:%u/repo", http_server_port(s->server));
}

static void close_shop(struct shop *s)
{
    http_server_free(s->server);
    arena_free(s->a);
}

static void from_a_repository(void)
{
    static const struct {
        const char *chart, *version;
        int rc;
        const char *why;
    } cases[] = {
        {"web",  "1.0.0", 0,             NULL                                       },
        {"web",  "~1.0",  0,             NULL                                       },
        {"web",  "2.0.0", ERR_NOT_FOUND,
         "chart \"web\" version \"2.0.0\" not found in %s repository"               },
        {"none", "",      ERR_NOT_FOUND, "chart \"none\" not found in %s repository"},
        {"bare", "",      ERR_NOT_FOUND, "chart \"bare\" has no downloadable URLs"  },
    };
    struct shop s;
    open_shop(&s);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct charts_query q = {
            .chart = cases[i].chart, .version = cases[i].version, .repository = s.url};
        static const struct charts_files files;
        struct charts_answer answer = {0};
        struct err e = {0};
        T_EQ_INT(charts_fetch(&files, &q, s.a, &answer, &e), cases[i].rc, e.msg);
        if (cases[i].rc == 0) {
            T_EQ_STR(answer.bytes, "archive", cases[i].version);
            T_EQ_STR(answer.file, "web-1.0.0.tgz", cases[i].version);
            continue;
        }
        const char *at = strstr(cases[i].why, "%s");
        const char *why = at ? arena_printf(s.a, "%.*s%s%s", (int)(at - cases[i].why), cases[i].why,
                                            s.url, at + 2)
                             : cases[i].why;
        T_EQ_STR(e.msg, why, cases[i].chart);
    }
    close_shop(&s);
}

/* The password goes where the repository is, and to no other host, which here nobody is behind. */
static void passwords(void)
{
    struct shop s;
    open_shop(&s);
    const struct charts_access access = {.user = "me", .password = "secret"};
    static const struct charts_files files;
    struct charts_query q = {
        .chart = "web", .version = "1.0.0", .repository = s.url, .access = &access};
    struct charts_answer answer;
    struct err e = {0};
    T_RC(charts_fetch(&files, &q, s.a, &answer, &e), &e, "with a password");
    T_EQ_INT(s.seen.asked, 2, "index and archive");
    T_EQ_INT(s.seen.passwords, 2, "both on the repository's host");
    q.version = "1.1.0";
    T_EQ_INT(charts_fetch(&files, &q, s.a, &answer, &e), ERR_AGAIN, "another host");
    T_OK(strstr(e.msg, "secret") == NULL, e.msg);
    s.seen.passwords = 0;
    q.version = "1.2.0";
    T_EQ_INT(charts_fetch(&files, &q, s.a, &answer, &e), ERR_UNAUTHENTICATED, "a registry");
    T_EQ_STR(s.seen.path, "/v2/charts/web/manifests/1.2.0", "was asked");
    T_EQ_INT(s.seen.passwords, 1, "the index was, nobody else");
    close_shop(&s);
}

static void names_and_urls(void)
{
    static const struct {
        const char *chart, *why;
    } cases[] = {
        {"web",             "non-absolute URLs should be in form of repo_name/path_to_chart, got: web"},
        {"nope/web",        "repo nope not found"                                                     },
        {"oci://host",      "invalid reference: missing registry or repository"                       },
        {"oci://h/Bad",     "invalid reference: invalid repository \"Bad\""                           },
        {"oci://h/a:1.0.0", NULL                                                                      },
        {"ftp://h/a",       "could not find protocol handler for: ftp"                                },
    };
    static const struct charts_files files;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        const struct charts_query q = {.chart = cases[i].chart, .version = "2.0.0"};
        struct charts_answer answer;
        struct err e = {0};
        T_OK(charts_fetch(&files, &q, a, &answer, &e) < 0, cases[i].chart);
        T_EQ_STR(e.msg,
                 cases[i].why ? cases[i].why
                              : "chart reference and version mismatch: 2.0.0 is not 1.0.0",
                 cases[i].chart);
    }
}

static void logins(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char dir[] = "/tmp/slipway-logins-XXXXXX";
    struct image_auth auth = {0};
    struct err e = {0};
    if (!mkdtemp(dir))
        return;
    const struct charts_files files = {.logins = arena_printf(a, "%s/sub/config.json", dir)};
    T_RC(charts_login_find(&files, "h:1", a, &auth, &e), &e, "no file");
    T_OK(auth.user == NULL, "nobody");
    T_RC(charts_login_save(files.logins, "h:1", "me", "a:b", &e), &e, "save");
    T_RC(charts_login_save(files.logins, "docker.io", "hub", "x", &e), &e, "save another");
    T_RC(charts_login_find(&files, "h:1", a, &auth, &e), &e, "find");
    T_EQ_STR(auth.user, "me", "user");
    T_EQ_STR(auth.password, "a:b", "a password may hold a colon");
    T_RC(charts_login_find(&files, "registry-1.docker.io", a, &auth, &e), &e, "the hub's names");
    T_EQ_STR(auth.user, "hub", "the hub's names");
    T_RC(charts_login_remove(files.logins, "h:1", &e), &e, "remove");
    T_EQ_INT(charts_login_remove(files.logins, "h:1", &e), ERR_NOT_FOUND, "twice");
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

/* Digests as `helm dependency update` of v3.22 wrote them for these two lists. */
static void digests(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    static const char wants[] = "[{\"name\":\"lib\",\"version\":\">=0.1.0\",\"repository\":"
                                "\"http://127.0.0.1:8099\",\"alias\":\"other\"}]";
    static const char locked[] = "[{\"repository\":\"http://127.0.0.1:8099\",\"version\":\"0.1.0\","
                                 "\"name\":\"lib\"}]";
    struct value *w, *l;
    struct err e = {0};
    T_RC(json_parse(a, wants, sizeof wants - 1, 0, &w, &e), &e, "wants");
    T_RC(json_parse(a, locked, sizeof locked - 1, 0, &l, &e), &e, "locked");
    T_EQ_STR(dependency_digest(w, l, a),
             "sha256:1b30a070515e5d31c8202c269d806566896f9f86c8b3a5e2eb1b892874273fbc", "digest");
}

T_MAIN(from_a_repository, passwords, names_and_urls, logins, digests)
