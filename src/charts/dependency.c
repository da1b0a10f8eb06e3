#include "charts/dependency.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "blob/blob.h"
#include "charts/dependency_int.h"
#include "codec/json.h"
#include "codec/semver.h"
#include "codec/yaml.h"

/* ---- digests ---- */

static struct value *documents(const struct value *list, struct arena *a)
{
    struct value *out = list ? value_new_array(a) : value_null(a);
    VALUE_EACH_ITEM (d, list)
        (void)value_push(a, out, helm_dependency_doc(d, a));
    return out;
}

static const char *digest_of(const struct value *doc, struct arena *a)
{
    char digest[DIGEST_MAX];
    const char *text = json_text(a, doc, 0);
    blob_digest_of(text, strlen(text), digest);
    return arena_strdup(a, digest);
}

const char *dependency_digest(const struct value *wants, const struct value *locked,
                              struct arena *a)
{
    struct value *both = value_new_array(a);
    (void)value_push(a, both, documents(wants, a));
    (void)value_push(a, both, documents(locked, a));
    return digest_of(both, a);
}

const char *dependency_old_digest(const struct value *wants, struct arena *a)
{
    struct value *doc = value_new_object(a);
    (void)value_set(a, doc, "dependencies", documents(wants, a));
    return digest_of(doc, a);
}

/* ---- the chart ---- */

int charts_load_folder(const char *path, struct helm_log *log, struct helm_chart **out,
                       struct err *e)
{
    AUTO(tree) struct tree *t = NULL;
    char *full = realpath(path, NULL);
    if (!full)
        return helm_fail(log, e, ERR_NOT_FOUND, "stat %s: %s", path,
                         errno == ENOENT ? "no such file or directory" : strerror(errno));
    const char *inside = arena_strdup(log->arena, full + 1);
    free(full);
    int rc = tree_of_folder("/", &t, e);
    return rc < 0 ? rc : helm_chart_load(t, inside, log, out, e);
}

static int load(struct job *j, struct helm_chart **out, struct err *e)
{
    struct stat st;
    if (stat(j->o->folder, &st) < 0)
        return helm_fail(j->log, e, ERR_NOT_FOUND, "could not find %s: stat %s: %s", j->o->folder,
                         j->o->folder,
                         errno == ENOENT ? "no such file or directory" : strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return helm_fail(j->log, e, ERR_INVALID, "only unpacked charts can be updated");
    int rc = charts_load_folder(j->o->folder, j->log, out, e);
    if (rc < 0)
        return rc;
    const struct value *wants = helm_chart_wants(*out);
    j->wishes = ARENA_ARRAY(j->a, struct wish, value_count(wants) + 1);
    VALUE_EACH_ITEM (d, wants) {
        struct value *doc = value_copy(j->a, d);
        j->wishes[j->n++] = (struct wish){.doc = doc,
                                          .name = value_at_str(doc, "name", ""),
                                          .range = value_at_str(doc, "version", ""),
                                          .repository = value_at_str(doc, "repository", "")};
    }
    struct err why = {0};
    rc = charts_repositories_read(j->o->files->repositories, j->a, &j->known, &why);
    return rc < 0 ? helm_fail(j->log, e, why.code, "%s", why.msg) : 0;
}

void dependency__say(struct job *j, const char *fmt, ...)
{
    va_list ap;
    if (!j->o->say)
        return;
    va_start(ap, fmt);
    j->o->say(j->o->arg, arena_vprintf(j->a, fmt, ap));
    va_end(ap);
}

/* "file://../x" and "charts/x", seen from the chart. */
int dependency__local(struct job *j, const char *repository, const char **out, struct err *e)
{
    struct stat st;
    const char *path = strncmp(repository, "file://", 7) == 0 ? repository + 7 : repository;
    *out = *path == '/' ? path : arena_printf(j->a, "%s/%s", j->o->folder, path);
    if (stat(*out, &st) < 0)
        return helm_fail(j->log, e, ERR_NOT_FOUND, "directory %s not found", *out);
    return 0;
}

/* ---- which repository is meant ---- */

static bool is_alias(const char *repository, const char *name)
{
    return (*repository == '@' && strcmp(repository + 1, name) == 0) ||
           (strncmp(repository, "alias:", 6) == 0 && strcmp(repository + 6, name) == 0);
}

static void find_known(struct job *j, struct wish *w)
{
    for (size_t i = 0; i < j->known.n && !w->known; i++) {
        const struct charts_repository *r = &j->known.items[i];
        if (!is_alias(w->repository, r->name) && !url_equal(r->url, w->repository))
            continue;
        w->known = r;
        if (is_alias(w->repository, r->name)) {
            w->repository = r->url;
            (void)value_set_str(j->a, w->doc, "repository", r->url);
        }
    }
}

static bool is_url(const char *text)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct url u;
    return *text == '/' ||
           (url_parse(text, a, &u, NULL) == 0 && *u.scheme && (*u.host || *u.path == '/'));
}

