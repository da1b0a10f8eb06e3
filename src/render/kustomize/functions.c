/* functions.c - what a function is given, and what becomes of its answer. */
#include "render/kustomize/functions.h"

#include "codec/yaml.h"
#include "render/kustomize/kust_int.h"

enum { LIST_MAX = 256 << 20, WORDS_MAX = 1000 };

#define ID_NOTE       "kustomize.config.k8s.io/id"
#define HASH_NOTE     "kustomize.config.k8s.io/needs-hash"
#define BEHAVIOR_NOTE "kustomize.config.k8s.io/behavior"

/* One function at work. */
struct function {
    struct kust_layer *l;
    const struct kust_resource *of; /* the object that asks for it */
    const char *where;              /* its file */
    struct kustomize_function call;
    struct value **objects; /* the answer's */
    size_t n;
};

/* ---- what it is ---- */

static int words(const struct function *f, const struct value *spec, const char *path,
                 const char *const **out, struct err *e)
{
    const struct value *list = value_at(spec, path);
    size_t n = value_count(list), i = 0;
    if (n > WORDS_MAX)
        return kust_error(f->l, list, e, "function %s: more than %d %s", f->call.kind, WORDS_MAX,
                          path);
    const char **all = ARENA_ARRAY(f->l->a, const char *, n + 1);
    VALUE_EACH_ITEM (item, list)
        if (!(all[i++] = value_str(item, NULL)))
            return kust_error(f->l, item, e, "function %s: %s: a text is expected", f->call.kind,
                              path);
    *out = all;
    return 0;
}

static int read_mounts(struct function *f, const struct value *list, struct err *e)
{
    static const char *const known[] = {"type", "src", "dst", "rw", NULL};
    struct arena *a = f->l->a;
    size_t n = 0;
    if (value_count(list) > WORDS_MAX)
        return kust_error(f->l, list, e, "function %s: too many mounts", f->call.kind);
    struct kustomize_function_mount *all =
        ARENA_ARRAY(a, struct kustomize_function_mount, value_count(list) + 1);
    VALUE_EACH_ITEM (item, list) {
        const char *from = value_at_str(item, "src", "");
        const char *path;
        int rc = kust_only(f->l, item, "mounts", known, e);
        if (rc < 0)
            return rc;
        if (*from == '/' || tree_join(a, "", from, &path, NULL) < 0)
            return err_set(e, ERR_DENIED,
                           "%s:%u: function %s: mount of %s: it must be in the folder of the "
                           "kustomization",
                           f->where, f->of->object->line, f->call.kind, from);
        all[n++] = (struct kustomize_function_mount){value_at_str(item, "type", ""), from,
                                                     value_at_str(item, "dst", ""),
                                                     value_bool(value_get(item, "rw"), false)};
    }
    f->call.mounts = all;
    f->call.n_mounts = n;
    return 0;
}

static int read_spec(struct function *f, const struct value *spec, struct err *e)
{
    static const char *const known[] = {"deferFailure", "container", "exec", NULL};
    static const char *const of_container[] = {"image", "network", "mounts", "envs", NULL};
    static const char *const of_exec[] = {"path", "args", "envs", NULL};
    const struct value *container = value_get(spec, "container"), *exec = value_get(spec, "exec");
    struct kust_layer at = *f->l;
    at.file = f->where;
    int rc = kust_only(&at, spec, "function", known, e);
    if (rc == 0 && container)
        rc = kust_only(&at, container, "container", of_container, e);
    if (rc == 0 && exec)
        rc = kust_only(&at, exec, "exec", of_exec, e);
    if (rc < 0)
        return rc;
    f->call.image = value_at_str(container, "image", NULL);
    f->call.network = value_bool(value_get(container, "network"), false);
    if (f->call.image) {
        rc = read_mounts(f, value_get(container, "mounts"), e);
        return rc < 0 ? rc : words(f, container, "envs", &f->call.env, e);
    }
    f->call.program = value_at_str(exec, "path", NULL);
    rc = words(f, exec, "args", &f->call.args, e);
    return rc < 0 ? rc : words(f, exec, "envs", &f->call.env, e);
}

