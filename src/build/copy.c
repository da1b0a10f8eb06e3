/* COPY and ADD. What is copied decides the key: names, modes and bytes, never times. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "build/fetch.h"
#include "build/unpack.h"

enum { SOURCES_MAX = 1024 };

struct copy {
    struct build *build;
    struct stage *stage;
    const struct instruction *at;
    bool is_add;
    /* the words, expanded: */
    const char **sources;
    size_t n_sources;
    const char *dest; /* absolute; ends with "/" when it must be a folder */
    const char *chown, *chmod, *from, *checksum;
    bool link, parents, unpack, keep_git, has_git;
    const char *excludes[64];
    size_t n_excludes;
    /* the place they come from: */
    struct layers from_layers;
    const char *from_dir;  /* a folder: the context or a named one; NULL: from_layers */
    const char *generated; /* a folder for here-documents and downloads, or NULL */
    char made_key[DIGEST_MAX];
    const char *upper;
    bool hit;
    struct made layer;
};

/* ---- the words ---- */

static int read_flags(struct copy *c, struct err *e)
{
    struct build *b = c->build;
    for (size_t k = 0; k < c->at->n_flags; k++) {
        const struct flag *f = &c->at->flags[k];
        const char *value;
        bool on = !f->value || strcmp(f->value, "true") == 0;
        int rc = stage__expand(b, c->stage, f->value ? f->value : "", &value, e);
        if (rc < 0)
            return rc;
        if (strcmp(f->name, "chown") == 0)
            c->chown = value;
        else if (strcmp(f->name, "chmod") == 0)
            c->chmod = value;
        else if (strcmp(f->name, "from") == 0 && !c->is_add)
            c->from = value;
        else if (strcmp(f->name, "checksum") == 0 && c->is_add)
            c->checksum = value;
        else if (strcmp(f->name, "unpack") == 0 && c->is_add)
            c->unpack = on;
        else if (strcmp(f->name, "keep-git-dir") == 0 && c->is_add)
            c->keep_git = on;
        else if (strcmp(f->name, "link") == 0)
            c->link = on;
        else if (strcmp(f->name, "parents") == 0 && !c->is_add)
            c->parents = on;
        else if (strcmp(f->name, "exclude") == 0 && c->n_excludes < ARRAY_LEN(c->excludes))
            c->excludes[c->n_excludes++] = value;
        else
            return build__refuse(b, e, "%s does not know the flag --%s", c->at->name, f->name);
    }
    return 0;
}

static const struct heredoc *heredoc_of(const struct instruction *i, const char *word)
{
    if (strncmp(word, "<<", 2) != 0)
        return NULL;
    word += 2 + (word[2] == '-');
    size_t n = strlen(word);
    if (*word == '"' || *word == '\'') {
        word++;
        n -= n > 1 ? 2 : 1;
    }
    for (size_t k = 0; k < i->n_heredocs; k++) {
        if (strlen(i->heredocs[k].name) == n && strncmp(i->heredocs[k].name, word, n) == 0)
            return &i->heredocs[k];
    }
    return NULL;
}

static int read_words(struct copy *c, struct err *e)
{
    struct build *b = c->build;
    const struct instruction *i = c->at;
    const char *dest;
    if (i->n_words < 2)
        return build__refuse(b, e, "%s needs at least a source and a destination", i->name);
    if (i->n_words - 1 > SOURCES_MAX)
        return build__refuse(b, e, "%s has more than %d sources", i->name, SOURCES_MAX);
    c->sources = ARENA_ARRAY(b->arena, const char *, i->n_words);
    for (size_t k = 0; k + 1 < i->n_words; k++) {
        const char **slot = &c->sources[c->n_sources++];
        if (heredoc_of(i, i->words[k])) {
            *slot = i->words[k];
            continue;
        }
        int rc = stage__expand(b, c->stage, i->words[k], slot, e);
        if (rc < 0)
            return rc;
    }
    int rc = stage__expand(b, c->stage, i->words[i->n_words - 1], &dest, e);
    if (rc < 0)
        return rc;
    size_t n = strlen(dest);
    bool folder = n == 0 || dest[n - 1] == '/' || strcmp(dest, ".") == 0 ||
                  (n > 1 && strcmp(dest + n - 2, "/.") == 0);
    if (dest[0] != '/')
        dest = arena_printf(b->arena, "%s/%s", stage__workdir(c->stage), dest);
    if (c->n_sources > 1 && !folder)
        return build__refuse(b, e, "%s with several sources needs a destination that ends with /",
                             i->name);
    c->dest = folder ? arena_printf(b->arena, "%s/", dest) : dest;
    return 0;
}

