/* Applications from hosted repositories, step by step. */
#include "blob/blob.h"
#include "world.h"

static void follows_git(void)
{
    struct world w;
    setup(&w);
    load(&w, APPLICATION(""));
    settle(&w);
    T_EQ_STR(app(&w, "status.sync.status"), "Unknown", "nothing pushed yet");
    const char *one =
        push(&w, (struct file_edit[]){
                     {"prod/a.yaml", MAP("a", "one")},
                     {"prod/b.yaml",       MAP("b", "one")},
                     {0}
    });
    T_EQ_STR(app(&w, "status.sync.status"), "Synced", "first");
    T_EQ_STR(app(&w, "status.sync.revision"), one, "first");
    T_EQ_STR(app(&w, "status.health.status"), "Healthy", "first");
    T_EQ_STR(app(&w, "status.operationState.phase"), "Succeeded", "first");
    T_EQ_STR(map_value(&w, "a"), "one", "first");
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "two")},
                       {"prod/b.yaml",       NULL},
                       {0}
    });
    T_EQ_STR(map_value(&w, "a"), "two", "changed");
    T_EQ_STR(map_value(&w, "b"), "gone", "pruned");
    const char *version = app(&w, "metadata.resourceVersion");
    settle(&w);
    T_EQ_STR(app(&w, "metadata.resourceVersion"), version, "a settled world is left alone");
    patch(&w, &RES_CONFIG_MAP, "web", "a", NULL, "{\"data\":{\"k\":\"by hand\"}}");
    T_EQ_STR(map_value(&w, "a"), "two", "drift is undone");
    const struct value *o = get(&w, &RES_APPLICATION, "argocd", "shop");
    T_EQ_INT(value_count(value_at(o, "status.history")), 3, "history");
    struct err e = {0};
    struct kube_delete_opts del = {.grace_s = -1};
    T_RC(kube_delete(w.kube, &RES_APPLICATION, "argocd", "shop", &del, &e), &e, "delete");
    settle(&w);
    T_EQ_STR(map_value(&w, "a"), "gone", "deleted with its Application");
    T_OK(!get(&w, &RES_APPLICATION, "argocd", "shop"), "the finalizer is gone");
    teardown(&w);
}

static void a_bad_manifest_fails_its_own(void)
{
    struct world w;
    setup(&w);
    load(&w, APPLICATION(""));
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "one")},
                       {0      }
    });
    (void)push(&w, (struct file_edit[]){
                       {"prod/b.yaml", "kind: [\n"},
                       {0            }
    });
    T_EQ_STR(app(&w, "status.sync.status"), "Unknown", "unreadable");
    T_EQ_STR(app(&w, "status.conditions[0].type"), "ComparisonError", "unreadable");
    T_OK(strstr(app(&w, "status.conditions[0].message"), "prod/b.yaml"), "names the file");
    (void)push(&w, (struct file_edit[]){
                       {"prod/b.yaml", "apiVersion: x.io/v1\nkind: Odd\nmetadata: {name: o}\n"},
                       {"prod/a.yaml",             MAP("a", "two")},
                       {0}
    });
    T_EQ_STR(app(&w, "status.operationState.phase"), "Failed", "unknown kind");
    T_OK(strstr(app(&w, "status.operationState.message"), "does not know the kind Odd"),
         app(&w, "status.operationState.message"));
    T_EQ_STR(map_value(&w, "a"), "one", "nothing was touched");
    const char *version = app(&w, "metadata.resourceVersion");
    settle(&w);
    T_EQ_STR(app(&w, "metadata.resourceVersion"), version, "what failed is not tried again");
#ifdef REAL_API
    (void)push(&w, (struct file_edit[]){
                       {"prod/b.yaml",      MAP("b", "one") "foo: 1\n"},
                       {0}
    });
    T_EQ_STR(app(&w, "status.operationState.phase"), "Failed", "unknown field");
    T_OK(strstr(app(&w, "status.operationState.message"), ".foo: field not declared in schema"),
         app(&w, "status.operationState.message"));
    T_EQ_STR(map_value(&w, "a"), "one", "nothing was touched");
#endif
    (void)push(&w, (struct file_edit[]){
                       {"prod/b.yaml", NULL},
                       {0            }
    });
    T_EQ_STR(map_value(&w, "a"), "two", "mended");
    T_EQ_STR(app(&w, "status.sync.status"), "Synced", "mended");
    teardown(&w);
}