static int missing(struct job *j, const char *list, bool names, struct err *e)
{
    static const char advice[] =
        "\nNote that repositories must be URLs or aliases. For example, to refer to the \"example\""
        "\nrepository, use \"https://charts.example.com/\" or \"@example\" instead of"
        "\n\"example\". Don't forget to add the repo, too ('helm repo add').";
    return helm_fail(j->log, e, ERR_NOT_FOUND,
                     "no repository definition for %s. Please add them via 'helm repo add'%s", list,
                     names ? advice : "");
}

static int name_repositories(struct job *j, struct err *e)
{
    const char *list = NULL, *path;
    bool names = false;
    for (size_t i = 0; i < j->n; i++) {
        struct wish *w = &j->wishes[i];
        int rc = 0;
        w->kind = wish_kind_of(w->repository);
        if (w->kind == WISH_FILE)
            rc = dependency__local(j, w->repository, &path, e);
        if (rc < 0)
            return rc;
        if (w->kind != WISH_HTTP)
            continue;
        find_known(j, w);
        if (w->known || is_url(w->repository))
            continue;
        const char *r = w->repository;
        list = list ? arena_printf(j->a, "%s, %s", list, r) : r;
        names |= !strstr(r, "//") && *r != '@' && strncmp(r, "alias:", 6) != 0;
    }
    return list ? missing(j, list, names, e) : 0;
}

/* ---- indexes ---- */

#define UNMANAGED "helm-manager-"

static void tell_update(const struct charts_repository *r, const struct err *failure,
                        void (*say)(void *, const char *), void *arg, struct arena *a)
{
    bool unmanaged = strncmp(r->name, UNMANAGED, strlen(UNMANAGED)) == 0;
    const char *url = url_public(r->url, a), *line;
    if (!failure)
        line = arena_printf(a, "...Successfully got an update from the \"%s\" chart repository",
                            unmanaged ? url : r->name);
    else if (unmanaged)
        line = arena_printf(a, "...Unable to get an update from the \"%s\" chart repository:\n\t%s",
                            url, failure->msg);
    else
        line = arena_printf(
            a, "...Unable to get an update from the \"%s\" chart repository (%s):\n\t%s", r->name,
            url, failure->msg);
    if (say)
        say(arg, line);
}

size_t dependency_refresh(const struct charts_files *f, const struct charts_repository *all,
                          size_t n, void (*say)(void *arg, const char *line), void *arg)
{
    size_t failed = 0;
    for (size_t i = 0; i < n; i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct charts_index ix;
        struct err e = {0};
        bool ok = charts_index_fetch(f, &all[i], true, a, &ix, &e) == 0;
        failed += !ok;
        tell_update(&all[i], ok ? NULL : &e, say, arg, a);
    }
    return failed;
}

/* A repository that nobody has given a name to, under which its index is kept. */
static const struct charts_repository *unmanaged(struct job *j, const char *url)
{
    char digest[DIGEST_MAX];
    blob_digest_of(url, strlen(url), digest);
    struct charts_repository *r = ARENA_NEW(j->a, struct charts_repository);
    *r = (struct charts_repository){
        .name = arena_printf(j->a, UNMANAGED "%s", digest + strlen("sha256:")),
        .url = url,
        .user = "",
        .password = "",
        .cert_file = "",
        .key_file = "",
        .ca_file = "",
    };
    return r;
}

static void refresh_unmanaged(struct job *j)
{
    bool said = false;
    for (size_t i = 0; i < j->n; i++) {
        struct wish *w = &j->wishes[i];
        if (w->kind != WISH_HTTP || w->known)
            continue;
        w->known = unmanaged(j, w->repository);
        if (j->o->skip_refresh)
            continue;
        if (!said)
            dependency__say(j, "Getting updates for unmanaged Helm repositories...");
        said = true;
        (void)dependency_refresh(j->o->files, w->known, 1, j->o->say, j->o->arg);
    }
}

static void refresh_known(struct job *j)
{
    if (j->o->skip_refresh || j->known.n == 0)
        return;
    dependency__say(j, "Hang tight while we grab the latest from your chart repositories...");
    (void)dependency_refresh(j->o->files, j->known.items, j->known.n, j->o->say, j->o->arg);
    dependency__say(j, "Update Complete. ⎈Happy Helming!⎈");
}

/* ---- locks ---- */

static struct value *lock_list(struct job *j)
{
    struct value *list = value_new_array(j->a);
    for (size_t i = 0; i < j->n; i++) {
        struct value *d = value_new_object(j->a);
        (void)value_set_str(j->a, d, "name", j->wishes[i].name);
        (void)value_set_str(j->a, d, "version", j->wishes[i].version);
        (void)value_set_str(j->a, d, "repository", j->wishes[i].repository);
        (void)value_push(j->a, list, d);
    }
    return list;
}

