/* The AnalysisRun of a content on trial. */
#include "codec/json.h"
#include "ctl/gitops/trial_int.h"
#include "kube/write.h"

enum { RETRY_MS = 20 * 1000 };

static int find_template(struct app *p, const char *name, const struct object **out, struct err *e)
{
    AUTO(object) struct object *o = NULL;
    const char *dest = value_at_str(p->spec, "destination.namespace", "");
    int rc = kube_get(p->c->kube, &RES_ANALYSIS_TEMPLATE, p->ns, name, &o, e);
    if (rc == ERR_NOT_FOUND && *dest)
        rc = kube_get(p->c->kube, &RES_ANALYSIS_TEMPLATE, dest, name, &o, e);
    if (rc == ERR_NOT_FOUND)
        rc = kube_get(p->c->kube, &RES_CLUSTER_ANALYSIS_TEMPLATE, NULL, name, &o, e);
    if (rc == ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "AnalysisTemplate %s is in neither %s nor %s", name, p->ns,
                       dest);
    if (rc == 0)
        *out = object_hold(p->a, o);
    return rc;
}

/* What every template may ask for by declaring an argument of that name. */
static const char *known_arg(struct app *p, const char *name)
{
    if (strcmp(name, "application") == 0)
        return p->name;
    if (strcmp(name, "namespace") == 0)
        return value_at_str(p->spec, "destination.namespace", "");
    if (strcmp(name, "revision") == 0)
        return value_at_str(p->rollout, "trial.revision", "");
    return NULL;
}

static int add_args(struct app *p, const struct value *declared, const struct value *given,
                    struct value *into, struct err *e)
{
    VALUE_EACH_ITEM (arg, declared) {
        const char *name = value_at_str(arg, "name", "");
        const struct value *own = value_get(given, name);
        const char *known = known_arg(p, name);
        bool twice = false;
        VALUE_EACH_ITEM (have, into)
            twice |= strcmp(value_at_str(have, "name", ""), name) == 0;
        if (twice)
            continue;
        struct value *v = value_push(p->a, into, value_copy(p->a, arg));
        if (own && value_is(own, VALUE_STRING)) {
            (void)value_remove(v, "valueFrom");
            (void)value_set(p->a, v, "value", own);
        } else if (known && !value_get(arg, "value") && !value_get(arg, "valueFrom")) {
            (void)value_set_str(p->a, v, "value", known);
        } else if (!value_get(arg, "value") && !value_get(arg, "valueFrom")) {
            return err_set(e, ERR_INVALID,
                           "analysis argument %s has no value; set it in the annotation "
                           "slipway.dev/analysis-args",
                           name);
        }
    }
    return 0;
}

static int fill_run(struct app *p, struct value *spec, struct err *e)
{
    const char *text = note_of(p->obj->root, "slipway.dev/analysis-args");
    const char *names = note_of(p->obj->root, "slipway.dev/analysis");
    struct value *given = NULL;
    int rc = *text ? json_parse(p->a, text, strlen(text), 0, &given, e) : 0;
    if (rc < 0)
        return err_wrap(e, rc, "slipway.dev/analysis-args");
    struct value *metrics = value_make_array(p->a, spec, "metrics");
    while (*names) {
        names += strspn(names, ", ");
        size_t n = strcspn(names, ", ");
        const struct object *t = NULL;
        rc = n ? find_template(p, arena_strndup(p->a, names, n), &t, e) : 0;
        if (rc < 0)
            return rc;
        VALUE_EACH_ITEM (m, n ? value_at(t->root, "spec.metrics") : NULL)
            (void)value_push(p->a, metrics, m);
        static const char *const lists[] = {"dryRun", "measurementRetention"};
        for (size_t k = 0; n && k < ARRAY_LEN(lists); k++) {
            VALUE_EACH_ITEM (x, value_get(value_get(t->root, "spec"), lists[k]))
                (void)value_push(p->a, value_make_array(p->a, spec, lists[k]), x);
        }
        if (n)
            rc = add_args(p, value_at(t->root, "spec.args"), given,
                          value_make_array(p->a, spec, "args"), e);
        if (rc < 0)
            return rc;
        names += n;
    }
    return 0;
}

/* Between these two the last good version served alone: what a baseline compares with. */
static void note_times(struct app *p, struct value *meta)
{
    struct value *notes = value_make_object(p->a, meta, "annotations");
    const char *good = value_at_str(p->rollout, "good.since", "");
    (void)value_set_str(p->a, notes, "slipway.dev/rollout-began",
                        value_at_str(p->rollout, "trial.since", ""));
    if (*good)
        (void)value_set_str(p->a, notes, "slipway.dev/good-since", good);
}

int trial__analyse(struct app *p, struct err *e)
{
    struct value *o = value_new_object(p->a);
    (void)value_set_str(p->a, o, "apiVersion", "argoproj.io/v1alpha1");
    (void)value_set_str(p->a, o, "kind", "AnalysisRun");
    struct value *meta = value_make_object(p->a, o, "metadata");
    (void)value_set_str(p->a, meta, "name", trial__run_name(p));
    (void)value_set_str(p->a, meta, "namespace", p->ns);
    trial__labels(p, meta);
    note_times(p, meta);
    (void)value_push(p->a, value_make_array(p->a, meta, "ownerReferences"),
                     owner_reference(p->a, &RES_APPLICATION, p->obj));
    struct err why = {.code = ERR_OK};
    int rc = fill_run(p, value_make_object(p->a, o, "spec"), &why);
    if (rc == 0)
        rc = kube_create(p->c->kube, &RES_ANALYSIS_RUN, p->ns, o, NULL, &why);
    if (rc == ERR_EXISTS)
        rc = 0;
    app_condition(p, "AnalysisError", rc < 0 ? why.msg : NULL);
    if (rc < 0)
        app_soon(p, RETRY_MS);
    (void)e;
    return 0;
}

static const struct value *named(const struct value *list, const char *name)
{
    VALUE_EACH_ITEM (x, list)
        if (strcmp(value_at_str(x, "name", ""), name) == 0)
            return x;
    return NULL;
}

const char *trial__message(const struct object *run, struct arena *a)
{
    const char *message = value_at_str(run->root, "status.message", "");
    VALUE_EACH_ITEM (result, value_at(run->root, "status.metricResults")) {
        const struct value *list = value_get(result, "measurements");
        const struct value *last = value_item(list, value_count(list) - 1);
        const char *shown = value_at_str(last, "value", "");
        if (strcmp(value_at_str(result, "message", ""), message) != 0 || !*shown ||
            *value_at_str(last, "message", ""))
            continue;
        const struct value *metric = named(value_at(run->root, "spec.metrics"),
                                           value_at_str(result, "name", ""));
        const char *good = value_at_str(metric, "successCondition", "");
        return arena_printf(a, "%s; the last measurement is %s, good is %s", message, shown,
                            *good ? good : "what failureCondition does not name");
    }
    return message;
}

enum rollback_run trial__run_state(const struct object *run)
{
    if (!run)
        return RUN_NONE;
    const char *phase = value_at_str(run->root, "status.phase", "");
    if (strcmp(phase, "Successful") == 0)
        return RUN_PASSED;
    if (strcmp(phase, "Failed") == 0 || strcmp(phase, "Error") == 0)
        return RUN_FAILED;
    return strcmp(phase, "Inconclusive") == 0 ? RUN_INCONCLUSIVE : RUN_ACTIVE;
}