#define HOOK(name, when)                                                                           \
    "---\napiVersion: batch/v1\nkind: Job\nmetadata:\n  name: " name                               \
    "\n  annotations: {argocd.argoproj.io/hook: " when                                             \
    ", argocd.argoproj.io/hook-delete-policy: HookSucceeded}\nspec: {template: {spec: "            \
    "{restartPolicy: Never, containers: [{name: c, image: i}]}}}\n"
#define WAVE(name, wave)                                                                           \
    "---\napiVersion: batch/v1\nkind: Job\nmetadata:\n  name: " name                               \
    "\n  annotations: {argocd.argoproj.io/sync-wave: \"" wave                                      \
    "\"}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}\n"
#define COMPLETE                                                                                   \
    "{\"status\":{\"startTime\":\"2023-11-14T22:13:20Z\",\"completionTime\":"                      \
    "\"2023-11-14T22:13:21Z\",\"succeeded\":1,\"conditions\":[{\"type\":\"SuccessCriteriaMet\","   \
    "\"status\":\"True\"},{\"type\":\"Complete\",\"status\":\"True\"}]}}"

static void runs_hooks_and_waves(void)
{
    struct world w;
    setup(&w);
    load(&w, APPLICATION(""));
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml",          HOOK("before", "PreSync") WAVE("one", "1") WAVE("two", "2")
                                           HOOK("after", "PostSync")},
                       {0}
    });
    T_OK(get(&w, &RES_JOB, "web", "before"), "PreSync first");
    T_OK(!get(&w, &RES_JOB, "web", "one"), "and alone");
    T_EQ_STR(app(&w, "status.operationState.message"),
             "waiting for completion of hook batch/Job/before", "says so");
    patch(&w, &RES_JOB, "web", "before", "status", COMPLETE);
    T_OK(!get(&w, &RES_JOB, "web", "before"), "HookSucceeded removes it");
    T_OK(get(&w, &RES_JOB, "web", "one"), "wave 1");
    T_OK(!get(&w, &RES_JOB, "web", "two"), "not yet wave 2");
    patch(&w, &RES_JOB, "web", "one", "status", COMPLETE);
    T_OK(get(&w, &RES_JOB, "web", "two"), "wave 2");
    T_OK(!get(&w, &RES_JOB, "web", "after"), "not yet PostSync");
    patch(&w, &RES_JOB, "web", "two", "status", COMPLETE);
    T_OK(get(&w, &RES_JOB, "web", "after"), "PostSync");
    patch(&w, &RES_JOB, "web", "after", "status", COMPLETE);
    T_EQ_STR(app(&w, "status.operationState.phase"), "Succeeded", "done");
    T_EQ_STR(app(&w, "status.sync.status"), "Synced", "done");
    teardown(&w);
}

/* ---- rollback ---- */