/* Neither an image nor a program: it is no function. */
static int look_up(struct function *f, struct err *e)
{
    static const char *const keys[] = {"config.kubernetes.io/function", "config.k8s.io/function"};
    const struct value *notes = value_at(f->of->object, "metadata.annotations");
    const struct value *inlined = value_at(f->of->object, "metadata.configFn");
    struct value *spec = NULL;
    for (size_t i = 0; !spec && i < ARRAY_LEN(keys); i++) {
        const char *text = value_str(value_get(notes, keys[i]), "");
        int rc = *text ? yaml_parse(f->l->a, text, strlen(text), YAML_STRICT_KEYS, &spec, e) : 0;
        if (rc < 0)
            return err_wrap(e, rc, "%s:%u: %s", f->where, f->of->object->line, keys[i]);
    }
    if (spec || inlined)
        return read_spec(f, spec ? spec : inlined, e);
    const char *image = value_str(value_get(notes, "config.kubernetes.io/container"), "");
    f->call.image = *image ? image : NULL;
    return 0;
}

static int refuse(const struct function *f, struct err *e)
{
    unsigned line = f->of->object->line;
    const char *kind = f->call.kind;
    if (f->call.image)
        return err_set(e, ERR_UNSUPPORTED,
                       "%s:%u: function %s of image %s is not run: --enable-alpha-plugins would "
                       "start a container for it",
                       f->where, line, kind, f->call.image);
    if (f->call.program)
        return err_set(e, ERR_UNSUPPORTED,
                       "%s:%u: function %s, program %s, is not run: --enable-alpha-plugins with "
                       "--enable-exec would run it",
                       f->where, line, kind, f->call.program);
    return err_set(e, ERR_UNSUPPORTED,
                   "%s:%u: plugin %s %s is not one of Kustomize's own, and no other is run",
                   f->where, line, value_at_str(f->of->object, "apiVersion", ""), kind);
}

/* ---- what it reads ---- */

static void print_member(struct buf *b, struct arena *a, const char *key, const struct value *v)
{
    struct value *alone = value_new_object(a);
    (void)value_set(a, alone, key, v);
    yaml_print(b, alone, YAML_FOLD);
}

static const char *id_text(struct arena *a, const struct kust_resource *r)
{
    const char *version = value_at_str(r->object, "apiVersion", ""), *slash = strchr(version, '/');
    struct value *id = value_new_object(a);
    if (slash)
        (void)value_set_str(a, id, "group", kust_group(a, r));
    (void)value_set_str(a, id, "kind", kust_kind(r));
    (void)value_set_str(a, id, "name", kust_name(r));
    if (*kust_ns(r))
        (void)value_set_str(a, id, "namespace", kust_ns(r));
    (void)value_set_str(a, id, "version", slash ? slash + 1 : version);
    return yaml_text(a, id, 0);
}

static void annotate(struct arena *a, struct value *object, const char *key, const char *text)
{
    (void)value_set_str(a, value_make_object(a, object, "metadata.annotations"), key, text);
}

/* The places that functions know their objects again by. */
static void number(struct arena *a, struct value *object, size_t i)
{
    const char *index = arena_printf(a, "%zu", i), *id = arena_printf(a, "%zu", i + 1);
    annotate(a, object, "config.kubernetes.io/index", index);
    annotate(a, object, "internal.config.kubernetes.io/index", index);
    annotate(a, object, "internal.config.kubernetes.io/id", id);
    annotate(a, object, "config.k8s.io/id", id);
}

/* Transformers get all objects, generators their own configuration. */
static int write_list(const struct function *f, bool generates, struct buf *b, struct err *e)
{
    struct arena *a = f->l->a;
    struct value *items = value_new_array(a), *config = value_copy(a, f->of->object);
    int rc = yaml_settle(a, config, e);
    annotate(a, config, "config.kubernetes.io/local-config", "true");
    for (size_t i = 0; rc == 0 && !generates && i < f->l->set->n; i++) {
        struct value *object = value_copy(a, f->l->set->items[i]->object);
        rc = yaml_settle(a, object, e);
        annotate(a, object, ID_NOTE, id_text(a, f->l->set->items[i]));
        number(a, object, i);
        (void)value_push(a, items, object);
    }
    if (rc < 0)
        return rc;
    if (generates)
        number(a, value_push(a, items, config), 0);
    buf_puts(b, "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n");
    print_member(b, a, "items", items);
    print_member(b, a, "functionConfig", config);
    return buf_check(b, e);
}

