#include "codec/semver.h"

#include "base/own.h"

enum { OPS_MAX = 64, GROUPS_MAX = 64 };

/* ---- versions ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || c == '-' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool read_number(const char **s, uint64_t *out)
{
    const char *p = *s;
    uint64_t n = 0;
    if (!is_digit(*p))
        return false;
    for (; is_digit(*p); p++) {
        if (n > (UINT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (uint64_t)(*p - '0');
    }
    *s = p;
    *out = n;
    return true;
}

/* Words with dots between; in a pre-release a number has no leading zero. NULL: malformed. */
static const char *skip_words(const char *s, bool pre)
{
    for (;;) {
        const char *start = s;
        bool digits = true;
        for (; is_word(*s); s++)
            digits = digits && is_digit(*s);
        if (s == start || (pre && digits && *start == '0' && s - start > 1))
            return NULL;
        if (*s != '.')
            return s;
        s++;
    }
}

/* "-pre+build", both optional. NULL: malformed. */
static const char *read_tail(struct arena *a, const char *s, struct semver *v)
{
    v->pre = v->build = "";
    if (*s == '-') {
        const char *end = skip_words(s + 1, true);
        if (!end)
            return NULL;
        v->pre = arena_strndup(a, s + 1, (size_t)(end - s - 1));
        s = end;
    }
    if (*s == '+') {
        const char *end = skip_words(s + 1, false);
        if (!end)
            return NULL;
        v->build = arena_strndup(a, s + 1, (size_t)(end - s - 1));
        s = end;
    }
    return s;
}

static int malformed(const char *text, struct err *e)
{
    return err_set(e, ERR_INVALID, "\"%.80s\" is not a semantic version", text);
}

int semver_parse(struct arena *a, const char *text, struct semver *out, struct err *e)
{
    struct semver v = {0};
    const char *s = text + (*text == 'v');
    if (!read_number(&s, &v.major))
        return malformed(text, e);
    if (*s == '.' && (s++, !read_number(&s, &v.minor)))
        return malformed(text, e);
    if (*s == '.' && (s++, !read_number(&s, &v.patch)))
        return malformed(text, e);
    s = read_tail(a, s, &v);
    if (!s || *s)
        return malformed(text, e);
    *out = v;
    return 0;
}

static bool has_leading_zero(const char *s)
{
    for (; is_digit(*s) || *s == '.'; s += *s == '.') {
        if (*s == '0' && is_digit(s[1]))
            return true;
        while (is_digit(*s))
            s++;
    }
    return false;
}

int semver_parse_strict(struct arena *a, const char *text, struct semver *out, struct err *e)
{
    size_t dots = 0;
    for (const char *s = text; is_digit(*s) || *s == '.'; s++)
        dots += *s == '.';
    if (dots != 2 || !is_digit(*text) || has_leading_zero(text))
        return malformed(text, e);
    return semver_parse(a, text, out, e);
}

/* ---- order ---- */

static int cmp_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Numbers before words; numbers by value (their text has no leading zeros), words by bytes. */
static int cmp_word(const char *a, size_t na, const char *b, size_t nb)
{
    bool digits_a = strspn(a, "0123456789") >= na, digits_b = strspn(b, "0123456789") >= nb;
    if (digits_a != digits_b)
        return digits_a ? -1 : 1;
    if (digits_a && na != nb)
        return na < nb ? -1 : 1;
    int c = memcmp(a, b, na < nb ? na : nb);
    return c ? (c > 0) - (c < 0) : cmp_u64(na, nb);
}

static int cmp_pre(const char *a, const char *b)
{
    if (*a == '\0' || *b == '\0')
        return (*a == '\0') - (*b == '\0');
    for (;;) {
        size_t na = strcspn(a, "."), nb = strcspn(b, ".");
        int c = cmp_word(a, na, b, nb);
        if (c)
            return c;
        a += na;
        b += nb;
        if (*a == '\0' || *b == '\0')
            return (*a != '\0') - (*b != '\0');
        a++;
        b++;
    }
}

