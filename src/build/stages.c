#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/thread.h"
#include "build/build_int.h"
#include "codec/json.h"
#include "oci/manifest.h"

/* ---- planning: which stages there are and which are needed ---- */

static const char *global(void *arg, const char *name)
{
    return map_get(&((struct build *)arg)->globals, name);
}

static int expand_global(struct build *b, const char *word, const char **out, struct err *e)
{
    struct variables v = {global, b, b->file.escape};
    int rc = words_expand(&v, word, b->arena, out, e);
    return rc < 0 ? build__wrap(b, rc, e) : 0;
}

static void set_global(struct build *b, const char *name, const char *value)
{
    (void)map_put(&b->globals, name, value ? arena_strdup(b->arena, value) : NULL);
}

/* What BuildKit knows without being told. */
static void predefine(struct build *b)
{
    set_global(b, "TARGETPLATFORM", b->platform);
    set_global(b, "TARGETOS", b->os);
    set_global(b, "TARGETARCH", b->arch);
    set_global(b, "TARGETVARIANT", b->variant);
    const char *const *own = build__platform_parts(b->arena, manifest_host_platform());
    set_global(b, "BUILDPLATFORM", manifest_host_platform());
    set_global(b, "BUILDOS", own[0]);
    set_global(b, "BUILDARCH", own[1]);
    set_global(b, "BUILDVARIANT", own[2]);
    set_global(b, "TARGETSTAGE", b->opts->target ? b->opts->target : "default");
}

static int global_arg(struct build *b, const struct instruction *i, struct err *e)
{
    for (size_t k = 0; k < i->n_words; k++) {
        const char *word = i->words[k], *eq = strchr(word, '='), *value = NULL;
        const char *name = eq ? arena_strndup(b->arena, word, (size_t)(eq - word)) : word;
        size_t n = strlen(name);
        int rc = eq ? expand_global(b, eq + 1, &value, e) : 0;
        if (rc < 0)
            return rc;
        for (const char *const *p = b->opts->build_args; p && *p; p++) {
            if (strncmp(*p, name, n) == 0 && (*p)[n] == '=')
                value = *p + n + 1;
        }
        set_global(b, name, value ? value : map_get(&b->globals, name));
    }
    return 0;
}

static bool stage_name_ok(const char *name)
{
    if (!isalpha((unsigned char)*name))
        return false;
    for (; *name; name++) {
        if (!isalnum((unsigned char)*name) && !strchr("-_.", *name))
            return false;
    }
    return true;
}