static void takes_back_what_is_bad(void)
{
    struct world w;
    setup(&w);
    load(&w, TEMPLATE);
    load(&w, APPLICATION(WATCHED));
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "good")},
                       {"other",      "1"},
                       {0      }
    });
    T_EQ_INT(count_of(&w, &RES_ANALYSIS_RUN), 1, "the first revision is judged, too");
    (void)verdict(&w, "Successful");
    const char *bad = push(
        &w, (struct file_edit[]){
                {"prod/a.yaml",     MAP("a", "bad")},
                {"prod/extra.yaml",           MAP("extra", "new")},
                {0}
    });
    T_EQ_STR(map_value(&w, "a"), "bad", "deployed");
    (void)push(&w, (struct file_edit[]){
                       {"other", "2"},
                       {0      }
    });
    (void)verdict(&w, "Failed");
    T_EQ_INT(count_of(&w, &RES_CONDEMNATION), 1, "condemned once");
    T_EQ_INT(w.commits, 1, "one revert commit");
    T_EQ_STR(map_value(&w, "a"), "good", "the last good one serves");
    T_EQ_STR(map_value(&w, "extra"), "gone", "what was added is gone");
    T_EQ_INT(count_of(&w, &RES_ANALYSIS_RUN), 2, "no trial of what is good");
    T_EQ_STR(app(&w, "status.sync.status"), "Synced", "settled");
    AUTO(repo) struct repo *r = NULL;
    struct err e = {0};
    struct repo_commit c;
    const char *text;
    size_t n;
    T_RC(repo_open(repository_path(&w.repositories, "infra", w.a), &r, &e), &e, "open");
    T_RC(repo_commit_read(r, app(&w, "status.sync.revision"), w.a, &c, &e), &e, "revert");
    T_EQ_STR(repo_trailer(w.a, c.message, "Slipway-Reverts"), bad, "trailer");
    T_EQ_STR(repo_trailer(w.a, c.message, "Slipway-Reason"), "the analysis failed: metric m",
             "trailer");
    T_RC(repo_read(r, c.sha, "other", w.a, &text, &n, &e), &e, "others' work");
    T_EQ_STR(text, "2", "others' work stays");
    for (int i = 0; i < 20; i++)
        settle(&w);
    T_EQ_INT(w.commits, 1, "no flaps");
    (void)push(
        &w, (struct file_edit[]){
                {"prod/a.yaml",     MAP("a", "bad")},
                {"prod/extra.yaml",           MAP("extra", "new")},
                {0}
    });
    T_EQ_STR(map_value(&w, "a"), "good", "the same again is not deployed");
    delete_all(&w, &RES_CONDEMNATION);
    T_EQ_STR(map_value(&w, "a"), "bad", "unless the condemnation is taken back");
    T_EQ_INT(count_of(&w, &RES_CONDEMNATION), 0, "it has a new trial");
    (void)verdict(&w, "Failed");
    T_EQ_STR(map_value(&w, "a"), "good", "which it fails, too");
    T_EQ_INT(w.commits, 2, "one revert each");
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "better")},
                       {0   }
    });
    T_EQ_STR(map_value(&w, "a"), "better", "the next good push deploys");
    (void)verdict(&w, "Successful");
    T_EQ_STR(app(&w, "status.health.status"), "Healthy", "good again");
    teardown(&w);
}

/* The digest that versions before "v2" noted of a ConfigMap as the only object. */
static const char *digest_of_before(struct world *w, const char *value)
{
    struct value **docs;
    size_t n;
    char digest[DIGEST_MAX];
    const struct value *notes =
        value_at(get(w, &RES_CONFIG_MAP, "web", "a"), "metadata.annotations");
    const char *yaml = arena_printf(w->a,
                                    "apiVersion: v1\nkind: ConfigMap\ndata: {k: %s}\n"
                                    "metadata: {name: a, namespace: web}\n",
                                    value);
    T_EQ_INT(yaml_parse_all(w->a, yaml, strlen(yaml), 0, &docs, &n, NULL), 0, yaml);
    (void)value_set_str(
        w->a, value_make_object(w->a, docs[0], "metadata.annotations"),
        "argocd.argoproj.io/tracking-id",
        value_str(value_get(notes, "argocd.argoproj.io/tracking-id"), "there is none"));
    struct value *all = value_new_array(w->a);
    (void)value_push(w->a, all, docs[0]);
    const char *text = json_text(w->a, all, JSON_SORTED);
    blob_digest_of(text, strlen(text), digest);
    return arena_strdup(w->a, strchr(digest, ':') + 1);
}

/* `text` with the digest in place of one of now. */
static const char *with_digest(struct world *w, const char *text, const char *now, const char *old)
{
    const char *at;
    while ((at = strstr(text, now)))
        text = arena_printf(w->a, "%.*s%s%s", (int)(at - text), text, old, at + strlen(now));
    return text;
}

static const char *first_condemned(struct world *w, const char **name)
{
    struct kube_list l = {0};
    T_EQ_INT(kube_list(w->kube, &RES_CONDEMNATION, NULL, NULL, &l, NULL), 0, "condemnations");
    T_EQ_INT(l.n, 1, "one");
    *name = arena_strdup(w->a, l.items[0]->name);
    const char *git = value_at_str(l.items[0]->root, "spec.content.git", "");
    git = arena_strdup(w->a, git);
    kube_list_done(&l);
    return git;
}

static const char *rollout_of(struct world *w)
{
    const struct value *o = get(w, &RES_APPLICATION, "argocd", "shop");
    return value_str(value_get(value_at(o, "metadata.annotations"), "slipway.dev/rollout"), "{}");
}

