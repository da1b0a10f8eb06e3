/* tekton_node.c - pods that end as their scripts say. */
#include "tekton_node.h"

#include "base/log.h"
#include "codec/json.h"
#include "ctl/tekton/params.h"
#include "ctl/tekton/tekton.h"

enum { STEP_MS = 10, SETTLE_MAX = 5000 };

static int image_config(void *arg, const char *image, struct arena *a, struct value **out,
                        struct err *e)
{
    (void)arg;
    (void)image;
    (void)e;
    *out = value_new_object(a);
    (void)value_push_str(a, value_make_array(a, *out, "entrypoint"), "/entrypoint");
    return 0;
}

void sim_init(struct sim *s)
{
    *s = (struct sim){0};
    fake_clock_init(&s->clock, 1767225600000);
    s->began_ms = s->clock.ms;
    s->kube = kube_fake_new(&s->clock.clock);
    const struct tekton_opts opts = {.ports = {.image_config = image_config},
                                     .entrypoint_dir = "/bin"};
    s->tekton = tekton_new(&opts);
    s->runner = runner_new(s->kube, &s->clock.clock, 0);
    tekton_add(s->runner, s->tekton);
    struct err e;
    if (runner_start(s->runner, &e) < 0)
        log_die("%s", e.msg);
}

void sim_done(struct sim *s)
{
    runner_stop(s->runner);
    runner_free(s->runner);
    tekton_free(s->tekton);
    kube_free(s->kube);
}

/* ---- reading scripts ---- */

struct step_play {
    int code;
    int64_t ms;
    struct value *entries, *vars;
    const char *script;
};

static void put_entry(struct step_play *p, const char *key, const char *text, int type,
                      struct arena *a)
{
    struct value *x = value_new_object(a);
    (void)value_set_str(a, x, "key", key);
    (void)value_set_str(a, x, "value", text);
    (void)value_set_int(a, x, "type", type);
    (void)value_push(a, p->entries, x);
}

static bool has_entry(const struct step_play *p, const char *key)
{
    VALUE_EACH_ITEM (x, p->entries)
        if (strcmp(value_at_str(x, "key", ""), key) == 0)
            return true;
    return false;
}

/* What echo or printf print: quotes off, \" undone. */
static const char *printed(const char *from, size_t n, struct arena *a)
{
    char *out = arena_alloc(a, n + 1);
    size_t len = 0;
    char quote = 0;
    while (n && *from == ' ')
        from++, n--;
    while (n && from[n - 1] == ' ')
        n--;
    for (size_t i = 0; i < n; i++) {
        if ((from[i] == '"' || from[i] == '\'') && (!quote || quote == from[i]))
            quote = quote ? 0 : from[i];
        else if (from[i] == '\\' && quote != '\'' && i + 1 < n)
            out[len++] = from[++i];
        else
            out[len++] = from[i];
    }
    return out;
}

