/* loop.c - following a push: repositories, users, status, trace, rollback. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "cli/logs.h"
#include "cli/table.h"
#include "cli/trace.h"
#include "cli/verb.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "ctl/gitops/gitops.h"
#include "kube/remote.h"
#include "net/http_client.h"

enum { REPO_CREATE, USER_CREATE, STATUS, TRACE, ROLLBACK, LOGS };

#define KUBECONFIG_OPTION                                                                          \
    {                                                                                              \
        "kubeconfig", 0, OPTION_TEXT, &kubeconfig, "FILE",                                         \
            "which server ($KUBECONFIG, or this machine's)"                                        \
    }

/* ---- repo create ---- */

static int create_repository(struct kube *k, const char *ns, const char *name,
                             const struct option_list *readers, const struct option_list *writers,
                             struct arena *a, struct err *e)
{
    struct value *o = value_new_object(a);
    (void)value_set_str(a, o, "apiVersion", "slipway.dev/v1");
    (void)value_set_str(a, o, "kind", "Repository");
    struct value *meta = value_make_object(a, o, "metadata");
    (void)value_set_str(a, meta, "name", name);
    (void)value_set_str(a, meta, "namespace", ns);
    struct value *access = value_make_array(a, o, "spec.access");
    const struct {
        const struct option_list *users;
        const char *role;
    } lists[] = {
        {readers, "read" },
        {writers, "write"},
    };
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        for (size_t n = 0; n < lists[i].users->n; n++) {
            struct value *entry = value_push(a, access, value_new_object(a));
            (void)value_set_str(a, entry, "user", lists[i].users->items[n]);
            (void)value_set_str(a, entry, "role", lists[i].role);
        }
    return kube_create(k, &RES_REPOSITORY, ns, o, NULL, e);
}

static int run_repo_create(int argc, char **argv)
{
    const char *kubeconfig = NULL, *ns = "default";
    struct option_list readers = {0}, writers = {0};
    const struct option table[] = {
        {"namespace",  'n', OPTION_TEXT, &ns, "NAME", "namespace of the Repository (default)"},
        {"read", 'r', OPTION_LIST, &readers, "USER", "who may read; may be repeated"},
        {"write",      'w', OPTION_LIST, &writers, "USER", "who may push; may be repeated"},
        KUBECONFIG_OPTION,
        {0           }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(kube) struct kube *k = NULL;
    struct arguments args;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_loop[REPO_CREATE], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_loop[REPO_CREATE]);
    if (verb_connect(kubeconfig, a, &k, &e) < 0 ||
        create_repository(k, ns, args.items[0], &readers, &writers, a, &e) < 0)
        return verb_fail(&e);
    (void)printf("repository %s/%s created\n", ns, args.items[0]);
    return EXIT_OK;
}

/* ---- user create ---- */

static int create_user(struct kube *k, const char *user, const struct option_list *groups,
                       struct arena *a, const char **token, struct err *e)
{
    unsigned char random[32];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return err_sys(e, errno, "draw random bytes");
    *token = base64_encode(a, random, sizeof random, BASE64_URL_RAW);
    char *list = arena_strdup(a, "");
    for (size_t i = 0; i < groups->n; i++)
        list = arena_printf(a, "%s%s%s", list, i ? "," : "", groups->items[i]);
    struct value *o = value_new_object(a);
    (void)value_set_str(a, o, "apiVersion", "v1");
    (void)value_set_str(a, o, "kind", "Secret");
    (void)value_set_str(a, o, "type", "slipway.dev/user-token");
    (void)value_set(a, value_make_object(a, o, "metadata"), "name",
                    value_new_strf(a, "user-%s", user));
    struct value *data = value_make_object(a, o, "stringData");
    (void)value_set_str(a, data, "user", user);
    (void)value_set_str(a, data, "groups", list);
    (void)value_set_str(a, data, "token", *token);
    return kube_create(k, &RES_SECRET, "kube-system", o, NULL, e);
}