static void set_rollout(struct world *w, const char *text)
{
    struct value *o = value_new_object(w->a);
    (void)value_set_str(w->a, value_make_object(w->a, o, "metadata.annotations"),
                        "slipway.dev/rollout", text);
    patch(w, &RES_APPLICATION, "argocd", "shop", NULL, json_text(w->a, o, 0));
}

static void knows_digests_of_before(void)
{
    struct world w;
    const char *name;
    struct value *rollout;
    setup(&w);
    load(&w, TEMPLATE);
    load(&w, APPLICATION(WATCHED));
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "good")},
                       {0     }
    });
    (void)verdict(&w, "Successful");
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "bad")},
                       {0      }
    });
    (void)verdict(&w, "Failed");
    T_EQ_STR(map_value(&w, "a"), "good", "taken back");
    const char *bad = first_condemned(&w, &name), *text = rollout_of(&w);
    T_EQ_INT(json_parse(w.a, text, strlen(text), 0, &rollout, NULL), 0, text);
    const char *good = value_at_str(rollout, "good.git", "");
    T_OK(*good && *bad, text);
    text = with_digest(&w, text, good, digest_of_before(&w, "good"));
    text = with_digest(&w, text, bad, digest_of_before(&w, "bad"));
    patch(&w, &RES_CONDEMNATION, "argocd", name, NULL,
          arena_printf(w.a, "{\"spec\":{\"content\":{\"git\":\"%s\"}}}",
                       digest_of_before(&w, "bad")));
    set_rollout(&w, text);
    (void)push(&w, (struct file_edit[]){
                       {"other", "1"},
                       {0      }
    });
    T_EQ_INT(count_of(&w, &RES_ANALYSIS_RUN), 2, "what is good is not tried again");
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "bad")},
                       {0      }
    });
    T_EQ_STR(map_value(&w, "a"), "good", "what is condemned stays condemned");
    T_EQ_INT(count_of(&w, &RES_ANALYSIS_RUN), 2, "and is not tried");
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "better")},
                       {0   }
    });
    T_EQ_STR(map_value(&w, "a"), "better", "what is new is tried");
    T_EQ_INT(count_of(&w, &RES_ANALYSIS_RUN), 3, "on its own");
    teardown(&w);
}

static void goes_back_when_asked(void)
{
    struct world w;
    struct err e = {0};
    setup(&w);
    load(&w, APPLICATION(""));
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "one")},
                       {0      }
    });
    T_EQ_INT(gitops_rollback(w.kube, "argocd", "shop", "", "ann", &e), ERR_NOT_FOUND, "first");
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "two")},
                       {0      }
    });
    T_EQ_INT(gitops_sync(w.kube, "argocd", "shop", 0, "ann", &e), ERR_CONFLICT, "auto-sync is on");
    T_RC(gitops_rollback(w.kube, "argocd", "shop", "slow", "ann", &e), &e, "rollback");
    settle(&w);
    T_EQ_STR(map_value(&w, "a"), "one", "back");
    T_EQ_INT(w.commits, 1, "by a commit");
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "three")},
                       {0    }
    });
    T_EQ_STR(map_value(&w, "a"), "three", "and on");
    patch(&w, &RES_APPLICATION, "argocd", "shop", NULL,
          "{\"spec\":{\"syncPolicy\":{\"automated\":null}}}");
    T_RC(gitops_sync(w.kube, "argocd", "shop", 0, "ann", &e), &e, "by hand");
    settle(&w);
    T_EQ_STR(map_value(&w, "a"), "one", "a revision of the history");
    T_EQ_STR(app(&w, "status.sync.status"), "OutOfSync", "is not the newest");
    T_RC(gitops_sync(w.kube, "argocd", "shop", -1, "ann", &e), &e, "by hand");
    settle(&w);
    T_EQ_STR(map_value(&w, "a"), "three", "the newest");
    teardown(&w);
}

