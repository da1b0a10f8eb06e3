#include "charts/logins.h"

#include <string.h>

#include "base/fs.h"
#include "charts/charts_int.h"
#include "codec/base64.h"
#include "codec/json.h"

enum { FILE_MAX = 4 << 20 };

/* Docker Hub is known by an old name. */
static const char *key_of(const char *host)
{
    static const char *const hub[] = {"docker.io", "registry-1.docker.io", "index.docker.io"};
    for (size_t i = 0; i < ARRAY_LEN(hub); i++)
        if (strcmp(host, hub[i]) == 0)
            return "https://index.docker.io/v1/";
    return host;
}

/* An empty object for no file. */
static int read_logins(const char *path, struct arena *a, struct value **out, struct err *e)
{
    char *text;
    size_t n;
    *out = value_new_object(a);
    if (!path)
        return 0;
    int rc = charts__read(path, FILE_MAX, a, &text, &n, e);
    if (rc == ERR_NOT_FOUND || (rc == 0 && n == 0))
        return 0;
    if (rc == 0)
        rc = json_parse(a, text, n, JSON_SHALLOW, out, e);
    if (rc < 0 || (*out)->kind != VALUE_OBJECT)
        return err_set(e, ERR_INVALID, "invalid config format: %s is no JSON object", path);
    return 0;
}

/* "https://host/v1/" and "host" are the same to Docker. */
static bool names(const char *key, const char *host)
{
    const char *scheme = strstr(key, "://");
    const char *bare = scheme ? scheme + 3 : key;
    size_t n = strcspn(bare, "/");
    return strcmp(key, key_of(host)) == 0 || (strlen(host) == n && strncmp(bare, host, n) == 0);
}

static int take_auth(const struct value *login, const char *host, struct arena *a,
                     struct image_auth *out, struct err *e)
{
    const char *both = value_at_str(login, "auth", "");
    struct image_auth auth = {value_at_str(login, "username", NULL),
                              value_at_str(login, "password", NULL), NULL};
    if (*both) {
        char *bytes;
        size_t n;
        if (base64_decode(a, both, strlen(both), BASE64_STD, &bytes, &n, NULL) < 0)
            return err_set(e, ERR_INVALID, "the login for %s is no base64", host);
        char *text = arena_strndup(a, bytes, n), *colon = strchr(text, ':');
        if (!colon)
            return err_set(e, ERR_INVALID, "the login for %s has no user", host);
        *colon = '\0';
        auth = (struct image_auth){text, colon + 1, NULL};
    }
    *out = auth;
    return 0;
}

static int find_in(const char *path, const char *host, struct arena *a, struct image_auth *out,
                   struct err *e)
{
    struct value *doc;
    int rc = read_logins(path, a, &doc, e);
    if (rc < 0)
        return rc;
    VALUE_EACH_MEMBER (m, value_get(doc, "auths"))
        if (names(m->key, host))
            return take_auth(&m->value, host, a, out, e);
    return 0;
}

int charts_login_find(const struct charts_files *f, const char *host, struct arena *a,
                      struct image_auth *out, struct err *e)
{
    struct image_auth auth = {0};
    int rc = find_in(f->logins, host, a, &auth, e);
    if (rc == 0 && !auth.user)
        rc = find_in(f->fallback_logins, host, a, &auth, e);
    if (rc == 0)
        *out = auth;
    return rc;
}

/* Indented by tabs, as Docker and Helm write it. */
static const char *print_logins(const struct value *doc, struct arena *a)
{
    const char *text = json_text(a, doc, JSON_PRETTY | JSON_NO_HTML);
    char *out = arena_alloc(a, strlen(text) + 1), *to = out;
    bool indent = true;
    for (const char *s = text; *s; s++) {
        if (indent && s[0] == ' ' && s[1] == ' ') {
            *to++ = '\t';
            s++;
            continue;
        }
        indent = *s == '\n';
        *to++ = *s;
    }
    return out;
}

static int write_logins(const char *path, const struct value *doc, struct arena *a, struct err *e)
{
    const char *slash = strrchr(path, '/');
    const char *text = print_logins(doc, a);
    int rc = slash ? fs_mkdirs(arena_strndup(a, path, (size_t)(slash - path)), 0755, e) : 0;
    return rc < 0 ? rc : fs_write_atomic(path, 0600, text, strlen(text), e);
}

int charts_login_save(const char *path, const char *host, const char *user, const char *password,
                      struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *doc;
    int rc = read_logins(path, a, &doc, e);
    if (rc < 0)
        return rc;
    const char *both = arena_printf(a, "%s:%s", user, password);
    struct value *login = value_new_object(a), *auths = value_make_object(a, doc, "auths");
    (void)value_set_str(a, login, "auth", base64_encode(a, both, strlen(both), BASE64_STD));
    (void)value_set(a, auths, key_of(host), login);
    return write_logins(path, doc, a, e);
}

int charts_login_remove(const char *path, const char *host, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *doc;
    int rc = read_logins(path, a, &doc, e);
    if (rc < 0)
        return rc;
    if (!value_remove(value_make_object(a, doc, "auths"), key_of(host)))
        return err_set(e, ERR_NOT_FOUND, "not logged in to %s", host);
    return write_logins(path, doc, a, e);
}
