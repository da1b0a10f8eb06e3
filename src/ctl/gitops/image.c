/* The step of a pipeline that deploys: one line of a kustomization changes. */
#include "codec/yaml.h"
#include "ctl/gitops/app_int.h"
#include "kube/kube.h"
#include "render/kustomize/kustomize.h"

enum { LOOK_BACK = 100 };

struct update {
    const struct gitops_image_update *u;
    char made[REPO_SHA_MAX]; /* the commit that the run made before, or "" */
};

static bool names_image(const struct value *images, const char *digest)
{
    VALUE_EACH_ITEM (i, images)
        if (strstr(value_str(i, ""), digest))
            return true;
    return false;
}

/* What failed stays out until it is a newer app commit that brings it. */
static int check_condemned(struct kube *k, const struct gitops_image_update *u, struct err *e)
{
    struct kube_list l = {.n = 0};
    int rc = kube_list(k, &RES_CONDEMNATION, NULL, NULL, &l, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < l.n; i++) {
        const struct value *spec = value_get(l.items[i]->root, "spec");
        const char *commit = value_at_str(spec, "appCommit", "");
        bool same = u->app_commit && *commit && strcmp(commit, u->app_commit) == 0;
        bool newer = u->app_commit && *commit && !same;
        bool image = u->digest && names_image(value_get(spec, "images"), u->digest);
        if (same || (image && !newer))
            rc = err_set(e, ERR_DENIED, "%s %.20s is condemned by %s/%s: %s",
                         same ? "app commit" : "image", same ? commit : u->digest, l.items[i]->ns,
                         l.items[i]->name, value_at_str(spec, "reason", ""));
    }
    kube_list_done(&l);
    return rc;
}

static const char *file_of(struct repo *r, const char *commit, const char *path, struct arena *a)
{
    enum repo_entry_kind kind;
    if (repo_stat(r, commit, path, &kind, NULL) == 0 && kind != REPO_DIR && kind != REPO_NONE)
        return path;
    AUTO(tree) struct tree *t = tree_of_commit(r, commit);
    return kustomize_file(t, path, a);
}

/* Behind line number `n`. */
static const char *skip_lines(const char *text, uint32_t n)
{
    for (; n > 0 && *text; n--)
        text += strcspn(text, "\n") + (text[strcspn(text, "\n")] == '\n');
    return text;
}

/* Puts "key: value" on a line of its own behind line number `after`, indented like column. */
static char *insert_line(struct arena *a, const char *text, uint32_t after, uint32_t column,
                         const char *key, const char *value)
{
    const char *s = skip_lines(text, after);
    bool open = s > text && s[-1] != '\n';
    return arena_printf(a, "%.*s%s%*s%s: %s\n%s", (int)(s - text), text, open ? "\n" : "",
                        (int)(column > 0 ? column - 1 : 0), "", key, value, s);
}

/* Where an entry in braces begins, behind its brace; NULL: it has lines of its own. */
static const char *in_braces(const char *text, const struct value *entry)
{
    const char *s = skip_lines(text, entry->line - 1);
    size_t n = strcspn(s, "\n");
    return entry->column <= n && s[entry->column - 1] == '{' ? s + entry->column : NULL;
}

static char *insert_member(struct arena *a, const char *text, const struct value *entry,
                           const char *key, const char *value)
{
    const struct member *last = value_members(entry) + value_members_count(entry) - 1;
    const char *brace = in_braces(text, entry);
    if (!brace)
        return insert_line(a, text, last->value.line, entry->column, key, value);
    return arena_printf(a, "%.*s%s: %s, %s", (int)(brace - text), text, key, value,
                        brace + strspn(brace, " "));
}

/* A file that would say something else, or nothing, must not be committed. */
static int check_field(struct arena *a, const char *text, size_t index, const char *key,
                       const char *value, struct err *e)
{
    struct value *doc;
    if (yaml_parse(a, text, strlen(text), 0, &doc, NULL) == 0 &&
        strcmp(value_at_str(value_item(value_get(doc, "images"), index), key, ""), value) == 0)
        return 0;
    return err_set(e, ERR_UNSUPPORTED, "images[%zu] is written so that %s cannot be added", index,
                   key);
}

static int set_field(struct arena *a, const char **text, size_t index, const char *key,
                     const char *value, struct err *e)
{
    struct value *doc;
    char *out;
    size_t n;
    int rc = value ? yaml_parse(a, *text, strlen(*text), 0, &doc, e) : 0;
    if (rc < 0 || !value)
        return rc;
    const struct value *entry = value_item(value_get(doc, "images"), index);
    const struct value *have = value_get(entry, key);
    if (have && strcmp(value_str(have, ""), value) == 0)
        return 0;
    if (have) {
        rc = yaml_edit_scalar(a, *text, strlen(*text), 0,
                              arena_printf(a, "images[%zu].%s", index, key), value, &out, &n, e);
        if (rc == 0)
            *text = arena_strndup(a, out, n);
        return rc;
    }
    /* A tag may look like a number. */
    *text = insert_member(a, *text, entry, key, arena_printf(a, "\"%s\"", value));
    return check_field(a, *text, index, key, value, e);
}