static void pins_where_it_may_not_write(void)
{
    struct world w;
    setup(&w);
    load(&w, TEMPLATE);
    load(&w, APPLICATION("  annotations: {slipway.dev/analysis: ok, "
                         "slipway.dev/rollback: pin}\n"));
    const char *good = push(&w, (struct file_edit[]){
                                    {"prod/a.yaml", MAP("a", "good")},
                                    {0     }
    });
    (void)verdict(&w, "Successful");
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "bad")},
                       {0      }
    });
    (void)verdict(&w, "Failed");
    T_EQ_INT(w.commits, 0, "no commit");
    T_EQ_STR(map_value(&w, "a"), "good", "the last good one serves");
    T_EQ_STR(app(&w, "status.sync.revision"), good, "pinned");
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "better")},
                       {0   }
    });
    T_EQ_STR(map_value(&w, "a"), "better", "newer");
    teardown(&w);
}

#define DEPLOYMENT                                                                                 \
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  replicas: 0\n"           \
    "  selector: {matchLabels: {a: d}}\n  template:\n    metadata: {labels: {a: d}}\n    spec:\n"  \
    "      containers:\n      - name: c\n        image: shop:1\n"                                  \
    "        envFrom: [{secretRef: {name: outside}}]\n"
#define SECRET(value)                                                                              \
    "apiVersion: v1\nkind: Secret\nmetadata: {name: outside, namespace: web}\n"                    \
    "data: {k: " value "}\n"

static void rolled_out(struct world *w)
{
    long long generation =
        value_at_int(get(w, &RES_DEPLOYMENT, "web", "d"), "metadata.generation", 0);
    patch(w, &RES_DEPLOYMENT, "web", "d", "status",
          arena_printf(w->a, "{\"status\":{\"observedGeneration\":%lld}}", generation));
}

static void takes_configuration_back(void)
{
    static const char note[] = "spec.template.metadata.annotations";
    struct world w;
    setup(&w);
    load(&w, TEMPLATE);
    load(&w, SECRET("Z29vZA=="));
    load(&w, APPLICATION(WATCHED));
    (void)push(&w, (struct file_edit[]){
                       {"prod/d.yaml", DEPLOYMENT},
                       {0            }
    });
    T_EQ_STR(app(&w, "status.operationState.message"), "successfully synced (all tasks run)",
             app(&w, "status.conditions[0].message"));
    rolled_out(&w);
    (void)verdict(&w, "Successful");
    const struct value *d = get(&w, &RES_DEPLOYMENT, "web", "d");
    const char *before = value_str(value_get(value_at(d, note), "slipway.dev/config-hash"), "");
    patch(&w, &RES_SECRET, "web", "outside", NULL, "{\"data\":{\"k\":\"YmFk\"}}");
    d = get(&w, &RES_DEPLOYMENT, "web", "d");
    T_OK(strcmp(before, value_str(value_get(value_at(d, note), "slipway.dev/config-hash"), "")) !=
             0,
         "a change of the Secret rolls the pods");
    rolled_out(&w);
    (void)verdict(&w, "Failed");
    T_EQ_STR(value_at_str(get(&w, &RES_SECRET, "web", "outside"), "data.k", ""),
             "Z29vZA==", "the Secret is what it was");
    d = get(&w, &RES_DEPLOYMENT, "web", "d");
    T_EQ_STR(value_str(value_get(value_at(d, note), "slipway.dev/config-hash"), ""), before,
             "and so are the pods");
    T_EQ_INT(w.commits, 0, "Git had no part in it");
    patch(&w, &RES_SECRET, "web", "outside", NULL, "{\"data\":{\"k\":\"YmFkZGVy\"}}");
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "bad")},
                       {0      }
    });
    rolled_out(&w);
    (void)verdict(&w, "Failed");
    T_EQ_STR(value_at_str(get(&w, &RES_SECRET, "web", "outside"), "data.k", ""),
             "Z29vZA==", "both at once: the Secret");
    T_EQ_STR(map_value(&w, "a"), "gone", "both at once: Git");
    rolled_out(&w);
    T_EQ_INT(w.commits, 1, "by one commit");
    T_EQ_INT(count_of(&w, &RES_CONDEMNATION), 2, "one failure, one condemnation");
    teardown(&w);
}

/* Sets what the Deployment's controller would say of its rollout. */
static void stuck(struct world *w, long long observed, const char *since)
{
    patch(w, &RES_DEPLOYMENT, "web", "d", "status",
          arena_printf(w->a,
                       "{\"status\":{\"observedGeneration\":%lld,\"conditions\":[{\"type\":"
                       "\"Progressing\",\"status\":\"False\",\"reason\":"
                       "\"ProgressDeadlineExceeded\",\"lastTransitionTime\":\"%s\","
                       "\"lastUpdateTime\":\"%s\"}]}}",
                       observed, since, since));
}

