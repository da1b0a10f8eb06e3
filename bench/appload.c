/* appload - Applications of one repository in one process: the API over a store on disk, their
 * loops, and commits.
 *
 *   appload FOLDER APPLICATIONS OBJECTS ROUNDS
 *
 * Every Application renders a folder of its own with OBJECTS objects, a file each: ConfigMaps, and
 * in every second file a suspended CronJob that names the one before. A line a round, in which a
 * commit changes one file: milliseconds from telling the repository's loop of the commit until the
 * API has the changed object, the same until every Application says that it has seen the commit,
 * milliseconds that renders took and how many there were. */
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "apiserver/local.h"
#include "base/clock.h"
#include "base/log.h"
#include "codec/yaml.h"
#include "ctl/gitops/gitops.h"
#include "store/store.h"
#include "vcs/repo.h"

enum { WAIT_MS = 90 * 1000, LOOK_US = 100, ALL_LOOK_US = 20 * 1000, REST_MS = 400, THREADS = 4 };

struct bench {
    struct arena *a;
    struct store *store;
    struct apiserver *server;
    struct kube *kube;
    struct runner *runner;
    struct gitops *gitops;
    struct repository_opts repositories;
    unsigned apps, objects;
};

/* ---- what is in the repository ---- */

struct change {
    const struct bench *b;
    unsigned round; /* 0: everything */
};

static const char *map_text(struct arena *a, unsigned object, unsigned value)
{
    return arena_printf(a,
                        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map-%04u\n  labels:\n"
                        "    app: map-%04u\ndata:\n  value: v%u\n  settings.yaml: |\n"
                        "    log: info\n    backends: [a, b]\n",
                        object, object, value);
}

/* It refers to the map of the file before by name. */
static const char *job_text(struct arena *a, unsigned object)
{
    return arena_printf(
        a,
        "apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: job-%04u\nspec:\n"
        "  schedule: \"0 0 * * *\"\n  suspend: true\n  jobTemplate:\n    spec:\n      template:\n"
        "        spec:\n          restartPolicy: Never\n          containers:\n"
        "            - name: work\n              image: registry.example.com/work:1.0.0\n"
        "              envFrom:\n                - configMapRef: {name: map-%04u}\n",
        object, object - 1);
}

static const char *kustomization_text(const struct bench *b, struct arena *a, unsigned app)
{
    AUTO_BUF struct buf text = {.max = 1 << 24};
    buf_printf(&text, "namePrefix: app-%04u-\nlabels:\n- pairs: {team: web}\nresources:\n", app);
    for (unsigned i = 0; i < b->objects; i++)
        buf_printf(&text, "- map-%04u.yaml\n", i);
    return arena_strdup(a, buf_text(&text));
}

static void edit(struct repo_draft *d, const char *path, const char *text)
{
    d->edits[d->n++] =
        (struct repo_edit){.kind = REPO_WRITE, .path = path, .bytes = text, .n = strlen(text)};
}

static int draft(void *arg, struct repo *r, const char *parent, struct arena *a,
                 struct repo_draft *out, struct err *e)
{
    const struct change *c = arg;
    const struct bench *b = c->b;
    (void)r, (void)parent, (void)e;
    *out = (struct repo_draft){.message = "change\n"};
    out->edits = ARENA_ARRAY(a, struct repo_edit, (size_t)b->apps * (b->objects + 1) + 1);
    unsigned first = c->round ? c->round % b->apps : 0, last = c->round ? first + 1 : b->apps;
    for (unsigned app = first; app < last; app++) {
        const char *dir = arena_printf(a, "apps/app-%04u", app);
        if (!c->round)
            edit(out, arena_printf(a, "%s/kustomization.yaml", dir), kustomization_text(b, a, app));
        for (unsigned i = 0; i < (c->round ? 1 : b->objects); i++)
            edit(out, arena_printf(a, "%s/map-%04u.yaml", dir, i),
                 i % 2 ? job_text(a, i) : map_text(a, i, c->round));
    }
    return 0;
}

