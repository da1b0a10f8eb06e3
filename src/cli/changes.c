#include "cli/changes.h"

#include <string.h>

#include "base/map.h"
#include "codec/yaml.h"
#include "vcs/text_diff.h"

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

void changes_add(struct arena *a, struct changes *c, const struct change *one)
{
    c->items = arena_grow(a, c->items, c->n * sizeof *one, (c->n + 1) * sizeof *one);
    c->items[c->n++] = *one;
}

/* ---- which object is which ---- */

static const char *identity(const struct value *o, struct arena *a)
{
    const char *version = value_at_str(o, "apiVersion", ""), *slash = strchr(version, '/');
    return arena_printf(a, "%.*s/%s/%s/%s", slash ? (int)(slash - version) : 0, version,
                        value_at_str(o, "kind", ""), value_at_str(o, "metadata.namespace", ""),
                        value_at_str(o, "metadata.name", ""));
}

static const char *title(const struct value *o, struct arena *a)
{
    const char *ns = value_at_str(o, "metadata.namespace", "");
    return arena_printf(
        a, "%s/%s/%s%s%s", value_at_str(o, "apiVersion", ""), value_at_str(o, "kind", ""), ns,
        *ns ? "/" : "",
        value_at_str(o, "metadata.name", value_at_str(o, "metadata.generateName", "")));
}

void changes_between(struct arena *a, struct value *const *before, size_t n_before,
                     struct value *const *after, size_t n_after, struct changes *out)
{
    struct map was;
    map_init(&was);
    *out = (struct changes){.n = 0};
    for (size_t i = 0; i < n_before; i++)
        (void)map_put(&was, identity(before[i], a), before[i]);
    for (size_t i = 0; i < n_after; i++) {
        struct change one = {.after = after[i]};
        one.before = map_remove(&was, identity(after[i], a));
        changes_add(a, out, &one);
    }
    size_t cursor = 0;
    for (const struct map_entry *m; (m = map_next(&was, &cursor));)
        changes_add(a, out, &(struct change){.before = m->value});
    map_done(&was);
}

/* ---- secrets ---- */

static bool is_secret(const struct value *o)
{
    return strcmp(value_at_str(o, "kind", ""), "Secret") == 0 &&
           strcmp(value_at_str(o, "apiVersion", ""), "v1") == 0;
}

static struct value *mask(const struct value *o, const struct value *other, const char *differs,
                          struct arena *a)
{
    static const char *const places[] = {"data", "stringData"};
    struct value *copy = value_copy(a, o);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct value *data = value_get_mut(copy, places[i]);
        const struct value *theirs = value_get(other, places[i]);
        for (size_t m = 0; value_is(data, VALUE_OBJECT) && m < data->n; m++) {
            struct member *here = &data->members[m];
            bool same =
                !other || value_equal(&here->value, value_getn(theirs, here->key, here->key_len));
            here->value = *value_new_str(a, same ? "***" : differs);
        }
    }
    struct value *notes = value_at_mut(copy, "metadata.annotations");
    if (notes)
        (void)value_remove(notes, LAST_APPLIED);
    return copy;
}

const struct value *changes_masked(const struct value *object, struct arena *a)
{
    return is_secret(object) ? mask(object, NULL, NULL, a) : object;
}

/* ---- printing ---- */

static const char *text_of(const struct value *o, const struct value *other, const char *differs,
                           struct arena *a)
{
    if (!o)
        return "";
    return yaml_text(a, is_secret(o) ? mask(o, other, differs, a) : o, 0);
}

static const char *colour_of(const char *line)
{
    switch (*line) {
    case '+':
        return "\x1b[32m";
    case '-':
        return "\x1b[31m";
    case '@':
        return "\x1b[36m";
    default:
        return NULL;
    }
}

static void add_coloured(struct buf *out, const char *text)
{
    for (const char *end; *text; text = end) {
        end = strchrnul(text, '\n');
        const char *colour = colour_of(text);
        if (colour)
            buf_puts(out, colour);
        buf_add(out, text, (size_t)(end - text));
        if (colour)
            buf_puts(out, "\x1b[0m");
        if (*end)
            buf_putc(out, *end++);
    }
}

static int print_one(const struct change *c, const struct changes_look *look, const char *before,
                     const char *after, struct arena *a, struct buf *out, struct err *e)
{
    AUTO_BUF struct buf one;
    const char *name = title(c->after ? c->after : c->before, a);
    buf_init(&one, out->max);
    if (c->note)
        buf_printf(&one, "# %s: %s\n", name, c->note);
    if (c->before)
        buf_printf(&one, "--- %s (%s)\n", name, look->before);
    else
        buf_puts(&one, "--- /dev/null\n");
    if (c->after)
        buf_printf(&one, "+++ %s (%s)\n", name, look->after);
    else
        buf_puts(&one, "+++ /dev/null\n");
    int rc = text_diff(before, strlen(before), after, strlen(after), look->context, &one, e);
    if (rc == 0 && look->colour)
        add_coloured(out, buf_text(&one));
    else if (rc == 0)
        buf_add(out, buf_text(&one), one.len);
    return rc;
}

int changes_print(const struct changes *c, const struct changes_look *look, struct arena *a,
                  struct buf *out, struct changes_count *count, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < c->n; i++) {
        const struct change *one = &c->items[i];
        const char *before = text_of(one->before, one->after, "*** (before)", a);
        const char *after = text_of(one->after, one->before, "*** (after)", a);
        if (strcmp(before, after) == 0) {
            count->same++;
            continue;
        }
        count->changed += one->before && one->after;
        count->added += !one->before;
        count->removed += !one->after;
        rc = print_one(one, look, before, after, a, out, e);
    }
    return rc < 0 ? rc : buf_check(out, e);
}
