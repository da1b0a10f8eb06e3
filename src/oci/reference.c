#include "oci/reference.h"

#include <ctype.h>
#include <string.h>

#include "blob/blob.h"

#define DEFAULT_HOST "docker.io"

enum { PATH_TEXT_MAX = 255, TAG_TEXT_MAX = 128 };

static bool lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* A separator is ".", "_", "__" or any number of "-". 0 when there is none. */
static size_t separator(const char *s)
{
    if (*s == '.')
        return 1;
    if (*s == '_')
        return s[1] == '_' ? 2 : 1;
    return strspn(s, "-");
}

bool reference_path_ok(const char *path)
{
    if (strlen(path) > PATH_TEXT_MAX)
        return false;
    for (const char *s = path;;) {
        if (!lower_or_digit(*s))
            return false;
        while (lower_or_digit(*s))
            s++;
        if (*s == '\0')
            return true;
        if (*s == '/') {
            s++;
            continue;
        }
        size_t n = separator(s);
        if (n == 0)
            return false;
        s += n;
    }
}

bool reference_tag_ok(const char *tag)
{
    size_t n = strlen(tag);
    if (n == 0 || n > TAG_TEXT_MAX || *tag == '.' || *tag == '-')
        return false;
    for (; *tag; tag++) {
        if (!isalnum((unsigned char)*tag) && !strchr("_.-", *tag))
            return false;
    }
    return true;
}

static bool host_ok(const char *host)
{
    const char *colon = strrchr(host, ':');
    if (*host == '[') { /* an IPv6 address */
        const char *end = strchr(host, ']');
        if (!end || (end[1] && end[1] != ':'))
            return false;
        return strspn(host + 1, "0123456789abcdefABCDEF:.") == (size_t)(end - host - 1);
    }
    size_t n = colon ? (size_t)(colon - host) : strlen(host);
    if (n == 0 || host[0] == '-' || host[0] == '.')
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)host[i]) && host[i] != '.' && host[i] != '-')
            return false;
    }
    return !colon || (colon[1] && colon[1 + strspn(colon + 1, "0123456789")] == '\0');
}

/* The first component is a host when it could not be the name of a Docker Hub user. */
static bool is_host(const char *first)
{
    if (strpbrk(first, ".:") || strcmp(first, "localhost") == 0)
        return true;
    for (; *first; first++) {
        if (isupper((unsigned char)*first))
            return true;
    }
    return false;
}

static void split_host(char *name, struct arena *a, struct reference *r)
{
    char *slash = strchr(name, '/');
    r->host = DEFAULT_HOST;
    r->path = name;
    if (slash) {
        *slash = '\0';
        if (is_host(name)) {
            r->host = name;
            r->path = slash + 1;
        } else {
            *slash = '/';
        }
    }
    if (strcmp(r->host, "index.docker.io") == 0)
        r->host = DEFAULT_HOST;
    if (strcmp(r->host, DEFAULT_HOST) == 0 && !strchr(r->path, '/'))
        r->path = arena_printf(a, "library/%s", r->path);
}

int reference_parse(const char *text, struct arena *a, struct reference *out, struct err *e)
{
    struct reference r = {0};
    if (strlen(text) > 1024)
        return err_set(e, ERR_INVALID, "image reference is longer than 1024 bytes");
    char *name = arena_strdup(a, text), *at = strchr(name, '@');
    if (at) {
        *at = '\0';
        r.digest = at + 1;
        int rc = blob_digest_check(r.digest, e);
        if (rc < 0)
            return err_wrap(e, rc, "image reference \"%s\"", text);
    }
    char *slash = strrchr(name, '/'), *colon = strrchr(slash ? slash : name, ':');
    if (colon) {
        *colon = '\0';
        r.tag = colon + 1;
        if (!reference_tag_ok(r.tag))
            return err_set(e, ERR_INVALID, "image reference \"%s\": tag \"%s\" is not allowed",
                           text, r.tag);
    }
    split_host(name, a, &r);
    if (!host_ok(r.host))
        return err_set(e, ERR_INVALID, "image reference \"%s\": host \"%s\" is not allowed", text,
                       r.host);
    if (!reference_path_ok(r.path)) {
        (void)err_set(e, ERR_INVALID, "image reference \"%s\": name \"%s\" is not allowed", text,
                      r.path);
        return err_hint(e, "names are lower-case letters, digits, and . _ - between them");
    }
    if (!r.tag && !r.digest)
        r.tag = "latest";
    *out = r;
    return 0;
}

static char *print(const char *host, const char *path, const struct reference *r, struct arena *a)
{
    return arena_printf(a, "%s%s%s%s%s%s%s", host, *host ? "/" : "", path, r->tag ? ":" : "",
                        r->tag ? r->tag : "", r->digest ? "@" : "", r->digest ? r->digest : "");
}

char *reference_print(const struct reference *r, struct arena *a)
{
    return print(r->host, r->path, r, a);
}

char *reference_familiar(const struct reference *r, struct arena *a)
{
    if (strcmp(r->host, DEFAULT_HOST) != 0)
        return reference_print(r, a);
    const char *slash = strchr(r->path, '/');
    if (slash && is_host(arena_strndup(a, r->path, (size_t)(slash - r->path))))
        return reference_print(r, a); /* else it would read as a host */
    bool library = strncmp(r->path, "library/", 8) == 0 && !strchr(r->path + 8, '/');
    return print("", r->path + (library ? 8 : 0), r, a);
}
