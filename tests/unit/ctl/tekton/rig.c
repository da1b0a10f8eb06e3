/* rig.c - the fake kubelet and the report. */
#include "rig.h"

#include "base/buf.h"
#include "base/log.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "ctl/tekton/params.h"
#include "ctl/tekton/tekton.h"
#include "kube/events.h"

static int fake_image(void *arg, const char *image, struct arena *a, struct value **out,
                      struct err *e)
{
    (void)arg;
    (void)image;
    (void)e;
    *out = value_new_object(a);
    struct value *list = value_make_array(a, *out, "entrypoint");
    (void)value_push_str(a, list, "/image-entrypoint");
    return 0;
}

void rig_init(struct rig *r)
{
    *r = (struct rig){0};
    fake_clock_init(&r->clock, 1767225600000);
    r->kube = kube_fake_new(&r->clock.clock);
    const struct tekton_opts opts = {.ports = {.image_config = fake_image},
                                     .entrypoint_dir = "/var/lib/slipway/bin"};
    r->tekton = tekton_new(&opts);
    r->runner = runner_new(r->kube, &r->clock.clock, 0);
    tekton_add(r->runner, r->tekton);
    struct err e;
    if (runner_start(r->runner, &e) < 0)
        log_die("%s", e.msg);
}

void rig_done(struct rig *r)
{
    runner_stop(r->runner);
    runner_free(r->runner);
    tekton_free(r->tekton);
    kube_free(r->kube);
}

/* ---- the kubelet ---- */

static void put_entry(struct value *list, const char *key, const char *text, int type,
                      struct arena *a)
{
    struct value *x = value_new_object(a);
    (void)value_set_str(a, x, "key", key);
    (void)value_set_str(a, x, "value", text);
    (void)value_set_int(a, x, "type", type);
    (void)value_push(a, list, x);
}

struct played {
    int code;
    bool hang, pull_error;
    struct value *entries;
};

static struct played play(const char *script, struct arena *a)
{
    struct played p = {.entries = value_new_array(a)};
    put_entry(p.entries, "StartedAt", "2026-01-01T00:00:00.000Z", 3, a);
    char *text = arena_strdup(a, script), *save = NULL;
    for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
        char name[64] = "", value[512] = "";
        if (sscanf(l, " result %63s %511[^\n]", name, value) >= 1)
            put_entry(p.entries, name, value, 1, a);
        else if (sscanf(l, " step-result %63s %511[^\n]", name, value) >= 1)
            put_entry(p.entries, name, value, 4, a);
        else if (sscanf(l, " exit %d", &p.code) == 1)
            break;
        else if (strstr(l, "hang"))
            p.hang = true;
        else if (strstr(l, "pull-error"))
            p.pull_error = true;
    }
    return p;
}

static bool continues(const struct value *container)
{
    bool flag = false;
    VALUE_EACH_ITEM (x, value_get(container, "args")) {
        if (flag && strcmp(value_str(x, ""), "continue") == 0)
            return true;
        flag = strcmp(value_str(x, ""), "-on_error") == 0;
    }
    return false;
}

static struct value *container_state(const struct value *c, const struct played *p, bool skipped,
                                     bool cont, struct arena *a)
{
    struct value *s = value_new_object(a);
    (void)value_set_str(a, s, "name", value_at_str(c, "name", ""));
    (void)value_set_str(a, s, "image", value_at_str(c, "image", ""));
    (void)value_set_str(a, s, "imageID", "sha256:0");
    if (p->pull_error) {
        (void)value_set_str(a, value_make_object(a, s, "state.waiting"), "reason",
                            "ImagePullBackOff");
        return s;
    }
    if (p->hang && !skipped) {
        (void)value_set_str(a, value_make_object(a, s, "state.running"), "startedAt",
                            "2026-01-01T00:00:00Z");
        return s;
    }
    struct value *t = value_make_object(a, s, "state.terminated");
    int code = skipped ? 1 : p->code;
    if (cont && code) {
        put_entry(p->entries, "ExitCode", arena_printf(a, "%d", code), 3, a);
        code = 0;
    }
    (void)value_set_int(a, t, "exitCode", code);
    (void)value_set_str(a, t, "reason", code ? "Error" : "Completed");
    (void)value_set_str(a, t, "message", json_text(a, p->entries, 0));
    return s;
}

