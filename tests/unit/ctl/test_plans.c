/* Replays tests/cases/<kind>/NAME.case: the world as YAML documents, "===", then the plan as text.
 * With GOLDEN=1 in the environment the plans are written instead of compared. */
#include <dirent.h>

#include "base/fs.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "ctl/cronjob/plan.h"
#include "ctl/daemonset/plan.h"
#include "ctl/deployment/plan.h"
#include "ctl/disruption/plan.h"
#include "ctl/endpointslice/plan.h"
#include "ctl/job/plan.h"
#include "ctl/replicaset/plan.h"
#include "ctl/scheduler/plan.h"
#include "ctl/statefulset/plan.h"
#include "ctl/volume/plan.h"
#include "t.h"

/* The documents of a case by kind; the first is what the plan is for. */
struct world {
    struct arena *a;
    const struct object *first;
    struct object_list all;
    int64_t now_ms;
    const struct value *settings; /* a document of kind Case */
};

static void drop(void *o)
{
    object_unref(o);
}

static const struct object *keep(struct arena *a, const struct value *doc)
{
    struct arena *own = arena_new(0);
    struct object *o = object_new(own, value_copy(own, doc));
    arena_defer(a, drop, o);
    return o;
}

static struct object_list of_kind(const struct world *w, const char *kind)
{
    struct object_list l = {.items = ARENA_ARRAY(w->a, const struct object *, w->all.n + 1)};
    for (size_t i = 0; i < w->all.n; i++)
        if (w->all.items[i] != w->first &&
            strcmp(value_at_str(w->all.items[i]->root, "kind", ""), kind) == 0)
            l.items[l.n++] = w->all.items[i];
    return l;
}

static const char *status_text(const struct world *w, const struct value *status)
{
    return arena_printf(w->a, "status %s\n", json_text(w->a, status, JSON_SORTED));
}

static const char *setting(const struct world *w, const char *key)
{
    return value_str(value_get(w->settings, key), "");
}

/* ---- one function a kind ---- */

static const char *plan_replicaset(const struct world *w)
{
    struct replicaset_view v = {w->first, of_kind(w, "Pod"), w->now_ms};
    struct replicaset_plan p = replicaset_plan(&v, w->a);
    struct replicaset_outcome done = {0};
    return arena_printf(w->a, "%s%s", replicaset_plan_text(&p, w->a),
                        status_text(w, replicaset_status(&v, &done, w->a)));
}

static const char *plan_deployment(const struct world *w)
{
    struct deployment_view v = {w->first, of_kind(w, "ReplicaSet"), of_kind(w, "Pod"), w->now_ms};
    struct deployment_plan p = {0};
    struct err e = {0};
    if (deployment_plan(&v, w->a, &p, &e) < 0)
        return arena_printf(w->a, "error: %s\n", e.msg);
    return deployment_plan_text(&p, w->a);
}

static const char *plan_statefulset(const struct world *w)
{
    struct statefulset_view v = {.set = w->first,
                                 .pods = of_kind(w, "Pod"),
                                 .current = setting(w, "current"),
                                 .update = setting(w, "update"),
                                 .now_ms = w->now_ms};
    struct statefulset_plan p = statefulset_plan(&v, w->a);
    return arena_printf(w->a, "%s%s", statefulset_plan_text(&p, w->a), status_text(w, p.status));
}

static const char *plan_daemonset(const struct world *w)
{
    struct daemonset_view v = {.set = w->first,
                               .pods = of_kind(w, "Pod"),
                               .nodes = of_kind(w, "Node"),
                               .hash = setting(w, "hash"),
                               .now_ms = w->now_ms};
    struct daemonset_plan p = {0};
    struct err e = {0};
    if (daemonset_plan(&v, w->a, &p, &e) < 0)
        return arena_printf(w->a, "error: %s\n", e.msg);
    return arena_printf(w->a, "%s%s", daemonset_plan_text(&p, w->a), status_text(w, p.status));
}

static const char *plan_job(const struct world *w)
{
    struct job_view v = {.job = w->first, .pods = of_kind(w, "Pod"), .now_ms = w->now_ms};
    struct job_plan p = job_plan(&v, w->a);
    return job_plan_text(&p, w->a);
}

static const char *plan_cronjob(const struct world *w)
{
    struct cronjob_view v = {.cronjob = w->first, .jobs = of_kind(w, "Job"), .now_ms = w->now_ms};
    struct cronjob_plan p = {0};
    struct err e = {0};
    int rc = zone_open(value_at_str(w->first->root, "spec.timeZone", NULL), w->a, &v.zone, &e);
    if (rc == 0)
        rc = cronjob_plan(&v, w->a, &p, &e);
    if (rc < 0)
        return arena_printf(w->a, "error: %s\n", e.msg);
    char next[CLOCK_TEXT_MAX];
    clock_format_rfc3339(p.again_ms, next);
    char *text = arena_strdup(w->a, "");
    if (p.create)
        text = arena_printf(w->a, "create %s\n", value_at_str(p.create, "metadata.name", ""));
    for (size_t i = 0; i < p.remove.n; i++)
        text = arena_printf(w->a, "%sdelete %s\n", text, p.remove.items[i]->name);
    for (size_t i = 0; i < p.n_notes; i++)
        text = arena_printf(w->a, "%s%s: %s\n", text, p.notes[i].reason, p.notes[i].message);
    return arena_printf(w->a, "%snext %s\n%s", text, p.again_ms ? next : "never",
                        status_text(w, p.status));
}

