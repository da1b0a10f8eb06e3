/* A forge says that something was pushed: the mirrors of what it names are fetched at once. */
#include <string.h>

#include "codec/json.h"
#include "ctl/repository/repository.h"

enum { BODY_MAX = 4 << 20, DEPTH_MAX = 12 };

/* Host and path of any spelling: "git@h:a/b.git" and "https://u@h/a/b" are "h/a/b". */
static const char *plain_url(const char *url, struct arena *a)
{
    const char *scheme = strstr(url, "://");
    char *s = arena_strdup(a, scheme ? scheme + 3 : url);
    char *at = strchr(s, '@'), *slash = strchr(s, '/');
    if (at && (!slash || at < slash))
        s = at + 1;
    size_t host = strcspn(s, "/:");
    if (!scheme && s[host] == ':')
        s[host] = '/';
    size_t n = strlen(s);
    while (n > 0 && s[n - 1] == '/')
        s[--n] = '\0';
    if (n > 4 && strcmp(s + n - 4, ".git") == 0)
        s[n - 4] = '\0';
    for (char *c = s; *c && *c != '/'; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    return s;
}

/* Whatever the forge: the URL stands somewhere below the repository or project it tells of. */
static bool names(const struct value *v, const char *want, struct arena *a, int depth)
{
    bool hit = false;
    if (depth > DEPTH_MAX)
        return false;
    if (value_is(v, VALUE_STRING))
        return v->n < 2000 && (strstr(v->text, "://") || strchr(v->text, '@')) &&
               strcmp(plain_url(v->text, a), want) == 0;
    VALUE_EACH_ITEM (item, v)
        hit |= names(item, want, a, depth + 1);
    VALUE_EACH_MEMBER (m, v)
        hit |= names(&m->value, want, a, depth + 1);
    return hit;
}

int repository_webhook(struct kube *k, const struct clock *clock, const char *body, size_t n,
                       size_t *out_n, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(16 * (size_t)BODY_MAX);
    struct value *doc;
    struct kube_list l = {.n = 0};
    if (n > BODY_MAX)
        return err_set(e, ERR_TOO_LARGE, "the event has more than %d bytes", BODY_MAX);
    int rc = json_parse(a, body, n, 0, &doc, e);
    if (rc == 0)
        rc = kube_list(k, &RES_REPOSITORY, NULL, NULL, &l, e);
    if (rc < 0)
        return err_wrap(e, rc, "webhook");
    char now[CLOCK_TEXT_MAX];
    clock_format_rfc3339_ms(clock->real_ms(clock), now);
    size_t hits = 0;
    for (size_t i = 0; rc == 0 && i < l.n; i++) {
        const char *url = value_at_str(l.items[i]->root, "spec.url", "");
        if (!*url || !names(doc, plain_url(url, a), a, 0))
            continue;
        struct value *patch = value_new_object(a);
        (void)value_set_str(a, value_make_object(a, patch, "metadata.annotations"),
                            "slipway.dev/refresh", now);
        rc = kube_patch(k, &RES_REPOSITORY, l.items[i]->ns, l.items[i]->name, NULL,
                        KUBE_PATCH_MERGE, patch, NULL, e);
        hits++;
    }
    kube_list_done(&l);
    if (rc == 0)
        *out_n = hits;
    return rc;
}