/* ---- what it answers ---- */

static void clean(struct value *object)
{
    static const char *const notes_of_ours[] = {
        ID_NOTE,
        "config.k8s.io/id",
        "config.kubernetes.io/index",
        "config.kubernetes.io/path",
        "internal.config.kubernetes.io/annotations-migration-resource-id",
        "internal.config.kubernetes.io/id",
        "internal.config.kubernetes.io/index",
        "internal.config.kubernetes.io/path",
        "internal.config.kubernetes.io/seqindent"};
    struct value *meta = value_get_mut(object, "metadata");
    struct value *notes = value_get_mut(meta, "annotations");
    for (size_t i = 0; i < ARRAY_LEN(notes_of_ours); i++)
        if (value_is(notes, VALUE_OBJECT))
            (void)value_removen(notes, notes_of_ours[i], strlen(notes_of_ours[i]));
    if (notes && value_count(notes) == 0)
        (void)value_remove(meta, "annotations");
}

/* A function that finds an error ends with a code; one that only says so must not pass for good. */
static int check_results(const struct function *f, const struct value *list, struct err *e)
{
    VALUE_EACH_ITEM (item, value_get(list, "results")) {
        if (strcmp(value_at_str(item, "severity", ""), "error") != 0)
            continue;
        const char *kind = value_at_str(item, "resourceRef.kind", "");
        return err_set(
            e, ERR_INVALID, "%s:%u: function %s: %s%s%s%s%s", f->where, f->of->object->line,
            f->call.kind, value_at_str(item, "message", "error"), *kind ? " (" : "", kind,
            *kind ? " " : "",
            *kind ? arena_printf(f->l->a, "%s)", value_at_str(item, "resourceRef.name", "")) : "");
    }
    return 0;
}

static int read_answer(struct function *f, const char *text, size_t n, struct err *e)
{
    struct arena *a = f->l->a;
    struct value **docs;
    size_t n_docs;
    const char *where = arena_printf(a, "%s:%u: answer of function %s", f->where,
                                     f->of->object->line, f->call.kind);
    int rc = yaml_parse_all(a, text, n, YAML_NODES, &docs, &n_docs, e);
    if (rc < 0)
        return err_wrap(e, rc, "%s", where);
    for (size_t i = 0; rc == 0 && i < n_docs; i++)
        if (value_is(docs[i], VALUE_OBJECT))
            rc = check_results(f, docs[i], e);
    if (rc == 0)
        rc = kust_parse(f->l, where, text, n, &f->objects, &f->n, e);
    for (size_t i = 0; rc == 0 && i < f->n; i++)
        clean(f->objects[i]);
    return rc;
}

static int run(struct function *f, bool generates, struct err *e)
{
    struct kustomize_functions *port = f->l->opts->functions;
    AUTO_BUF struct buf in = {.max = LIST_MAX};
    const char *out;
    size_t n;
    int rc = look_up(f, e);
    if (rc < 0)
        return rc;
    if (!port || (!f->call.image && !f->call.program))
        return refuse(f, e);
    if (f->l->opts->made)
        f->l->opts->made->plain = false;
    rc = write_list(f, generates, &in, e);
    if (rc == 0)
        rc = port->run(port, &f->call, buf_text(&in), in.len, f->l->a, &out, &n, e);
    if (rc < 0)
        return err_wrap(e, rc, "%s:%u: function %s", f->where, f->of->object->line, f->call.kind);
    return read_answer(f, out, n, e);
}

static struct function function_of(struct kust_layer *l, const struct kust_resource *r)
{
    static const char *const none[] = {NULL};
    return (struct function){
        .l = l,
        .of = r,
        .where = r->origin ? r->origin : l->file,
        .call = {.kind = kust_kind(r), .folder = l->of ? NULL : l->dir, .env = none, .args = none}
    };
}

/* ---- generators ---- */

