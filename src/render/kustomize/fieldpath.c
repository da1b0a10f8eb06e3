/* Field paths of replacements: "spec.containers.[name=app].image", "spec.ports.0.port", "a.*.b",
 * "metadata.annotations.[example.com/key]"; "\." is a dot within a key. */
#include <regex.h>

#include "codec/json.h"
#include "codec/yaml.h"
#include "render/kustomize/kust_int.h"

struct walk {
    struct arena *a;
    bool create, into_text;
    kust_visit_fn fn;
    void *arg;
    size_t found;
};

static const char *next_step(struct arena *a, const char **path)
{
    const char *p = *path;
    char *out = arena_strdup(a, p), *to = out;
    bool within = false;
    for (; *p && (within || *p != '.'); p++) {
        within = *p == '[' ? true : *p == ']' ? false : within;
        if (p[0] == '\\' && p[1] == '.')
            p++;
        *to++ = *p;
    }
    *to = '\0';
    *path = p + (*p == '.');
    size_t n = strlen(out);
    if (n < 2 || *out != '[' || strchr(out, '='))
        return out;
    out[n - 1] = '\0';
    return out + 1;
}

static int walk(struct walk *w, struct value *at, const char *path, struct err *e);

static bool matches(struct arena *a, const struct value *v, const char *pattern)
{
    regex_t re;
    const char *text = kust_scalar(a, v);
    if (!text)
        return false;
    if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return strcmp(pattern, text) == 0;
    bool yes = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return yes;
}

/* "[name=app]": the items with that member; "[=app]": those that are it. */
static int walk_matching(struct walk *w, struct value *list, const char *step, const char *rest,
                         struct err *e)
{
    const char *equals = strchr(step, '=');
    const char *key = arena_strndup(w->a, step + 1, (size_t)(equals - step - 1));
    const char *want = arena_strndup(w->a, equals + 1, strlen(equals + 1) - 1);
    bool any = false;
    for (size_t i = 0; i < value_count(list); i++) {
        struct value *item = &list->items[i];
        if (!matches(w->a, *key ? value_get(item, key) : item, want))
            continue;
        any = true;
        int rc = walk(w, item, rest, e);
        if (rc < 0)
            return rc;
    }
    if (any || !w->create)
        return 0;
    struct value *made = *key ? value_new_object(w->a) : value_new_str(w->a, want);
    if (*key)
        (void)value_set_str(w->a, made, key, want);
    return walk(w, value_push(w->a, list, made), rest, e);
}

static int walk_list(struct walk *w, struct value *list, const char *step, const char *rest,
                     struct err *e)
{
    int64_t index;
    if (*step == '[')
        return walk_matching(w, list, step, rest, e);
    if (strcmp(step, "-") == 0 && w->create)
        return walk(w, value_push(w->a, list, value_null(w->a)), rest, e);
    if (strcmp(step, "*") == 0) {
        int rc = 0;
        for (size_t i = 0; rc == 0 && i < value_count(list); i++)
            rc = walk(w, &list->items[i], rest, e);
        return rc;
    }
    if (!value_int_from_text(step, &index) || index < 0)
        return err_set(e, ERR_INVALID, "\"%s\" is no place in a list", step);
    if ((size_t)index == value_count(list) && w->create)
        (void)value_push(w->a, list, value_null(w->a));
    if ((size_t)index >= value_count(list))
        return w->create ? err_set(e, ERR_INVALID, "index %s is after the list's end", step) : 0;
    return walk(w, &list->items[index], rest, e);
}

/* Written as it was: JSON in one line or indented, or YAML. */
static const char *text_of(struct walk *w, const struct value *doc, const char *was)
{
    unsigned flags = JSON_SORTED;
    if (strchr("{[", was[strspn(was, " \t\r\n")])) {
        if (strchr(was, '\n') && strstr(was, "  "))
            flags |= JSON_PRETTY;
        return json_text(w->a, doc, flags);
    }
    char *text = yaml_text(w->a, doc, YAML_KEEP_ORDER | YAML_FOLD);
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == '\n')
        text[--n] = '\0';
    return text;
}

/* The path goes on within a text that is a document itself. */
static int walk_text(struct walk *w, struct value *at, const char *path, struct err *e)
{
    struct value *doc;
    size_t found = w->found;
    bool json = strchr("{[", at->text[strspn(at->text, " \t\r\n")]);
    if (!w->into_text || yaml_parse(w->a, at->text, at->n, YAML_NODES, &doc, NULL) < 0 ||
        (!value_is(doc, VALUE_OBJECT) && !value_is(doc, VALUE_ARRAY)))
        return 0;
    int rc = walk(w, doc, path, e);
    if (rc < 0 || w->found == found)
        return rc;
    const char *again = json ? NULL : kust_rewritten(w->a, at->text, at->n, doc);
    if (!again && !json && strstr(at->text, "# "))
        return err_set(e, ERR_UNSUPPORTED, "a text of YAML that has comments is not rewritten");
    *at = *value_new_str(w->a, again ? again : text_of(w, doc, at->text));
    return 0;
}

static int walk(struct walk *w, struct value *at, const char *path, struct err *e)
{
    if (!*path) {
        w->found++;
        return w->fn(w->arg, at, e);
    }
    if (value_is(at, VALUE_STRING))
        return walk_text(w, at, path, e);
    const char *step = next_step(w->a, &path);
    int64_t index;
    if (value_is(at, VALUE_NULL) && w->create)
        *at = *step == '[' || strcmp(step, "-") == 0 || value_int_from_text(step, &index)
                  ? *value_new_array(w->a)
                  : *value_new_object(w->a);
    if (value_is(at, VALUE_ARRAY))
        return walk_list(w, at, step, path, e);
    if (!value_is(at, VALUE_OBJECT))
        return 0;
    if (strcmp(step, "*") == 0) {
        int rc = 0;
        for (size_t i = 0; rc == 0 && i < at->n; i++)
            rc = walk(w, &at->members[i].value, path, e);
        return rc;
    }
    struct value *next = value_get_mut(at, step);
    if (!next && w->create)
        next = value_set(w->a, at, step, value_null(w->a));
    return next ? walk(w, next, path, e) : 0;
}

int kust_walk(struct arena *a, struct value *root, const char *path, kust_visit_fn fn, void *arg,
              size_t *found, struct err *e)
{
    struct walk w = {a, false, false, fn, arg, 0};
    int rc = walk(&w, root, path, e);
    *found = w.found;
    return rc;
}

int kust_walk_into(struct arena *a, struct value *root, const char *path, bool create,
                   kust_visit_fn fn, void *arg, size_t *found, struct err *e)
{
    struct walk w = {a, create, true, fn, arg, 0};
    int rc = walk(&w, root, path, e);
    *found = w.found;
    return rc;
}

const char *kust_scalar(struct arena *a, const struct value *v)
{
    (void)a;
    if (value_is(v, VALUE_BOOL))
        return v->boolean ? "true" : "false";
    if (value_is(v, VALUE_STRING) || value_is(v, VALUE_INT) || value_is(v, VALUE_FLOAT))
        return v->text;
    return NULL;
}
