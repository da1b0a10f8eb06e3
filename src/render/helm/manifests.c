/* manifests.c - what templates printed, taken apart into documents and put into order. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "codec/utf8.h"
#include "render/helm/manifests_int.h"

static const struct helm_field metadata_fields[] = {
    {.name = "name",    .type = HELM_TEXT},
    {.name = "annotations",                 .type = HELM_MAP},
    {0},
};

static const struct helm_field head_fields[] = {
    {.name = "apiVersion", .type = HELM_TEXT},
    {.name = "kind",                    .type = HELM_TEXT},
    {.name = "metadata",
     .type = HELM_STRUCT,
     .fields = metadata_fields,
     .of = "struct { Name string \"json:\\\"name\\\"\"; Annotations map[string]string "
           "\"json:\\\"annotations\\\"\" }"},
    {0  },
};

/* Kinds in the order they are installed in. */
static const char *const install_order[] = {
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
};

static const char *const hook_names[] = {
    [HELM_PRE_INSTALL] = "pre-install",
    [HELM_POST_INSTALL] = "post-install",
    [HELM_PRE_DELETE] = "pre-delete",
    [HELM_POST_DELETE] = "post-delete",
    [HELM_PRE_UPGRADE] = "pre-upgrade",
    [HELM_POST_UPGRADE] = "post-upgrade",
    [HELM_PRE_ROLLBACK] = "pre-rollback",
    [HELM_POST_ROLLBACK] = "post-rollback",
    [HELM_TEST] = "test",
};

/* ---- documents ---- */

