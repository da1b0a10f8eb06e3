/* remote.c - URLs of repositories, as Kustomize takes them apart. */
#include "render/kustomize/remote.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "codec/base64.h"
#include "codec/value.h"

enum { TIMEOUT_MS = 27000 };

static bool starts(const char *s, const char *prefix)
{
    return strncasecmp(s, prefix, strlen(prefix)) == 0;
}

bool kustomize_is_http(const char *text)
{
    return starts(text, "http:") || starts(text, "https:");
}

/* ---- the query ---- */

static const char *decoded(struct arena *a, const char *s, size_t n)
{
    char *out = arena_alloc(a, n + 1), *to = out;
    for (size_t i = 0; i < n; i++)
        if (s[i] == '%' && i + 2 < n && hex_value(s[i + 1]) >= 0 && hex_value(s[i + 2]) >= 0) {
            *to++ = (char)(hex_value(s[i + 1]) * 16 + hex_value(s[i + 2]));
            i += 2;
        } else {
            *to++ = s[i] == '+' ? ' ' : s[i];
        }
    *to = '\0';
    return out;
}

/* The first value that is not empty; NULL: none. */
static const char *parameter(struct arena *a, const char *query, const char *name)
{
    size_t len = strlen(name);
    for (const char *s = query; *s; s += *s == '&') {
        size_t n = strcspn(s, "&");
        if (n > len + 1 && strncmp(s, name, len) == 0 && s[len] == '=')
            return decoded(a, s + len + 1, n - len - 1);
        s += n;
    }
    return NULL;
}

/* "61", "1m30s", "500ms"; 0: it is not one. */
static int64_t duration_ms(const char *text)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {
        {"ms", 1    },
        {"us", 1e-3 },
        {"ns", 1e-6 },
        {"s",  1e3  },
        {"m",  6e4  },
        {"h",  3.6e6}
    };
    double total = 0;
    char *end;
    int64_t seconds;
    if (strlen(text) < 8 && value_int_from_text(text, &seconds))
        return seconds * 1000;
    for (const char *s = text; *s; s = end) {
        double v = strtod(s, &end);
        size_t i = 0;
        if (end == s || !isdigit((unsigned char)*s))
            return 0;
        while (i < ARRAY_LEN(units) && strncmp(end, units[i].unit, strlen(units[i].unit)) != 0)
            i++;
        if (i == ARRAY_LEN(units))
            return 0;
        total += v * units[i].ms;
        end += strlen(units[i].unit);
    }
    return total >= 1 && total < 8.64e7 ? (int64_t)total : 0;
}

static void parse_query(const char *query, struct arena *a, struct kustomize_repository *r)
{
    static const char *const no[] = {"0", "f", "F", "false", "False", "FALSE"};
    const char *ref = parameter(a, query, "ref"), *version = parameter(a, query, "version");
    const char *timeout = parameter(a, query, "timeout");
    const char *modules = parameter(a, query, "submodules");
    r->ref = ref ? ref : version ? version : "";
    if (timeout && duration_ms(timeout) > 0)
        r->timeout_ms = duration_ms(timeout);
    for (size_t i = 0; modules && i < ARRAY_LEN(no); i++)
        if (strcmp(modules, no[i]) == 0)
            r->submodules = false;
}

/* ---- the host ---- */

struct host {
    const char *scheme, *user;
    bool github;
};

static const char *user_of(struct arena *a, const char **s)
{
    size_t n = 0;
    while (isalnum((unsigned char)(*s)[n]) || (n > 0 && (*s)[n] == '-'))
        n++;
    if (n == 0 || (*s)[n] != '@' || !isalpha((unsigned char)**s))
        return "";
    const char *user = arena_strndup(a, *s, n + 1);
    *s += n + 1;
    return user;
}

/* Behind the host: at its '/', or at the ':' of "git@host:path". */
static const char *end_of_host(const char *s, bool scp)
{
    const char *slash = strchr(s, '/'), *colon = scp ? strchr(s, ':') : NULL;
    if (colon && (!slash || colon < slash) && (!slash || colon > s))
        slash = colon;
    return slash;
}