static int add_stage(struct build *b, size_t at, struct err *e)
{
    const struct instruction *i = &b->file.list[at];
    const char *platform = instruction_flag(i, "platform");
    if (b->n_stages == STAGES_MAX)
        return build__refuse(b, e, "more than %d stages", STAGES_MAX);
    struct stage *s = &b->stages[b->n_stages];
    *s = (struct stage){.index = (unsigned)b->n_stages, .line = i->line, .first = at + 1};
    map_init(&s->args);
    if (i->n_words != 1 && (i->n_words != 3 || strcasecmp(i->words[1], "AS") != 0))
        return build__refuse(b, e, "FROM needs IMAGE or IMAGE AS NAME");
    s->name = arena_printf(b->arena, "%zu", b->n_stages);
    if (i->n_words == 3) {
        char *name = arena_strdup(b->arena, i->words[2]);
        for (char *c = name; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        if (!stage_name_ok(name))
            return build__refuse(b, e, "stage name \"%s\" is not allowed", i->words[2]);
        s->name = name;
    }
    int rc = expand_global(b, i->words[0], &s->base, e);
    if (rc == 0 && platform)
        rc = expand_global(b, platform, &s->platform, e);
    if (rc < 0)
        return rc;
    if (!*s->base)
        return build__refuse(b, e, "FROM %s: the image's name is empty", i->words[0]);
    b->n_stages++;
    return 0;
}

struct stage *stages__find(struct build *b, const char *name, unsigned before)
{
    char *end;
    unsigned long number = strtoul(name, &end, 10);
    if (*name && !*end)
        return number < before ? &b->stages[number] : NULL;
    for (unsigned i = before; i-- > 0;) {
        if (strcasecmp(b->stages[i].name, name) == 0)
            return &b->stages[i];
    }
    return NULL;
}

/* "from" of RUN --mount=type=bind,from=… */
static const char *mount_from(struct build *b, const char *value)
{
    const char *at = value ? strstr(value, "from=") : NULL;
    if (!at || (at != value && at[-1] != ','))
        return NULL;
    return arena_strndup(b->arena, at + 5, strcspn(at + 5, ","));
}

/* Marks a stage and, through FROM, --from and mounts, all it builds on. */
static void need(struct build *b, struct stage *s)
{
    if (!s || s->needed)
        return;
    s->needed = true;
    if (!isdigit((unsigned char)s->base[0]))
        need(b, stages__find(b, s->base, s->index));
    for (size_t k = s->first; k < s->end; k++) {
        const struct instruction *i = &b->file.list[k];
        b->solve->steps++;
        for (size_t f = 0; f < i->n_flags; f++) {
            const char *from = i->flags[f].value;
            if (strcmp(i->flags[f].name, "mount") == 0)
                from = mount_from(b, from);
            else if (strcmp(i->flags[f].name, "from") != 0)
                from = NULL;
            if (from)
                need(b, stages__find(b, from, s->index));
        }
    }
}

int stages__plan(struct build *b, struct err *e)
{
    predefine(b);
    for (size_t k = 0; k < b->file.n; k++) {
        const struct instruction *i = &b->file.list[k];
        int rc = 0;
        b->at = i;
        if (i->kind == INSTR_FROM)
            rc = add_stage(b, k, e);
        else if (b->n_stages == 0 && i->kind == INSTR_ARG)
            rc = global_arg(b, i, e);
        else if (b->n_stages == 0)
            rc = build__refuse(b, e, "%s stands before the first FROM", i->name);
        if (rc < 0)
            return rc;
        if (b->n_stages > 0)
            b->stages[b->n_stages - 1].end = k + 1;
    }
    b->at = NULL;
    if (b->n_stages == 0)
        return err_set(e, ERR_INVALID, "%s has no FROM", b->file.name);
    struct stage *target = &b->stages[b->n_stages - 1];
    if (b->opts->target)
        target = stages__find(b, b->opts->target, (unsigned)b->n_stages);
    if (!target)
        return err_set(e, ERR_INVALID, "%s has no stage \"%s\"", b->file.name, b->opts->target);
    need(b, target);
    return 0;
}

/* ---- bases ---- */

static void progress(void *arg, const char *line)
{
    struct build *b = arg;
    AUTO_BUF struct buf text;
    buf_init(&text, 4096);
    buf_printf(&text, "%s\n", line);
    build__event(b, BUILD_STEP_OUTPUT, buf_text(&text), text.len, 0);
}

static int load_image(struct build *b, const char *reference, const char *platform,
                      struct image *out, struct err *e)
{
    const struct image_ensure_opts o = {
        .policy = b->opts->pull ? IMAGE_ALWAYS : IMAGE_IF_NOT_PRESENT,
        .auth = b->opts->auth,
        .platform = platform ? platform : b->platform,
        .progress = progress,
        .progress_arg = b,
    };
    return image_store_ensure(b->images, reference, &o, b->arena, out, e);
}

static int image_layers(struct build *b, const struct image *image, struct layers *out,
                        struct err *e)
{
    const struct value *list = value_get(image->manifest, "layers");
    if (image->n_layers > LAYERS_MAX)
        return build__refuse(b, e, "%s has more than %d layers", image->reference, LAYERS_MAX);
    out->list = ARENA_ARRAY(b->arena, struct image_layer, image->n_layers + 1);
    out->n = image->n_layers;
    for (size_t i = 0; i < image->n_layers; i++) {
        const struct value *d = value_item(list, i);
        struct image_layer *l = &out->list[i];
        (void)snprintf(l->digest, sizeof l->digest, "%s", value_at_str(d, "digest", ""));
        (void)snprintf(l->diff_id, sizeof l->diff_id, "%s", image->diff_ids[i]);
        l->size = (uint64_t)value_at_int(d, "size", 0);
        l->media_type = value_at_str(d, "mediaType", "");
    }
    return 0;
}

static const struct build_context *find_context(const struct build *b, const char *name)
{
    for (size_t i = 0; i < b->opts->n_contexts; i++) {
        if (strcmp(b->opts->contexts[i].name, name) == 0)
            return &b->opts->contexts[i];
    }
    return NULL;
}

static struct value *copy_or_new(struct arena *a, const struct value *v, enum value_kind kind)
{
    if (value_is(v, kind))
        return value_copy(a, v);
    return kind == VALUE_ARRAY ? value_new_array(a) : value_new_object(a);
}

static void start_from(struct build *b, struct stage *s, const struct value *doc)
{
    struct arena *a = b->arena;
    s->config = copy_or_new(a, value_get(doc, "config"), VALUE_OBJECT);
    s->history = copy_or_new(a, value_get(doc, "history"), VALUE_ARRAY);
    s->doc = value_new_object(a);
    (void)value_set_str(a, s->doc, "architecture", value_at_str(doc, "architecture", b->arch));
    (void)value_set_str(a, s->doc, "os", value_at_str(doc, "os", b->os));
    int64_t ns = 0;
    if (clock_parse_rfc3339(value_at_str(doc, "created", ""), &ns, NULL) == 0)
        s->created_ms = ns / 1000000;
    if (b->epoch >= 0)
        s->created_ms = b->epoch * 1000;
    const char *variant = value_at_str(doc, "variant", b->variant);
    if (*variant)
        (void)value_set_str(a, s->doc, "variant", variant);
}

static int start_from_image(struct build *b, struct stage *s, const char *reference, struct err *e)
{
    struct image image;
    int rc = load_image(b, reference, s->platform, &image, e);
    if (rc == 0)
        rc = image_layers(b, &image, &s->layers, e);
    if (rc == 0)
        start_from(b, s, image.config);
    return rc;
}

static int start_stage(struct build *b, struct stage *s, struct err *e)
{
    const struct build_context *named = find_context(b, s->base);
    struct stage *other = stages__find(b, s->base, s->index);
    if (isdigit((unsigned char)s->base[0]))
        other = NULL; /* FROM knows stages by their names only */
    if (named && named->image)
        return start_from_image(b, s, named->image, e);
    if (other) {
        int rc = solve__stage(b, other, e);
        if (rc < 0)
            return rc;
        s->layers = other->layers;
        s->config = value_copy(b->arena, other->config);
        s->doc = value_copy(b->arena, other->doc);
        s->history = value_copy(b->arena, other->history);
        s->created_ms = other->created_ms;
        return 0;
    }
    if (strcmp(s->base, "scratch") == 0) {
        start_from(b, s, NULL);
        return 0;
    }
    return start_from_image(b, s, s->base, e);
}

int stages__from(struct build *b, struct stage *s, const char *name, struct layers *out,
                 const char **dir, struct err *e)
{
    struct image image;
    const struct build_context *named = find_context(b, name);
    struct stage *other = stages__find(b, name, s->index);
    *dir = NULL;
    out->n = 0;
    if (named && named->dir) {
        *dir = named->dir;
        return 0;
    }
    if (!named && other) {
        const struct instruction *at = b->at;
        const struct stage *at_stage = b->at_stage;
        unsigned step = b->step;
        int rc = solve__stage(b, other, e);
        b->at = at;
        b->at_stage = at_stage;
        b->step = step;
        if (rc == 0)
            *out = other->layers;
        return rc;
    }
    if (!named && isdigit((unsigned char)*name) && !name[strspn(name, "0123456789")])
        return build__refuse(b, e, "--from=%s: there is no such stage before this one", name);
    int rc = load_image(b, named ? named->image : name, NULL, &image, e);
    return rc < 0 ? build__wrap(b, rc, e) : image_layers(b, &image, out, e);
}

/* ---- running ---- */

static int apply(struct build *b, struct stage *s, const struct instruction *i, struct err *e)
{
    if (i->kind == INSTR_COPY || i->kind == INSTR_ADD)
        return copy__apply(b, s, i, e);
    if (i->kind == INSTR_RUN)
        return run__apply(b, s, i, e);
    if (i->kind == INSTR_WORKDIR)
        return workdir__apply(b, s, i, e);
    int rc = config__apply(b, s, i, e);
    if (rc == 0 && i->kind != INSTR_MAINTAINER)
        config__history(b, s, i->text, true);
    return rc;
}

static void count(struct build *b)
{
    LOCK_SCOPE(&b->solve->lock);
    b->step = ++b->solve->step;
    b->hit = false;
}

static int step(struct build *b, struct stage *s, const struct instruction *i, struct err *e)
{
    int64_t began = clock_mono_ms();
    if (solve__stopped(b))
        return err_set(e, ERR_CANCELLED, "the build was stopped");
    b->at_stage = s;
    b->at = i;
    count(b);
    build__event(b, BUILD_STEP_STARTED, NULL, 0, 0);
    int rc = apply(b, s, i, e);
    cache__release(b);
    if (rc < 0) {
        build__event(b, BUILD_STEP_FAILED, e ? e->msg : "", e ? strlen(e->msg) : 0,
                     clock_mono_ms() - began);
        return rc;
    }
    build__event(b, b->hit ? BUILD_STEP_CACHED : BUILD_STEP_DONE, NULL, 0, clock_mono_ms() - began);
    LOCK_SCOPE(&b->solve->lock);
    b->solve->cached += b->hit;
    return 0;
}

/* What the base image asks to be done first. */
static int run_triggers(struct build *b, struct stage *s, struct err *e)
{
    const struct value *triggers = value_get(s->config, "OnBuild");
    size_t n = value_count(triggers);
    const char **texts = ARENA_ARRAY(b->arena, const char *, n + 1);
    for (size_t k = 0; k < n; k++)
        texts[k] = value_str(value_item(triggers, k), "");
    (void)value_remove(s->config, "OnBuild");
    {
        LOCK_SCOPE(&b->solve->lock);
        b->solve->steps += (unsigned)n;
    }
    for (size_t k = 0; k < n; k++) {
        struct instruction *i = ARENA_NEW(b->arena, struct instruction);
        int rc = containerfile_parse_one(&b->file, s->line, texts[k], b->arena, i, e);
        if (rc < 0 || (rc = step(b, s, i, e)) < 0)
            return err_wrap(e, rc, "ONBUILD of %s", s->base);
    }
    return 0;
}

int stages__evaluate(struct build *b, struct stage *s, struct err *e)
{
    b->at_stage = s;
    b->at = &b->file.list[s->first - 1];
    int rc = start_stage(b, s, e);
    if (rc < 0)
        return build__wrap(b, rc, e);
    rc = run_triggers(b, s, e);
    for (size_t k = s->first; rc == 0 && k < s->end; k++) {
        if (b->file.list[k].kind != INSTR_FROM)
            rc = step(b, s, &b->file.list[k], e);
    }
    return rc < 0 ? build__wrap(b, rc, e) : 0;
}
