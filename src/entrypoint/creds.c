#include "entrypoint/creds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fs.h"
#include "codec/json.h"

enum { SECRET_MAX = 1 << 20, CREDS_MAX = 256 };

struct cred {
    const char *kind, *secret, *url;
};

struct creds {
    struct arena *arena;
    struct cred list[CREDS_MAX];
    size_t n;
};

static const char *const kinds[] = {"basic-git", "ssh-git", "basic-docker", "docker-config",
                                    "docker-cfg"};

struct creds *creds_new(struct arena *a)
{
    struct creds *c = ARENA_NEW(a, struct creds);
    c->arena = a;
    return c;
}

bool creds_take(struct creds *c, const char *flag, const char *value)
{
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        known = known || strcmp(flag, kinds[i]) == 0;
    if (known && c->n < CREDS_MAX) {
        const char *eq = strchr(value, '=');
        size_t n = eq ? (size_t)(eq - value) : strlen(value);
        c->list[c->n++] = (struct cred){arena_strdup(c->arena, flag),
                                        arena_strndup(c->arena, value, n), eq ? eq + 1 : ""};
    }
    return known;
}

static const char *secret_file(struct creds *c, const char *secret, const char *key)
{
    char *text;
    size_t n;
    const char *path = arena_printf(c->arena, "/tekton/creds-secrets/%s/%s", secret, key);
    return fs_read(path, SECRET_MAX, c->arena, &text, &n, NULL) == 0 ? text : NULL;
}

static void put(const char *folder, const char *name, const char *text)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e;
    const char *path = arena_printf(a, "%s/%s", folder, name);
    char *parent = arena_strdup(a, path);
    *strrchr(parent, '/') = '\0';
    int r = fs_mkdirs(parent, 0700, &e);
    if (r == 0)
        r = fs_write_atomic(path, 0600, text, strlen(text), &e);
    if (r < 0)
        (void)fprintf(stderr, "entrypoint: credentials: %s\n", e.msg);
}

/* ---- git ---- */

static const char *with_user(struct arena *a, const char *url, const char *user, const char *pass)
{
    AUTO_BUF struct buf b;
    const char *host = strstr(url, "://");
    buf_init(&b, SECRET_MAX);
    buf_add(&b, url, host ? (size_t)(host + 3 - url) : 0);
    const char *const parts[] = {user, pass};
    for (size_t i = 0; i < 2; i++) {
        for (const char *p = parts[i]; *p; p++) {
            if (strchr("@:/?#[]% ", *p))
                buf_printf(&b, "%%%02X", (unsigned char)*p);
            else
                buf_putc(&b, *p);
        }
        buf_putc(&b, i ? '@' : ':');
    }
    buf_puts(&b, host ? host + 3 : url);
    return arena_strdup(a, buf_text(&b));
}

static void write_basic_git(struct creds *c, const char *folder)
{
    const char *config = "[credential]\n\thelper = store\n", *stored = "";
    bool any = false;
    for (size_t i = 0; i < c->n; i++) {
        const struct cred *x = &c->list[i];
        const char *user = secret_file(c, x->secret, "username");
        const char *pass = secret_file(c, x->secret, "password");
        if (strcmp(x->kind, "basic-git") != 0 || !user || !pass)
            continue;
        any = true;
        const char *host = strstr(x->url, "://");
        bool path = host && strchr(host + 3, '/') && strchr(host + 3, '/')[1];
        config = arena_printf(c->arena, "%s[credential \"%s\"]\n\tusername = %s\n%s", config,
                              x->url, user, path ? "\tuseHttpPath = true\n" : "");
        const char *line = with_user(c->arena, x->url, user, pass);
        stored = arena_printf(c->arena, "%s%s\n", stored, line);
    }
    if (any) {
        put(folder, ".gitconfig", config);
        put(folder, ".git-credentials", stored);
    }
}

