#include "charts/url.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum { URL_MAX = 16 << 10 };

static size_t scheme_length(const char *s)
{
    size_t n = 0;
    if (!isalpha((unsigned char)*s))
        return *s == ':' ? SIZE_MAX : 0;
    while (isalnum((unsigned char)s[n]) || (s[n] && strchr("+-.", s[n])))
        n++;
    return s[n] == ':' ? n : 0;
}

static const char *lower(struct arena *a, const char *s, size_t n)
{
    char *out = arena_strndup(a, s, n);
    for (char *c = out; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return out;
}

static const char *without_user(const char *authority, size_t *n)
{
    const char *at = memrchr(authority, '@', *n);
    if (!at)
        return authority;
    *n -= (size_t)(at + 1 - authority);
    return at + 1;
}

int url_parse(const char *text, struct arena *a, struct url *out, struct err *e)
{
    size_t n = scheme_length(text);
    struct url u = {"", "", "", ""};
    if (n == SIZE_MAX)
        return err_set(e, ERR_INVALID, "parse \"%s\": missing protocol scheme", text);
    if (strlen(text) > URL_MAX)
        return err_set(e, ERR_TOO_LARGE, "a URL of more than %d bytes", URL_MAX);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return err_set(e, ERR_INVALID, "invalid control character in URL");
    if (n > 0) {
        u.scheme = lower(a, text, n);
        text += n + 1;
    }
    size_t end = strcspn(text, "#");
    if (strncmp(text, "//", 2) == 0) {
        size_t len = strcspn(text + 2, "/?#");
        const char *host = without_user(text + 2, &len);
        if (memchr(host, ' ', len))
            return err_set(e, ERR_INVALID, "invalid character \" \" in host name");
        u.host = lower(a, host, len);
        size_t used = (size_t)(host + len - text);
        text += used;
        end -= used;
    }
    size_t path = strcspn(text, "?#");
    u.path = arena_strndup(a, text, path);
    if (text[path] == '?')
        u.query = arena_strndup(a, text + path + 1, end - path - 1);
    *out = u;
    return 0;
}

/* Takes "." and ".." out of an absolute path. */
static const char *clean(struct arena *a, const char *path)
{
    char *out = arena_strdup(a, path);
    size_t len = 0;
    for (const char *s = path; *s;) {
        size_t n = strcspn(s, "/");
        bool dot = n == 1 && s[0] == '.', up = n == 2 && s[0] == '.' && s[1] == '.';
        if (up) {
            while (len > 0 && out[len - 1] == '/')
                len--;
            while (len > 0 && out[len - 1] != '/')
                len--;
        } else if (!dot) {
            memmove(out + len, s, n);
            len += n;
            if (s[n] == '/' && (len == 0 || out[len - 1] != '/'))
                out[len++] = '/';
        }
        s += n + (s[n] == '/');
    }
    out[len] = '\0';
    return *out == '/' ? out : arena_printf(a, "/%s", out);
}

/* Everything before the path, as the base has it, user and password too. */
static const char *origin(struct arena *a, const char *base)
{
    const char *host = strstr(base, "://");
    if (!host)
        return "";
    size_t n = strcspn(host + 3, "/?#");
    return arena_strndup(a, base, (size_t)(host + 3 + n - base));
}

int url_resolve(const char *base, const char *ref, struct arena *a, const char **out, struct err *e)
{
    struct url b, r;
    struct err why = {0};
    if (url_parse(ref, a, &r, &why) < 0)
        return err_set(e, ERR_INVALID, "failed to parse %s as URL: %s", ref, why.msg);
    if (*r.scheme) {
        *out = ref;
        return 0;
    }
    if (url_parse(base, a, &b, &why) < 0)
        return err_set(e, ERR_INVALID, "failed to parse %s as URL: %s", base, why.msg);
    size_t n = strlen(b.path);
    bool slash = n > 0 && b.path[n - 1] == '/';
    const char *path =
        *r.path == '/' ? r.path : arena_printf(a, "%s%s%s", b.path, slash ? "" : "/", r.path);
    const char *where = *r.host ? arena_printf(a, "%s://%s", b.scheme, r.host) : origin(a, base);
    const char *query = *r.host && strcmp(r.host, b.host) != 0 ? r.query : b.query;
    *out = arena_printf(a, "%s%s%s%s", where, clean(a, path), *query ? "?" : "", query);
    return 0;
}

bool url_same_host(const char *a, const char *b)
{
    AUTO(arena) struct arena *mem = arena_new(0);
    struct url x, y;
    return url_parse(a, mem, &x, NULL) == 0 && url_parse(b, mem, &y, NULL) == 0 &&
           strcmp(x.scheme, y.scheme) == 0 && strcmp(x.host, y.host) == 0;
}

bool url_equal(const char *a, const char *b)
{
    AUTO(arena) struct arena *mem = arena_new(0);
    struct url x, y;
    if (url_parse(a, mem, &x, NULL) < 0 || url_parse(b, mem, &y, NULL) < 0)
        return strcmp(a, b) == 0;
    x.path = clean(mem, *x.path ? x.path : "/");
    y.path = clean(mem, *y.path ? y.path : "/");
    size_t n = strlen(x.path), m = strlen(y.path);
    n -= n > 1 && x.path[n - 1] == '/';
    m -= m > 1 && y.path[m - 1] == '/';
    return strcmp(x.scheme, y.scheme) == 0 && strcmp(x.host, y.host) == 0 && n == m &&
           memcmp(x.path, y.path, n) == 0 && strcmp(x.query, y.query) == 0;
}

const char *url_join(const char *base, const char *name, struct arena *a)
{
    size_t n = strlen(base);
    while (n > 0 && base[n - 1] == '/')
        n--;
    while (*name == '/')
        name++;
    if (!*name)
        return arena_strndup(a, base, n);
    return n ? arena_printf(a, "%.*s/%s", (int)n, base, name) : name;
}

const char *url_file(const char *url, struct arena *a)
{
    const char *scheme = strstr(url, "://");
    const char *path = scheme ? scheme + 3 : url;
    size_t n = strcspn(path, "?#");
    while (n > 0 && path[n - 1] == '/')
        n--;
    const char *slash = memrchr(path, '/', n);
    const char *name = slash ? slash + 1 : path;
    return arena_strndup(a, name, (size_t)(path + n - name));
}

const char *url_public(const char *url, struct arena *a)
{
    const char *host = strstr(url, "://");
    if (!host)
        return url;
    size_t n = strcspn(host + 3, "/?#");
    const char *rest = without_user(host + 3, &n);
    return arena_printf(a, "%.*s%s", (int)(host + 3 - url), url, rest);
}
