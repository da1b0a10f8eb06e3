/* helm_pull.c - slipway helm pull: charts into a folder of this machine. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "charts/provenance.h"
#include "cli/helm_net.h"

struct request {
    struct helm_cli_source source;
    const char *folder, *untar_dir;
    bool untar, prov;
};

static int write_file(const char *path, const char *bytes, size_t n, struct err *e)
{
    return fs_write_atomic(path, 0644, bytes, n, e);
}

/* The folder that comes of it: named by the chart, below `folder`. */
static int unpack(const struct charts_answer *answer, const char *folder, struct helm_log *log,
                  struct err *e)
{
    struct arena *a = log->arena;
    struct helm_chart_file *files;
    struct helm_chart *c;
    size_t n;
    int rc = helm_chart_unpack(answer->bytes, answer->n, log, &c, e);
    if (rc == 0)
        rc = helm_archive_list(answer->bytes, answer->n, log, &files, &n, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        const char *path = arena_printf(a, "%s/%s/%s", folder, helm_chart_name(c), files[i].name);
        const char *dir = arena_strndup(a, path, (size_t)(strrchr(path, '/') - path));
        if ((rc = fs_mkdirs(dir, 0755, e)) == 0)
            rc = write_file(path, files[i].text.s, files[i].text.n, e);
    }
    return rc;
}

static int check_folder(const struct request *q, const char *name, struct helm_log *log,
                        const char **out, struct err *e)
{
    struct arena *a = log->arena;
    struct stat st;
    const char *dir = *q->untar_dir == '/' ? q->untar_dir
                      : strcmp(q->untar_dir, ".") == 0
                          ? q->folder
                          : arena_printf(a, "%s/%s", q->folder, q->untar_dir);
    const char *slash = strrchr(name, '/');
    const char *shown = strcmp(dir, ".") == 0
                            ? slash ? slash + 1 : name
                            : arena_printf(a, "%s/%s", dir, slash ? slash + 1 : name);
    *out = dir;
    if (stat(shown, &st) == 0)
        return helm_fail(log, e, ERR_EXISTS,
                         "failed to untar: a file or directory with the name %s already exists",
                         shown);
    return 0;
}

static int verify(const struct request *q, const struct charts_answer *answer, struct arena *a,
                  struct err *e)
{
    struct provenance_proof proof;
    const struct provenance_claim claim = {answer->bytes, answer->n, answer->file,
                                           answer->provenance, answer->provenance_n};
    int rc = provenance_check(&claim, helm_cli_keyring(q->source.keyring, a), a, &proof, e);
    if (rc == 0)
        helm_cli_proof(&proof);
    return rc;
}

static int store(const struct request *q, const struct charts_answer *answer, struct arena *a,
                 struct err *e)
{
    const char *path = arena_printf(a, "%s/%s", q->folder, answer->file);
    int rc = write_file(path, answer->bytes, answer->n, e);
    if (rc == 0 && answer->provenance)
        rc = write_file(arena_printf(a, "%s.prov", path), answer->provenance, answer->provenance_n,
                        e);
    return rc;
}

static int pull(const struct request *q, const char *name, struct helm_log *log, struct err *e)
{
    const struct helm_cli_source *s = &q->source;
    struct charts_files files = helm_cli_files(&s->globals, log->arena);
    struct charts_query query = helm_cli_query(s, name);
    struct charts_answer answer;
    const char *dir;
    query.with_provenance |= q->prov;
    int rc = charts_fetch(&files, &query, log->arena, &answer, e);
    if (rc < 0)
        return rc;
    helm_cli_reference(&answer);
    if (s->verify && (rc = verify(q, &answer, log->arena, e)) < 0)
        return rc;
    if (!q->untar)
        return store(q, &answer, log->arena, e);
    if ((rc = check_folder(q, name, log, &dir, e)) == 0)
        rc = unpack(&answer, dir, log, e);
    return rc;
}

int helm_cli_pull(int argc, char **argv, const struct verb *verb)
{
    struct request q = {.folder = ".", .untar_dir = "."};
    const struct option table[] = {
        HELM_CLI_SOURCE(q.source),
        {"destination", 'd', OPTION_TEXT, &q.folder, "DIR", "where to put it (.)"},
        {"untar",  0, OPTION_FLAG, &q.untar, NULL, "unpack it"},
        {"untardir",        0, OPTION_TEXT, &q.untar_dir, "DIR", "below the destination"},
        {"prov",             0, OPTION_FLAG, &q.prov, NULL, "its provenance, too, without looking into it"},
        {0          }
    };
    HELM_CLI_BEGIN(verb, table, 1, 0);
    for (size_t i = 0; i < args.n && rc == 0; i++)
        rc = pull(&q, args.items[i], &log, &e);
    return rc < 0 ? helm_cli_fail(&log, &e) : EXIT_OK;
}