static const char *take_note(struct arena *a, struct value *object, const char *key)
{
    struct value *meta = value_get_mut(object, "metadata");
    struct value *notes = value_get_mut(meta, "annotations");
    const struct value *v = value_get(notes, key);
    const char *text = v ? kust_scalar(a, v) : NULL;
    if (v)
        (void)value_removen(notes, key, strlen(key));
    if (v && value_count(notes) == 0)
        (void)value_remove(meta, "annotations");
    return text ? text : "";
}

int kust_function_generate(struct kust_layer *l, const struct kust_resource *r, struct err *e)
{
    struct function f = function_of(l, r);
    int rc = run(&f, true, e);
    for (size_t i = 0; rc == 0 && i < f.n; i++) {
        struct kust_resource *made;
        const char *hash = take_note(l->a, f.objects[i], HASH_NOTE);
        const char *behavior = take_note(l->a, f.objects[i], BEHAVIOR_NOTE);
        if (strcmp(behavior, "merge") == 0 || strcmp(behavior, "replace") == 0) {
            rc = kust_absorb(l, r->object, f.objects[i], behavior, &made, e);
            continue;
        }
        rc = kust_add(l->set, f.objects[i], &made, e);
        if (rc < 0)
            return err_wrap(e, rc, "%s:%u: function %s", f.where, r->object->line, f.call.kind);
        made->wants_hash = strcmp(hash, "true") == 0;
        made->origin = r->origin;
        made->of = r->of;
        made->made_by = f.call.kind;
        made->made_api = value_at_str(r->object, "apiVersion", "");
        made->made_name = kust_name(r);
    }
    return rc;
}

/* ---- transformers ---- */

static const char *identity(struct arena *a, const struct value *object)
{
    const char *ns = value_at_str(object, "metadata.namespace", "");
    return arena_join(a, value_at_str(object, "apiVersion", ""), "\n",
                      value_at_str(object, "kind", ""), "\n", *ns ? ns : "default", "\n",
                      value_at_str(object, "metadata.name", ""), NULL);
}

static int name_all(const struct function *f, struct map *by_name, struct err *e)
{
    struct arena *a = f->l->a;
    for (size_t i = 0; i < f->n; i++) {
        const char *name = identity(a, f->objects[i]);
        if (map_get(by_name, name)) {
            const struct kust_resource twin = {.object = f->objects[i]};
            return err_set(e, ERR_INVALID,
                           "plugin api: %s, kind: %s, name: %s generated duplicate resource: %s %s",
                           value_at_str(f->of->object, "apiVersion", ""), f->call.kind,
                           kust_name(f->of), kust_kind(&twin), kust_name(&twin));
        }
        (void)map_put(by_name, name, f->objects[i]);
    }
    return 0;
}

/* What it left out goes, what it names anew is added behind the others. */
static int take_over(struct function *f, struct map *by_name, struct err *e)
{
    struct kust_set *s = f->l->set;
    size_t kept = 0;
    int rc = 0;
    for (size_t i = 0; i < s->n; i++) {
        const char *name = identity(s->a, s->items[i]->object);
        struct value *object = map_get(by_name, name);
        if (!object)
            continue;
        (void)map_remove(by_name, name);
        s->items[i]->object = object;
        s->items[kept++] = s->items[i];
    }
    s->n = kept;
    s->present = NULL;
    for (size_t i = 0; rc == 0 && i < f->n; i++)
        if (map_get(by_name, identity(s->a, f->objects[i])) == f->objects[i])
            rc = kust_add(s, f->objects[i], NULL, e);
    return rc;
}

int kust_function_transform(struct kust_layer *l, const struct kust_resource *r, struct err *e)
{
    struct function f = function_of(l, r);
    struct map by_name;
    int rc = run(&f, false, e);
    if (rc < 0)
        return rc;
    map_init(&by_name);
    rc = name_all(&f, &by_name, e);
    if (rc == 0)
        rc = take_over(&f, &by_name, e);
    map_done(&by_name);
    if (rc == 0) {
        struct kust_layer one = *l;
        one.plugin = r;
        kust_transformed(&one, f.call.kind, r->object);
    }
    return rc;
}