static void blames_only_its_own_rollout(void)
{
    struct world w;
    setup(&w);
    load(&w, TEMPLATE);
    load(&w, SECRET("Z29vZA=="));
    load(&w, APPLICATION(WATCHED));
    (void)push(&w, (struct file_edit[]){
                       {"prod/d.yaml", DEPLOYMENT},
                       {0            }
    });
    stuck(&w, 1, "2023-11-14T22:13:19Z");
    T_EQ_INT(count_of(&w, &RES_CONDEMNATION), 0, "it was stuck before");
    stuck(&w, 0, "2023-11-14T22:13:50Z");
    T_EQ_INT(count_of(&w, &RES_CONDEMNATION), 0, "not observed yet");
    stuck(&w, 1, "2023-11-14T22:13:50Z");
    T_EQ_INT(count_of(&w, &RES_CONDEMNATION), 1, "its own");
    T_OK(strstr(app(&w, "status.conditions[0].message"), "there is no good revision"), "stuck");
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "new")},
                       {0      }
    });
    T_EQ_STR(map_value(&w, "a"), "new", "the next push deploys");
    T_EQ_INT(count_of(&w, &RES_CONDEMNATION), 1, "and starts afresh");
    teardown(&w);
}

static void heeds_options(void)
{
    struct world w;
    setup(&w);
    load(&w, "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
             "metadata: {name: shop, namespace: argocd}\nspec:\n  project: default\n"
             "  source: {repoURL: infra, path: prod, targetRevision: main}\n"
             "  destination: {name: in-cluster, namespace: fresh}\n"
             "  ignoreDifferences: [{kind: ConfigMap, jsonPointers: [/data/k]}]\n"
             "  syncPolicy:\n    automated: {selfHeal: true}\n"
             "    syncOptions: [CreateNamespace=true, RespectIgnoreDifferences=true]\n"
             "    managedNamespaceMetadata: {labels: {team: shop}}\n");
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "one")},
                       {"prod/b.yaml",       MAP("b", "x")},
                       {0}
    });
    T_EQ_STR(value_at_str(get(&w, &RES_NAMESPACE, NULL, "fresh"), "metadata.labels.team", ""),
             "shop", "the namespace is made");
    patch(&w, &RES_CONFIG_MAP, "fresh", "a", NULL, "{\"data\":{\"k\":\"mine\"}}");
    T_EQ_STR(app(&w, "status.sync.status"), "Synced", "what is ignored is no difference");
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "two")},
                       {"prod/b.yaml",       NULL},
                       {"prod/c.yaml", MAP("c", "x")},
                       {0            }
    });
    T_EQ_STR(value_at_str(get(&w, &RES_CONFIG_MAP, "fresh", "a"), "data.k", ""), "mine",
             "and is left as it is");
    T_OK(get(&w, &RES_CONFIG_MAP, "fresh", "b"), "no prune without asking");
    T_OK(get(&w, &RES_CONFIG_MAP, "fresh", "c"), "the rest is synced");
    T_EQ_STR(app(&w, "status.sync.status"), "OutOfSync", "what should be pruned shows");
    teardown(&w);
}

static void obeys_projects(void)
{
    struct world w;
    setup(&w);
    load(&w,
         "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\n"
         "metadata: {name: default, namespace: argocd}\n"
         "spec: {sourceRepos: ['http://h/git/*'], destinations: [{server: '*', namespace: web}],"
         " namespaceResourceBlacklist: [{group: '', kind: Secret}]}\n");
    load(&w, APPLICATION(""));
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "one")},
                       {0      }
    });
    T_EQ_STR(map_value(&w, "a"), "one", "allowed");
    (void)push(&w, (struct file_edit[]){
                       {"prod/b.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"},
                       {"prod/a.yaml",             MAP("a", "two")},
                       {0}
    });
    T_OK(strstr(app(&w, "status.operationState.message"), ":Secret is not permitted in project"),
         app(&w, "status.operationState.message"));
    T_EQ_STR(map_value(&w, "a"), "one", "nothing was touched");
    patch(&w, &RES_APPLICATION, "argocd", "shop", NULL,
          "{\"spec\":{\"destination\":{\"namespace\":\"other\"}}}");
    T_EQ_STR(app(&w, "status.conditions[0].type"), "InvalidSpecError", "destination");
    teardown(&w);
}

