#include "api/names.h"
#include "api/names_int.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define LABEL_FMT     "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
#define SUBDOMAIN_FMT LABEL_FMT "(\\." LABEL_FMT ")*"
#define QUALIFIED_FMT "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"

static const char LABEL_MSG[] =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '" LABEL_FMT "')";
static const char SUBDOMAIN_MSG[] =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '" SUBDOMAIN_FMT "')";
static const char DNS1035_MSG[] =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
    "regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
static const char WILDCARD_MSG[] =
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which "
    "must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric "
    "character (e.g. '*.example.com', regex used for validation is '\\*\\." SUBDOMAIN_FMT "')";
static const char QUALIFIED_MSG[] =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '" QUALIFIED_FMT "')";
static const char VALUE_MSG[] =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  "
    "or '12345', regex used for validation is '(" QUALIFIED_FMT ")?')";
static const char CONFIG_KEY_MSG[] =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
    "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
    "'[-._a-zA-Z0-9]+')";
static const char ENV_MSG[] =
    "a valid environment variable name must consist only of printable ASCII characters other "
    "than '='";
static const char DOMAIN_PATH_MSG[] = "must be a domain-prefixed path (such as \"acme.io/foo\")";

static void add(struct name_errors *l, const char *text)
{
    if (l->n < NAME_ERRORS_MAX)
        l->text[l->n++] = text;
}

static void add_length(struct name_errors *l, size_t n, size_t max, struct arena *a)
{
    if (n > max)
        add(l, arena_printf(a, "must be no more than %zu characters", max));
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z');
}

/* The form only, of any length. */
static bool label_form(const char *s, size_t n)
{
    if (n == 0 || s[0] == '-' || s[n - 1] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_lower(s[i]) && !is_digit(s[i]) && s[i] != '-')
            return false;
    return true;
}

static bool subdomain_form(const char *s)
{
    for (;;) {
        size_t n = strcspn(s, ".");
        if (!label_form(s, n))
            return false;
        if (!s[n])
            return true;
        s += n + 1;
    }
}

