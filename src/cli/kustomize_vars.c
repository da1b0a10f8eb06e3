/* kustomize_vars.c - kustomize edit fix --vars: what vars put into resources, replacements put
 * there from then on. Resource files get a word in place of each variable. */
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "cli/kustomize.h"
#include "codec/yaml.h"

enum { FILES_MAX = 10000, DEPTH_MAX = 24, PATH_MAX_STEPS = 256 };

/* A file that the kustomization is made of. */
struct touched {
    const char *path;
    const struct value *patch; /* the entry of `patches` that names it, or NULL */
    const char *text, *was;    /* NULL: it cannot be read, a folder, say */
    size_t n;
};

struct conversion {
    struct arena *a;
    struct touched *files;
    size_t n;
    /* Of the variable at work. */
    const char *name, *variable; /* "SVC", "$(SVC)" */
    struct value *targets;
    /* Of the object at work. */
    const struct touched *file;
    const struct value *object;
    const char *path[PATH_MAX_STEPS];
    size_t depth;
};

/* ---- the files ---- */

static int add_file(struct conversion *c, const char *path, const struct value *patch,
                    struct err *e)
{
    struct touched f = {.path = path, .patch = patch};
    struct stat st;
    char *text;
    if (c->n == FILES_MAX)
        return err_set(e, ERR_TOO_LARGE, "more than %d files", FILES_MAX);
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
        fs_read(path, KUSTOMIZE_FILE_MAX, c->a, &text, &f.n, NULL) == 0)
        f.text = f.was = text;
    c->files[c->n++] = f;
    return 0;
}

static const char *joined(struct arena *a, const char *folder, const char *name)
{
    return *folder ? arena_printf(a, "%s/%s", folder, name) : name;
}

static int add_files(struct conversion *c, const struct value *doc, const char *folder, int depth,
                     struct err *e);