static void refuses_by_name(void)
{
    struct world w;
    setup(&w);
    load(&w, APPLICATION(""));
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "one")},
                       {0      }
    });
    (void)push(&w,
               (struct file_edit[]){
                   {"prod/a.yaml", MAP("a", "two")},
                   {"prod/h.yaml",       HOOK("h", "PreDelete")},
                   {0}
    });
    T_OK(strstr(app(&w, "status.operationState.message"), "hook PreDelete is not offered here"),
         app(&w, "status.operationState.message"));
    T_EQ_STR(map_value(&w, "a"), "one", "nothing was touched");
    patch(&w, &RES_APPLICATION, "argocd", "shop", NULL,
          "{\"spec\":{\"syncPolicy\":{\"syncOptions\":[\"Odd=true\"]}}}");
    T_EQ_STR(app(&w, "status.conditions[0].message"),
             "spec.syncPolicy.syncOptions: Odd=true is not offered here", "option");
    teardown(&w);
}

static void shares_nothing_when_told(void)
{
    struct world w;
    setup(&w);
    load(&w, APPLICATION(""));
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "one")},
                       {0      }
    });
    patch(&w, &RES_APPLICATION, "argocd", "shop", NULL,
          "{\"spec\":{\"syncPolicy\":{\"syncOptions\":[\"FailOnSharedResource=true\"]}}}");
    patch(&w, &RES_CONFIG_MAP, "web", "a", NULL,
          "{\"metadata\":{\"annotations\":{\"argocd.argoproj.io/tracking-id\":"
          "\"other:/ConfigMap:web/a\"}},\"data\":{\"k\":\"theirs\"}}");
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "two")},
                       {0      }
    });
    T_EQ_STR(map_value(&w, "a"), "theirs", "left alone");
    T_OK(strstr(app(&w, "status.operationState.message"),
                "ConfigMap/a belongs to Application other"),
         app(&w, "status.operationState.message"));
    teardown(&w);
}

static void tries_again(void)
{
    struct world w;
    setup(&w);
    load(&w, APPLICATION("") "    retry: {limit: 2, backoff: {duration: 5s, factor: 2}}\n");
    (void)push(&w,
               (struct file_edit[]){
                   {"prod/b.yaml", "apiVersion: x.io/v1\nkind: Odd\nmetadata: {name: o}\n"},
                   {0            }
    });
    T_EQ_STR(app(&w, "status.operationState.phase"), "Running", "waits for its second chance");
    T_OK(strstr(app(&w, "status.operationState.message"), "Retrying attempt #"), "says so");
    settle(&w);
    settle(&w);
    T_EQ_STR(app(&w, "status.operationState.phase"), "Failed", "and gives up");
    T_EQ_INT(value_at_int(get(&w, &RES_APPLICATION, "argocd", "shop"),
                          "status.operationState.retryCount", 0),
             2, "after two");
    teardown(&w);
}

