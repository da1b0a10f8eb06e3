#include "codec/semver.h"
#include "template/sprig_int.h"
#include "template/time_int.h"

#include "base/banned.h"

enum { VERSION_MAX = 256, RANGE_MAX = 512, ALTERNATIVES_MAX = 32 };

struct version {
    struct semver v;
    const char *original;
};

/* ---- reading ---- */

/* Whether it looks like a version, whatever its numbers: v1.2.3-pre.1+build. */
static bool looks_right(const char *s)
{
    static const char words[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    s += *s == 'v';
    for (int i = 0; i < 3; i++) {
        size_t digits = strspn(s, "0123456789");
        if (digits == 0)
            return false;
        s += digits;
        if (*s != '.' || i == 2)
            break;
        s++;
    }
    for (const char *c = "-+"; *c; c++) {
        if (*s != *c)
            continue;
        do {
            size_t n = strspn(++s, words);
            if (n == 0)
                return false;
            s += n;
        } while (*s == '.');
    }
    return *s == '\0';
}

/* A number too large for its 64 bits; NULL: there is none. */
static const char *large_number(struct go_call *c, const char *s)
{
    s += *s == 'v';
    for (int i = 0; i < 3; i++) {
        size_t n = strspn(s, "0123456789"), zeros = strspn(s, "0");
        size_t digits = n - zeros;
        if (digits > 20 || (digits == 20 && strncmp(s + zeros, "18446744073709551615", 20) > 0))
            return arena_strndup(c->arena, s, n);
        if (s[n] != '.')
            break;
        s += n + 1;
    }
    return NULL;
}

static int read_version(struct go_call *c, const struct go_value *text, struct version *out)
{
    const char *s = go_cstr(c->arena, text);
    out->original = s;
    if (text->n > VERSION_MAX)
        return go_fail(c, "version string is too long (max %d bytes)", VERSION_MAX);
    if (strlen(s) != text->n || !looks_right(s))
        return go_fail(c, "invalid semantic version");
    const char *large = large_number(c, s);
    if (large)
        return go_fail(c,
                       "error parsing version segment: strconv.ParseUint: parsing \"%s\": value "
                       "out of range",
                       large);
    if (semver_parse(c->arena, s, &out->v, NULL))
        return go_fail(c, "version segment starts with 0");
    return 0;
}

/* ---- *semver.Version ---- */

static const struct version *self(const struct go_call *c)
{
    return c->self->opaque;
}

GO_FN(version_text)
{
    *out = self(c) ? go_str(semver_text(c->arena, &self(c)->v)) : go_str("<nil>");
    return 0;
}

GO_FN(version_original)
{
    *out = go_str(self(c)->original);
    return 0;
}

static struct go_value number(uint64_t u)
{
    return (struct go_value){.type = &go_uint64_type, .u = u};
}

GO_FN(version_major)
{
    *out = number(self(c)->v.major);
    return 0;
}

GO_FN(version_minor)
{
    *out = number(self(c)->v.minor);
    return 0;
}

GO_FN(version_patch)
{
    *out = number(self(c)->v.patch);
    return 0;
}

GO_FN(version_pre)
{
    *out = go_str(self(c)->v.pre);
    return 0;
}

GO_FN(version_build)
{
    *out = go_str(self(c)->v.build);
    return 0;
}

static const struct go_type version_type; /* semver.Version, without a pointer */

/* A version derived from self; a leading v stays. */
static int derived(struct go_call *c, struct semver v, struct go_value *out)
{
    struct version *made = ARENA_NEW(c->arena, struct version);
    const char *text = semver_text(c->arena, &v);
    made->v = v;
    made->original = self(c)->original[0] == 'v' ? arena_printf(c->arena, "v%s", text) : text;
    *out = (struct go_value){.type = &version_type, .opaque = made};
    return 0;
}

GO_FN(version_inc_major)
{
    struct semver v = {.major = self(c)->v.major + 1, .pre = "", .build = ""};
    return derived(c, v, out);
}

GO_FN(version_inc_minor)
{
    struct semver v = self(c)->v;
    v.minor++;
    v.patch = 0;
    v.pre = v.build = "";
    return derived(c, v, out);
}

GO_FN(version_inc_patch)
{
    struct semver v = self(c)->v;
    v.patch += !*v.pre; /* 1.2.3-rc becomes 1.2.3 */
    v.pre = v.build = "";
    return derived(c, v, out);
}

static int compare(const struct go_call *c, const struct go_value *args)
{
    return semver_cmp(&self(c)->v, &((const struct version *)args[0].opaque)->v);
}

GO_FN(version_compare)
{
    *out = go_int(compare(c, args));
    return 0;
}

GO_FN(version_equal)
{
    *out = go_bool(compare(c, args) == 0);
    return 0;
}

GO_FN(version_less)
{
    *out = go_bool(compare(c, args) < 0);
    return 0;
}

GO_FN(version_less_equal)
{
    *out = go_bool(compare(c, args) <= 0);
    return 0;
}

GO_FN(version_greater)
{
    *out = go_bool(compare(c, args) > 0);
    return 0;
}

GO_FN(version_greater_equal)
{
    *out = go_bool(compare(c, args) >= 0);
    return 0;
}

static const struct go_func version_methods[] = {
    {"Compare",          "V",  version_compare      },
    {"Equal",            "V",  version_equal        },
    {"GreaterThan",      "V",  version_greater      },
    {"GreaterThanEqual", "V",  version_greater_equal},
    {"LessThan",         "V",  version_less         },
    {"LessThanEqual",    "V",  version_less_equal   },
    {"Original",         "",   version_original     },
    {"IncMajor",         "",   version_inc_major    },
    {"IncMinor",         "",   version_inc_minor    },
    {"IncPatch",         "",   version_inc_patch    },
    {"Major",            "",   version_major        },
    {"Metadata",         "",   version_build        },
    {"Minor",            "",   version_minor        },
    {"Patch",            "",   version_patch        },
    {"Prerelease",       "",   version_pre          },
    {"String",           "",   version_text         },
    {NULL,               NULL, NULL                 },
};

static char *json_version(struct arena *a, const struct go_value *v)
{
    return semver_text(a, &((const struct version *)v->opaque)->v);
}

/* The methods of a value begin behind those that need a pointer. */
enum { VALUE_METHODS = 7, STRING_METHOD = 15 };

static const struct go_type version_type = {.name = "semver.Version",
                                            .kind = GO_STRUCT,
                                            .methods = version_methods + VALUE_METHODS,
                                            .stringer = version_methods + STRING_METHOD,
                                            .json_text = json_version,
                                            .defined = true};
const struct go_type go_semver_type = {.name = "*semver.Version",
                                       .kind = GO_PTR,
                                       .elem = &version_type,
                                       .methods = version_methods,
                                       .stringer = version_methods + STRING_METHOD,
                                       .json_text = json_version};

/* ---- functions ---- */

GO_FN(semver)
{
    struct version *v = ARENA_NEW(c->arena, struct version);
    *out = (struct go_value){.type = &go_semver_type, .opaque = v};
    return read_version(c, &args[0], v);
}

/* The alternative that is wrong, as the error shows it. */
static int improper(struct go_call *c, const char *text)
{
    for (const char *s = text;; s += 2) {
        const char *end = strstr(s, "||");
        char *part = arena_strndup(c->arena, s, end ? (size_t)(end - s) : strlen(s));
        struct semver_range *range;
        s += strlen(part);
        if (!*s || semver_range_parse(c->arena, part, &range, NULL)) {
            struct buf *b = call__scratch(c);
            text__quote(b, part, strlen(part));
            return go_fail(c, "improper constraint: %s", buf_text(b));
        }
    }
}

GO_FN(semver_compare)
{
    const char *text = go_cstr(c->arena, &args[0]);
    struct semver_range *range;
    struct version v;
    size_t alternatives = 1;
    if (args[0].n > RANGE_MAX)
        return go_fail(c, "constraint string is too long (max %d bytes)", RANGE_MAX);
    for (const char *s = text; (s = strstr(s, "||")); s += 2)
        alternatives++;
    if (alternatives > ALTERNATIVES_MAX)
        return go_fail(c, "too many constraint groups (max %d)", ALTERNATIVES_MAX);
    if (strlen(text) != args[0].n || semver_range_parse(c->arena, text, &range, NULL))
        return improper(c, text);
    int rc = read_version(c, &args[1], &v);
    if (rc == 0)
        *out = go_bool(semver_range_has(range, &v.v));
    return rc;
}

const struct go_func semver_functions[] = {
    {"semver",        "s",  semver        },
    {"semverCompare", "ss", semver_compare},
    {NULL,            NULL, NULL          },
};