/* Only slipway's own API takes such tokens: in another, the Secret goes again. */
static int check_user(struct kube *k, const char *user, const char *token, struct arena *a,
                      struct err *e)
{
    static const struct kube_delete_opts now = {.grace_s = -1};
    AUTO(object) struct object *answer = NULL;
    struct value *ask = value_new_object(a);
    (void)value_set_str(a, ask, "apiVersion", "authentication.k8s.io/v1");
    (void)value_set_str(a, ask, "kind", "TokenReview");
    (void)value_set_str(a, value_make_object(a, ask, "spec"), "token", token);
    int r = kube_create(k, &RES_TOKEN_REVIEW, NULL, ask, &answer, e);
    if (r < 0 || value_at_bool(answer->root, "status.authenticated", false))
        return r;
    r = kube_delete(k, &RES_SECRET, "kube-system", arena_printf(a, "user-%s", user), &now, e);
    if (r < 0)
        return r;
    (void)err_set(e, ERR_UNSUPPORTED, "this API has users of its own");
    return err_hint(e,
                    "make a service account: kubectl create serviceaccount %s, then kubectl "
                    "create token %s",
                    user, user);
}

static int run_user_create(int argc, char **argv)
{
    const char *kubeconfig = NULL, *token;
    struct option_list groups = {0};
    const struct option table[] = {
        {"group",      'g', OPTION_LIST, &groups, "GROUP", "a group of the user; may be repeated"},
        KUBECONFIG_OPTION,
        {0}
    };
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(kube) struct kube *k = NULL;
    struct arguments args;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_loop[USER_CREATE], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_loop[USER_CREATE]);
    if (verb_connect(kubeconfig, a, &k, &e) < 0 ||
        create_user(k, args.items[0], &groups, a, &token, &e) < 0 ||
        check_user(k, args.items[0], token, a, &e) < 0)
        return verb_fail(&e);
    (void)printf("%s\n", token); /* shown once; git takes it as the password */
    return EXIT_OK;
}

/* ---- status ---- */

static const char *since(const char *time, struct arena *a)
{
    char now[CLOCK_TEXT_MAX];
    clock_format_rfc3339(clock_real_ms(), now);
    const char *text = trace_took(time, now, a);
    return *text ? arena_printf(a, "%s ago", text) : "";
}

static int print_applications(struct kube *k, struct arena *a, struct err *e)
{
    static const char *const titles[] = {"APPLICATION", "SYNC",     "HEALTH",
                                         "REVISION",    "DEPLOYED", NULL};
    struct kube_list l = {0};
    struct table *t = table_new(a, titles);
    int r = kube_list(k, &RES_APPLICATION, NULL, NULL, &l, e);
    for (size_t i = 0; i < l.n; i++) {
        const struct value *root = l.items[i]->root, *last = NULL;
        VALUE_EACH_ITEM (h, value_at(root, "status.history"))
            last = h;
        const char *const row[] = {
            arena_printf(a, "%s/%s", l.items[i]->ns, l.items[i]->name),
            arena_strdup(a, value_at_str(root, "status.sync.status", "Unknown")),
            arena_strdup(a, value_at_str(root, "status.health.status", "Unknown")),
            arena_printf(a, "%.12s",
                         value_at_str(root, "status.sync.revision",
                                      value_at_str(root, "status.sync.revisions[0]", ""))),
            since(value_at_str(last, "deployedAt", ""), a),
        };
        table_row(t, row);
    }
    if (table_rows(t))
        table_print(t);
    kube_list_done(&l);
    return r;
}

static int print_runs(struct kube *k, struct arena *a, struct err *e)
{
    static const char *const titles[] = {"RUN", "COMMIT", "STATE", "STARTED", "TOOK", NULL};
    struct kube_list l = {0};
    struct table *t = table_new(a, titles);
    int r = kube_list(k, &RES_PIPELINE_RUN, NULL, NULL, &l, e);
    for (size_t i = 0; i < l.n; i++) {
        const struct value *root = l.items[i]->root;
        const char *commit = object_label(l.items[i], "slipway.dev/commit");
        const char *start = value_at_str(root, "status.startTime", "");
        const char *const row[] = {
            arena_printf(a, "%s/%s", l.items[i]->ns, l.items[i]->name),
            arena_printf(a, "%.12s", commit ? commit : ""),
            arena_strdup(a, value_at_str(object_condition(root, "Succeeded"), "reason", "Pending")),
            since(start, a),
            trace_took(start, value_at_str(root, "status.completionTime", ""), a),
        };
        table_row(t, row);
    }
    if (table_rows(t))
        table_print(t);
    kube_list_done(&l);
    return r;
}