static int edit_images(const struct gitops_image_update *u, const char *file, const char **text,
                       struct arena *a, struct err *e)
{
    struct value *doc;
    size_t index = 0;
    bool found = false;
    int rc = yaml_parse(a, *text, strlen(*text), 0, &doc, e);
    if (rc < 0)
        return err_wrap(e, rc, "%s", file);
    VALUE_EACH_ITEM (entry, value_get(doc, "images")) {
        found |= strcmp(value_at_str(entry, "name", ""), u->name) == 0;
        index += !found;
    }
    if (!found) {
        (void)err_set(e, ERR_NOT_FOUND, "%s: images has no entry named %s", file, u->name);
        return err_hint(e, "add \"- name: %s\" with newTag or digest below images:", u->name);
    }
    rc = set_field(a, text, index, "newName", u->new_name, e);
    if (rc == 0)
        rc = set_field(a, text, index, "newTag", u->tag, e);
    if (rc == 0)
        rc = set_field(a, text, index, "digest", u->digest, e);
    return rc < 0 ? err_wrap(e, rc, "%s", file) : 0;
}

static const char *message_of(const struct gitops_image_update *u, struct arena *a)
{
    const char *what = u->tag ? u->tag : u->digest ? u->digest : "";
    const char *image = arena_printf(a, "%s%s%s", u->new_name ? u->new_name : u->name,
                                     u->digest ? "@" : ":", u->digest ? u->digest : what);
    const char *text = arena_printf(a, "%s: deploy %s %.19s\n\n", u->path, u->name, what);
    if (u->app_commit)
        text = arena_printf(a, "%sSlipway-App-Commit: %s\n", text, u->app_commit);
    if (u->run)
        text = arena_printf(a, "%sSlipway-Run: %s\n", text, u->run);
    return arena_printf(a, "%sSlipway-Image: %s\n", text, image);
}

/* Whatever came after it: a run commits an image once. */
static int find_made(struct update *up, struct repo *r, const char *parent, struct arena *a,
                     struct err *e)
{
    struct repo_commit *log;
    size_t n;
    if (!up->u->run)
        return 0;
    const char *message = message_of(up->u, a);
    int rc = repo_log(r, parent, NULL, NULL, LOOK_BACK, a, &log, &n, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n && log[i].committer.when_s >= up->u->run_since_s && !*up->made; i++)
        if (strcmp(log[i].message, message) == 0)
            (void)snprintf(up->made, sizeof up->made, "%s", log[i].sha);
    return 0;
}

static int edit(void *arg, struct repo *r, const char *parent, struct arena *a,
                struct repo_draft *out, struct err *e)
{
    struct update *up = arg;
    const struct gitops_image_update *u = up->u;
    const char *text, *path;
    size_t n;
    if (!parent)
        return err_set(e, ERR_NOT_FOUND, "repository %s has no commits", u->repository);
    *out = (struct repo_draft){.message = message_of(u, a)};
    int rc = find_made(up, r, parent, a, e);
    if (rc < 0 || *up->made)
        return rc;
    rc = tree_join(a, "", u->path ? u->path : "", &path, e);
    if (rc < 0)
        return rc;
    const char *file = file_of(r, parent, path, a);
    if (!file)
        return err_set(e, ERR_NOT_FOUND, "%s has no kustomization file in %s",
                       *path ? path : "the root", u->repository);
    rc = repo_read(r, parent, file, a, &text, &n, e);
    const char *before = text;
    if (rc == 0)
        rc = edit_images(u, file, &text, a, e);
    if (rc < 0)
        return rc;
    if (strcmp(before, text) == 0)
        return 0;
    out->edits = ARENA_NEW(a, struct repo_edit);
    out->n = 1;
    out->edits[0] =
        (struct repo_edit){.kind = REPO_WRITE, .path = file, .bytes = text, .n = strlen(text)};
    return 0;
}

static bool plain(const char *text)
{
    return !text || (strlen(text) < 500 && !strpbrk(text, "\n\r\"\\"));
}

int gitops_update_image(struct gitops *g, struct kube *k, const struct gitops_image_update *u,
                        struct gitops_image_result *out, struct err *e)
{
    AUTO(repo) struct repo *r = NULL;
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct update arg = {.u = u};
    const char *branch = u->branch;
    if (!plain(u->tag) || !plain(u->digest) || !plain(u->new_name) || !plain(u->app_commit) ||
        !plain(u->run) || !plain(u->name) || !host_name_valid(u->repository))
        return err_set(e, ERR_INVALID, "image update of %.100s: a field has characters it must not",
                       u->name);
    if (!u->tag && !u->digest && !u->new_name)
        return err_set(e, ERR_INVALID, "image update of %s: no tag, digest or name", u->name);
    int rc = check_condemned(k, u, e);
    if (rc == 0)
        rc = repo_open(repository_path(g->opts.repositories, u->repository, a), &r, e);
    if (rc == 0 && !branch)
        rc = repo_head_branch(r, a, &branch, e);
    if (rc < 0)
        return rc;
    struct repo_commit_opts opts = {
        .branch = branch,
        .author = {u->author_name ? u->author_name : "slipway",
                   u->author_email ? u->author_email : "slipway@localhost",
                   clock_real_ms() / 1000}
    };
    rc = repo_commit_edit(r, &opts, edit, &arg, out->commit, &out->changed, e);
    if (rc == 0 && *arg.made)
        memcpy(out->commit, arg.made, sizeof out->commit);
    if (rc == 0 && out->changed && g->opts.committed)
        g->opts.committed(g->opts.arg, u->repository);
    return rc;
}