int semver_cmp(const struct semver *a, const struct semver *b)
{
    int c = cmp_u64(a->major, b->major);
    c = c ? c : cmp_u64(a->minor, b->minor);
    c = c ? c : cmp_u64(a->patch, b->patch);
    return c ? c : cmp_pre(a->pre, b->pre);
}

char *semver_text(struct arena *a, const struct semver *v)
{
    return arena_printf(a, "%llu.%llu.%llu%s%s%s%s", (unsigned long long)v->major,
                        (unsigned long long)v->minor, (unsigned long long)v->patch,
                        *v->pre ? "-" : "", v->pre, *v->build ? "+" : "", v->build);
}

/* ---- ranges ---- */

enum op { OP_EQ, OP_NE, OP_GT, OP_LT, OP_GE, OP_LE, OP_TILDE, OP_CARET };

/* "dirty": parts were left out or are wildcards. */
struct bound {
    enum op op;
    struct semver v;
    bool dirty, minor_dirty, patch_dirty;
};

/* Bounds that must all hold. */
struct group {
    struct group *next;
    const struct bound *bounds;
    size_t n;
    bool has_pre;
};

struct semver_range {
    struct group *first;
};

static const char *read_op(const char *s, enum op *out)
{
    static const struct {
        const char *text;
        enum op op;
    } ops[] = {
        {"!=", OP_NE   },
        {">=", OP_GE   },
        {"=>", OP_GE   },
        {"<=", OP_LE   },
        {"=<", OP_LE   },
        {"~>", OP_TILDE},
        {"=",  OP_EQ   },
        {">",  OP_GT   },
        {"<",  OP_LT   },
        {"~",  OP_TILDE},
        {"^",  OP_CARET}
    };
    *out = OP_EQ;
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        size_t n = strlen(ops[i].text);
        if (strncmp(s, ops[i].text, n) == 0) {
            *out = ops[i].op;
            return s + n;
        }
    }
    return s;
}

/* A number or a wildcard, which counts as left out. False: neither. */
static bool read_part(const char **s, uint64_t *out, bool *wild)
{
    *wild = **s == 'x' || **s == 'X' || **s == '*';
    *s += *wild;
    return *wild || read_number(s, out);
}

static const char *read_bound(struct arena *a, const char *s, struct bound *b)
{
    bool wild = false, minor_wild = true, patch_wild = true;
    s = read_op(s, &b->op);
    s += strspn(s, " \t");
    s += *s == 'v';
    if (!read_part(&s, &b->v.major, &wild))
        return NULL;
    if (*s == '.' && (s++, !read_part(&s, &b->v.minor, &minor_wild)))
        return NULL;
    if (*s == '.' && (s++, !read_part(&s, &b->v.patch, &patch_wild)))
        return NULL;
    s = read_tail(a, s, &b->v);
    if (wild) {
        b->v.minor = b->v.patch = 0;
        b->dirty = true;
    } else if (minor_wild) {
        b->v.patch = 0;
        b->minor_dirty = b->dirty = true;
    } else if (patch_wild) {
        b->patch_dirty = b->dirty = true;
    }
    return s;
}

static int bad_range(const char *text, struct err *e)
{
    return err_set(e, ERR_INVALID, "\"%.80s\" is not a range of versions", text);
}

/* One alternative, up to "||" or the end. NULL: malformed. */
static const char *read_group(struct arena *a, const char *s, struct group *g,
                              struct bound bounds[OPS_MAX])
{
    for (;;) {
        s += strspn(s, " \t");
        if (g->n == OPS_MAX)
            return NULL;
        struct bound b = {0};
        const char *end = read_bound(a, s, &b);
        if (!end)
            return NULL;
        const char *dash = end + strspn(end, " \t");
        if (*dash == '-' && dash > end && b.op == OP_EQ && strchr("0123456789xX*", s[*s == 'v']))
            b.op = OP_GE;
        bounds[g->n++] = b;
        g->has_pre = g->has_pre || *b.v.pre;
        s = dash;
        if (b.op == OP_GE && *dash == '-' && dash > end) {
            struct bound high = {0};
            s = dash + 1 + strspn(dash + 1, " \t");
            end = read_bound(a, s, &high);
            if (!end || high.op != OP_EQ || s == dash + 1 || g->n == OPS_MAX)
                return NULL;
            high.op = OP_LE;
            bounds[g->n++] = high;
            g->has_pre = g->has_pre || *high.v.pre;
            s = end + strspn(end, " \t");
        }
        if (*s == '\0' || strncmp(s, "||", 2) == 0)
            return s;
        if (*s == ',')
            s++;
        else if (s == end)
            return NULL;
    }
}