static int commit(struct bench *b, unsigned round, char head[REPO_SHA_MAX], struct err *e)
{
    AUTO(repo) struct repo *r = NULL;
    struct repo_commit_opts opts = {
        .branch = "main", .author = {"bench", "bench@localhost", 1}
    };
    struct change c = {b, round};
    bool changed;
    int rc = repo_open(repository_path(&b->repositories, "infra", b->a), &r, e);
    return rc < 0 ? rc : repo_commit_edit(r, &opts, draft, &c, head, &changed, e);
}

/* ---- the API ---- */

static int create(struct bench *b, const struct resource *res, const char *ns, const char *text,
                  struct err *e)
{
    struct value *v;
    int rc = yaml_parse(b->a, text, strlen(text), 0, &v, e);
    return rc < 0 ? rc : kube_create(b->kube, res, ns, v, NULL, e);
}

static int create_all(struct bench *b, struct err *e)
{
    static const char *const names[] = {"argocd", "web"};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(names); i++)
        rc = create(
            b, &RES_NAMESPACE, NULL,
            arena_printf(b->a, "apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n", names[i]),
            e);
    if (rc == 0)
        rc = create(b, &RES_REPOSITORY, "argocd",
                    "apiVersion: slipway.dev/v1\nkind: Repository\nmetadata: {name: infra}\n", e);
    for (unsigned i = 0; rc == 0 && i < b->apps; i++)
        rc = create(
            b, &RES_APPLICATION, "argocd",
            arena_printf(b->a,
                         "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
                         "metadata: {name: app-%04u}\nspec:\n  project: default\n"
                         "  source: {repoURL: \"http://h/git/infra.git\", path: apps/app-%04u}\n"
                         "  destination: {server: \"https://kubernetes.default.svc\", "
                         "namespace: web}\n"
                         "  syncPolicy: {automated: {prune: true, selfHeal: true}}\n",
                         i, i),
            e);
    return rc;
}

/* How many Applications are in sync with a commit. */
static unsigned synced(struct bench *b, const char *head)
{
    struct kube_list l = {.n = 0};
    unsigned n = 0;
    if (kube_list(b->kube, &RES_APPLICATION, "argocd", NULL, &l, NULL) < 0)
        return 0;
    for (size_t i = 0; i < l.n; i++) {
        const struct value *sync = value_at(l.items[i]->root, "status.sync");
        n += strcmp(value_at_str(sync, "revision", ""), head) == 0 &&
             strcmp(value_at_str(sync, "status", ""), "Synced") == 0;
    }
    kube_list_done(&l);
    return n;
}

static bool has_value(struct bench *b, unsigned round)
{
    char name[40], want[16];
    AUTO(object) struct object *o = NULL;
    (void)snprintf(name, sizeof name, "app-%04u-map-0000", round % b->apps);
    (void)snprintf(want, sizeof want, "v%u", round);
    return kube_get(b->kube, &RES_CONFIG_MAP, "web", name, &o, NULL) == 0 &&
           strcmp(value_at_str(o->root, "data.value", ""), want) == 0;
}

static int wait_for_all(struct bench *b, const char *head, struct err *e)
{
    int64_t end = clock_mono_us() + WAIT_MS * 1000;
    while (synced(b, head) < b->apps) {
        if (clock_mono_us() > end)
            return err_set(e, ERR_TIMEOUT, "%u of %u Applications are in sync", synced(b, head),
                           b->apps);
        (void)usleep(ALL_LOOK_US);
    }
    return 0;
}

static int64_t cpu_us(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
           u.ru_stime.tv_usec;
}

/* Until nothing follows from what was written: the process rests. */
static void wait_for_rest(void)
{
    int64_t end = clock_mono_us() + WAIT_MS * 1000, before;
    do {
        before = cpu_us();
        (void)usleep(REST_MS * 1000);
    } while (cpu_us() - before > REST_MS * 20 && clock_mono_us() < end);
}

