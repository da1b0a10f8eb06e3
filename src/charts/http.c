/* http.c - one file over HTTP, as Helm's getter asks for it. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "charts/charts_int.h"

enum { PEM_MAX = 4 << 20, TIMEOUT_MS = 120000 };

int charts__read(const char *path, size_t max, struct arena *a, char **out, size_t *n,
                 struct err *e)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM, "open %s: %s", path,
                       errno == ENOENT ? "no such file or directory" : strerror(errno));
    if (S_ISDIR(st.st_mode))
        return err_set(e, ERR_INVALID, "read %s: is a directory", path);
    return fs_read(path, max, a, out, n, e);
}

static int read_pem(const char *path, struct arena *a, const char **out, struct err *e)
{
    char *text;
    size_t n;
    if (!path)
        return 0;
    int rc = charts__read(path, PEM_MAX, a, &text, &n, e);
    if (rc < 0)
        return err_wrap(e, rc, "can't create TLS config for client: can't read PEM file");
    *out = text;
    return 0;
}

int charts__http_opts(const struct charts_access *access, struct arena *a,
                      struct http_client_opts *out, struct err *e)
{
    *out = (struct http_client_opts){.timeout_ms = TIMEOUT_MS};
    if (!access)
        return 0;
    out->insecure = access->insecure;
    int rc = read_pem(access->ca_file, a, &out->ca_pem, e);
    if (rc == 0 && access->cert_file && access->key_file &&
        (rc = read_pem(access->cert_file, a, &out->cert_pem, e)) == 0)
        rc = read_pem(access->key_file, a, &out->key_pem, e);
    return rc;
}

static const char *status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } known[] = {
        {400, "Bad Request"                  },
        {401, "Unauthorized"                 },
        {403, "Forbidden"                    },
        {404, "Not Found"                    },
        {405, "Method Not Allowed"           },
        {407, "Proxy Authentication Required"},
        {410, "Gone"                         },
        {429, "Too Many Requests"            },
        {500, "Internal Server Error"        },
        {502, "Bad Gateway"                  },
        {503, "Service Unavailable"          },
        {504, "Gateway Timeout"              },
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i].status == status)
            return known[i].text;
    return "";
}

static enum err_code code_of(int status)
{
    return status == 404 || status == 410  ? ERR_NOT_FOUND
           : status == 401                 ? ERR_UNAUTHENTICATED
           : status == 403                 ? ERR_DENIED
           : status == 429 || status > 499 ? ERR_AGAIN
                                           : ERR_INVALID;
}

int charts__get(const struct charts__get *g, struct arena *a, const char **out, size_t *n,
                struct err *e)
{
    struct http_client_opts opts;
    struct http_answer answer;
    struct err why = {0};
    struct url u;
    int rc = url_parse(g->url, a, &u, e);
    if (rc < 0)
        return rc;
    if (strcmp(u.scheme, "http") != 0 && strcmp(u.scheme, "https") != 0)
        return err_set(e, ERR_INVALID, "could not find protocol handler for: %s", u.scheme);
    const struct charts_access *access = g->access;
    if ((rc = charts__http_opts(access, a, &opts, e)) < 0)
        return rc;
    bool trusted = access && access->user && access->password &&
                   (!g->origin || access->pass_everywhere || url_same_host(g->origin, g->url));
    if (trusted) {
        opts.user = access->user;
        opts.password = access->password;
    }
    AUTO(http_client) struct http_client *c = http_client_new(&opts);
    const char *headers[] = {g->accept ? arena_printf(a, "Accept: %s", g->accept)
                                       : "User-Agent: Helm/3.22 (slipway)",
                             g->accept ? "User-Agent: Helm/3.22 (slipway)" : NULL, NULL};
    const struct http_call call = {
        .method = "GET", .url = g->url, .headers = headers, .max_answer = g->max, .follow = true};
    rc = http_do(c, &call, a, &answer, &why);
    if (rc < 0) {
        const char *said = strstr(why.msg, ": ");
        return err_set(e, why.code, "Get \"%s\"%s", url_public(g->url, a), said ? said : "");
    }
    if (answer.status != 200)
        return err_set(e, code_of(answer.status), "failed to fetch %s : %d %s",
                       url_public(g->url, a), answer.status, status_text(answer.status));
    *out = answer.body;
    *n = answer.body_len;
    return 0;
}
