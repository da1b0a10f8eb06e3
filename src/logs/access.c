#include "logs/access.h"

#include <string.h>

#include "base/map.h"
#include "codec/base64.h"

/* "namespace" of every stream, once each. */
static int namespaces(struct logdb *db, struct arena *a, struct map *out, struct err *e)
{
    struct logdb_stream_info *list;
    size_t n;
    int r = logdb_streams(db, &(struct logdb_query){0}, a, &list, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        const char *ns = value_at_str(list[i].labels, "namespace", NULL);
        if (ns && *ns)
            (void)map_put(out, ns, out);
    }
    return r;
}

int logs_access_narrow(const struct logs_access *x, struct http_request *q,
                       struct logdb_matcher *out, bool *any, struct err *e)
{
    struct map all;
    char *list = NULL;
    size_t at = 0;
    int r = x->may(x->arg, q, false, NULL, e);
    *any = r == 0;
    if (r != ERR_DENIED)
        return r;
    struct err denied = *e;
    map_init(&all);
    r = namespaces(x->db, q->arena, &all, e);
    for (const struct map_entry *m; r == 0 && (m = map_next(&all, &at));)
        if (x->may(x->arg, q, false, m->key, e) == 0) /* names hold nothing special but dots */
            list = list ? arena_join(q->arena, list, "|", m->key, NULL)
                        : arena_strdup(q->arena, m->key);
    map_done(&all);
    if (r == 0 && !list) {
        *e = denied;
        return ERR_DENIED;
    }
    *out = (struct logdb_matcher){"namespace", LOGDB_MATCH, list};
    return r;
}

const char *logs_access_token(const char *authorization, struct arena *a)
{
    const char *space = authorization ? strchr(authorization, ' ') : NULL;
    char *text;
    size_t n;
    if (!space)
        return NULL;
    const char *rest = space + strspn(space, " ");
    if (strncasecmp(authorization, "Bearer ", 7) == 0)
        return *rest ? rest : NULL;
    if (strncasecmp(authorization, "Basic ", 6) != 0 &&
        strncasecmp(authorization, "ApiKey ", 7) != 0)
        return NULL;
    if (base64_decode(a, rest, strlen(rest), BASE64_STD, &text, &n, NULL) < 0)
        return rest; /* an API key as it is */
    const char *colon = strchr(text, ':');
    return colon ? colon + 1 : NULL;
}