/* ---- sources that are made here: here-documents and what is fetched ---- */

static int generated_path(struct copy *c, const char *name, const char **out, struct err *e)
{
    struct build *b = c->build;
    int rc = c->generated ? 0 : build__folder(b, "made", &c->generated, e);
    if (rc == 0)
        *out = arena_printf(b->arena, "%s/%s", c->generated, name);
    return rc;
}

static int write_heredoc(struct copy *c, const struct heredoc *h, struct err *e)
{
    struct variables v = stage__variables(c->build, c->stage);
    const char *text = h->text, *path;
    if (strchr(h->name, '/') || strcmp(h->name, ".") == 0 || strcmp(h->name, "..") == 0)
        return build__refuse(c->build, e, "<<%s: a here-document's name is that of a file",
                             h->name);
    int rc = h->expand ? words_expand_text(&v, h->text, c->build->arena, &text, e) : 0;
    if (rc == 0)
        rc = generated_path(c, h->name, &path, e);
    return rc < 0 ? build__wrap(c->build, rc, e)
                  : fs_write_atomic(path, 0644, text, strlen(text), e);
}

static int make_git(struct copy *c, size_t k, struct err *e)
{
    struct build *b = c->build;
    const char *name = arena_printf(b->arena, "git-%zu", k), *folder;
    struct fetch_git g;
    int rc = fetch_git_parse(b, c->sources[k], &g, e);
    if (rc == 0)
        rc = generated_path(c, name, &folder, e);
    if (rc == 0 && mkdir(folder, 0755) < 0)
        rc = err_sys(e, errno, "create %s", folder);
    if (rc == 0)
        rc = fetch_git(b, &g, c->checksum, folder, e);
    if (rc < 0)
        return build__wrap(b, rc, e);
    c->sources[k] = arena_printf(b->arena, "//%s/%s", name, g.subfolder);
    c->has_git = true;
    return 0;
}

static int make_source(struct copy *c, size_t k, struct err *e)
{
    struct build *b = c->build;
    const struct heredoc *h = heredoc_of(c->at, c->sources[k]);
    const char *name = h ? h->name : NULL, *path;
    int rc = 0;
    if (!h && c->is_add && fetch_is_git(c->sources[k]))
        return make_git(c, k, e);
    if (h) {
        rc = write_heredoc(c, h, e);
    } else if (c->is_add && fetch_is_url(c->sources[k])) {
        if ((rc = generated_path(c, "", &path, e)) == 0)
            rc = fetch_file(b, c->sources[k], c->checksum, c->generated, &name, e);
    }
    if (rc == 0 && name)
        c->sources[k] = arena_printf(b->arena, "//%s", name);
    return rc;
}

static int make_sources(struct copy *c, struct err *e)
{
    int rc = 0;
    for (size_t k = 0; rc == 0 && k < c->n_sources; k++)
        rc = make_source(c, k, e);
    if (rc == 0 && c->has_git && !c->keep_git && c->n_excludes < ARRAY_LEN(c->excludes))
        c->excludes[c->n_excludes++] = "**/.git";
    return rc;
}

/* ---- choosing, in a view ---- */

struct chosen {
    struct tree_source from;
    struct tree *trees;
    size_t n;
    bool made; /* of a here-document or download */
};

/* "//name" is a made one. */
static int choose(struct copy *c, const struct view *v, const char *pattern, int made_fd,
                  struct chosen *out, struct err *e)
{
    struct build *b = c->build;
    *out = (struct chosen){.made = made_fd >= 0 && strncmp(pattern, "//", 2) == 0};
    out->from.root = out->made ? made_fd : v->from;
    out->from.keep_owner = c->from && !c->from_dir;
    out->from.exclude = c->excludes;
    out->from.n_exclude = c->n_excludes;
    if (!c->from && !out->made) {
        out->from.ignore = b->ignore;
        out->from.n_ignore = b->n_ignore;
    }
    int rc = tree_choose(&out->from, pattern, b->arena, &out->trees, &out->n, e);
    return rc < 0 ? build__wrap(b, rc, e) : 0;
}