/* ---- one process ---- */

static int start(struct bench *b, const char *folder, struct err *e)
{
    static struct apiserver_opts opts;
    opts.clock = &clock_system;
    b->repositories =
        (struct repository_opts){arena_printf(b->a, "%s/git", folder), "http://h/git/"};
    int rc = store_open(arena_printf(b->a, "%s/store.db", folder), &b->store, e);
    opts.store = b->store;
    if (rc == 0)
        rc = apiserver_new(&opts, &b->server, e);
    if (rc < 0)
        return rc;
    b->kube = kube_local_new(b->server, "bench", NULL);
    struct gitops_opts gitops = {.repositories = &b->repositories, .wave_delay_ms = -1};
    b->gitops = gitops_new(&gitops);
    b->runner = runner_new(b->kube, &clock_system, THREADS);
    runner_add(b->runner, &repository_controller, &b->repositories);
    runner_add(b->runner, &application_controller, b->gitops);
    runner_add(b->runner, &revisions_controller, b->gitops);
    return runner_start(b->runner, e);
}

static int one_round(struct bench *b, unsigned round, struct err *e)
{
    char head[REPO_SHA_MAX];
    struct gitops_renders before = gitops_renders(b->gitops);
    int rc = commit(b, round, head, e);
    if (rc < 0)
        return rc;
    int64_t from = clock_mono_us();
    runner_kick(b->runner, "repository", "argocd", "infra");
    while (!has_value(b, round)) {
        if (clock_mono_us() - from > WAIT_MS * 1000)
            return err_set(e, ERR_TIMEOUT, "round %u: the object does not change", round);
        (void)usleep(LOOK_US);
    }
    int64_t changed = clock_mono_us() - from;
    rc = wait_for_all(b, head, e);
    int64_t all = clock_mono_us() - from;
    struct gitops_renders after = gitops_renders(b->gitops);
    (void)printf("%.3f %.3f %.3f %llu\n", (double)changed / 1e3, (double)all / 1e3,
                 (double)(after.us - before.us) / 1e3, (unsigned long long)(after.n - before.n));
    (void)fflush(stdout);
    return rc;
}

static int run(struct bench *b, const char *folder, unsigned rounds, struct err *e)
{
    char head[REPO_SHA_MAX];
    int rc = start(b, folder, e);
    if (rc == 0)
        rc = create_all(b, e);
    int64_t end = clock_mono_us() + WAIT_MS * 1000;
    while (rc == 0 && (rc = commit(b, 0, head, e)) < 0 && clock_mono_us() < end) {
        (void)usleep(LOOK_US);
        rc = 0; /* the repository is being made */
    }
    if (rc == 0)
        runner_kick(b->runner, "repository", "argocd", "infra");
    if (rc == 0)
        rc = wait_for_all(b, head, e);
    for (unsigned i = 1; rc == 0 && i <= rounds; i++) {
        wait_for_rest();
        rc = one_round(b, i, e);
    }
    return rc;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    unsigned n[3] = {0};
    for (int i = 0; i < 3 && argc == 5; i++)
        n[i] = (unsigned)strtoul(argv[i + 2], NULL, 10);
    if (n[0] == 0 || n[1] == 0 || n[2] == 0) {
        (void)fprintf(stderr, "usage: appload FOLDER APPLICATIONS OBJECTS ROUNDS\n");
        return 2;
    }
    struct bench b = {.a = arena_new(SIZE_MAX), .apps = n[0], .objects = n[1]};
    int rc = run(&b, argv[1], n[2], &e);
    if (rc < 0)
        (void)fprintf(stderr, "appload: %s\n", e.msg);
    runner_free(b.runner);
    gitops_free(b.gitops);
    if (b.server)
        apiserver_stop(b.server);
    kube_free(b.kube);
    apiserver_free(b.server);
    store_free(b.store);
    arena_free(b.a);
    return rc < 0;
}
