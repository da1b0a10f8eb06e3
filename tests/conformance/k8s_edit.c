/* kubectl edit, as recorded: the difference between what was read and what was edited is the patch
 * that was sent. Steps that edit annotations kubectl writes itself are left out. */
#include <dirent.h>
#include <string.h>

#include "api/kind.h"
#include "api/strategic.h"
#include "base/fs.h"
#include "codec/json.h"
#include "codec/patch.h"
#include "codec/yaml.h"
#include "k8s.h"

enum { OBJECTS_MAX = 64 };

struct session {
    struct arena *a;
    const char *dir;
    const struct value *live[OBJECTS_MAX], *edited[OBJECTS_MAX];
    size_t n_live, n_edited;
};

static const char *str(const struct value *v, const char *key)
{
    return value_str(value_get(v, key), "");
}

static struct value *read_yaml(struct session *s, const char *name)
{
    char *text;
    size_t n, docs;
    struct value **v;
    if (fs_read(arena_printf(s->a, "%s/%s", s->dir, name), 1 << 20, s->a, &text, &n, NULL) < 0 ||
        yaml_or_json_parse_all(s->a, text, n, 0, &v, &docs, NULL) < 0 || !docs)
        return NULL;
    return v[0];
}

/* Items of a typed list have their kind from the list. */
static void keep(struct session *s, const struct value **list, size_t *n, const struct value *v)
{
    const struct value *items = value_get(v, "items");
    const char *kind = str(v, "kind");
    size_t len = strlen(kind);
    VALUE_EACH_ITEM (i, items) {
        struct value *item = value_copy(s->a, i);
        if (!*str(item, "kind") && len > 4)
            (void)value_set(s->a, item, "kind", value_new_strn(s->a, kind, len - 4));
        if (!*str(item, "apiVersion"))
            (void)value_set_str(s->a, item, "apiVersion", str(v, "apiVersion"));
        keep(s, list, n, item);
    }
    if (!items && v && *n < OBJECTS_MAX)
        list[(*n)++] = v;
}

static const struct value *named(const struct value *const *list, size_t n, const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    if (strcmp(name, "status") == 0 || strcmp(name, "scale") == 0)
        return NULL;
    for (size_t i = n; i-- > 0;)
        if (strcmp(value_at_str(list[i], "metadata.name", ""), name) == 0)
            return list[i];
    return NULL;
}

static struct value *bare(struct session *s, const struct value *v)
{
    static const char note[] = "kubectl.kubernetes.io/last-applied-configuration";
    struct value *copy = value_copy(s->a, v);
    struct value *notes = value_at_mut(copy, "metadata.annotations");
    if (notes)
        (void)value_remove(notes, note);
    if (notes && !notes->n)
        (void)value_remove(value_get_mut(copy, "metadata"), "annotations");
    return copy;
}

/* What kubectl writes beside the user's edits is not ours to tell. */
static void run_patch(struct tally *t, struct session *s, const struct value *step,
                      const char *name)
{
    const struct value *live = named(s->live, s->n_live, str(step, "expectedPath"));
    const struct value *edited = named(s->edited, s->n_edited, str(step, "expectedPath"));
    const struct value *want = read_yaml(s, str(step, "expectedInput"));
    bool strategic = strstr(str(step, "expectedContentType"), "strategic") != NULL;
    bool notes = strstr(s->dir, "last-applied") || strstr(s->dir, "record");
    struct value *got = NULL;
    struct err e = {.msg = ""};
    if (!live || !edited || !want || notes) {
        t->skipped++;
        return;
    }
    const struct schema *schema = schema_builtin(str(live, "apiVersion"), str(live, "kind"));
    struct value *from = bare(s, live), *to = bare(s, edited);
    if (!strategic)
        got = patch_merge_diff(s->a, from, to);
    else if (strategic_diff(s->a, schema, from, to, &got, &e) < 0)
        got = NULL;
    bool ok = got && value_equal(got, bare(s, want));
    tally_case(
        t, ok, "kubectl-edit", name,
        got ? arena_printf(s->a, "%s, not %s", json_text(s->a, got, 0), json_text(s->a, want, 0))
            : e.msg);
}

static void run_session(struct tally *t, const char *dir, const char *name)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct session s = {.a = a, .dir = dir};
    const struct value *test = read_yaml(&s, "test.yaml");
    VALUE_EACH_ITEM (step, value_get(test, "steps")) {
        const char *method = str(step, "expectedMethod");
        if (strcmp(str(step, "type"), "edit") == 0) {
            s.n_edited = 0;
            keep(&s, s.edited, &s.n_edited, read_yaml(&s, str(step, "resultingOutput")));
        } else if (strcmp(method, "GET") == 0) {
            keep(&s, s.live, &s.n_live, read_yaml(&s, str(step, "resultingOutput")));
        } else if (strcmp(method, "PATCH") == 0) {
            run_patch(t, &s, step, arena_printf(a, "%s/%s", name, str(step, "expectedInput")));
        }
    }
}

void k8s_edit_suite(struct tally *t, const char *folder)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    const char *dir = arena_printf(a, "%s/kubectl-edit", folder);
    struct dirent **list;
    int n = scandir(dir, &list, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (list[i]->d_name[0] != '.')
            run_session(t, arena_printf(a, "%s/%s", dir, list[i]->d_name), list[i]->d_name);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
}