static void updates_images(void)
{
    struct world w;
    struct err e = {0};
    setup(&w);
    (void)push(&w, (struct file_edit[]){
                       {"prod/kustomization.yaml", "# ours\nresources: []\nimages:\n"
                                                   "- name: shop # the shop\n  newTag: v1 # now\n"},
                       {0                        }
    });
    struct gitops_image_update u = {.repository = "infra",
                                    .path = "prod",
                                    .name = "shop",
                                    .tag = "v2",
                                    .digest = "sha256:ab",
                                    .app_commit = "2222",
                                    .run = "ci/run-1"};
    struct gitops_image_result res;
    T_RC(gitops_update_image(w.gitops, w.kube, &u, &res, &e), &e, "update");
    AUTO(repo) struct repo *r = NULL;
    struct repo_commit c;
    const char *text;
    size_t n;
    T_RC(repo_open(repository_path(&w.repositories, "infra", w.a), &r, &e), &e, "open");
    T_RC(repo_read(r, res.commit, "prod/kustomization.yaml", w.a, &text, &n, &e), &e, "read");
    T_EQ_STR(text,
             "# ours\nresources: []\nimages:\n- name: shop # the shop\n  newTag: v2 # now\n"
             "  digest: \"sha256:ab\"\n",
             "one line changes, comments stay");
    T_RC(repo_commit_read(r, res.commit, w.a, &c, &e), &e, "commit");
    T_EQ_STR(repo_trailer(w.a, c.message, "Slipway-Run"), "ci/run-1", "trailer");
    T_EQ_STR(repo_trailer(w.a, c.message, "Slipway-Image"), "shop@sha256:ab", "trailer");
    char first[REPO_SHA_MAX];
    memcpy(first, res.commit, sizeof first);
    T_RC(gitops_update_image(w.gitops, w.kube, &u, &res, &e), &e, "again");
    T_OK(!res.changed, "nothing to do");
    struct gitops_image_update newer = u;
    newer.tag = "v3";
    newer.run = "ci/run-2";
    T_RC(gitops_update_image(w.gitops, w.kube, &newer, &res, &e), &e, "a newer run");
    T_RC(gitops_update_image(w.gitops, w.kube, &u, &res, &e), &e, "the first asks again");
    T_OK(!res.changed, "a run commits once, whatever came after it");
    T_EQ_STR(res.commit, first, "and is told its own commit");
    u.run_since_s = INT64_MAX; /* another run of that name, made later */
    T_RC(gitops_update_image(w.gitops, w.kube, &u, &res, &e), &e, "a later run");
    T_OK(res.changed, "an older commit is not its own");
    load(&w, "apiVersion: slipway.dev/v1\nkind: Condemnation\n"
             "metadata: {name: c, namespace: argocd}\n"
             "spec: {application: shop, revision: x, images: [\"shop@sha256:cd\"], appCommit: "
             "\"3333\"}\n");
    u.digest = "sha256:cd";
    u.app_commit = "3333";
    T_EQ_INT(gitops_update_image(w.gitops, w.kube, &u, &res, &e), ERR_DENIED, "condemned");
    u.app_commit = NULL;
    T_EQ_INT(gitops_update_image(w.gitops, w.kube, &u, &res, &e), ERR_DENIED, "condemned image");
    u.app_commit = "4444";
    T_RC(gitops_update_image(w.gitops, w.kube, &u, &res, &e), &e, "a newer app commit");
    u.name = "other";
    T_EQ_INT(gitops_update_image(w.gitops, w.kube, &u, &res, &e), ERR_NOT_FOUND, "no such entry");
    teardown(&w);
}

static void updates_images_in_braces(void)
{
    struct world w;
    struct err e = {0};
    struct gitops_image_result res;
    AUTO(repo) struct repo *r = NULL;
    const char *text;
    size_t n;
    setup(&w);
    (void)push(&w, (struct file_edit[]){
                       {"prod/kustomization.yaml", "resources: []\nimages: # all\n"
                                                   "- { name: shop, newTag: v1 } # one\n"
                                                   "- {name: other,\n   newTag: v1}\n"},
                       {0                        }
    });
    struct gitops_image_update u = {.repository = "infra",
                                    .path = "prod",
                                    .name = "shop",
                                    .new_name = "here/shop",
                                    .digest = "sha256:ab"};
    T_RC(gitops_update_image(w.gitops, w.kube, &u, &res, &e), &e, "update");
    u.name = "other";
    u.new_name = NULL;
    T_RC(gitops_update_image(w.gitops, w.kube, &u, &res, &e), &e, "update");
    T_RC(repo_open(repository_path(&w.repositories, "infra", w.a), &r, &e), &e, "open");
    T_RC(repo_read(r, res.commit, "prod/kustomization.yaml", w.a, &text, &n, &e), &e, "read");
    T_EQ_STR(text,
             "resources: []\nimages: # all\n"
             "- {digest: \"sha256:ab\", newName: \"here/shop\", name: shop, newTag: v1 } # one\n"
             "- {digest: \"sha256:ab\", name: other,\n   newTag: v1}\n",
             "added within the braces");
    teardown(&w);
}

T_MAIN(follows_git, a_bad_manifest_fails_its_own, runs_hooks_and_waves, takes_back_what_is_bad,
       knows_digests_of_before, goes_back_when_asked, pins_where_it_may_not_write,
       takes_configuration_back, blames_only_its_own_rollout, heeds_options, obeys_projects,
       refuses_by_name, shares_nothing_when_told, tries_again, updates_images,
       updates_images_in_braces)