static bool is_archive(const struct chosen *ch, const struct tree *t)
{
    AUTO_FD int fd = t->is_dir ? -1 : view_open(ch->from.root, t->path, O_RDONLY | O_NONBLOCK);
    return fd >= 0 && unpack_is_archive(fd);
}

static int unpack(const struct chosen *ch, const struct tree *t, const struct view *v,
                  const struct tree_target *to, struct err *e)
{
    int rc = tree_mkdirs(v->root, to->path, to->uid, to->gid, e);
    if (rc < 0)
        return rc;
    AUTO_FD int in = view_open(ch->from.root, t->path, O_RDONLY);
    AUTO_FD int out = view_open(v->root, to->path, O_RDONLY | O_DIRECTORY);
    if (in < 0 || out < 0)
        return err_sys(e, errno, "open %s", t->path);
    return unpack_archive(in, out, e);
}

/* The part of the path that --parents keeps: all, or what follows "/./". */
static const char *kept_parents(struct copy *c, const char *pattern, const struct tree *t)
{
    const char *pivot = strstr(pattern, "/./");
    const char *path = t->path;
    if (pivot) {
        for (const char *s = pattern; s < pivot; s++) {
            if (*s == '/' && s > pattern)
                path += strcspn(path, "/") + 1;
        }
        path += strcspn(path, "/");
        path += *path == '/';
    }
    return arena_printf(c->build->arena, "%s%s", c->dest, path);
}

static int place(struct copy *c, const struct chosen *ch, const char *pattern, const struct tree *t,
                 const struct view *v, struct tree_target *to, struct err *e)
{
    struct arena *a = c->build->arena;
    bool unpacks = c->is_add && !ch->made && is_archive(ch, t);
    size_t n = strlen(c->dest);
    AUTO_FD int there = view_open(v->root, c->dest, O_RDONLY | O_DIRECTORY);
    bool folder = c->dest[n - 1] == '/' || there >= 0;
    to->path = c->dest;
    if (unpacks || c->unpack)
        return unpack(ch, t, v, to, e);
    if (c->parents)
        to->path = kept_parents(c, pattern, t);
    else if (!t->is_dir && folder)
        to->path = arena_printf(a, "%s/%s", c->dest, t->name);
    const char *slash = strrchr(to->path, '/');
    const char *parent =
        t->is_dir ? to->path : arena_strndup(a, to->path, (size_t)(slash - to->path));
    int rc = tree_mkdirs(v->root, parent, to->uid, to->gid, e);
    return rc < 0 ? rc : tree_copy(&ch->from, t, to, e);
}

static int find_owner(struct copy *c, const struct view *v, struct tree_target *to, struct err *e)
{
    struct user u;
    to->chmod = c->chmod && *c->chmod ? c->chmod : NULL;
    to->set_owner = c->chown && *c->chown;
    if (!to->set_owner)
        return 0;
    int rc = user_find(v->root, c->chown, &u, e);
    to->uid = u.uid;
    to->gid = u.gid;
    return rc;
}

static void key_begin(struct copy *c, struct key *k)
{
    key_init(k, "copy/1");
    build__key_add(k, c->build->platform);
    build__key_add_bytes(k, &c->build->epoch, sizeof c->build->epoch);
    build__key_add(k, c->is_add ? (c->unpack ? "unpack" : "add") : "copy");
    build__key_add(k, c->dest);
    build__key_add(k, c->chown);
    build__key_add(k, c->chmod);
    build__key_add(k, c->parents ? "parents" : NULL);
    if (c->link && !c->chown)
        build__key_add(k, "link");
    else
        build__key_add_layers(k, &c->stage->layers);
}

/* What there is to copy, read; its key, and whether the cache has it. */
static int look(struct copy *c, const struct view *v, int made, struct chosen *all, struct err *e)
{
    struct key key;
    key_begin(c, &key);
    for (size_t k = 0; k < c->n_sources; k++) {
        int rc = choose(c, v, c->sources[k], made, &all[k], e);
        for (size_t t = 0; rc == 0 && t < all[k].n; t++) {
            build__key_add(&key, c->parents ? all[k].trees[t].path : NULL);
            rc = tree_hash(&all[k].from, &all[k].trees[t], &key, e);
        }
        if (rc < 0)
            return rc;
    }
    key_text(&key, c->made_key);
    c->hit = cache__claim(c->build, c->made_key, &c->layer);
    return 0;
}

