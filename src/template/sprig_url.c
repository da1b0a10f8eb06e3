#include "template/sprig_int.h"

#include "base/banned.h"

/* ---- paths: Go's path and path/filepath, which are one here ---- */

static struct go_value clean(struct go_call *c, const char *s, size_t n)
{
    struct buf *b = call__scratch(c);
    bool rooted = n && s[0] == '/';
    size_t floor = rooted; /* what .. may not take back */
    if (rooted)
        buf_putc(b, '/');
    for (size_t i = 0; i < n;) {
        const char *slash = memchr(s + i, '/', n - i);
        size_t len = slash ? (size_t)(slash - s) - i : n - i;
        bool up = len == 2 && s[i] == '.' && s[i + 1] == '.';
        if (up && b->len > floor) {
            const char *cut = memrchr(b->data + floor, '/', b->len - floor);
            buf_cut(b, cut ? (size_t)(cut - b->data) : floor);
        } else if (len && !(len == 1 && s[i] == '.') && !(up && rooted)) {
            if (b->len > rooted)
                buf_putc(b, '/');
            buf_add(b, s + i, len);
            if (up)
                floor = b->len;
        }
        i += len + 1;
    }
    if (b->len == 0)
        buf_putc(b, '.');
    return call__text(c, buf_text(b), b->len);
}

GO_FN(path_clean)
{
    *out = clean(c, args[0].s, args[0].n);
    return 0;
}

GO_FN(path_dir)
{
    const char *slash = memrchr(args[0].s, '/', args[0].n);
    *out = clean(c, args[0].s, slash ? (size_t)(slash + 1 - args[0].s) : 0);
    return 0;
}

GO_FN(path_base)
{
    size_t end = args[0].n;
    while (end && args[0].s[end - 1] == '/')
        end--;
    const char *slash = end ? memrchr(args[0].s, '/', end) : NULL;
    size_t start = slash ? (size_t)(slash + 1 - args[0].s) : 0;
    if (end)
        *out = go_strn(args[0].s + start, end - start);
    else
        *out = go_str(args[0].n ? "/" : ".");
    return 0;
}

GO_FN(path_ext)
{
    *out = go_str("");
    for (size_t i = args[0].n; i > 0 && args[0].s[i - 1] != '/'; i--)
        if (args[0].s[i - 1] == '.') {
            *out = go_strn(args[0].s + i - 1, args[0].n - i + 1);
            break;
        }
    return 0;
}

GO_FN(path_is_abs)
{
    *out = go_bool(args[0].n && args[0].s[0] == '/');
    return 0;
}

/* ---- URLs ---- */

#define UNRESERVED "-_.~"
/* What each part of a URL leaves as it is. */
static const char in_path[] = UNRESERVED "$&+,/:;=@";
static const char in_fragment[] = UNRESERVED "$&+,/:;=?@!()*";
static const char in_user[] = UNRESERVED "$&+,;=";
static const char in_host[] = UNRESERVED "!$&'()*+,;=:[]<>\"";

static void put_escaped(struct buf *b, const char *s, size_t n, const char *keep)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)s[i];
        if ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z' && ch < 0x80)
            buf_putc(b, (char)ch);
        else if ((ch >= '0' && ch <= '9') || (ch && ch < 0x80 && strchr(keep, ch)))
            buf_putc(b, (char)ch);
        else
            buf_printf(b, "%%%02X", ch);
    }
}

static int hex_value(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    ch |= 0x20;
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

struct url {
    struct go_value scheme, opaque, user, host, path, query, fragment;
    bool has_user;
    const char *error;
};

/* Takes %xx apart; in a host only bytes past ASCII may be written so. */
static struct go_value unescape(struct go_call *c, struct url *u, const char *s, size_t n,
                                bool host)
{
    char *text = arena_alloc(c->arena, n + 1), *to = text;
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)s[i];
        if (ch != '%') {
            bool letter = (ch | 0x20) >= 'a' && (ch | 0x20) <= 'z';
            if (host && ch < 0x80 && !letter && !(ch >= '0' && ch <= '9') && !strchr(in_host, ch) &&
                !u->error)
                u->error = arena_printf(c->arena, "invalid character \"%c\" in host name", ch);
            *to++ = (char)ch;
            continue;
        }
        int high = i + 2 < n + 0 ? hex_value(s[i + 1]) : -1;
        int low = i + 2 < n ? hex_value(s[i + 2]) : -1;
        bool bad = high < 0 || low < 0 || (host && high < 8 && memcmp(s + i, "%25", 3) != 0);
        if (bad && !u->error)
            u->error = arena_printf(c->arena, "invalid URL escape \"%.*s\"",
                                    (int)(n - i < 3 ? n - i : 3), s + i);
        if (bad)
            break;
        *to++ = (char)(high << 4 | low);
        i += 2;
    }
    return go_strn(text, (size_t)(to - text));
}

