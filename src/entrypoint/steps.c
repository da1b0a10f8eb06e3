#include "entrypoint/steps.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fs.h"
#include "codec/json.h"

extern char **environ;

enum { RESULT_MAX = 1 << 20, SCRIPT_MAX = 4 << 20 };

/* One reference: $(steps.NAME.results.RESULT), with a tail or without. */
struct step_ref {
    const char *step, *result, *tail; /* tail: "", "[2]", "[*]", ".key" */
};

/* The byte after the reference that begins at text, or NULL. */
static const char *parse(const char *text, struct arena *a, struct step_ref *out)
{
    static const char prefix[] = "$(steps.", middle[] = ".results.";
    const char *end = strchr(text, ')');
    if (strncmp(text, prefix, sizeof prefix - 1) != 0 || !end)
        return NULL;
    const char *step = text + sizeof prefix - 1, *mid = strstr(step, middle);
    if (!mid || mid > end)
        return NULL;
    const char *result = mid + sizeof middle - 1;
    size_t n = strcspn(result, "[.)");
    out->step = arena_strndup(a, step, (size_t)(mid - step));
    out->result = arena_strndup(a, result, n);
    out->tail = arena_strndup(a, result + n, (size_t)(end - result) - n);
    return strchr(out->step, '/') || strchr(out->result, '/') ? NULL : end + 1;
}

static const char *result_text(const struct step_ref *r, struct arena *a)
{
    char *text;
    size_t n;
    const char *path = arena_printf(a, "/tekton/steps/step-%s/results/%s", r->step, r->result);
    return fs_read(path, RESULT_MAX, a, &text, &n, NULL) == 0 ? text : NULL;
}

/* What the reference means as text, or NULL. */
static const char *meaning(const struct step_ref *r, struct arena *a)
{
    const char *text = result_text(r, a);
    struct value *v;
    if (!text || !*r->tail)
        return text;
    if (json_parse(a, text, strlen(text), 0, &v, NULL) < 0)
        return NULL;
    if (*r->tail == '.')
        return value_at_str(v, r->tail + 1, NULL);
    if (isdigit((unsigned char)r->tail[1]))
        return value_str(value_item(v, strtoul(r->tail + 1, NULL, 10)), NULL);
    return text;
}

const char *steps_text(const char *text, struct arena *a)
{
    AUTO_BUF struct buf b;
    const char *at, *from = text;
    buf_init(&b, SCRIPT_MAX);
    while ((at = strstr(from, "$(steps."))) {
        struct step_ref r;
        const char *end = parse(at, a, &r), *means = end ? meaning(&r, a) : NULL;
        buf_add(&b, from, (size_t)(at - from));
        if (means)
            buf_puts(&b, means);
        else
            buf_add(&b, at, (size_t)((end ? end : at + 2) - at));
        from = end ? end : at + 2;
    }
    if (from == text)
        return text;
    buf_puts(&b, from);
    return arena_strdup(a, buf_text(&b));
}

/* The array an argument stands for when it is nothing but …[*], or NULL. */
static const struct value *whole(const char *arg, struct arena *a)
{
    struct step_ref r;
    struct value *v;
    const char *end = parse(arg, a, &r), *text;
    if (!end || *end || strcmp(r.tail, "[*]") != 0 || !(text = result_text(&r, a)) ||
        json_parse(a, text, strlen(text), 0, &v, NULL) < 0 || !value_is(v, VALUE_ARRAY))
        return NULL;
    return v;
}

char *const *steps_arguments(char *const *args, struct arena *a)
{
    const char **out = ARENA_ARRAY(a, const char *, 1);
    size_t n = 0;
    for (size_t i = 0; args[i]; i++) {
        const struct value *many = whole(args[i], a);
        size_t more = many ? value_count(many) : 1;
        out = arena_grow(a, out, (n + 1) * sizeof *out, (n + more + 1) * sizeof *out);
        VALUE_EACH_ITEM (v, many)
            out[n++] = value_str(v, "");
        if (!many)
            out[n++] = steps_text(args[i], a);
        out[n] = NULL;
    }
    return (char *const *)(uintptr_t)out;
}

void steps_environment(struct arena *a)
{
    for (char **e = environ; *e; e++) {
        const char *eq = strchr(*e, '='), *now = steps_text(*e, a);
        if (eq && now != *e)
            (void)setenv(arena_strndup(a, *e, (size_t)(eq - *e)), now + (eq - *e) + 1, 1);
    }
}

const char *steps_script(const char *script, const char *folder, struct arena *a)
{
    char *text;
    size_t n;
    struct err e;
    if (strncmp(script, "/tekton/scripts/", 16) != 0 ||
        fs_read(script, SCRIPT_MAX, a, &text, &n, NULL) < 0)
        return script;
    const char *now = steps_text(text, a);
    const char *copy = arena_printf(a, "%s/script", folder);
    if (now == text || fs_write_atomic(copy, 0755, now, strlen(now), &e) < 0)
        return script;
    return copy;
}

static int allows(const struct value *w, struct arena *a, bool *out, struct err *e)
{
    const char *input = steps_text(value_at_str(w, "input", ""), a);
    const char *op = value_at_str(w, "operator", "");
    bool found = false;
    if (value_get(w, "cel"))
        return err_set(e, ERR_UNSUPPORTED, "a step's when may not use cel");
    VALUE_EACH_ITEM (v, value_get(w, "values")) {
        const struct value *many = whole(value_str(v, ""), a);
        VALUE_EACH_ITEM (m, many)
            found = found || strcmp(value_str(m, ""), input) == 0;
        found = found || (!many && strcmp(steps_text(value_str(v, ""), a), input) == 0);
    }
    *out = found == (strcmp(op, "in") == 0);
    return 0;
}

int steps_allow(const char *when, struct arena *a, bool *out, struct err *e)
{
    struct value *list;
    bool all = true;
    int r = json_parse(a, when, strlen(when), 0, &list, e);
    VALUE_EACH_ITEM (w, r == 0 ? list : NULL) {
        bool one = true;
        r = r == 0 ? allows(w, a, &one, e) : r;
        all = all && one;
    }
    if (r == 0)
        *out = all;
    return r;
}