static int place_all(struct copy *c, const struct view *v, const struct chosen *all, struct err *e)
{
    struct tree_target to = {.root = v->root};
    int rc = find_owner(c, v, &to, e);
    for (size_t k = 0; rc == 0 && k < c->n_sources; k++) {
        for (size_t t = 0; rc == 0 && t < all[k].n; t++)
            rc = place(c, &all[k], c->sources[k], &all[k].trees[t], v, &to, e);
    }
    return rc;
}

/* -1 where nothing is made. */
static int open_made(struct copy *c, int *out, struct err *e)
{
    *out = c->generated ? open(c->generated, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    return c->generated && *out < 0 ? err_sys(e, errno, "open %s", c->generated) : 0;
}

static int in_view(void *arg, const struct view *v, struct err *e)
{
    struct copy *c = arg;
    struct chosen *all = ARENA_ARRAY(c->build->arena, struct chosen, c->n_sources);
    AUTO_FD int made = -1;
    int rc = open_made(c, &made, e);
    if (rc == 0)
        rc = look(c, v, made, all, e);
    if (rc == 0 && !c->hit)
        rc = place_all(c, v, all, e);
    return rc < 0 ? build__wrap(c->build, rc, e) : 0;
}

/* What is below is seen, and written over. */
static int open_view(struct copy *c, struct view_opts *o, struct err *e)
{
    struct build *b = c->build;
    struct layers none = {0};
    bool alone = c->link && !c->chown;
    int rc = build__folder(b, "copy", &o->scratch, e);
    c->upper = rc == 0 ? arena_printf(b->arena, "%s/upper", o->scratch) : NULL;
    return rc < 0 ? rc : build__dirs(b, alone ? &none : &c->stage->layers, &o->base, e);
}

/* A context is a folder, not layers: it is looked at as it is, and what is below is asked for only
 * when there is something to copy. */
struct with_folder {
    struct copy *copy;
    const struct chosen *all;
};

static int in_view_of_folder(void *arg, const struct view *v, struct err *e)
{
    struct with_folder *w = arg;
    int rc = place_all(w->copy, v, w->all, e);
    return rc < 0 ? build__wrap(w->copy->build, rc, e) : 0;
}

static int copy_folder(struct copy *c, struct err *e)
{
    struct view_opts o = {0};
    struct chosen *all = ARENA_ARRAY(c->build->arena, struct chosen, c->n_sources);
    struct with_folder w = {c, all};
    AUTO_FD int made = -1;
    AUTO_FD int from = open(c->from_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct view v = {-1, from};
    if (from < 0)
        return err_sys(e, errno, "open %s", c->from_dir);
    int rc = open_made(c, &made, e);
    if (rc == 0)
        rc = look(c, &v, made, all, e);
    if (rc < 0)
        return build__wrap(c->build, rc, e);
    if (c->hit || (rc = open_view(c, &o, e)) < 0)
        return rc;
    return view_run(&o, in_view_of_folder, &w, e);
}

static int look_and_copy(struct copy *c, struct err *e)
{
    struct view_layers from;
    struct view_opts o = {0};
    if (c->from_dir)
        return copy_folder(c, e);
    int rc = open_view(c, &o, e);
    if (rc < 0 || (rc = build__dirs(c->build, &c->from_layers, &from, e)) < 0)
        return rc;
    o.from = &from;
    return view_run(&o, in_view, c, e);
}

/* Copying between the same file systems again needs no look at the files. */
static void quick_key(struct copy *c, char out[DIGEST_MAX])
{
    struct key k;
    key_begin(c, &k);
    build__key_add(&k, "from layers");
    build__key_add_layers(&k, &c->from_layers);
    for (size_t i = 0; i < c->n_sources; i++)
        build__key_add(&k, c->sources[i]);
    build__key_add(&k, NULL);
    for (size_t i = 0; i < c->n_excludes; i++)
        build__key_add(&k, c->excludes[i]);
    key_text(&k, out);
}

static int find_from(struct copy *c, struct err *e)
{
    struct build *b = c->build;
    bool files = false;
    for (size_t k = 0; k < c->n_sources; k++)
        files |= strncmp(c->sources[k], "//", 2) != 0;
    if (c->from)
        return stages__from(b, c->stage, c->from, &c->from_layers, &c->from_dir, e);
    c->from_dir = b->context ? b->context : c->generated;
    if (!c->from_dir || (files && !b->context))
        return build__refuse(b, e, "%s: there is no build context", c->at->name);
    return 0;
}

int copy__apply(struct build *b, struct stage *s, const struct instruction *i, struct err *e)
{
    char quick[DIGEST_MAX] = "";
    struct copy *c = ARENA_NEW(b->arena, struct copy);
    c->build = b;
    c->stage = s;
    c->at = i;
    c->is_add = i->kind == INSTR_ADD;
    int rc = read_flags(c, e);
    if (rc < 0 || (rc = read_words(c, e)) < 0 || (rc = make_sources(c, e)) < 0 ||
        (rc = find_from(c, e)) < 0)
        return rc;
    if (c->from && !c->from_dir) {
        quick_key(c, quick);
        c->hit = cache__get(b, quick, &c->layer);
    }
    if (!c->hit && (rc = look_and_copy(c, e)) < 0)
        return rc;
    b->hit = c->hit;
    if (!c->hit && ((rc = stage__pack(b, c->upper, &c->layer, e)) < 0 ||
                    (rc = cache__put(b, c->made_key, &c->layer, e)) < 0))
        return rc;
    if (*quick && (rc = cache__put(b, quick, &c->layer, e)) < 0)
        return rc;
    return stage__push(b, s, &c->layer, i->text, e);
}

/* ---- WORKDIR ---- */

struct workdir {
    const char *path;
    bool is_there;
};

static int make_workdir(void *arg, const struct view *v, struct err *e)
{
    struct workdir *w = arg;
    AUTO_FD int there = view_open(v->root, w->path, O_RDONLY | O_DIRECTORY);
    w->is_there = there >= 0;
    return w->is_there ? 0 : tree_mkdirs(v->root, w->path, 0, 0, e);
}

static int clean_workdir(struct build *b, struct stage *s, const struct instruction *i,
                         const char **out, struct err *e)
{
    const char *text;
    int rc = stage__expand(b, s, i->rest, &text, e);
    if (rc < 0)
        return rc;
    if (*text != '/')
        text = arena_printf(b->arena, "%s/%s", stage__workdir(s), text);
    AUTO_BUF struct buf path;
    buf_init(&path, 4096);
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "/");
        if (n == 2 && strncmp(p, "..", 2) == 0) {
            const char *slash = path.len ? strrchr(buf_text(&path), '/') : NULL;
            buf_cut(&path, slash ? (size_t)(slash - path.data) : 0);
        } else if (n > 0 && !(n == 1 && *p == '.')) {
            buf_putc(&path, '/');
            buf_add(&path, p, n);
        }
        p += n;
        p += *p == '/';
    }
    *out = path.len ? arena_strdup(b->arena, buf_text(&path)) : "/";
    return buf_check(&path, e);
}