/* "user:password" with both escaped anew. */
static void read_user(struct go_call *c, struct url *u, const char *s, size_t n)
{
    struct buf b;
    buf_init(&b, n * 3 + 16);
    const char *colon = memchr(s, ':', n);
    size_t name = colon ? (size_t)(colon - s) : n;
    struct go_value part = unescape(c, u, s, name, false);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] >= 0x80 ||
            (!unicode_is_letter((unsigned char)s[i]) && !unicode_is_digit((unsigned char)s[i]) &&
             !strchr("-._:~!$&'()*+,;=%@", s[i])))
            u->error = "net/url: invalid userinfo";
    put_escaped(&b, part.s, part.n, in_user);
    if (colon) {
        part = unescape(c, u, colon + 1, n - name - 1, false);
        buf_putc(&b, ':');
        put_escaped(&b, part.s, part.n, in_user);
    }
    u->user = call__text(c, buf_text(&b), b.len);
    u->has_user = true;
    buf_done(&b);
}

static void read_host(struct go_call *c, struct url *u, const char *s, size_t n)
{
    const char *open = memrchr(s, '[', n), *close = memrchr(s, ']', n);
    const char *colon = open ? close : memrchr(s, ':', n);
    if (open && open > s)
        u->error = "invalid IP-literal";
    else if (open && !close)
        u->error = "missing ']' in host";
    if (u->error)
        return;
    if (open)
        colon = close + 1 < s + n ? close + 1 : NULL;
    if (colon && (*colon != ':' || strspn(colon + 1, "0123456789") < (size_t)(s + n - colon - 1)))
        u->error =
            arena_printf(c->arena, "invalid port \"%.*s\" after host", (int)(s + n - colon), colon);
    u->host = unescape(c, u, s, n, true);
}