/* NAME=VALUE for what follows. */
static void read_assignment(struct step_play *p, const char *c, struct arena *a)
{
    size_t n = strspn(c, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
    if (n && c[n] == '=')
        (void)value_set_str(a, p->vars, arena_strndup(a, c, n),
                            printed(c + n + 1, strlen(c + n + 1), a));
}

static const char *with_vars(const struct step_play *p, const char *text, struct arena *a)
{
    VALUE_EACH_MEMBER (m, p->vars) {
        const char *word = arena_printf(a, "$%s", m->key), *at;
        for (int i = 0; i < 16 && (at = strstr(text, word)); i++)
            text = arena_printf(a, "%.*s%s%s", (int)(at - text), text, value_str(&m->value, ""),
                                at + strlen(word));
    }
    return text;
}

/* `echo -n X > PATH`, `printf X | tee PATH`. */
static void read_output(struct step_play *p, const char *command, struct arena *a)
{
    const char *path = strstr(command, "/tekton/results/");
    const char *step = strstr(command, "/tekton/steps/");
    const char *to = strchr(command, '>');
    const char *tee = strstr(command, "| tee ");
    size_t skip = strncmp(command, "echo -n ", 8) == 0  ? 8
                  : strncmp(command, "echo ", 5) == 0   ? 5
                  : strncmp(command, "printf ", 7) == 0 ? 7
                                                        : 0;
    const char *end = tee ? tee : to;
    if (!skip || !end || (!path && !step) || strchr(command, '`') || strstr(command, "$("))
        return;
    const char *name = strrchr(path ? path : step, '/') + 1;
    name = arena_strndup(a, name, strcspn(name, " \"'\n"));
    const char *text = with_vars(p, printed(command + skip, (size_t)(end - command) - skip, a), a);
    put_entry(p, name, text, path ? 1 : 4, a);
}

static bool read_command(struct step_play *p, const char *c, struct arena *a)
{
    double seconds;
    while (*c == ' ' || *c == '\t')
        c++;
    if (sscanf(c, "exit %d", &p->code) == 1 || sscanf(c, "exit \"%d\"", &p->code) == 1)
        return false;
    if (strcmp(c, "false") == 0) {
        p->code = 1;
        return false;
    }
    if (sscanf(c, "sleep %lf", &seconds) == 1)
        p->ms += (int64_t)(seconds * 1000);
    read_assignment(p, c, a);
    read_output(p, c, a);
    return true;
}

static void read_script(struct step_play *p, struct arena *a)
{
    char *text = arena_strdup(a, p->script), *save = NULL;
    bool nested = strstr(text, "while ") || strstr(text, "if ") || strstr(text, "function");
    for (char *l = strtok_r(text, "\n;", &save); l; l = strtok_r(NULL, "\n;", &save))
        if (!(nested && strstr(l, "exit ")) && !read_command(p, l, a))
            break;
}

static const char *flag(const struct value *container, const char *name)
{
    bool next = false;
    VALUE_EACH_ITEM (x, value_get(container, "args")) {
        if (next)
            return value_str(x, "");
        next = strcmp(value_str(x, ""), name) == 0;
    }
    return "";
}

/* The steps of `command: [sleep, "5"]`, `[/bin/sh, -c, "exit 1"]`. */
static const char *script_of_command(const struct value *container, struct arena *a)
{
    const char *out = flag(container, "-entrypoint");
    const char *base = strrchr(out, '/') ? strrchr(out, '/') + 1 : out;
    bool rest = false, shell = strcmp(base, "sh") == 0 || strcmp(base, "bash") == 0;
    out = shell ? "" : base;
    VALUE_EACH_ITEM (x, value_get(container, "args")) {
        const char *word = value_str(x, "");
        if (rest && !(shell && strcmp(word, "-c") == 0))
            out = arena_printf(a, "%s%s%s", out, *out ? " " : "", word);
        rest = rest || strcmp(word, "--") == 0;
    }
    return out;
}

/* A value of the declared type. */
static const char *made_up(const struct value *decl, struct arena *a)
{
    const char *type = value_at_str(decl, "type", value_get(decl, "properties") ? "object" : "");
    if (strcmp(type, "array") == 0)
        return "[\"one\",\"two\",\"three\"]";
    if (strcmp(type, "object") != 0)
        return "made-up";
    struct value *o = value_new_object(a);
    VALUE_EACH_MEMBER (m, value_get(decl, "properties"))
        (void)value_set_str(a, o, m->key, "made-up");
    return json_text(a, o, 0);
}

static void make_up(struct step_play *p, const struct value *decls, const char *path, int type,
                    struct arena *a)
{
    VALUE_EACH_ITEM (d, decls) {
        const char *name = value_at_str(d, "name", "");
        if (p->code == 0 && !has_entry(p, name) && strstr(p->script, path))
            put_entry(p, name, made_up(d, a), type, a);
    }
}

static struct step_play play_step(const struct object *pod, const struct value *task, size_t i,
                                  struct arena *a)
{
    const struct value *c = value_item(value_at(pod->root, "spec.containers"), i);
    const struct value *step = value_item(value_get(task, "steps"), i);
    const char *script = object_annotation(pod, arena_printf(a, "slipway.dev/script-%zu", i));
    struct step_play p = {.ms = STEP_MS,
                          .entries = value_new_array(a),
                          .vars = value_new_object(a),
                          .script = script ? script : script_of_command(c, a)};
    read_script(&p, a);
    const char *name = value_at_str(c, "name", "");
    make_up(&p, value_get(task, "results"), "/tekton/results/", 1, a);
    make_up(&p, value_get(step, "results"), arena_printf(a, "/tekton/steps/%s/results/", name), 4,
            a);
    int64_t limit;
    const char *timeout = flag(c, "-timeout");
    if (*timeout && clock_parse_duration(timeout, &limit, NULL) == 0 && p.ms > limit / 1000000) {
        p.ms = limit / 1000000;
        p.code = 1;
        put_entry(&p, "Reason", "TimeoutExceeded", 3, a);
    }
    return p;
}

/* ---- pods ---- */

static struct value *make_status(const struct value *c, struct arena *a)
{
    struct value *s = value_new_object(a);
    (void)value_set_str(a, s, "name", value_at_str(c, "name", ""));
    (void)value_set_str(a, s, "imageID", "sha256:0");
    return s;
}

static void put_time(struct value *o, const char *key, int64_t ms, struct arena *a)
{
    char text[CLOCK_TEXT_MAX];
    clock_format_rfc3339(ms, text);
    (void)value_set_str(a, o, key, text);
}

static const struct value *task_of(struct sim *s, const struct object *pod, struct arena *a)
{
    struct object *run;
    struct err e;
    const char *name = object_label(pod, "tekton.dev/taskRun");
    if (kube_get(s->kube, &RES_TASK_RUN, pod->ns, name ? name : "", &run, &e) < 0)
        return NULL;
    const struct value *spec = value_at(object_hold(a, run)->root, "status.taskSpec");
    object_unref(run);
    return spec;
}

static void end_step(struct value *s, struct step_play *p, int64_t from, int64_t to, bool carry_on,
                     struct arena *a)
{
    struct value *t = value_make_object(a, s, "state.terminated");
    int code = p->code;
    if (code && carry_on) {
        put_entry(p, "ExitCode", arena_printf(a, "%d", code), 3, a);
        code = 0;
    }
    (void)value_set_int(a, t, "exitCode", code);
    (void)value_set_str(a, t, "reason", code ? "Error" : "Completed");
    (void)value_set_str(a, t, "message", json_text(a, p->entries, 0));
    put_time(t, "startedAt", from, a);
    put_time(t, "finishedAt", to, a);
}

/* The pod as it is now; when it changes next goes to *due. */
static void play_pod(struct sim *s, const struct object *pod, struct arena *a, int64_t *due)
{
    const struct value *task = task_of(s, pod, a);
    int64_t born = 0, now = s->clock.ms;
    if (clock_parse_rfc3339(value_at_str(pod->root, "metadata.creationTimestamp", ""), &born,
                            NULL) < 0)
        log_die("%s was never born", pod->name);
    int64_t at = born / 1000000;
    struct value *list = value_new_array(a);
    bool failed = false, waits = false;
    size_t n = value_count(value_at(pod->root, "spec.containers"));
    for (size_t i = 0; i < n; i++) {
        const struct value *c = value_item(value_at(pod->root, "spec.containers"), i);
        struct step_play p = play_step(pod, task, i, a);
        struct value *st = make_status(c, a);
        if (failed)
            p = (struct step_play){.code = 1, .entries = value_new_array(a)};
        if (!waits && at + p.ms <= now) {
            bool carry_on = strcmp(flag(c, "-on_error"), "continue") == 0;
            end_step(st, &p, at, at + p.ms, carry_on, a);
            failed = failed || (p.code && !carry_on);
            at += p.ms;
        } else {
            if (!waits && at + p.ms < *due)
                *due = at + p.ms;
            put_time(value_make_object(a, st, "state.running"), "startedAt", at, a);
            waits = true;
        }
        (void)value_push(a, list, st);
    }
    struct value *root = value_copy(a, pod->root), *status = value_make_object(a, root, "status");
    (void)value_set(a, status, "containerStatuses", list);
    (void)value_set_str(a, status, "phase", waits ? "Running" : failed ? "Failed" : "Succeeded");
    struct err e;
    if (!value_equal(value_at(pod->root, "status"), status) &&
        kube_update(s->kube, &RES_POD, pod->ns, pod->name, "status", root, NULL, &e) < 0)
        log_die("%s", e.msg);
}

static int64_t play_pods(struct sim *s)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct kube_list l;
    struct err e;
    int64_t due = INT64_MAX;
    if (kube_list(s->kube, &RES_POD, NULL, NULL, &l, &e) < 0)
        log_die("%s", e.msg);
    for (size_t i = 0; i < l.n; i++)
        play_pod(s, l.items[i], a, &due);
    kube_list_done(&l);
    return due;
}

void sim_run(struct sim *s, int64_t for_ms)
{
    int64_t until = s->clock.ms + for_ms;
    for (size_t i = 0; i < SETTLE_MAX; i++) {
        size_t did = runner_settle(s->runner, 5000);
        int64_t due = play_pods(s);
        if (runner_settle(s->runner, 5000) + did > 0 && i + 1 < SETTLE_MAX)
            continue;
        int64_t timer = runner_next_due_ms(s->runner);
        int64_t mono = s->clock.clock.mono_ms(&s->clock.clock);
        if (timer != INT64_MAX && s->clock.ms + timer - mono < due)
            due = s->clock.ms + (timer > mono ? timer - mono : 0);
        if (due == INT64_MAX || due > until)
            break;
        fake_clock_move(&s->clock, due > s->clock.ms ? due - s->clock.ms : 1);
    }
}
