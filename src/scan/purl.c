#include "scan/purl.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "codec/base64.h"

/* ---- what the types ask for ---- */

enum rule {
    LOWER_NAMESPACE = 1 << 0,
    LOWER_NAME = 1 << 1,
    LOWER_VERSION = 1 << 2,
    UPPER_NAMESPACE = 1 << 3,
    WANTS_NAMESPACE = 1 << 4,
    NO_NAMESPACE = 1 << 5,
    PATH_NAME = 1 << 6, /* all behind the first slash is the name */
    LOWER = LOWER_NAMESPACE | LOWER_NAME,
};

static const struct type_rule {
    const char *type;
    unsigned rules;
} type_rules[] = {
    {"alpm",             LOWER                    },
    {"apk",              LOWER                    },
    {"bazel",            NO_NAMESPACE             },
    {"bitbucket",        LOWER                    },
    {"bitnami",          LOWER_NAME | NO_NAMESPACE},
    {"brew",             LOWER                    },
    {"cargo",            NO_NAMESPACE             },
    {"chrome-extension", LOWER_NAME | NO_NAMESPACE},
    {"cocoapods",        NO_NAMESPACE             },
    {"composer",         LOWER | WANTS_NAMESPACE  },
    {"conda",            NO_NAMESPACE             },
    {"cpan",             UPPER_NAMESPACE          },
    {"cran",             NO_NAMESPACE             },
    {"deb",              LOWER                    },
    {"gem",              NO_NAMESPACE             },
    {"git",              LOWER | PATH_NAME        },
    {"github",           LOWER | WANTS_NAMESPACE  },
    {"gitlab",           LOWER                    },
    {"golang",           0                        },
    {"hackage",          NO_NAMESPACE             },
    {"hex",              LOWER                    },
    {"huggingface",      LOWER_VERSION            },
    {"julia",            NO_NAMESPACE             },
    {"luarocks",         LOWER | LOWER_VERSION    },
    {"maven",            WANTS_NAMESPACE          },
    {"mlflow",           NO_NAMESPACE             },
    {"npm",              LOWER                    },
    {"nuget",            NO_NAMESPACE             },
    {"oci",              LOWER_NAME | NO_NAMESPACE},
    {"opam",             NO_NAMESPACE             },
    {"otp",              LOWER_NAME | NO_NAMESPACE},
    {"pub",              LOWER_NAME | NO_NAMESPACE},
    {"pypi",             LOWER_NAME | NO_NAMESPACE},
    {"qpkg",             LOWER_NAMESPACE          },
    {"rpm",              LOWER_NAMESPACE          },
    {"swift",            WANTS_NAMESPACE          },
    {"vcpkg",            NO_NAMESPACE             },
    {"vscode-extension", LOWER | WANTS_NAMESPACE  },
    {"yocto",            0                        },
};

static unsigned rules_of(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(type_rules); i++)
        if (strcmp(type_rules[i].type, type) == 0)
            return type_rules[i].rules;
    return 0;
}

/* Only ASCII has a case here. */
static const char *cased(struct arena *a, const char *s, bool upper)
{
    char *out = s ? arena_strdup(a, s) : NULL;
    for (char *p = out; p && *p; p++)
        if (upper ? *p >= 'a' && *p <= 'z' : *p >= 'A' && *p <= 'Z')
            *p ^= 0x20;
    return out;
}

static const char *replaced(struct arena *a, const char *s, char from, char to)
{
    char *out = arena_strdup(a, s);
    for (char *p = out; (p = strchr(p, from));)
        *p = to;
    return out;
}

static int refuse(struct err *e, const struct purl *p, const char *why)
{
    return err_set(e, ERR_INVALID, "a package URL of type %.40s %s", p->type, why);
}

static int check_chrome(const struct purl *p, struct err *e)
{
    if (strlen(p->name) != 32 || p->name[strspn(p->name, "abcdefghijklmnop")])
        return refuse(e, p, "is named by 32 letters from a to p");
    if (p->version && p->version[strspn(p->version, "0123456789.")])
        return refuse(e, p, "has a version of numbers and dots");
    return 0;
}

/* What one type alone asks for. */
static int apply_special(struct purl *p, struct arena *a, struct err *e)
{
    if (strcmp(p->type, "pypi") == 0)
        p->name = replaced(a, p->name, '_', '-');
    else if (strcmp(p->type, "pub") == 0)
        p->name = replaced(a, p->name, '-', '_');
    else if (strcmp(p->type, "mlflow") == 0) {
        const char *where = purl_qualifier(p, "repository_url");
        if (where && strstr(where, "azuredatabricks"))
            p->name = cased(a, p->name, false);
    } else if (strcmp(p->type, "cpan") == 0 && strstr(p->name, "::")) {
        return refuse(e, p, "names a distribution, with \"-\" for \"::\"");
    } else if (strcmp(p->type, "chrome-extension") == 0) {
        return check_chrome(p, e);
    }
    return 0;
}