static bool qualified_form(const char *s, size_t n)
{
    if (n == 0 || !is_alnum(s[0]) || !is_alnum(s[n - 1]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_alnum(s[i]) && s[i] != '-' && s[i] != '_' && s[i] != '.')
            return false;
    return true;
}

bool name__is_dns1123_label(const char *s, size_t n)
{
    return n <= 63 && label_form(s, n);
}

bool name__is_dns1123_subdomain(const char *s)
{
    return strlen(s) <= 253 && subdomain_form(s);
}

struct name_errors name__dns1123_label(const char *s, struct arena *a)
{
    struct name_errors l = {.n = 0};
    add_length(&l, strlen(s), 63, a);
    if (!label_form(s, strlen(s)))
        add(&l, LABEL_MSG);
    return l;
}

struct name_errors name__dns1123_subdomain(const char *s, struct arena *a)
{
    struct name_errors l = {.n = 0};
    add_length(&l, strlen(s), 253, a);
    if (!subdomain_form(s))
        add(&l, SUBDOMAIN_MSG);
    return l;
}

struct name_errors name__dns1035_label(const char *s, struct arena *a)
{
    struct name_errors l = {.n = 0};
    add_length(&l, strlen(s), 63, a);
    if (!label_form(s, strlen(s)) || !is_lower(s[0]))
        add(&l, DNS1035_MSG);
    return l;
}

struct name_errors name__wildcard_subdomain(const char *s, struct arena *a)
{
    struct name_errors l = {.n = 0};
    add_length(&l, strlen(s), 253, a);
    if (strncmp(s, "*.", 2) != 0 || !subdomain_form(s + 2))
        add(&l, WILDCARD_MSG);
    return l;
}

bool name__is_qualified(const char *s)
{
    const char *slash = strchr(s, '/');
    const char *name = slash ? slash + 1 : s;
    if (slash) {
        size_t n = (size_t)(slash - s);
        char prefix[254];
        if (n == 0 || n > 253 || strchr(name, '/'))
            return false;
        memcpy(prefix, s, n);
        prefix[n] = '\0';
        if (!subdomain_form(prefix))
            return false;
    }
    return strlen(name) <= 63 && qualified_form(name, strlen(name));
}

struct name_errors name__qualified(const char *s, struct arena *a)
{
    struct name_errors l = {.n = 0};
    const char *slash = strchr(s, '/'), *name = slash ? slash + 1 : s;
    if (slash && strchr(name, '/')) {
        add(&l, arena_printf(a,
                             "a qualified name %s with an optional DNS subdomain prefix and '/' "
                             "(e.g. 'example.com/MyName')",
                             QUALIFIED_MSG));
        return l;
    }
    if (slash == s)
        add(&l, "prefix part must be non-empty");
    else if (slash) {
        struct name_errors p = name__dns1123_subdomain(arena_strndup(a, s, (size_t)(slash - s)), a);
        for (size_t i = 0; i < p.n; i++)
            add(&l, arena_printf(a, "prefix part %s", p.text[i]));
    }
    if (!*name)
        add(&l, "name part must be non-empty");
    else if (strlen(name) > 63)
        add(&l, "name part must be no more than 63 characters");
    if (!qualified_form(name, strlen(name)))
        add(&l, arena_printf(a, "name part %s", QUALIFIED_MSG));
    return l;
}

struct name_errors name__label_value(const char *s, struct arena *a)
{
    struct name_errors l = {.n = 0};
    add_length(&l, strlen(s), 63, a);
    if (*s && !qualified_form(s, strlen(s)))
        add(&l, VALUE_MSG);
    return l;
}

struct name_errors name__path_segment(const char *s, struct arena *a)
{
    struct name_errors l = {.n = 0};
    if (strcmp(s, ".") == 0 || strcmp(s, "..") == 0) {
        add(&l, arena_printf(a, "may not be '%s'", s));
        return l;
    }
    for (const char *c = "/%"; *c; c++)
        if (strchr(s, *c))
            add(&l, arena_printf(a, "may not contain '%c'", *c));
    return l;
}

struct name_errors name__config_key(const char *s, struct arena *a)
{
    struct name_errors l = {.n = 0};
    add_length(&l, strlen(s), 253, a);
    bool good = *s;
    for (const char *p = s; *p; p++)
        good = good && (is_alnum(*p) || strchr("-._", *p));
    if (!good)
        add(&l, CONFIG_KEY_MSG);
    if (strcmp(s, ".") == 0)
        add(&l, "must not be '.'");
    else if (strcmp(s, "..") == 0)
        add(&l, "must not be '..'");
    else if (strncmp(s, "..", 2) == 0)
        add(&l, "must not start with '..'");
    return l;
}

struct name_errors name__env_var(const char *s, struct arena *a)
{
    (void)a;
    struct name_errors l = {.n = 0};
    if (!*s)
        add(&l, "environment variable name must be non-empty");
    for (const char *p = s; *p; p++)
        if (*p < ' ' || *p > '~' || *p == '=') {
            add(&l, ENV_MSG);
            break;
        }
    return l;
}

struct name_errors name__port(const char *s, struct arena *a)
{
    struct name_errors l = {.n = 0};
    size_t n = strlen(s), letters = 0;
    bool form = n > 0;
    for (size_t i = 0; i < n; i++) {
        form = form && (is_lower(s[i]) || is_digit(s[i]) || s[i] == '-');
        letters += is_lower(s[i]);
    }
    add_length(&l, n, 15, a);
    if (!form)
        add(&l, "must contain only alphanumeric characters (a-z, 0-9), and hyphens (-)");
    if (!letters)
        add(&l, "must contain at least one letter (a-z)");
    if (strstr(s, "--"))
        add(&l, "must not contain consecutive hyphens");
    if (n && (s[0] == '-' || s[n - 1] == '-'))
        add(&l, "must not begin or end with a hyphen");
    return l;
}

bool name__is_ip(const char *s, bool *out_v6)
{
    unsigned char addr[16];
    *out_v6 = strchr(s, ':') != NULL;
    return inet_pton(*out_v6 ? AF_INET6 : AF_INET, s, addr) == 1;
}

struct name_errors name__ip(const char *s, struct arena *a)
{
    (void)a;
    struct name_errors l = {.n = 0};
    bool v6;
    if (!name__is_ip(s, &v6))
        add(&l, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    return l;
}

struct name_errors name__domain_path(const char *s, struct arena *a)
{
    struct name_errors l = {.n = 0};
    const char *slash = strchr(s, '/');
    if (!slash || slash == s || !slash[1]) {
        add(&l, DOMAIN_PATH_MSG);
        return l;
    }
    struct name_errors p = name__dns1123_subdomain(arena_strndup(a, s, (size_t)(slash - s)), a);
    for (size_t i = 0; i < p.n; i++)
        add(&l, p.text[i]);
    for (const char *c = slash + 1; *c; c++)
        if (!is_alnum(*c) && !strchr("/-_.~%!$&'()*+,;=:", *c)) {
            add(&l, arena_printf(a, "Invalid path (regex used for validation is '%s')",
                                 "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+"));
            break;
        }
    return l;
}

struct name_errors name__fqdn(const char *s, struct arena *a)
{
    struct name_errors l = {.n = 0};
    size_t n = strlen(s);
    if (n && s[n - 1] == '.')
        s = arena_strndup(a, s, n - 1);
    struct name_errors p = name__dns1123_subdomain(s, a);
    for (size_t i = 0; i < p.n; i++)
        add(&l, p.text[i]);
    if (!p.n && !strchr(s, '.'))
        add(&l, "should be a domain with at least two segments separated by dots");
    return l;
}

/* ---- by kind ---- */

const char *name_complaint(const char *kind, const char *name, struct arena *a)
{
    static const char *const paths[] = {"role", "clusterrole", "rolebinding", "clusterrolebinding"};
    struct name_errors e = {.n = 0};
    bool path = false;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        path |= strcasecmp(kind, paths[i]) == 0;
    if (path)
        e = name__path_segment(name, a);
    else if (strcasecmp(kind, "service") == 0)
        e = name__dns1035_label(name, a);
    else if (strcasecmp(kind, "namespace") == 0)
        e = name__dns1123_label(name, a);
    else if (strcasecmp(kind, "certificatesigningrequest") != 0)
        e = name__dns1123_subdomain(name, a);
    const char *all = NULL;
    for (size_t i = 0; i < e.n; i++) {
        const char *one =
            arena_printf(a, "metadata.name: Invalid value: \"%s\": %s", name, e.text[i]);
        all = all ? arena_printf(a, "%s, %s", all, one) : one;
    }
    return all && e.n > 1 ? arena_printf(a, "[%s]", all) : all;
}