static const char *script_of(const struct object *pod, size_t i, struct arena *a)
{
    const char *s = object_annotation(pod, arena_printf(a, "slipway.dev/script-%zu", i));
    return s ? s : "";
}

/* Ends all of a pod's containers at once; true when that was news. */
static bool play_pod(struct rig *r, const struct object *pod, struct arena *a)
{
    if (value_at(pod->root, "status.containerStatuses"))
        return false;
    struct value *root = value_copy(a, pod->root), *list = value_new_array(a);
    bool failed = false, hangs = false;
    size_t i = 0;
    VALUE_EACH_ITEM (c, value_at(pod->root, "spec.containers")) {
        struct played p = play(script_of(pod, i++, a), a);
        bool cont = continues(c);
        (void)value_push(a, list, container_state(c, &p, failed || hangs, cont, a));
        if (hangs && value_count(list)) { /* waits for the one that hangs */
            struct value *last = &list->items[list->n - 1];
            (void)value_set(a, last, "state", value_new_object(a));
            (void)value_make_object(a, last, "state.running");
        }
        failed = failed || (p.code && !cont);
        hangs = hangs || p.hang || p.pull_error;
    }
    struct value *status = value_make_object(a, root, "status");
    (void)value_set(a, status, "containerStatuses", list);
    (void)value_set_str(a, status, "phase", hangs ? "Running" : failed ? "Failed" : "Succeeded");
    r->pods_played++;
    struct err e;
    if (kube_update(r->kube, &RES_POD, pod->ns, pod->name, "status", root, NULL, &e) < 0)
        log_die("%s", e.msg);
    return true;
}

static bool kubelet(struct rig *r)
{
    struct kube_list l;
    struct err e;
    bool any = false;
    AUTO(arena) struct arena *a = arena_new(1u << 24);
    if (kube_list(r->kube, &RES_POD, NULL, NULL, &l, &e) < 0)
        log_die("%s", e.msg);
    for (size_t i = 0; i < l.n; i++)
        any = play_pod(r, l.items[i], a) || any;
    kube_list_done(&l);
    return any;
}

static uint64_t draw(struct rig *r)
{
    r->chaos ^= r->chaos << 13;
    r->chaos ^= r->chaos >> 7;
    r->chaos ^= r->chaos << 17;
    return r->chaos;
}

/* Now and then the next call fails, as if the process died there and came back. */
static void settle_badly(struct rig *r)
{
    static const struct {
        const char *verb;
        const struct resource *of; /* not the pods' status, which is the rig's own */
    } calls[] = {
        {"create", NULL             },
        {"patch",  NULL             },
        {"delete", NULL             },
        {"get",    NULL             },
        {"update", &RES_TASK_RUN    },
        {"update", &RES_PIPELINE_RUN},
    };
    static const int codes[] = {ERR_AGAIN, ERR_CONFLICT, ERR_SYSTEM};
    for (size_t i = 0; i < 20000; i++) {
        size_t call = draw(r) % (4 * ARRAY_LEN(calls));
        if (call < ARRAY_LEN(calls))
            kube_fake_fail(r->kube, calls[call].verb, calls[call].of, 1,
                           codes[draw(r) % ARRAY_LEN(codes)]);
        bool did = runner_step(r->runner, draw(r));
        if (did)
            continue;
        int64_t in = runner_next_due_ms(r->runner) - r->clock.clock.mono_ms(&r->clock.clock);
        if (in > 60000)
            break;
        fake_clock_move(&r->clock, in > 0 ? in : 1);
    }
}

static void settle(struct rig *r)
{
    if (r->chaos)
        settle_badly(r);
    else
        (void)runner_settle(r->runner, 2000);
}

void rig_settle(struct rig *r)
{
    for (size_t i = 0; i < 100; i++) {
        settle(r);
        if (!kubelet(r))
            break;
    }
    settle(r);
}

/* ---- actions ---- */