static int add_layer(struct conversion *c, const char *folder, int depth, struct err *e)
{
    static const char *const names[] = {"Kustomization", "kustomization.yaml", "kustomization.yml"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *path = joined(c->a, folder, names[i]);
        char *text;
        size_t n;
        struct value *doc;
        if (fs_read(path, KUSTOMIZE_FILE_MAX, c->a, &text, &n, NULL) < 0)
            continue;
        int rc = yaml_parse(c->a, text, n, 0, &doc, e);
        if (rc < 0)
            return err_wrap(e, rc, "%s", path);
        rc = add_files(c, doc, folder, depth + 1, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int add_files(struct conversion *c, const struct value *doc, const char *folder, int depth,
                     struct err *e)
{
    if (depth > DEPTH_MAX)
        return err_set(e, ERR_TOO_LARGE, "%s: more than %d kustomizations within one another",
                       folder, DEPTH_MAX);
    int rc = 0;
    VALUE_EACH_ITEM (item, value_get(doc, "resources")) {
        const char *path = joined(c->a, folder, value_str(item, ""));
        struct stat st;
        if (rc == 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            rc = add_layer(c, path, depth, e);
        if (rc == 0)
            rc = add_file(c, path, NULL, e);
    }
    VALUE_EACH_ITEM (item, value_get(doc, "patches"))
        if (rc == 0 && *value_at_str(item, "path", ""))
            rc = add_file(c, joined(c->a, folder, value_at_str(item, "path", "")), item, e);
    return rc;
}

/* ---- targets ---- */

static void set_text(struct arena *a, struct value *at, const char *key, const char *text)
{
    if (*text)
        (void)value_set_str(a, at, key, text);
}

static void set_version(struct arena *a, struct value *at, const char *version)
{
    const char *slash = strchr(version, '/');
    if (slash)
        set_text(a, at, "group", arena_strndup(a, version, (size_t)(slash - version)));
    set_text(a, at, "version", slash ? slash + 1 : version);
}

/* A patch is for what it selects, not for what it says it is. */
static struct value *selector(const struct conversion *c)
{
    const struct value *patch = c->file->patch, *options = value_get(patch, "options");
    bool name = value_bool(value_get(options, "allowNameChange"), false);
    bool kind = value_bool(value_get(options, "allowKindChange"), false);
    bool selects = patch && !(name && kind);
    const struct value *target = selects ? value_get(patch, "target") : NULL;
    struct value *out = target ? value_copy(c->a, target) : value_new_object(c->a);
    if (!selects || kind)
        set_text(c->a, out, "kind", value_at_str(c->object, "kind", ""));
    if (!selects || name)
        set_text(c->a, out, "name", value_at_str(c->object, "metadata.name", ""));
    set_text(c->a, out, "namespace", value_at_str(c->object, "metadata.namespace", ""));
    if (!selects)
        set_version(c->a, out, value_at_str(c->object, "apiVersion", ""));
    return out;
}

static size_t parts_before(const char *text, const char *end, char delimiter)
{
    size_t n = 0;
    for (; text < end; text++)
        n += *text == delimiter;
    return n;
}

/* Which part of a text the variable is, between what kind of signs. */
static int delimited(const struct conversion *c, const char *text, char *delimiter, size_t *index,
                     struct err *e)
{
    const char *at = strstr(text, c->variable), *end = at + strlen(c->variable);
    *delimiter = '\0';
    *index = 0;
    if (at == text) {
        *delimiter = *end;
        return 0;
    }
    *delimiter = at[-1];
    if (*end && *end != at[-1])
        return err_set(
            e, ERR_INVALID,
            "error with %s: cannot convert all vars to replacements; %s is not delimited",
            c->file->path, c->variable);
    *index = *end ? parts_before(text, at, *delimiter)
                  : parts_before(text, text + strlen(text), *delimiter);
    return 0;
}

static int add_target(struct conversion *c, const char *text, struct err *e)
{
    struct arena *a = c->a;
    char delimiter;
    size_t index;
    const char *path = "";
    int rc = delimited(c, text, &delimiter, &index, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < c->depth; i++)
        path = arena_printf(a, "%s%s%s", path, i ? "." : "", c->path[i]);
    struct value *target = value_push(a, c->targets, value_new_object(a));
    (void)value_push_str(a, value_make_array(a, target, "fieldPaths"), path);
    if (delimiter) {
        struct value *options = value_make_object(a, target, "options");
        (void)value_set_str(a, options, "delimiter", arena_strndup(a, &delimiter, 1));
        if (index)
            (void)value_set_int(a, options, "index", (int64_t)index);
    }
    (void)value_set(a, target, "select", selector(c));
    return 0;
}

static int look(struct conversion *c, const struct value *v, struct err *e)
{
    int rc = 0;
    if (value_is(v, VALUE_STRING))
        return strstr(v->text, c->variable) ? add_target(c, v->text, e) : 0;
    if (!value_is(v, VALUE_ARRAY) && !value_is(v, VALUE_OBJECT))
        return 0;
    if (c->depth == PATH_MAX_STEPS)
        return err_set(e, ERR_TOO_LARGE, "%s: more than %d levels", c->file->path, PATH_MAX_STEPS);
    size_t depth = c->depth++, i = 0;
    VALUE_EACH_ITEM (item, v) {
        c->path[depth] = arena_printf(c->a, "%zu", i++);
        rc = rc < 0 ? rc : look(c, item, e);
    }
    VALUE_EACH_MEMBER (m, v) {
        c->path[depth] = strchr(m->key, '.') ? arena_printf(c->a, "[%s]", m->key) : m->key;
        rc = rc < 0 ? rc : look(c, &m->value, e);
    }
    c->depth = depth;
    return rc;
}

static int look_at(struct conversion *c, const struct value *object, struct err *e)
{
    c->object = object;
    c->depth = 0;
    return look(c, object, e);
}

/* What cannot be read as YAML has no places. */
static int look_into(struct conversion *c, const struct touched *f, struct err *e)
{
    struct value **docs;
    size_t n;
    int rc = 0;
    if (!f->text || !strstr(f->text, c->variable) ||
        yaml_parse_all(c->a, f->text, f->n, YAML_NODES, &docs, &n, NULL) < 0)
        return 0;
    c->file = f;
    const char *kind = n == 1 ? value_at_str(docs[0], "kind", "") : "";
    bool list = strcmp(kind, "List") == 0 || strcmp(kind, "ResourceList") == 0;
    if (list && value_get(docs[0], "items")) {
        VALUE_EACH_ITEM (item, value_get(docs[0], "items"))
            rc = rc < 0 ? rc : look_at(c, item, e);
        return rc;
    }
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = look_at(c, docs[i], e);
    return rc;
}

/* ---- one variable ---- */

static void put_placeholder(struct conversion *c, struct touched *f)
{
    AUTO_BUF struct buf b = {.max = 4 * (size_t)KUSTOMIZE_FILE_MAX};
    const char *from = f->text, *at;
    if (!from || !strstr(from, c->variable))
        return;
    for (; (at = strstr(from, c->variable)); from = at + strlen(c->variable)) {
        buf_add(&b, from, (size_t)(at - from));
        buf_printf(&b, "%s_PLACEHOLDER", c->name);
    }
    buf_puts(&b, from);
    f->text = arena_strndup(c->a, buf_text(&b), b.len);
    f->n = b.len;
}

static struct value *source_of(const struct value *variable, struct arena *a)
{
    const struct value *of = value_get(variable, "objref");
    struct value *source = value_new_object(a);
    const char *path = value_at_str(variable, "fieldref.fieldPath", "");
    set_text(a, source, "fieldPath",
             *path ? path : value_at_str(variable, "fieldref.fieldpath", ""));
    set_version(a, source, value_at_str(of, "apiVersion", ""));
    set_text(a, source, "kind", value_at_str(of, "kind", ""));
    set_text(a, source, "name", value_at_str(of, "name", ""));
    set_text(a, source, "namespace", value_at_str(of, "namespace", ""));
    return source;
}

static int convert(struct conversion *c, const struct value *variable, struct value *replacements,
                   struct err *e)
{
    struct value *one = value_push(c->a, replacements, value_new_object(c->a));
    int rc = 0;
    (void)value_set(c->a, one, "source", source_of(variable, c->a));
    c->name = value_at_str(variable, "name", "");
    c->variable = arena_printf(c->a, "$(%s)", c->name);
    c->targets = value_new_array(c->a);
    for (size_t i = 0; rc == 0 && i < c->n; i++)
        rc = look_into(c, &c->files[i], e);
    for (size_t i = 0; i < c->n; i++)
        put_placeholder(c, &c->files[i]);
    if (value_count(c->targets))
        (void)value_set(c->a, one, "targets", c->targets);
    return rc;
}

int kustomize_cli_vars(struct arena *a, struct value *doc, struct err *e)
{
    struct conversion *c = ARENA_NEW(a, struct conversion);
    const struct value *vars = value_get(doc, "vars");
    if (value_count(vars) == 0)
        return 0;
    *c = (struct conversion){.a = a, .files = ARENA_ARRAY(a, struct touched, FILES_MAX)};
    struct value *replacements = value_new_array(a);
    int rc = add_files(c, doc, "", 0, e);
    VALUE_EACH_ITEM (variable, vars)
        rc = rc < 0 ? rc : convert(c, variable, replacements, e);
    for (size_t i = 0; rc == 0 && i < c->n; i++)
        if (c->files[i].text != c->files[i].was)
            rc = fs_write_atomic(c->files[i].path, 0644, c->files[i].text, c->files[i].n, e);
    if (rc < 0)
        return rc;
    (void)value_set(a, doc, "replacements", replacements);
    (void)value_remove(doc, "vars");
    return 0;
}