/* The length of the white space that begins at s, in Unicode's sense. */
static size_t blank_at(const char *s, size_t n)
{
    size_t len = utf8_valid(s, n);
    if (len == 0)
        return 0;
    uint32_t c = utf8_decode(s, len);
    bool blank = c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xa0 || c == 0x1680 ||
                 (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
                 c == 0x205f || c == 0x3000;
    return blank ? len : 0;
}

struct helm_text helm__trim(struct helm_text t)
{
    for (size_t len; t.n && (len = blank_at(t.s, t.n)) > 0;) {
        t.s += len;
        t.n -= len;
    }
    while (t.n) {
        size_t len = 1;
        while (len < 3 && len < t.n && ((unsigned char)t.s[t.n - len] & 0xc0) == 0x80)
            len++;
        if (blank_at(t.s + t.n - len, len) != len)
            break;
        t.n -= len;
    }
    return t;
}

/* What a separator takes with it on both sides. */
static bool is_gap(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

/* The next separator: "---" at the very beginning or behind a line end. */
static const char *separator(const char *from, const char *end, bool at_start)
{
    if (at_start && end - from >= 3 && memcmp(from, "---", 3) == 0)
        return from;
    for (const char *s = from; (s = memchr(s, '\n', (size_t)(end - s))); s++)
        if (end - s >= 4 && memcmp(s, "\n---", 4) == 0)
            return s + 1;
    return NULL;
}

bool helm__next_document(struct helm_split *s, struct helm_text *out)
{
    while (s->at <= s->end) {
        const char *from = s->at, *mark = separator(from, s->end, !s->begun);
        const char *stop = mark ? mark : s->end;
        s->begun = true;
        s->at = s->end + 1;
        if (mark) {
            while (mark > from && stop > from && is_gap(stop[-1]))
                stop--;
            for (s->at = mark + 3; s->at < s->end && is_gap(*s->at);)
                s->at++;
        }
        if (stop > from) {
            *out = helm__trim((struct helm_text){from, (size_t)(stop - from)});
            return true;
        }
    }
    return false;
}

struct helm_split helm__split(struct helm_text t)
{
    t = helm__trim(t);
    return (struct helm_split){.at = t.s, .end = t.s + t.n};
}

/* ---- hooks ---- */

/* The next of "a, B" in lower case; false: no more. */
static bool next_word(struct arena *a, const char **list, const char **out)
{
    if (!*list)
        return false;
    size_t n = strcspn(*list, ",");
    struct helm_text t = helm__trim((struct helm_text){*list, n});
    char *word = arena_strndup(a, t.s, t.n);
    for (char *c = word; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    *list = (*list)[n] ? *list + n + 1 : NULL;
    *out = word;
    return true;
}

/* Bits of the events; 0: one of them is unknown. */
static unsigned hook_events(struct arena *a, const char *text)
{
    unsigned events = 0;
    for (const char *word; next_word(a, &text, &word);) {
        unsigned hit = strcmp(word, "test-success") == 0 ? 1u << HELM_TEST : 0;
        for (size_t i = 0; i < ARRAY_LEN(hook_names); i++)
            if (strcmp(word, hook_names[i]) == 0)
                hit = 1u << i;
        if (!hit)
            return 0;
        events |= hit;
    }
    return events;
}

static int hook_weight(const char *text)
{
    int64_t i;
    const char *digits = *text == '+' ? text + 1 : text;
    return (digits == text || *digits != '-') && value_int_from_text(digits, &i) &&
                   i >= INT32_MIN && i <= INT32_MAX
               ? (int)i
               : 0;
}

/* ---- sorting ---- */

static size_t rank_of(const char *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(install_order); i++)
        if (strcmp(kind, install_order[i]) == 0)
            return i;
    return ARRAY_LEN(install_order);
}

static int by_kind(const void *x, const void *y)
{
    const struct helm_manifest *a = x, *b = y;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    int c = a->rank == ARRAY_LEN(install_order) ? strcmp(a->kind, b->kind) : 0;
    return c ? c : a->index < b->index ? -1 : a->index > b->index;
}

static void push(struct arena *a, struct helm_manifests *list, struct helm_manifest m)
{
    size_t n = list->n, size = sizeof m;
    if ((n & (n - 1)) == 0)
        list->items = arena_grow(a, list->items, n * size, (n ? 2 * n : 1) * size);
    m.index = n;
    m.rank = rank_of(m.kind);
    list->items[list->n++] = m;
}

/* What Helm reads of a document. All of it is parsed, and forgotten but for that. */
static int read_head(struct helm_log *log, struct helm_text text, struct value **out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct helm_log own = {.arena = a};
    struct value *doc, *head;
    int rc = helm__yaml(text.s, text.n, &own, &doc, e);
    if (rc == 0)
        rc = helm__decode(doc, "releaseutil.SimpleHead", head_fields, &own, &head, e);
    if (rc == 0)
        *out = value_copy(log->arena, head);
    else
        log->error = arena_strdup(log->arena, own.error);
    return rc;
}

static int read_document(struct helm_log *log, const char *path, struct helm_text text,
                         struct helm_result *out, struct err *e)
{
    struct helm_manifest m = {.path = path, .text = text};
    struct value *head;
    int rc = read_head(log, text, &head, e);
    if (rc < 0)
        return helm__wrap(log, e, rc, "YAML parse error on %s", path);
    const struct value *meta = value_get(head, "metadata");
    const struct value *annotations = value_get(meta, "annotations");
    m.api_version = value_str(value_get(head, "apiVersion"), "");
    m.kind = value_str(value_get(head, "kind"), "");
    m.name = value_str(value_get(meta, "name"), "");
    const char *hook = value_str(value_get(annotations, "helm.sh/hook"), NULL);
    if (!hook) {
        push(log->arena, &out->manifests, m);
        return 0;
    }
    m.events = hook_events(log->arena, hook);
    m.weight = hook_weight(value_str(value_get(annotations, "helm.sh/hook-weight"), ""));
    m.hook = hook;
    m.delete_policy = value_str(value_get(annotations, "helm.sh/hook-delete-policy"), "");
    m.log_policy = value_str(value_get(annotations, "helm.sh/hook-output-log-policy"), "");
    if (m.events)
        push(log->arena, &out->hooks, m);
    else
        helm__warn(log, "manifest_sorter.go:199: info: skipping unknown hook: %s",
                   helm__quote(log->arena, hook, strlen(hook)));
    return 0;
}

static bool is_partial(const char *path)
{
    const char *slash = strrchr(path, '/');
    return (slash ? slash[1] : *path) == '_';
}

int helm__manifests(struct helm_log *log, const struct helm_rendered *files, size_t n,
                    struct helm_result *out, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        struct helm_split split = helm__split(files[i].text);
        struct helm_text doc;
        if (is_partial(files[i].path) || split.at == split.end)
            continue;
        while (helm__next_document(&split, &doc)) {
            int rc = read_document(log, files[i].path, doc, out, e);
            if (rc < 0)
                return rc;
        }
    }
    if (out->manifests.n)
        qsort(out->manifests.items, out->manifests.n, sizeof *out->manifests.items, by_kind);
    if (out->hooks.n)
        qsort(out->hooks.items, out->hooks.n, sizeof *out->hooks.items, by_kind);
    return 0;
}