static struct value *wish_list(struct job *j)
{
    struct value *list = value_new_array(j->a);
    for (size_t i = 0; i < j->n; i++)
        (void)value_push(j->a, list, j->wishes[i].doc);
    return list;
}

static int write_lock(struct job *j, const struct helm_chart *c, struct err *e)
{
    const char *name = helm_chart_is_old(c) ? "requirements.lock" : "Chart.lock";
    const char *path = arena_printf(j->a, "%s/%s", j->o->folder, name);
    struct value *list = lock_list(j), *doc = value_new_object(j->a);
    const char *digest = dependency_digest(wish_list(j), list, j->a);
    struct stat st;
    if (strcmp(value_at_str(helm_chart_lock(c), "digest", ""), digest) == 0)
        return 0;
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
        return helm_fail(j->log, e, ERR_INVALID, "the %s file is a symlink", name);
    struct value *docs = value_new_array(j->a);
    VALUE_EACH_ITEM (d, list)
        (void)value_push(j->a, docs, helm_dependency_doc(d, j->a));
    (void)value_set(j->a, doc, "dependencies", docs);
    (void)value_set_str(j->a, doc, "digest", digest);
    (void)value_set_str(j->a, doc, "generated", charts_time(j->o->now_ms, j->a));
    const char *text = yaml_text(j->a, doc, YAML_FOLD);
    return fs_write_atomic(path, 0644, text, strlen(text), e);
}

int dependency_update(const struct dependency_opts *o, struct helm_log *log, struct err *e)
{
    struct job j = {.o = o, .log = log, .a = log->arena};
    struct helm_chart *c;
    int rc = load(&j, &c, e);
    if (rc < 0 || !helm_chart_wants(c))
        return rc;
    if ((rc = name_repositories(&j, e)) < 0)
        return rc;
    refresh_unmanaged(&j);
    refresh_known(&j);
    rc = dependency__resolve(&j, e);
    if (rc == 0)
        rc = dependency__fetch_all(&j, e);
    return rc < 0 ? rc : write_lock(&j, c, e);
}

/* ---- build ---- */

static int out_of_sync(struct job *j, bool old, struct err *e)
{
    return helm_fail(j->log, e, ERR_CONFLICT,
                     "the lock file (%s) is out of sync with the dependencies file (%s). Please "
                     "update the dependencies",
                     old ? "requirements.lock" : "Chart.lock",
                     old ? "requirements.yaml" : "Chart.yaml");
}

static int check_lock(struct job *j, const struct helm_chart *c, const char *old_digest,
                      struct err *e)
{
    const struct value *lock = helm_chart_lock(c);
    bool old = helm_chart_is_old(c), none = !helm_chart_wants(c);
    const char *digest = value_at_str(lock, "digest", "");
    const struct value *wants = none ? NULL : wish_list(j);
    if (strcmp(dependency_digest(wants, value_get(lock, "dependencies"), j->a), digest) == 0)
        return 0;
    return old && strcmp(old_digest, digest) == 0 ? 0 : out_of_sync(j, old, e);
}

/* The locked ones take the place of the wishes. */
static int take_lock(struct job *j, const struct value *lock, struct err *e)
{
    const struct value *list = value_get(lock, "dependencies");
    const char *missing = NULL;
    j->wishes = ARENA_ARRAY(j->a, struct wish, value_count(list) + 1);
    j->n = 0;
    VALUE_EACH_ITEM (d, list) {
        struct wish *w = &j->wishes[j->n++];
        *w = (struct wish){.doc = value_copy(j->a, d),
                           .name = value_at_str(d, "name", ""),
                           .range = value_at_str(d, "version", ""),
                           .version = value_at_str(d, "version", ""),
                           .repository = value_at_str(d, "repository", "")};
        w->kind = wish_kind_of(w->repository);
        if (w->kind == WISH_HTTP)
            find_known(j, w);
        if (w->kind == WISH_HTTP && !w->known)
            missing =
                missing ? arena_printf(j->a, "%s, %s", missing, w->repository) : w->repository;
    }
    if (missing)
        return helm_fail(j->log, e, ERR_NOT_FOUND,
                         "no repository definition for %s. Please add the missing repos via 'helm "
                         "repo add'",
                         missing);
    return 0;
}

int dependency_build(const struct dependency_opts *o, struct helm_log *log, struct err *e)
{
    struct job j = {.o = o, .log = log, .a = log->arena};
    struct helm_chart *c;
    int rc = load(&j, &c, e);
    if (rc < 0)
        return rc;
    if (!helm_chart_lock(c))
        return dependency_update(o, log, e);
    const char *old_digest = dependency_old_digest(helm_chart_wants(c), j.a);
    if ((rc = name_repositories(&j, e)) < 0 || (rc = check_lock(&j, c, old_digest, e)) < 0 ||
        (rc = take_lock(&j, helm_chart_lock(c), e)) < 0)
        return rc;
    refresh_known(&j);
    return dependency__fetch_all(&j, e);
}