static const char *plan_endpointslice(const struct world *w)
{
    struct service_view v = {w->first, of_kind(w, "Pod"), of_kind(w, "Node"),
                             of_kind(w, "EndpointSlice")};
    struct slice_plan p = endpointslice_plan(&v, w->a);
    char *text = arena_strdup(w->a, "");
    for (size_t i = 0; i < p.n; i++) {
        const struct slice_action *x = &p.actions[i];
        text = arena_printf(w->a, "%s%s %s\n", text,
                            !x->slice ? "create"
                            : x->body ? "update"
                                      : "delete",
                            x->slice ? x->slice->name : "");
        VALUE_EACH_ITEM (ep, value_get(x->body, "endpoints"))
            text = arena_printf(w->a, "%s  %s\n", text, json_text(w->a, ep, JSON_SORTED));
        if (value_get(x->body, "ports"))
            text = arena_printf(w->a, "%s  ports %s\n", text,
                                json_text(w->a, value_get(x->body, "ports"), JSON_SORTED));
    }
    return text;
}

/* The first document, a pod, is one of those to be placed. */
static const char *plan_scheduler(const struct world *w)
{
    struct schedule_view v = {.pods = of_kind(w, "Pod"),
                              .nodes = of_kind(w, "Node"),
                              .claims = of_kind(w, "PersistentVolumeClaim"),
                              .volumes = of_kind(w, "PersistentVolume")};
    v.pods.items[v.pods.n++] = w->first;
    struct schedule_plan p = schedule_plan(&v, w->a);
    char *text = arena_strdup(w->a, "");
    for (size_t i = 0; i < p.n; i++)
        text = arena_printf(w->a, "%s%s: %s\n", text, p.items[i].pod->name,
                            p.items[i].node ? p.items[i].node : p.items[i].why);
    return text;
}

static const char *plan_disruption(const struct world *w)
{
    struct disruption_view v = {.budget = w->first,
                                .pods = of_kind(w, "Pod"),
                                .expected = value_int(value_get(w->settings, "expected"), 0),
                                .now_ms = w->now_ms};
    struct value *status = NULL;
    struct err e = {0};
    int64_t again = 0;
    if (disruption_status(&v, w->a, &status, &again, &e) < 0)
        return arena_printf(w->a, "error: %s\n", e.msg);
    return status_text(w, status);
}

static const char *plan_volume(const struct world *w)
{
    static const char *const verbs[] = {"wait", "bind", "provision", "lost"};
    struct claim_view v = {.claim = w->first,
                           .volumes = of_kind(w, "PersistentVolume"),
                           .classes = of_kind(w, "StorageClass"),
                           .volume_dir = "/volumes"};
    struct claim_plan p = claim_plan(&v, w->a);
    return arena_printf(w->a, "%s%s%s%s%s\n", verbs[p.verb], p.volume ? " " : "",
                        p.volume ? p.volume->name : "", p.why ? ": " : "", p.why ? p.why : "");
}

static const struct {
    const char *folder;
    const char *(*plan)(const struct world *w);
} KINDS[] = {
    {"replicaset",    plan_replicaset   },
    {"deployment",    plan_deployment   },
    {"statefulset",   plan_statefulset  },
    {"daemonset",     plan_daemonset    },
    {"job",           plan_job          },
    {"cronjob",       plan_cronjob      },
    {"endpointslice", plan_endpointslice},
    {"scheduler",     plan_scheduler    },
    {"disruption",    plan_disruption   },
    {"volume",        plan_volume       },
};

/* ---- files ---- */

static bool read_world(struct world *w, const char *text, size_t n, const char *name)
{
    struct value **docs = NULL;
    size_t count = 0;
    struct err e = {0};
    T_RC(yaml_parse_all(w->a, text, n, 0, &docs, &count, &e), &e, name);
    w->all.items = ARENA_ARRAY(w->a, const struct object *, count + 1);
    w->now_ms = 1767225600000; /* 2026-01-01T00:00:00Z */
    for (size_t i = 0; i < count; i++) {
        const char *kind = value_at_str(docs[i], "kind", "");
        int64_t ns;
        if (strcmp(kind, "Case") == 0) {
            w->settings = docs[i];
            if (clock_parse_rfc3339(value_at_str(docs[i], "now", ""), &ns, NULL) == 0)
                w->now_ms = ns / 1000000;
            continue;
        }
        const struct object *o = keep(w->a, docs[i]);
        w->first = w->first ? w->first : o;
        w->all.items[w->all.n++] = o;
    }
    return w->first != NULL;
}

static void run_case(const char *path, const char *name, const char *(*plan)(const struct world *))
{
    AUTO(arena) struct arena *a = arena_new((size_t)1 << 26);
    struct world w = {.a = a};
    struct err e = {0};
    char *text;
    size_t n;
    T_RC(fs_read(path, 1 << 20, a, &text, &n, &e), &e, name);
    char *cut = strstr(text, "\n===\n");
    size_t head = cut ? (size_t)(cut - text) + 1 : n;
    if (!read_world(&w, text, head, name))
        return;
    const char *got = plan(&w);
    if (getenv("GOLDEN")) {
        char *both = arena_printf(a, "%.*s===\n%s", (int)head, text, got);
        T_RC(fs_write_atomic(path, 0644, both, strlen(both), &e), &e, name);
        return;
    }
    T_EQ_STR(got, cut ? cut + 5 : "", name);
}

static void all_cases(void)
{
    size_t n = 0;
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        char dir[512], path[1024];
        (void)snprintf(dir, sizeof dir, "%s/%s", CASES, KINDS[i].folder);
        DIR *d = opendir(dir);
        T_OK(d != NULL, dir);
        for (const struct dirent *f; d && (f = readdir(d));) {
            if (!strstr(f->d_name, ".case"))
                continue;
            (void)snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
            run_case(path, path, KINDS[i].plan);
            n++;
        }
        if (d)
            (void)closedir(d);
    }
    T_OK(n >= 30, "cases are found");
}

T_MAIN(all_cases)
