/* dependency_fetch.c - locked charts into charts/. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "charts/dependency_int.h"
#include "charts/provenance.h"
#include "codec/semver.h"

struct archive {
    const char *file, *bytes;
    size_t n;
};

struct haul {
    struct job *j;
    struct archive *items;
    size_t n;
    const char **urls; /* what was fetched */
    size_t n_urls;
};

static int check_range(struct haul *h, const struct wish *w, const char *version, bool *fits,
                       struct err *e)
{
    struct job *j = h->j;
    struct semver_range *range;
    struct semver v;
    struct err why = {0};
    if (semver_range_parse(j->a, w->version, &range, &why) < 0)
        return helm_fail(j->log, e, ERR_INVALID,
                         "dependency %s has an invalid version/constraint format: %s", w->name,
                         why.msg);
    if (semver_parse(j->a, version, &v, &why) < 0)
        return helm_fail(j->log, e, ERR_INVALID, "invalid version %s for dependency %s: %s",
                         w->version, w->name, why.msg);
    *fits = semver_range_has(range, &v);
    return 0;
}

static int check_here(struct haul *h, const struct wish *w, struct err *e)
{
    struct job *j = h->j;
    const char *path = arena_printf(j->a, "%s/charts/%s", j->o->folder, w->name);
    struct helm_chart *c;
    bool fits;
    dependency__say(
        j, "Dependency %s did not declare a repository. Assuming it exists in the charts directory",
        w->name);
    int rc = charts_load_folder(path, j->log, &c, e);
    if (rc < 0)
        return helm_fail(j->log, e, (enum err_code)rc, "unable to load chart '%s': %s", path,
                         j->log->error ? j->log->error : e->msg);
    if ((rc = check_range(h, w, helm_chart_version(c), &fits, e)) < 0 || fits)
        return rc;
    return helm_fail(j->log, e, ERR_INVALID,
                     "dependency %s at version %s does not satisfy the constraint %s", w->name,
                     helm_chart_version(c), w->version);
}

static int pack(struct haul *h, struct wish *w, struct err *e)
{
    struct job *j = h->j;
    struct helm_chart *c;
    const char *path;
    bool fits;
    AUTO_BUF struct buf b;
    buf_init(&b, CHARTS_ARCHIVE_MAX);
    int rc = dependency__local(j, w->repository, &path, e);
    if (rc == 0)
        rc = charts_load_folder(path, j->log, &c, e);
    if (rc == 0)
        rc = check_range(h, w, helm_chart_version(c), &fits, e);
    if (rc < 0)
        return rc;
    if (!fits)
        return helm_fail(j->log, e, ERR_INVALID, "can't get a valid version for dependency %s",
                         w->name);
    w->version = helm_chart_version(c);
    if ((rc = helm_chart_save(c, j->o->mtime, j->log, &b, e)) < 0 || (rc = buf_check(&b, e)) < 0)
        return rc;
    h->items[h->n++] =
        (struct archive){arena_printf(j->a, "%s-%s.tgz", helm_chart_name(c), helm_chart_version(c)),
                         arena_strndup(j->a, buf_text(&b), b.len), b.len};
    return 0;
}

static bool is_fetched(const struct haul *h, const char *url)
{
    for (size_t i = 0; i < h->n_urls; i++)
        if (strcmp(h->urls[i], url) == 0)
            return true;
    return false;
}

/* Where it is: by the kept index of a known repository, else by asking the repository. */
static int find(struct haul *h, const struct wish *w, struct charts_query *q, const char **url,
                struct err *e)
{
    struct job *j = h->j;
    const char *version;
    if (w->kind == WISH_OCI) {
        q->chart = url_join(w->repository, w->name, j->a);
        q->version = w->version;
        *url = arena_printf(j->a, "%s:%s", q->chart, w->version);
        return 0;
    }
    if (w->known && charts_repositories_find(&j->known, w->known->name)) {
        q->chart = arena_printf(j->a, "%s/%s", w->known->name, w->name);
        q->version = w->version;
    } else {
        q->chart = w->name;
        q->repository = w->repository;
        q->version = w->version;
    }
    return charts_resolve(j->o->files, q, j->a, url, &version, e);
}

/* --verify: what has a signature must have a good one. */
static int verify(struct haul *h, const struct charts_query *q, struct charts_answer *answer,
                  struct err *e)
{
    struct job *j = h->j;
    struct charts_query with = *q;
    struct provenance_proof proof;
    struct err why = {0};
    with.with_provenance = true;
    if (charts_fetch(j->o->files, &with, j->a, answer, &why) < 0) {
        dependency__say(j, "WARNING: Verification not found for %s: %s", answer->url, why.msg);
        return 0;
    }
    const struct provenance_claim claim = {answer->bytes, answer->n, answer->file,
                                           answer->provenance, answer->provenance_n};
    return provenance_check(&claim, j->o->keyring, j->a, &proof, e);
}