/* Moves *s behind the host; NULL with what is wrong in `e`. */
static const char *parse_host(const char **s, struct arena *a, struct err *e)
{
    static const char *const schemes[] = {"ssh://", "https://", "http://", "file://"};
    struct host h = {.scheme = ""};
    if (starts(*s, "git::"))
        *s += 5;
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (!*h.scheme && starts(*s, schemes[i])) {
            h.scheme = schemes[i];
            *s += strlen(schemes[i]);
        }
    if (strcmp(h.scheme, "file://") == 0)
        return h.scheme;
    h.user = user_of(a, s);
    h.github = starts(*s, "github.com/") || starts(*s, "github.com:");
    bool scp = !*h.scheme && (*h.user || h.github);
    if (!*h.scheme && !scp) {
        (void)err_set(e, ERR_INVALID, "failed to parse scheme");
        return NULL;
    }
    const char *sep = end_of_host(*s, scp);
    const char *host = sep ? arena_strndup(a, *s, (size_t)(sep - *s) + 1) : *s;
    *s = sep ? sep + 1 : "";
    if (h.github && (strcmp(h.scheme, "ssh://") == 0 || *h.user))
        return arena_printf(a, "%sgithub.com:", h.user);
    if (h.github)
        return "https://github.com/";
    if (!*host) {
        (void)err_set(e, ERR_INVALID, "failed to parse host segment");
        return NULL;
    }
    return arena_printf(a, "%s%s%s", h.scheme, h.user, host);
}

/* ---- the repository's path and the path in it ---- */

/* Where the repository's path ends and where that in it begins. */
static bool split_path(const char *s, bool whole, const char **end, const char **rest)
{
    const char *mark = strstr(s, "_git/");
    if (mark) {
        *end = mark + 5 + strcspn(mark + 5, "/");
        *rest = *end + (**end == '/');
        return true;
    }
    if ((mark = strstr(s, "//"))) {
        *end = mark;
        *rest = mark + 2;
        return true;
    }
    if ((mark = strstr(s, ".git"))) {
        *end = *rest = mark + 4;
        return true;
    }
    *end = *rest = s + strlen(s);
    if (whole)
        return true;
    const char *first = strchr(s, '/');
    if (!first)
        return false;
    *end = first + 1 + strcspn(first + 1, "/");
    *rest = *end + (**end == '/');
    return true;
}

static bool leaves(const char *path)
{
    int depth = 0;
    for (const char *s = path; *s; s += *s == '/') {
        size_t n = strcspn(s, "/");
        if (n == 2 && s[0] == '.' && s[1] == '.')
            depth--;
        else if (n > 0 && !(n == 1 && *s == '.'))
            depth++;
        if (depth < 0)
            return true;
        s += n;
    }
    return false;
}

int kustomize_repository_parse(const char *text, struct arena *a, struct kustomize_repository *out,
                               struct err *e)
{
    struct kustomize_repository r = {
        .raw = text, .timeout_ms = TIMEOUT_MS, .submodules = true, .ref = ""};
    const char *query = strchr(text, '?'), *end, *rest;
    const char *s = query ? arena_strndup(a, text, (size_t)(query - text)) : text;
    if (*text == '/')
        return err_set(e, ERR_INVALID, "uri looks like abs path: %s", text);
    if (query)
        parse_query(query + 1, a, &r);
    const char *host = parse_host(&s, a, e);
    if (!host)
        return ERR_INVALID;
    if (!split_path(s, strcmp(host, "file://") == 0, &end, &rest) || end == s)
        return err_set(e, ERR_INVALID, "failed to parse repo path segment");
    rest += *rest == '/';
    if (leaves(rest))
        return err_set(e, ERR_INVALID, "url path exits repo: %s", s);
    r.url = arena_printf(a, "%s%.*s", host, (int)(end - s), s);
    int rc = tree_join(a, "", rest + strspn(rest, "/"), &r.path, e);
    if (rc == 0)
        *out = r;
    return rc;
}