void rig_do(struct rig *r, const char *line)
{
    AUTO(arena) struct arena *a = arena_new(1u << 20);
    char kind[64], name[128];
    int at = 0;
    struct err e;
    if (strncmp(line, "advance ", 8) == 0) {
        int64_t ns;
        if (clock_parse_duration(line + 8, &ns, &e) < 0)
            log_die("%s", e.msg);
        fake_clock_move(&r->clock, ns / 1000000);
    } else if (sscanf(line, "patch %63s %127s %n", kind, name, &at) == 2) {
        struct value *patch;
        const struct resource *res = resource_find("tekton.dev/v1", kind);
        if (json_parse(a, line + at, strlen(line + at), 0, &patch, &e) < 0 ||
            kube_patch(r->kube, res, "default", name, NULL, KUBE_PATCH_MERGE, patch, NULL, &e) < 0)
            log_die("%s: %s", line, e.msg);
    } else if (sscanf(line, "push %63s %127s %n", kind, name, &at) == 2) {
        struct value *patch = value_new_object(a);
        struct value *heads = value_make_object(a, patch, "status.heads");
        (void)value_set_str(a, heads, name, line + at);
        if (kube_patch(r->kube, &RES_REPOSITORY, "default", kind, "status", KUBE_PATCH_MERGE, patch,
                       NULL, &e) < 0)
            log_die("%s: %s", line, e.msg);
    } else if (strcmp(line, "settle") != 0) {
        log_die("what is \"%s\"?", line);
    }
    rig_settle(r);
}

/* ---- the report ---- */

static void report_list(struct buf *b, const char *label, const struct value *list, const char *key,
                        const char *value, struct arena *a)
{
    if (!value_count(list))
        return;
    buf_printf(b, "  %s:", label);
    VALUE_EACH_ITEM (x, list) {
        const struct value *v = value_at(x, value);
        buf_printf(b, " %s=%s", value_at_str(x, key, ""),
                   value_is(v, VALUE_STRING) ? v->text
                   : v                       ? json_text(a, v, 0)
                                             : "");
    }
    buf_putc(b, '\n');
}

static void report_run(struct buf *b, const char *kind, const struct object *o, struct arena *a)
{
    const struct value *c = object_condition(o->root, "Succeeded");
    buf_printf(b, "%s %s: %s %s \"%s\"\n", kind, o->name, value_at_str(c, "status", "-"),
               value_at_str(c, "reason", "-"), value_at_str(c, "message", ""));
    const struct value *st = value_get(o->root, "status");
    report_list(b, "params", value_at(o->root, "spec.params"), "name", "value", a);
    report_list(b, "steps", value_get(st, "steps"), "name", "terminationReason", a);
    report_list(b, "results", value_get(st, "results"), "name", "value", a);
    report_list(b, "skipped", value_get(st, "skippedTasks"), "name", "reason", a);
    if (value_count(value_get(st, "retriesStatus")))
        buf_printf(b, "  retries: %zu\n", value_count(value_get(st, "retriesStatus")));
}

/* Warnings about what is not a run: those tell themselves. */
static void report_warnings(struct rig *r, struct buf *b)
{
    struct kube_list l;
    struct err e;
    recorder_flush(runner_recorder(r->runner));
    if (kube_list(r->kube, &RES_EVENT, NULL, NULL, &l, &e) < 0)
        log_die("%s", e.msg);
    for (size_t i = 0; i < l.n; i++) {
        const struct value *o = l.items[i]->root;
        const char *kind = value_at_str(o, "involvedObject.kind", "");
        if (strcmp(value_at_str(o, "type", ""), "Warning") == 0 && !strstr(kind, "Run"))
            buf_printf(b, "warning: %s %s: %s\n", kind, value_at_str(o, "involvedObject.name", ""),
                       value_at_str(o, "message", ""));
    }
    kube_list_done(&l);
}

char *rig_report(struct rig *r, struct arena *a)
{
    static const struct {
        const char *kind;
        const struct resource *res;
    } kinds[] = {
        {"PipelineRun", &RES_PIPELINE_RUN},
        {"TaskRun",     &RES_TASK_RUN    },
        {"CustomRun",   &RES_CUSTOM_RUN  },
    };
    AUTO_BUF struct buf b;
    buf_init(&b, 1u << 20);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct kube_list l;
        struct err e;
        if (kube_list(r->kube, kinds[k].res, NULL, NULL, &l, &e) < 0)
            log_die("%s", e.msg);
        for (size_t i = 0; i < l.n; i++)
            report_run(&b, kinds[k].kind, l.items[i], a);
        kube_list_done(&l);
    }
    report_warnings(r, &b);
    buf_printf(&b, "pods: %u\n", r->pods_played);
    return arena_strdup(a, buf_text(&b));
}