static int fetch(struct haul *h, const struct wish *w, struct err *e)
{
    struct job *j = h->j;
    struct charts_query q = {.access = j->o->access};
    struct charts_answer answer;
    struct err why = {0};
    const char *url = "";
    int rc = find(h, w, &q, &url, &why);
    if (rc < 0)
        return helm_fail(j->log, e, why.code, "could not find : chart %s not found in %s: %s",
                         w->name, url_public(w->repository, j->a), why.msg);
    if (is_fetched(h, url)) {
        dependency__say(j, "Already downloaded %s from repo %s", w->name,
                        url_public(w->repository, j->a));
        return 0;
    }
    dependency__say(j, "Downloading %s from repo %s", w->name, url_public(w->repository, j->a));
    rc = charts_fetch(j->o->files, &q, j->a, &answer, &why);
    if (rc == 0 && j->o->keyring)
        rc = verify(h, &q, &answer, &why);
    if (rc < 0)
        return helm_fail(j->log, e, why.code, "could not download %s: %s", url_public(url, j->a),
                         why.msg);
    if (answer.reference && j->o->aside)
        j->o->aside(j->o->arg, arena_printf(j->a, "Pulled: %s\nDigest: %s", answer.reference,
                                            answer.manifest_digest));
    h->urls[h->n_urls++] = url;
    h->items[h->n++] = (struct archive){answer.file, answer.bytes, answer.n};
    return 0;
}

static int get(struct haul *h, struct wish *w, struct err *e)
{
    switch (w->kind) {
    case WISH_HERE:
        return check_here(h, w, e);
    case WISH_FILE:
        return pack(h, w, e);
    case WISH_OCI:
    case WISH_HTTP:
        break;
    }
    return fetch(h, w, e);
}

/* ---- charts/ ---- */

static int put(struct haul *h, const char *folder, const struct archive *item, struct err *e)
{
    struct job *j = h->j;
    struct helm_log log = {.arena = j->a};
    struct helm_chart *c;
    const char *path = arena_printf(j->a, "%s/%s", folder, item->file);
    if (strchr(item->file, '/') || *item->file == '.')
        return helm_fail(j->log, e, ERR_INVALID, "a chart cannot be called %s", item->file);
    if (helm_chart_unpack(item->bytes, item->n, &log, &c, e) < 0) {
        dependency__say(j, "Could not verify %s for moving: %s (Skipping)", path, log.error);
        return 0;
    }
    return fs_write_atomic(path, 0644, item->bytes, item->n, e);
}

static bool is_new(const struct haul *h, const char *file)
{
    for (size_t i = 0; i < h->n; i++)
        if (strcmp(h->items[i].file, file) == 0)
            return true;
    return false;
}

static bool is_here(const struct job *j, const char *name)
{
    for (size_t i = 0; i < j->n; i++)
        if (j->wishes[i].kind == WISH_HERE && strcmp(j->wishes[i].name, name) == 0)
            return true;
    return false;
}

/* An archive that is nobody's any more goes. */
static void outdated(struct haul *h, const char *path)
{
    struct job *j = h->j;
    struct helm_log log = {.arena = j->a};
    struct helm_chart *c;
    struct err e = {0};
    char *bytes;
    size_t n;
    int rc = charts__read(path, CHARTS_ARCHIVE_MAX, j->a, &bytes, &n, &e);
    if (rc == 0)
        rc = helm_chart_unpack(bytes, n, &log, &c, &e);
    if (rc < 0)
        dependency__say(j, "Could not verify %s for deletion: %s (Skipping)", path,
                        log.error ? log.error : e.msg);
    else if (!is_here(j, helm_chart_name(c)) && unlink(path) < 0)
        dependency__say(j, "Could not delete %s: %s (Skipping)", path, strerror(errno));
}

static void tidy(struct haul *h, const char *folder)
{
    DIR *d = opendir(folder);
    struct stat st;
    dependency__say(h->j, "Deleting outdated charts");
    for (struct dirent *f; d && (f = readdir(d));) {
        const char *path = arena_printf(h->j->a, "%s/%s", folder, f->d_name);
        if (!is_new(h, f->d_name) && lstat(path, &st) == 0 && !S_ISDIR(st.st_mode))
            outdated(h, path);
    }
    if (d)
        (void)closedir(d);
}

int dependency__fetch_all(struct job *j, struct err *e)
{
    struct haul h = {.j = j,
                     .items = ARENA_ARRAY(j->a, struct archive, j->n + 1),
                     .urls = ARENA_ARRAY(j->a, const char *, j->n + 1)};
    const char *folder = arena_printf(j->a, "%s/charts", j->o->folder);
    struct stat st;
    int rc = 0;
    if (stat(folder, &st) == 0 && !S_ISDIR(st.st_mode))
        return helm_fail(j->log, e, ERR_INVALID, "\"%s\" is not a directory", folder);
    dependency__say(j, "Saving %zu charts", j->n);
    for (size_t i = 0; i < j->n && rc == 0; i++)
        rc = get(&h, &j->wishes[i], e);
    if (rc < 0) {
        dependency__say(j, "Save error occurred:  %s", j->log->error ? j->log->error : e->msg);
        return rc;
    }
    rc = fs_mkdirs(folder, 0755, e);
    for (size_t i = 0; i < h.n && rc == 0; i++)
        rc = put(&h, folder, &h.items[i], e);
    if (rc == 0)
        tidy(&h, folder);
    return rc;
}