static int apply_rules(struct purl *p, struct arena *a, struct err *e)
{
    unsigned rules = rules_of(p->type);
    if (rules & NO_NAMESPACE && p->namespace)
        return refuse(e, p, "has no namespace");
    if (rules & WANTS_NAMESPACE && !p->namespace)
        return refuse(e, p, "needs a namespace");
    if (rules & (LOWER_NAMESPACE | UPPER_NAMESPACE))
        p->namespace = cased(a, p->namespace, rules & UPPER_NAMESPACE);
    if (rules & LOWER_NAME)
        p->name = cased(a, p->name, false);
    if (rules & LOWER_VERSION)
        p->version = cased(a, p->version, false);
    return apply_special(p, a, e);
}

/* ---- canonical parts ---- */

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct purl_qualifier *)a)->key, ((const struct purl_qualifier *)b)->key);
}

static bool is_word(const char *s, const char *also)
{
    size_t n = 0;
    for (; s[n]; n++)
        if (!isalnum((unsigned char)s[n]) && !strchr(also, s[n]))
            return false;
    return n > 0 && !isdigit((unsigned char)*s);
}

/* Keys in lower case and in order, those without a value left out. */
static int settle_qualifiers(struct purl *p, struct arena *a, struct err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        struct purl_qualifier q = p->qualifiers[i];
        if (!is_word(q.key, ".-_"))
            return err_set(e, ERR_INVALID, "\"%.60s\" is no qualifier of a package URL", q.key);
        if (!q.value || !*q.value)
            continue;
        q.key = cased(a, q.key, false);
        p->qualifiers[n++] = q;
    }
    p->n = n;
    if (n)
        qsort(p->qualifiers, n, sizeof *p->qualifiers, by_key);
    for (size_t i = 1; i < n; i++)
        if (strcmp(p->qualifiers[i - 1].key, p->qualifiers[i].key) == 0)
            return err_set(e, ERR_INVALID, "the qualifier %.60s stands twice",
                           p->qualifiers[i].key);
    return 0;
}

/* Slashes at the ends and empty parts taken out; of a subpath also "." and "..". */
static char *settle_path(struct arena *a, const char *path, bool dots)
{
    if (!path)
        return NULL;
    char *out = arena_alloc(a, strlen(path) + 1), *to = out;
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "/");
        bool dot = dots && ((n == 1 && *p == '.') || (n == 2 && p[0] == '.' && p[1] == '.'));
        if (n && !dot) {
            if (to > out)
                *to++ = '/';
            memcpy(to, p, n);
            to += n;
        }
        p += n + (p[n] == '/');
    }
    return to > out ? out : NULL;
}

/* Where all behind the first slash is the name, it does not matter where the caller cut it. */
static void settle_path_name(struct purl *p, struct arena *a)
{
    const char *all = p->namespace ? arena_join(a, p->namespace, "/", p->name, NULL) : p->name;
    char *path = settle_path(a, all, false), *slash = path ? strchr(path, '/') : NULL;
    if (!path)
        return;
    p->name = slash ? slash + 1 : path;
    p->namespace = slash ? path : NULL;
    if (slash)
        *slash = '\0';
}

int purl_canonical(struct purl *p, struct arena *a, struct err *e)
{
    if (!p->type || !is_word(p->type, ".-"))
        return err_set(e, ERR_INVALID, "a package URL needs a type such as \"npm\"");
    p->type = cased(a, p->type, false);
    if (!p->name || !*p->name)
        return refuse(e, p, "needs a name");
    p->namespace = settle_path(a, p->namespace, false);
    p->subpath = settle_path(a, p->subpath, true);
    if (rules_of(p->type) & PATH_NAME)
        settle_path_name(p, a);
    if (p->version && !*p->version)
        p->version = NULL;
    int r = settle_qualifiers(p, a, e);
    return r < 0 ? r : apply_rules(p, a, e);
}

const char *purl_qualifier(const struct purl *p, const char *key)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->qualifiers[i].key, key) == 0)
            return p->qualifiers[i].value;
    return NULL;
}

/* ---- parsing ---- */