int workdir__apply(struct build *b, struct stage *s, const struct instruction *i, struct err *e)
{
    char text[DIGEST_MAX];
    struct key k;
    struct workdir w = {0};
    struct made layer;
    struct view_opts o = {0};
    int rc = clean_workdir(b, s, i, &w.path, e);
    if (rc < 0)
        return rc;
    (void)value_set_str(b->arena, s->config, "WorkingDir", w.path);
    key_init(&k, "workdir/1");
    build__key_add_layers(&k, &s->layers);
    build__key_add(&k, w.path);
    build__key_add_bytes(&k, &b->epoch, sizeof b->epoch);
    key_text(&k, text);
    b->hit = cache__claim(b, text, &layer);
    if (b->hit)
        return stage__push(b, s, &layer, i->text, e);
    if ((rc = build__folder(b, "workdir", &o.scratch, e)) < 0 ||
        (rc = build__dirs(b, &s->layers, &o.base, e)) < 0 ||
        (rc = view_run(&o, make_workdir, &w, e)) < 0)
        return rc < 0 ? build__wrap(b, rc, e) : 0;
    if (w.is_there) {
        config__history(b, s, i->text, true);
        return 0;
    }
    if ((rc = stage__pack(b, arena_printf(b->arena, "%s/upper", o.scratch), &layer, e)) < 0 ||
        (rc = cache__put(b, text, &layer, e)) < 0)
        return rc;
    return stage__push(b, s, &layer, i->text, e);
}