static void write_ssh_git(struct creds *c, const char *folder)
{
    const char *config = "", *known = "";
    for (size_t i = 0; i < c->n; i++) {
        const struct cred *x = &c->list[i];
        const char *key = secret_file(c, x->secret, "ssh-privatekey");
        const char *hosts = secret_file(c, x->secret, "known_hosts");
        if (strcmp(x->kind, "ssh-git") != 0 || !key)
            continue;
        const char *colon = strchr(x->url, ':');
        const char *host =
            arena_strndup(c->arena, x->url, colon ? (size_t)(colon - x->url) : strlen(x->url));
        const char *name = arena_printf(c->arena, "id_%s", x->secret);
        put(folder, arena_printf(c->arena, ".ssh/%s", name), key);
        config = arena_printf(c->arena,
                              "%sHost %s\n    HostName %s\n    Port %s\n"
                              "    IdentityFile %s/.ssh/%s\n%s",
                              config, host, host, colon ? colon + 1 : "22", folder, name,
                              hosts ? "" : "    StrictHostKeyChecking accept-new\n");
        if (hosts)
            known = arena_printf(c->arena, "%s%s%s", known, hosts,
                                 hosts[strlen(hosts) - 1] == '\n' ? "" : "\n");
    }
    if (*config)
        put(folder, ".ssh/config", config);
    if (*known)
        put(folder, ".ssh/known_hosts", known);
}

/* ---- docker ---- */

static const char *base64(struct arena *a, const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = strlen(text), len = 0;
    char *out = arena_alloc(a, n / 3 * 4 + 8);
    for (size_t i = 0; i < n; i += 3) {
        unsigned v = (unsigned)(unsigned char)text[i] << 16;
        v |= i + 1 < n ? (unsigned)(unsigned char)text[i + 1] << 8 : 0;
        v |= i + 2 < n ? (unsigned char)text[i + 2] : 0;
        out[len++] = digits[v >> 18];
        out[len++] = digits[v >> 12 & 63];
        out[len++] = i + 1 < n ? digits[v >> 6 & 63] : '=';
        out[len++] = i + 2 < n ? digits[v & 63] : '=';
    }
    return out;
}

static void merge_auths(struct value *auths, const char *text, bool wrapped, struct arena *a)
{
    struct value *v;
    if (!text || json_parse(a, text, strlen(text), 0, &v, NULL) < 0)
        return;
    const struct value *from = wrapped ? value_get(v, "auths") : v;
    VALUE_EACH_MEMBER (m, from)
        (void)value_set(a, auths, m->key, &m->value);
}

static void write_docker(struct creds *c, const char *folder)
{
    struct value *root = value_new_object(c->arena), *auths = value_new_object(c->arena);
    for (size_t i = 0; i < c->n; i++) {
        const struct cred *x = &c->list[i];
        if (strcmp(x->kind, "docker-config") == 0)
            merge_auths(auths, secret_file(c, x->secret, ".dockerconfigjson"), true, c->arena);
        else if (strcmp(x->kind, "docker-cfg") == 0)
            merge_auths(auths, secret_file(c, x->secret, ".dockercfg"), false, c->arena);
        if (strcmp(x->kind, "basic-docker") != 0)
            continue;
        const char *user = secret_file(c, x->secret, "username");
        const char *pass = secret_file(c, x->secret, "password");
        if (!user || !pass)
            continue;
        struct value *entry = value_new_object(c->arena);
        (void)value_set_str(c->arena, entry, "username", user);
        (void)value_set_str(c->arena, entry, "password", pass);
        (void)value_set_str(c->arena, entry, "auth",
                            base64(c->arena, arena_printf(c->arena, "%s:%s", user, pass)));
        (void)value_set(c->arena, auths, x->url, entry);
    }
    if (value_count(auths) == 0)
        return;
    (void)value_set(c->arena, root, "auths", auths);
    put(folder, ".docker/config.json", json_text(c->arena, root, JSON_NO_HTML));
}

void creds_write(struct creds *c)
{
    const char *home = getenv("HOME");
    const char *const folders[] = {home && *home ? home : "/root", "/tekton/creds"};
    for (size_t i = 0; c->n && i < ARRAY_LEN(folders); i++) {
        write_basic_git(c, folders[i]);
        write_ssh_git(c, folders[i]);
        write_docker(c, folders[i]);
    }
}