static const char *decode(struct arena *a, const char *s, size_t n)
{
    char *out = arena_strndup(a, s, n), *to = out;
    for (const char *p = out; *p; p++) {
        int high = *p == '%' ? hex_value(p[1]) : -1, low = high >= 0 ? hex_value(p[2]) : -1;
        if (low >= 0 && (high || low)) { /* a zero byte stays as it is written */
            *to++ = (char)(high << 4 | low);
            p += 2;
        } else {
            *to++ = *p;
        }
    }
    *to = '\0';
    return out;
}

static int parse_qualifiers(char *text, struct arena *a, struct purl *p, struct err *e)
{
    p->qualifiers = ARENA_ARRAY(a, struct purl_qualifier, PURL_QUALIFIERS_MAX);
    for (char *pair; (pair = strsep(&text, "&"));) {
        char *equals = strchr(pair, '=');
        if (!equals)
            continue;
        if (p->n == PURL_QUALIFIERS_MAX)
            return err_set(e, ERR_TOO_LARGE, "a package URL has more than %d qualifiers",
                           PURL_QUALIFIERS_MAX);
        *equals = '\0';
        p->qualifiers[p->n++] =
            (struct purl_qualifier){pair, decode(a, equals + 1, strlen(equals + 1))};
    }
    return 0;
}

/* The "@" before a version: the last one, unless it begins a part of a path ("/@scope/name"). */
static char *version_mark(char *text)
{
    char *at = strrchr(text, '@');
    return at && ((at > text && at[-1] != '/') || !strchr(at, '/')) ? at : NULL;
}

static int parse_path(char *text, struct arena *a, struct purl *p, struct err *e)
{
    text += strspn(text, "/");
    char *slash = strchr(text, '/');
    if (!slash)
        return err_set(e, ERR_INVALID, "\"%.80s\" is no package URL: it has no name", text);
    *slash = '\0';
    p->type = text;
    text = slash + 1;
    char *at = version_mark(text);
    if (at) {
        *at = '\0';
        p->version = decode(a, at + 1, strlen(at + 1));
    }
    for (size_t n = strlen(text); !at && n && text[n - 1] == '/'; n--)
        text[n - 1] = '\0';
    char *name = rules_of(p->type) & PATH_NAME ? strchr(text, '/') : strrchr(text, '/');
    if (name) {
        *name++ = '\0';
        p->namespace = decode(a, text, strlen(text));
    }
    p->name = decode(a, name ? name : text, strlen(name ? name : text));
    return 0;
}

int purl_parse(const char *text, struct arena *a, struct purl *out, struct err *e)
{
    struct purl p = {0};
    if (strncasecmp(text, "pkg:", 4) != 0 || strlen(text) > PURL_TEXT_MAX)
        return err_set(e, ERR_INVALID, "\"%.80s\" is no package URL (pkg:…)", text);
    char *rest = arena_strdup(a, text + 4), *mark = strrchr(rest, '#');
    int r = 0;
    if (mark) {
        *mark = '\0';
        p.subpath = decode(a, mark + 1, strlen(mark + 1));
    }
    mark = strrchr(rest, '?');
    if (mark) {
        *mark = '\0';
        r = parse_qualifiers(mark + 1, a, &p, e);
    }
    if (r == 0)
        r = parse_path(rest, a, &p, e);
    if (r == 0)
        r = purl_canonical(&p, a, e);
    if (r == 0)
        *out = p;
    return r;
}

/* ---- printing ---- */

static void put(struct buf *b, const char *s, const char *plain)
{
    for (; *s; s++)
        if (isalnum((unsigned char)*s) || strchr(plain, *s))
            buf_putc(b, *s);
        else
            buf_printf(b, "%%%02X", (unsigned char)*s);
}

char *purl_print(const struct purl *p, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 8 * PURL_TEXT_MAX);
    buf_printf(&b, "pkg:%s/", p->type);
    if (p->namespace) {
        put(&b, p->namespace, ".-_~:/");
        buf_putc(&b, '/');
    }
    put(&b, p->name, rules_of(p->type) & PATH_NAME ? ".-_~:/" : ".-_~:");
    if (p->version) {
        buf_putc(&b, '@');
        put(&b, p->version, ".-_~:");
    }
    for (size_t i = 0; i < p->n; i++) {
        buf_printf(&b, "%c%s=", i ? '&' : '?', p->qualifiers[i].key);
        put(&b, p->qualifiers[i].value, ".-_~:");
    }
    if (p->subpath) {
        buf_putc(&b, '#');
        put(&b, p->subpath, ".-_~:/");
    }
    return arena_strndup(a, buf_text(&b), b.len);
}