static size_t scheme_length(const char *s, size_t n, struct url *u)
{
    for (size_t i = 0; i < n; i++) {
        bool letter = (s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z';
        if (s[i] == ':' && i == 0)
            u->error = "missing protocol scheme";
        if (s[i] == ':')
            return i;
        if (!letter && (i == 0 || !s[i] || !strchr("0123456789+-.", s[i])))
            return 0;
    }
    return 0;
}

static void read_rest(struct go_call *c, struct url *u, const char *s, size_t n)
{
    bool slash = n && s[0] == '/';
    if (!slash && u->scheme.n) {
        u->opaque = go_strn(s, n);
        return;
    }
    const char *end = memchr(s, '/', n), *colon = memchr(s, ':', n);
    if (!slash && colon && (!end || colon < end)) {
        u->error = "first path segment in URL cannot contain colon";
        return;
    }
    bool authority = n > 1 && slash && s[1] == '/' && (u->scheme.n || n < 3 || s[2] != '/');
    if (authority) {
        s += 2;
        n -= 2;
        end = memchr(s, '/', n);
        size_t len = end ? (size_t)(end - s) : n;
        const char *at = memrchr(s, '@', len);
        if (at)
            read_user(c, u, s, (size_t)(at - s));
        if (!u->error)
            read_host(c, u, at ? at + 1 : s, at ? len - (size_t)(at + 1 - s) : len);
        s += len;
        n -= len;
    }
    if (!u->error)
        u->path = unescape(c, u, s, n, false);
}

/* net/url.Parse(); u->error says what is wrong. */
static void read_url(struct go_call *c, const char *s, size_t n, struct url *u)
{
    struct go_value none = go_str("");
    *u = (struct url){none, none, none, none, none, none, none, false, NULL};
    const char *hash = memchr(s, '#', n);
    size_t len = hash ? (size_t)(hash - s) : n;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
            u->error = "net/url: invalid control character in URL";
    if (u->error)
        return;
    if (hash)
        u->fragment = unescape(c, u, hash + 1, n - len - 1, false);
    if (len == 1 && *s == '*') {
        u->path = go_str("*");
        return;
    }
    size_t scheme = scheme_length(s, len, u);
    if (scheme) {
        char *lower = arena_strndup(c->arena, s, scheme);
        for (char *p = lower; *p; p++)
            *p = (char)unicode_lower((unsigned char)*p);
        u->scheme = go_strn(lower, scheme);
        s += scheme + 1;
        len -= scheme + 1;
    }
    const char *question = memchr(s, '?', len);
    if (question)
        u->query = go_strn(question + 1, len - (size_t)(question + 1 - s));
    if (!u->error)
        read_rest(c, u, s, question ? (size_t)(question - s) : len);
}

static struct go_value hostname(const struct go_value *host)
{
    const char *close = memchr(host->s, ']', host->n), *colon = memrchr(host->s, ':', host->n);
    if (host->n && host->s[0] == '[' && close)
        return go_strn(host->s + 1, (size_t)(close - host->s) - 1);
    return go_strn(host->s, colon ? (size_t)(colon - host->s) : host->n);
}

GO_FN(url_parse)
{
    struct url u;
    read_url(c, args[0].s, args[0].n, &u);
    if (u.error) {
        struct buf *b = call__scratch(c);
        const char *hash = memchr(args[0].s, '#', args[0].n);
        text__quote(b, args[0].s, hash ? (size_t)(hash - args[0].s) : args[0].n);
        return go_fail(c, "unable to parse url: parse %s: %s", buf_text(b), u.error);
    }
    struct go_map *m = go_map_new(c->arena, 8);
    go_map_put(m, "fragment", u.fragment);
    go_map_put(m, "host", u.host);
    go_map_put(m, "hostname", hostname(&u.host));
    go_map_put(m, "opaque", u.opaque);
    go_map_put(m, "path", u.path);
    go_map_put(m, "query", u.query);
    go_map_put(m, "scheme", u.scheme);
    go_map_put(m, "userinfo", u.user);
    *out = go_map(m);
    return 0;
}

/* A member that is text, or absent. */
static int member(struct go_call *c, const struct go_value *map, const char *key,
                  struct go_value *out)
{
    const struct go_value *v = go_map_get(map->map, key, strlen(key));
    *out = v ? *v : go_str("");
    if (go_kind_of(out) == GO_STRING)
        return 0;
    if (go_kind_of(out) == GO_INTERFACE)
        return go_fail(c, "runtime error: invalid memory address or nil pointer dereference");
    return go_fail(c, "unable to parse %s key, must be of type string, but %s found", key,
                   go_kind_name(go_kind_of(out)));
}

static void print_url(struct buf *b, const struct url *u)
{
    if (u->scheme.n)
        buf_printf(b, "%.*s:", (int)u->scheme.n, u->scheme.s);
    if (u->opaque.n) {
        buf_add(b, u->opaque.s, u->opaque.n);
    } else {
        if ((u->scheme.n || u->host.n || u->has_user) && (u->host.n || u->path.n || u->has_user))
            buf_puts(b, "//");
        if (u->has_user)
            buf_printf(b, "%.*s@", (int)u->user.n, u->user.s);
        put_escaped(b, u->host.s, u->host.n, in_host);
        if (u->path.n && u->path.s[0] != '/' && u->host.n)
            buf_putc(b, '/');
        const char *slash = memchr(u->path.s, '/', u->path.n);
        const char *colon = memchr(u->path.s, ':', u->path.n);
        if (b->len == 0 && colon && (!slash || colon < slash))
            buf_puts(b, "./");
        put_escaped(b, u->path.s, u->path.n, u->path.n == 1 && *u->path.s == '*' ? "*" : in_path);
    }
    if (u->query.n)
        buf_printf(b, "?%.*s", (int)u->query.n, u->query.s);
    if (u->fragment.n) {
        buf_putc(b, '#');
        put_escaped(b, u->fragment.s, u->fragment.n, in_fragment);
    }
}

GO_FN(url_join)
{
    struct url u = {0}, with_user = {0};
    struct go_value user = {0};
    int rc = member(c, &args[0], "scheme", &u.scheme);
    rc = rc ? rc : member(c, &args[0], "host", &u.host);
    rc = rc ? rc : member(c, &args[0], "path", &u.path);
    rc = rc ? rc : member(c, &args[0], "query", &u.query);
    rc = rc ? rc : member(c, &args[0], "opaque", &u.opaque);
    rc = rc ? rc : member(c, &args[0], "fragment", &u.fragment);
    rc = rc ? rc : member(c, &args[0], "userinfo", &user);
    if (rc)
        return rc;
    if (user.n) {
        const char *text = arena_printf(c->arena, "proto://%.*s@host", (int)user.n, user.s);
        read_url(c, text, strlen(text), &with_user);
        if (with_user.error)
            return go_fail(c, "unable to parse userinfo in dict: parse \"%s\": %s", text,
                           with_user.error);
        u.user = with_user.user;
        u.has_user = with_user.has_user;
    }
    print_url(call__scratch(c), &u);
    return call__finish(c, out);
}

const struct go_func url_functions[] = {
    {"base",     "s",  path_base  },
    {"clean",    "s",  path_clean },
    {"dir",      "s",  path_dir   },
    {"ext",      "s",  path_ext   },
    {"isAbs",    "s",  path_is_abs},
    {"osBase",   "s",  path_base  },
    {"osClean",  "s",  path_clean },
    {"osDir",    "s",  path_dir   },
    {"osExt",    "s",  path_ext   },
    {"osIsAbs",  "s",  path_is_abs},
    {"urlJoin",  "m",  url_join   },
    {"urlParse", "s",  url_parse  },
    {NULL,       NULL, NULL       },
};