int semver_range_parse(struct arena *a, const char *text, struct semver_range **out, struct err *e)
{
    struct semver_range *r = ARENA_NEW(a, struct semver_range);
    struct group **end = &r->first;
    struct bound bounds[OPS_MAX];
    size_t n = 0;
    for (const char *s = text;; s += 2) {
        if (n++ == GROUPS_MAX)
            return err_set(e, ERR_TOO_LARGE, "a range of more than %d alternatives", GROUPS_MAX);
        struct group *g = ARENA_NEW(a, struct group);
        s = read_group(a, s, g, bounds);
        if (!s)
            return bad_range(text, e);
        g->bounds = arena_dup(a, bounds, g->n * sizeof *bounds);
        *end = g;
        end = &g->next;
        if (*s == '\0')
            break;
    }
    *out = r;
    return 0;
}

/* ---- matching ---- */

static bool tilde(const struct bound *b, const struct semver *v)
{
    if (b->v.major == 0 && b->v.minor == 0 && b->v.patch == 0 && !b->minor_dirty && !b->patch_dirty)
        return true;
    return semver_cmp(v, &b->v) >= 0 && v->major == b->v.major &&
           (v->minor == b->v.minor || b->minor_dirty);
}

static bool caret(const struct bound *b, const struct semver *v)
{
    if (semver_cmp(v, &b->v) < 0)
        return false;
    if (b->v.major > 0 || b->minor_dirty)
        return v->major == b->v.major;
    if (v->major > 0)
        return false;
    if (b->v.minor > 0 || b->patch_dirty)
        return v->minor == b->v.minor;
    return v->minor == 0 && v->patch == b->v.patch;
}

static bool differs(const struct bound *b, const struct semver *v)
{
    if (!b->dirty)
        return semver_cmp(v, &b->v) != 0;
    if (v->major != b->v.major)
        return true;
    if (b->minor_dirty)
        return false;
    if (v->minor != b->v.minor)
        return true;
    if (b->patch_dirty)
        return cmp_pre(v->pre, b->v.pre) != 0;
    return semver_cmp(v, &b->v) != 0;
}

static bool greater(const struct bound *b, const struct semver *v)
{
    if (!b->dirty)
        return semver_cmp(v, &b->v) > 0;
    if (v->major != b->v.major)
        return v->major > b->v.major;
    if (b->minor_dirty)
        return false;
    if (b->patch_dirty)
        return v->minor > b->v.minor;
    return semver_cmp(v, &b->v) > 0;
}

static bool at_most(const struct bound *b, const struct semver *v)
{
    if (!b->dirty)
        return semver_cmp(v, &b->v) <= 0;
    return v->major < b->v.major ||
           (v->major == b->v.major && (v->minor <= b->v.minor || b->minor_dirty));
}

static bool bound_has(const struct bound *b, const struct semver *v)
{
    switch (b->op) {
    case OP_EQ:
        return b->dirty ? tilde(b, v) : semver_cmp(v, &b->v) == 0;
    case OP_NE:
        return differs(b, v);
    case OP_GT:
        return greater(b, v);
    case OP_LT:
        return semver_cmp(v, &b->v) < 0;
    case OP_GE:
        return semver_cmp(v, &b->v) >= 0;
    case OP_LE:
        return at_most(b, v);
    case OP_TILDE:
        return tilde(b, v);
    case OP_CARET:
        return caret(b, v);
    }
    return false;
}

bool semver_range_has(const struct semver_range *r, const struct semver *v)
{
    for (const struct group *g = r->first; g; g = g->next) {
        bool all = !*v->pre || g->has_pre;
        for (size_t k = 0; k < g->n && all; k++)
            all = bound_has(&g->bounds[k], v);
        if (all)
            return true;
    }
    return false;
}