/* Nothing, where the kind is not known. */
static int print_rules(struct kube *k, struct arena *a, struct err *e)
{
    static const char *const titles[] = {"RULES", "LOADED", "PENDING", "FIRING", "ALERTS", NULL};
    struct kube_list l = {0};
    struct table *t = table_new(a, titles);
    int r = kube_list(k, &RES_PROMETHEUS_RULE, NULL, NULL, &l, e);
    for (size_t i = 0; i < l.n; i++) {
        const struct value *status = value_get(l.items[i]->root, "status");
        const char *names = "";
        VALUE_EACH_ITEM (x, value_get(status, "firingAlerts"))
            names = arena_join(a, names, *names ? "," : "", value_str(x, ""), NULL);
        const struct value *loaded = object_condition(l.items[i]->root, "Loaded");
        const char *const row[] = {
            arena_printf(a, "%s/%s", l.items[i]->ns, l.items[i]->name),
            arena_strdup(a, value_at_str(loaded, "status", "Unknown")),
            arena_printf(a, "%lld", (long long)value_at_int(status, "pending", 0)),
            arena_printf(a, "%lld", (long long)value_at_int(status, "firing", 0)),
            names,
        };
        table_row(t, row);
    }
    if (table_rows(t)) {
        (void)puts("");
        table_print(t);
    }
    kube_list_done(&l);
    return r == ERR_NOT_FOUND ? 0 : r;
}

static int run_status(int argc, char **argv)
{
    const char *kubeconfig = NULL;
    const struct option table[] = {KUBECONFIG_OPTION, {0}};
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(kube) struct kube *k = NULL;
    struct arguments args;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_loop[STATUS], table, argc, argv, a, &args, &code))
        return code;
    if (args.n)
        return verb_usage(&verbs_loop[STATUS]);
    if (verb_connect(kubeconfig, a, &k, &e) < 0 || print_applications(k, a, &e) < 0)
        return verb_fail(&e);
    (void)puts("");
    return print_runs(k, a, &e) < 0 || print_rules(k, a, &e) < 0 ? verb_fail(&e) : EXIT_OK;
}

/* ---- trace, rollback ---- */

static int run_trace(int argc, char **argv)
{
    const char *kubeconfig = NULL;
    const struct option table[] = {KUBECONFIG_OPTION, {0}};
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(kube) struct kube *k = NULL;
    struct arguments args;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_loop[TRACE], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_loop[TRACE]);
    if (verb_connect(kubeconfig, a, &k, &e) < 0 || trace_print(k, args.items[0], a, &e) < 0)
        return verb_fail(&e);
    return EXIT_OK;
}

static int run_rollback(int argc, char **argv)
{
    const char *kubeconfig = NULL, *ns = "argocd", *reason = "";
    const struct option table[] = {
        {"namespace",  'n', OPTION_TEXT, &ns, "NAME", "namespace of the Application (argocd)"},
        {"reason", 0, OPTION_TEXT, &reason, "TEXT",
         "why; goes into the record and the revert commit"},
        KUBECONFIG_OPTION,
        {0     }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(kube) struct kube *k = NULL;
    struct arguments args;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_loop[ROLLBACK], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_loop[ROLLBACK]);
    const char *user = getenv("USER");
    if (verb_connect(kubeconfig, a, &k, &e) < 0 ||
        gitops_rollback(k, ns, args.items[0], reason, user ? user : "hand", &e) < 0)
        return verb_fail(&e);
    (void)printf("%s/%s: what runs is condemned; the last good revision comes back\n", ns,
                 args.items[0]);
    return EXIT_OK;
}

static int run_logs(int argc, char **argv)
{
    return logs_run(&verbs_loop[LOGS], argc, argv);
}

const struct verb verbs_loop[] = {
    [REPO_CREATE] = {"repo create",                                 "NAME [options]", "make a Git repository to push to",
                     run_repo_create},
    [USER_CREATE] = {"user create",           "NAME [options]", "make a user; prints the token, once",
                     run_user_create},
    [STATUS] = {"status",                                             "[options]", "applications, runs and alerts, at a glance", run_status},
    [TRACE] = {"trace",                   "COMMIT [options]", "what became of a commit, from run to verdict",
                     run_trace},
    [ROLLBACK] = {"rollback",                               "APPLICATION [options]",
                     "condemn what runs, bring the last good back", run_rollback},
    [LOGS] = {"logs",                                      "[POD] [options]", "lines of pods, also of those long gone", run_logs},
    {0}
};
