/* RUN: a container on the stage's layers; what it writes is the new layer. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "build/build_int.h"
#include "build/forward.h"
#include "oci/manifest.h"
#include "podnet/podnet.h"
#include "runtime/runtime.h"

#define BUILD_NOTE "slipway.build=1"

enum { MOUNTS_MAX = 32, OUTPUT_PIECE = 1 << 13, SETTLE_MS = 5000 };

struct run_mount {
    const char *type, *target, *source, *from, *id, *env, *sharing;
    uint32_t mode, uid, gid;
    bool has_mode, required, writable;
    const char *size;
    const char *host; /* what is mounted */
    int lock;         /* of a cache, or -1 */
    struct forward *agent;
    struct layers base;   /* of a cache with `from`: what it starts with … */
    const char *base_dir; /* … or in a folder of this machine */
};

struct run {
    struct build *build;
    struct stage *stage;
    const struct instruction *at;
    const char **argv;
    const char *script; /* of a here-document that brings its own interpreter, or NULL */
    const char *heredoc_name;
    struct run_mount mounts[MOUNTS_MAX];
    size_t n_mounts;
    enum { NET_NONE, NET_POD, NET_HOST } network;
    const char *net_ns; /* of NET_POD */
    const char *scratch, *secrets;
    const char *log;
    off_t log_at;
    char piece[OUTPUT_PIECE]; /* of the log, not yet a line */
    size_t n_piece;
    char tail[512]; /* the last of the output, for the error */
    char id[64];
    struct user user;
};

/* ---- what to run ---- */

static int read_command(struct run *r, struct err *e)
{
    struct build *b = r->build;
    const struct instruction *i = r->at;
    const struct value *shell = value_get(r->stage->config, "Shell");
    size_t n = 0;
    const char **argv = ARENA_ARRAY(b->arena, const char *, i->n_words + value_count(shell) + 4);
    r->argv = argv;
    if (i->is_json) {
        for (size_t k = 0; k < i->n_words; k++)
            argv[n++] = i->words[k];
        return n ? 0 : build__refuse(b, e, "RUN has an empty command");
    }
    const char *text = i->raw;
    bool only_heredoc = i->n_heredocs == 1 && i->n_words == 1 && strncmp(i->rest, "<<", 2) == 0;
    if (only_heredoc && strncmp(i->heredocs[0].text, "#!", 2) == 0) {
        r->script = i->heredocs[0].text;
        r->heredoc_name = i->heredocs[0].name;
        argv[n++] = arena_printf(b->arena, "/dev/pipes/%s", r->heredoc_name);
        return 0;
    }
    if (only_heredoc)
        text = i->heredocs[0].text;
    VALUE_EACH_ITEM (v, shell) {
        argv[n++] = value_str(v, "");
    }
    if (n == 0) {
        argv[n++] = "/bin/sh";
        argv[n++] = "-c";
    }
    argv[n] = text;
    return 0;
}

static bool truth(const char *value)
{
    return !value || !*value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
}

static int mount_option(struct run *r, struct run_mount *m, const char *name, const char *value,
                        struct err *e)
{
    char *end = NULL;
    bool number = value && *value;
    unsigned long n = number ? strtoul(value, &end, strcmp(name, "mode") == 0 ? 8 : 10) : 0;
    number = number && !*end;
    if (strcmp(name, "type") == 0)
        m->type = value;
    else if (!strcmp(name, "target") || !strcmp(name, "dst") || !strcmp(name, "destination"))
        m->target = value;
    else if (!strcmp(name, "source") || !strcmp(name, "src"))
        m->source = value;
    else if (strcmp(name, "from") == 0)
        m->from = value;
    else if (strcmp(name, "id") == 0)
        m->id = value;
    else if (strcmp(name, "env") == 0)
        m->env = value;
    else if (strcmp(name, "size") == 0)
        m->size = value;
    else if (strcmp(name, "sharing") == 0)
        m->sharing = value;
    else if (strcmp(name, "required") == 0)
        m->required = truth(value);
    else if (!strcmp(name, "rw") || !strcmp(name, "readwrite"))
        m->writable = truth(value);
    else if (!strcmp(name, "ro") || !strcmp(name, "readonly"))
        m->writable = !truth(value);
    else if (strcmp(name, "uid") == 0 && number)
        m->uid = (uint32_t)n;
    else if (strcmp(name, "gid") == 0 && number)
        m->gid = (uint32_t)n;
    else if (strcmp(name, "mode") == 0 && number) {
        m->mode = (uint32_t)n & 07777;
        m->has_mode = true;
    } else
        return build__refuse(r->build, e, "--mount does not know %s=%s", name, value ? value : "");
    return 0;
}

static int check_mount(struct run *r, struct run_mount *m, struct err *e)
{
    struct build *b = r->build;
    static const char *const types[] = {"bind", "cache", "tmpfs", "secret", "ssh"};
    bool secret = strcmp(m->type, "secret") == 0, known = false;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        known |= strcmp(m->type, types[i]) == 0;
    if (!known)
        return build__refuse(b, e, "--mount=type=%s is not supported", m->type);
    if (secret && !m->id)
        m->id = m->target ? m->target : m->source;
    if (secret && m->id && !m->target && !m->env) {
        const char *slash = strrchr(m->id, '/');
        m->target = arena_printf(b->arena, "/run/secrets/%s", slash ? slash + 1 : m->id);
    }
    if (strcmp(m->type, "ssh") == 0) {
        m->id = m->id ? m->id : "default";
        if (!m->target)
            m->target =
                arena_printf(b->arena, "/run/buildkit/ssh_agent.%zu", (size_t)(m - r->mounts));
    }
    if (!m->target && !m->env)
        return build__refuse(b, e, "--mount=type=%s needs a target", m->type);
    if (m->target && *m->target != '/')
        m->target = arena_printf(b->arena, "%s/%s", stage__workdir(r->stage), m->target);
    if (strcmp(m->type, "cache") == 0) {
        if (m->source && !m->from)
            return build__refuse(b, e, "--mount=type=cache with source needs from, too");
        m->id = m->id ? m->id : m->target;
        m->sharing = m->sharing ? m->sharing : "shared";
        if (strcmp(m->sharing, "shared") && strcmp(m->sharing, "locked") &&
            strcmp(m->sharing, "private"))
            return build__refuse(b, e, "--mount: sharing=%s is not known", m->sharing);
    }
    return 0;
}

static int read_mount(struct run *r, const char *text, struct err *e)
{
    struct build *b = r->build;
    const char *expanded;
    if (r->n_mounts == MOUNTS_MAX)
        return build__refuse(b, e, "more than %d mounts", MOUNTS_MAX);
    struct run_mount *m = &r->mounts[r->n_mounts++];
    *m = (struct run_mount){.type = "bind", .lock = -1};
    int rc = stage__expand(b, r->stage, text, &expanded, e);
    if (rc < 0)
        return rc;
    char *rest = arena_strdup(b->arena, expanded);
    for (char *part; (part = strsep(&rest, ","));) {
        char *eq = strchr(part, '=');
        if (eq)
            *eq++ = '\0';
        if ((rc = mount_option(r, m, part, eq, e)) < 0)
            return rc;
    }
    return check_mount(r, m, e);
}

static int read_flags(struct run *r, struct err *e)
{
    struct build *b = r->build;
    bool fenced = b->opts->net && b->opts->network == BUILD_NETWORK_DEFAULT;
    r->network = b->opts->network == BUILD_NETWORK_NONE ? NET_NONE : fenced ? NET_POD : NET_HOST;
    for (size_t k = 0; k < r->at->n_flags; k++) {
        const struct flag *f = &r->at->flags[k];
        const char *value = f->value ? f->value : "";
        int rc = 0;
        if (strcmp(f->name, "mount") == 0)
            rc = read_mount(r, value, e);
        else if (strcmp(f->name, "network") == 0 && strcmp(value, "none") == 0)
            r->network = NET_NONE;
        else if (strcmp(f->name, "network") == 0 &&
                 (strcmp(value, "default") == 0 ||
                  (strcmp(value, "host") == 0 && r->network == NET_HOST)))
            continue;
        else if (strcmp(f->name, "security") == 0 && strcmp(value, "sandbox") == 0)
            continue;
        else
            rc = build__refuse(b, e, "RUN --%s=%s is not supported", f->name, value);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- mounts ---- */

/* A part of a stage, image or the context, copied so that it is filtered and cannot change. */
struct bind {
    struct run *run;
    struct run_mount *mount;
    struct key *key;
    const char *dir; /* a folder to take it from, or NULL: the view's second root */
    const char *into;
};

static int copy_bind(void *arg, const struct view *v, struct err *e)
{
    struct bind *bind = arg;
    struct build *b = bind->run->build;
    struct tree *t;
    size_t n;
    AUTO_FD int dir = bind->dir ? open(bind->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    AUTO_FD int into = open(bind->into, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (into < 0 || (bind->dir && dir < 0))
        return err_sys(e, errno, "open %s", bind->dir ? bind->dir : bind->into);
    struct tree_source from = {.root = bind->dir ? dir : v->from, .keep_owner = !bind->dir};
    if (bind->dir && bind->dir == b->context) {
        from.ignore = b->ignore;
        from.n_ignore = b->n_ignore;
    }
    const char *source = bind->mount->source ? bind->mount->source : "/";
    int rc = tree_choose(&from, source, b->arena, &t, &n, e);
    if (rc == 0 && n != 1)
        rc = err_set(e, ERR_INVALID, "mount source %s names %zu things", source, n);
    if (rc == 0)
        rc = tree_hash(&from, t, bind->key, e);
    if (rc < 0)
        return build__wrap(b, rc, e);
    const struct tree_target to = {.root = into, .path = t->is_dir ? "/tree" : "/file"};
    bind->mount->host = arena_printf(b->arena, "%s%s", bind->into, to.path);
    if (t->is_dir && (rc = tree_mkdirs(into, "/tree", 0, 0, e)) < 0)
        return rc;
    return tree_copy(&from, t, &to, e);
}

static int prepare_bind(struct run *r, struct run_mount *m, struct key *k, struct err *e)
{
    struct build *b = r->build;
    struct layers layers = {0};
    struct view_layers from;
    struct view_opts o = {0};
    struct bind bind = {.run = r, .mount = m, .key = k, .dir = b->context};
    int rc = m->from ? stages__from(b, r->stage, m->from, &layers, &bind.dir, e) : 0;
    if (rc == 0 && !m->from && !b->context)
        rc = build__refuse(b, e, "--mount=type=bind: there is no build context");
    if (rc < 0 || (rc = build__folder(b, "view", &o.scratch, e)) < 0 ||
        (rc = build__folder(b, "bind", &bind.into, e)) < 0 ||
        (rc = build__dirs(b, &layers, &from, e)) < 0)
        return rc;
    if (!bind.dir)
        o.from = &from;
    return view_run(&o, copy_bind, &bind, e);
}

/* What a new cache starts with, copied to `path`. */
static int fill_cache(struct run *r, struct run_mount *m, const char *path, struct err *e)
{
    struct build *b = r->build;
    struct view_layers from;
    struct view_opts o = {0};
    struct key ignored;
    struct bind bind = {.run = r, .mount = m, .key = &ignored, .dir = m->base_dir};
    key_init(&ignored, "cache");
    int rc = build__folder(b, "view", &o.scratch, e);
    if (rc == 0)
        rc = build__folder(b, "cache", &bind.into, e);
    if (rc < 0 || (rc = build__dirs(b, &m->base, &from, e)) < 0)
        return rc;
    if (!bind.dir)
        o.from = &from;
    if ((rc = view_run(&o, copy_bind, &bind, e)) < 0)
        return rc;
    struct stat st;
    if (stat(m->host, &st) < 0 || !S_ISDIR(st.st_mode))
        return build__refuse(b, e, "--mount=type=cache: %s of %s is not a folder", m->source,
                             m->from);
    if (rename(m->host, path) < 0 && errno != EEXIST && errno != ENOTEMPTY)
        return err_sys(e, errno, "make the cache %s", path);
    return 0;
}

/* A cache that starts with something is another one for each thing it starts with. */
static void name_cache(const struct run_mount *m, char out[DIGEST_MAX])
{
    struct key k;
    if (!m->from) {
        blob_digest_of(m->id, strlen(m->id), out);
        return;
    }
    key_init(&k, "cache/1");
    build__key_add(&k, m->id);
    build__key_add_layers(&k, &m->base);
    build__key_add(&k, m->base_dir);
    build__key_add(&k, m->source);
    key_text(&k, out);
}

/* FOLDER/build-cache/<hash of the id>[.n]: one folder, or, when it is private and in use, another.
 */
static int prepare_cache(struct run *r, struct run_mount *m, struct err *e)
{
    struct build *b = r->build;
    char id[DIGEST_MAX];
    name_cache(m, id);
    for (unsigned n = 0; n < 64; n++) {
        char *path = arena_printf(b->arena, "%s/build-cache/%.32s.%u",
                                  image_store_folder(b->images), id + 7, n);
        const char *root = arena_printf(b->arena, "%s/build-cache", image_store_folder(b->images));
        bool is_new = access(path, F_OK) < 0;
        int rc = fs_mkdirs(is_new && m->from ? root : path, 0755, e);
        if (rc == 0 && is_new && m->from)
            rc = fill_cache(r, m, path, e);
        if (rc < 0)
            return rc;
        if (is_new && (!m->from || m->has_mode || m->uid || m->gid) &&
            (chmod(path, m->has_mode ? m->mode : 0755) < 0 || chown(path, m->uid, m->gid) < 0))
            return err_sys(e, errno, "set owner and mode of %s", path);
        m->host = path;
        if (strcmp(m->sharing, "shared") == 0)
            return 0;
        m->lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool wait = strcmp(m->sharing, "locked") == 0;
        if (m->lock >= 0 && flock(m->lock, LOCK_EX | (wait ? 0 : LOCK_NB)) == 0)
            return 0;
        if (m->lock >= 0)
            (void)close(m->lock);
        m->lock = -1;
    }
    return build__refuse(b, e, "all private caches %s are in use", m->id);
}

static const struct build_secret *find_secret(const struct build *b, const char *id)
{
    for (size_t i = 0; i < b->opts->n_secrets; i++) {
        if (id && strcmp(b->opts->secrets[i].id, id) == 0)
            return &b->opts->secrets[i];
    }
    return NULL;
}

/* In memory where the machine has a place for it; never in a layer: the file is bound. */
static int secret_folder(struct run *r, struct err *e)
{
    if (r->secrets)
        return 0;
    char *path = arena_strdup(r->build->arena, "/dev/shm/slipway-build-XXXXXX");
    if (!mkdtemp(path)) {
        path = arena_printf(r->build->arena, "%s/secret-XXXXXX", r->scratch);
        if (!mkdtemp(path))
            return err_sys(e, errno, "create %s", path);
    }
    r->secrets = path;
    return 0;
}

static int prepare_secret(struct run *r, struct run_mount *m, struct err *e)
{
    const struct build_secret *s = find_secret(r->build, m->id);
    if (!s)
        return m->required ? build__refuse(r->build, e, "secret %s was not given", m->id) : 0;
    if (!m->target)
        return 0;
    int rc = secret_folder(r, e);
    if (rc < 0)
        return rc;
    char *path = arena_printf(r->build->arena, "%s/%zu", r->secrets, (size_t)(m - r->mounts));
    if ((rc = fs_write_atomic(path, 0600, s->bytes, s->n, e)) < 0)
        return rc;
    if (chown(path, m->uid, m->gid) < 0 || chmod(path, m->has_mode ? m->mode : 0400) < 0)
        return err_sys(e, errno, "set owner and mode of a secret");
    m->host = path;
    return 0;
}

/* The agent trusts this process only, so that the container gets a socket of ours. */
static int prepare_ssh(struct run *r, struct run_mount *m, struct err *e)
{
    struct build *b = r->build;
    const struct build_ssh *s = NULL;
    for (size_t i = 0; i < b->opts->n_ssh; i++)
        if (strcmp(b->opts->ssh[i].id, m->id) == 0)
            s = &b->opts->ssh[i];
    if (!s)
        return m->required
                   ? build__refuse(b, e, "ssh agent %s was not given (--ssh %s)", m->id, m->id)
                   : 0;
    int rc = secret_folder(r, e);
    if (rc < 0)
        return rc;
    char *path = arena_printf(b->arena, "%s/%zu", r->secrets, (size_t)(m - r->mounts));
    if ((rc = forward_open(path, s->socket, &m->agent, e)) < 0)
        return rc;
    if (chown(path, m->uid, m->gid) < 0 || chmod(path, m->has_mode ? m->mode : 0600) < 0)
        return err_sys(e, errno, "set owner and mode of an ssh socket");
    m->host = path;
    m->writable = true;
    return 0;
}

/* Binds are part of the key by content, caches and secrets only by what they are called. */
static int prepare_early(struct run *r, struct key *k, struct err *e)
{
    for (size_t i = 0; i < r->n_mounts; i++) {
        struct run_mount *m = &r->mounts[i];
        build__key_add(k, m->type);
        build__key_add(k, m->target);
        build__key_add(k, m->id);
        build__key_add(k, m->env);
        int rc = 0;
        if (strcmp(m->type, "bind") == 0)
            rc = prepare_bind(r, m, k, e);
        else if (strcmp(m->type, "cache") == 0 && m->from)
            rc = stages__from(r->build, r->stage, m->from, &m->base, &m->base_dir, e);
        if (m->base.n)
            build__key_add_layers(k, &m->base);
        if (rc < 0)
            return rc;
    }
    build__key_add(k, NULL);
    return 0;
}

static int prepare_late(struct run *r, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < r->n_mounts; i++) {
        struct run_mount *m = &r->mounts[i];
        if (strcmp(m->type, "cache") == 0)
            rc = prepare_cache(r, m, e);
        else if (strcmp(m->type, "secret") == 0)
            rc = prepare_secret(r, m, e);
        else if (strcmp(m->type, "ssh") == 0)
            rc = prepare_ssh(r, m, e);
    }
    if (rc < 0 || !r->script)
        return rc;
    return fs_write_atomic(arena_printf(r->build->arena, "%s/script", r->scratch), 0755, r->script,
                           strlen(r->script), e);
}

static void forget_mounts(struct run *r)
{
    for (size_t i = 0; i < r->n_mounts; i++) {
        if (r->mounts[i].lock >= 0)
            (void)close(r->mounts[i].lock);
        forward_free(r->mounts[i].agent);
    }
    if (r->secrets) {
        int gone = fs_remove_tree(r->secrets, NULL);
        (void)gone;
    }
}

/* ---- places that must be there to mount on, and go again ---- */

struct stub {
    const char *path; /* below the root */
    bool is_file;
};

struct places {
    struct run *run;
    struct stub stubs[MOUNTS_MAX * 8 + 16];
    size_t n;
};

/* Remembers each part of `path` that is not in the image. */
static void note_stubs(struct places *p, int root, const char *path, bool is_file)
{
    struct arena *a = p->run->build->arena;
    for (const char *at = path; at && p->n < ARRAY_LEN(p->stubs);) {
        at = strchr(at + 1, '/');
        const char *part = at ? arena_strndup(a, path, (size_t)(at - path)) : path;
        AUTO_FD int fd = view_open(root, part, O_PATH);
        if (fd < 0)
            p->stubs[p->n++] = (struct stub){part, !at && is_file};
    }
}

static int look_around(void *arg, const struct view *v, struct err *e)
{
    struct places *p = arg;
    struct run *r = p->run;
    static const char *const always[] = {"/dev", "/proc", "/sys"};
    for (size_t i = 0; i < ARRAY_LEN(always); i++)
        note_stubs(p, v->root, always[i], false);
    note_stubs(p, v->root, "/etc/resolv.conf", true);
    note_stubs(p, v->root, "/etc/hosts", true);
    if (r->script)
        note_stubs(p, v->root, arena_printf(r->build->arena, "/dev/pipes/%s", r->heredoc_name),
                   true);
    for (size_t i = 0; i < r->n_mounts; i++) {
        struct stat st;
        const struct run_mount *m = &r->mounts[i];
        if (m->target)
            note_stubs(p, v->root, m->target,
                       m->host && stat(m->host, &st) == 0 && !S_ISDIR(st.st_mode));
    }
    const char *user = value_str(value_get(r->stage->config, "User"), "");
    return *user ? user_find(v->root, user, &r->user, e) : user_find(v->root, "0", &r->user, e);
}

/* Empty still, they were only there to be mounted on. */
static void remove_stubs(const struct places *p, const char *upper)
{
    AUTO_FD int root = open(upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = p->n; root >= 0 && i-- > 0;) {
        const char *name;
        struct stat st;
        AUTO_FD int folder = view_open_parent(root, p->stubs[i].path, &name);
        if (folder < 0 || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISDIR(st.st_mode))
            (void)unlinkat(folder, name, AT_REMOVEDIR);
        else if (S_ISREG(st.st_mode) && st.st_size == 0 && p->stubs[i].is_file)
            (void)unlinkat(folder, name, 0);
    }
}

/* ---- the container ---- */

static void say(struct run *r, const char *text, size_t n)
{
    size_t keep = sizeof r->tail - 1, have = strlen(r->tail);
    build__event(r->build, BUILD_STEP_OUTPUT, text, n, 0);
    if (n >= keep) {
        text += n - keep;
        n = keep;
    }
    if (have + n > keep) {
        memmove(r->tail, r->tail + have + n - keep, keep - n);
        have = keep - n;
    }
    memcpy(r->tail + have, text, n);
    r->tail[have + n] = '\0';
}

/* A line of the log: "time stream F|P text". */
static void log_line_done(struct run *r, char *line, size_t n)
{
    char *text = line;
    for (int i = 0; i < 2 && text; i++)
        text = memchr(text, ' ', n - (size_t)(text - line)) ? strchr(text, ' ') + 1 : NULL;
    if (!text || (size_t)(text - line) + 2 > n)
        return;
    bool whole = text[0] == 'F';
    text += 2;
    size_t len = n - (size_t)(text - line);
    if (whole || r->build->solve->parallel)
        text[len++] = '\n'; /* where the log's own line end stood */
    say(r, text, len);
}

static void follow_log(struct run *r)
{
    AUTO_FD int fd = open(r->log, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    for (;;) {
        ssize_t got = pread(fd, r->piece + r->n_piece, sizeof r->piece - 1 - r->n_piece, r->log_at);
        if (got <= 0)
            return;
        r->log_at += got;
        r->n_piece += (size_t)got;
        char *line = r->piece, *end;
        while ((end = memchr(line, '\n', r->n_piece - (size_t)(line - r->piece)))) {
            log_line_done(r, line, (size_t)(end - line));
            line = end + 1;
        }
        r->n_piece -= (size_t)(line - r->piece);
        memmove(r->piece, line, r->n_piece);
        if (r->n_piece == sizeof r->piece - 1) { /* longer than a CRI line can be */
            r->n_piece = 0;
        }
    }
}

static void add_mount(struct container_mount *list, size_t *n, const char *source,
                      const char *target, bool readonly)
{
    list[(*n)++] =
        (struct container_mount){.source = source, .target = target, .readonly = readonly};
}

static size_t list_mounts(struct run *r, struct container_mount *list)
{
    struct arena *a = r->build->arena;
    size_t n = 0;
    if (r->network == NET_POD) {
        add_mount(list, &n, arena_printf(a, "%s/resolv.conf", r->scratch), "/etc/resolv.conf",
                  true);
        add_mount(list, &n, arena_printf(a, "%s/hosts", r->scratch), "/etc/hosts", true);
    }
    if (r->network == NET_HOST && access("/etc/resolv.conf", R_OK) == 0)
        add_mount(list, &n, "/etc/resolv.conf", "/etc/resolv.conf", true);
    if (r->network == NET_HOST && access("/etc/hosts", R_OK) == 0)
        add_mount(list, &n, "/etc/hosts", "/etc/hosts", true);
    for (size_t i = 0; i < r->n_mounts; i++) {
        const struct run_mount *m = &r->mounts[i];
        if (strcmp(m->type, "tmpfs") == 0)
            list[n++] = (struct container_mount){
                .source = "tmpfs",
                .target = m->target,
                .type = "tmpfs",
                .options = m->size ? arena_printf(a, "size=%s,mode=1777", m->size) : "mode=1777"};
        else if (m->host && m->target)
            add_mount(list, &n, m->host, m->target, !m->writable && strcmp(m->type, "cache") != 0);
    }
    if (r->script)
        add_mount(list, &n, arena_printf(a, "%s/script", r->scratch), r->argv[0], true);
    return n;
}

/* Secrets that are wanted as variables come last; the key never saw them. */
static const char **environment(struct run *r)
{
    struct arena *a = r->build->arena;
    const char **env = stage__environment(r->build, r->stage);
    size_t n = 0;
    bool home = false;
    while (env[n])
        home |= strncmp(env[n++], "HOME=", 5) == 0;
    const char **all = ARENA_ARRAY(a, const char *, n + r->n_mounts + 2);
    memcpy(all, env, n * sizeof *env);
    if (!home)
        all[n++] = r->user.uid == 0 ? "HOME=/root" : "HOME=/";
    for (size_t i = 0; i < r->n_mounts; i++) {
        const struct run_mount *m = &r->mounts[i];
        const struct build_secret *s = m->env ? find_secret(r->build, m->id) : NULL;
        if (s)
            all[n++] = arena_printf(a, "%s=%.*s", m->env, (int)s->n, (const char *)s->bytes);
        if (m->agent)
            all[n++] = arena_printf(a, "SSH_AUTH_SOCK=%s", m->target);
    }
    return all;
}

static int make_id(struct run *r, struct err *e)
{
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return err_sys(e, errno, "get random bytes");
    (void)snprintf(r->id, sizeof r->id, "build-%016llx", (unsigned long long)number);
    return 0;
}

/* An address of its own, as a pod has: the host's loopback is out of reach. */
static int join_network(struct run *r, struct err *e)
{
    struct arena *a = r->build->arena;
    struct podnet *net = r->build->opts->net;
    struct podnet_pod pod;
    if (r->network != NET_POD)
        return 0;
    int rc = podnet_add(net, r->id, NULL, 0, a, &pod, e);
    if (rc < 0)
        return err_wrap(e, rc, "network of a build");
    r->net_ns = pod.netns;
    const char *text = arena_printf(a, "nameserver %s\n", podnet_gateway(net));
    rc =
        fs_write_atomic(arena_printf(a, "%s/resolv.conf", r->scratch), 0644, text, strlen(text), e);
    if (rc < 0)
        return rc;
    text = arena_printf(a, "127.0.0.1 localhost\n::1 localhost\n%s build\n", pod.ip);
    return fs_write_atomic(arena_printf(a, "%s/hosts", r->scratch), 0644, text, strlen(text), e);
}

static void leave_network(struct run *r)
{
    if (r->network != NET_POD || !r->net_ns)
        return;
    int rc = podnet_del(r->build->opts->net, r->id, NULL); /* else build_recover does */
    (void)rc;
}

static int start(struct run *r, const struct view_layers *layers, struct err *e)
{
    struct build *b = r->build;
    struct container_mount *mounts = ARENA_ARRAY(b->arena, struct container_mount, MOUNTS_MAX + 4);
    r->log = arena_printf(b->arena, "%s/log", r->scratch);
    const char *notes[] = {
        BUILD_NOTE, b->opts->owner ? arena_printf(b->arena, "owner=%s", b->opts->owner) : NULL,
        NULL};
    const struct container_spec spec = {
        .id = r->id,
        .layers = layers->dirs,
        .n_layers = layers->n,
        .mounts = mounts,
        .n_mounts = list_mounts(r, mounts),
        .argv = r->argv,
        .env = environment(r),
        .cwd = stage__workdir(r->stage),
        .uid = r->user.uid,
        .gid = r->user.gid,
        .groups = r->user.groups,
        .n_groups = r->user.n_groups,
        .net_ns = r->network == NET_HOST ? "host" : r->net_ns,
        .hostname = "build",
        .log_path = r->log,
        .notes = notes,
    };
    return runtime_start(b->opts->runtime, &spec, e);
}

/* Follows the output until the program is gone, then asks how it ended. */
static int wait_end(struct run *r, struct container_end *out, struct err *e)
{
    struct runtime *rt = r->build->opts->runtime;
    struct container_info info;
    bool killed = false;
    int pidfd = -1;
    for (int64_t gone_at = 0;;) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        int rc = runtime_get(rt, r->id, a, &info, e);
        follow_log(r);
        if (rc < 0 || !info.running) {
            if (pidfd >= 0)
                (void)close(pidfd);
            *out = info.end;
            follow_log(r);
            if (killed)
                return err_set(e, ERR_CANCELLED, "the build was stopped");
            return rc;
        }
        if (pidfd < 0 && info.pid > 0)
            pidfd = pidfd_open(info.pid, 0);
        if (!killed && solve__stopped(r->build)) {
            killed = true;
            int rc_kill = runtime_kill(rt, r->id, SIGKILL, NULL); /* it may just have ended */
            (void)rc_kill;
        }
        struct pollfd p = {.fd = pidfd, .events = POLLIN};
        if (poll(&p, 1, gone_at ? 2 : 40) > 0) {
            gone_at = gone_at ? gone_at : clock_mono_ms();
            struct timespec t = {.tv_nsec = 1000000};
            (void)nanosleep(&t, NULL); /* the shim writes down how it ended */
            if (clock_mono_ms() - gone_at > SETTLE_MS)
                return err_set(e, ERR_SYSTEM, "container %s ended and nobody says how", r->id);
        }
    }
}

static int judge(struct run *r, const struct container_end *end, struct err *e)
{
    if (end->code == 0 && !end->lost)
        return 0;
    size_t n = strlen(r->tail);
    while (n > 0 && r->tail[n - 1] == '\n')
        r->tail[--n] = '\0';
    const char *last = strrchr(r->tail, '\n');
    (void)build__refuse(r->build, e, "RUN %.200s: %s %d", r->at->rest,
                        end->oom ? "ran out of memory, exit code" : "exit code", end->code);
    return *r->tail ? err_hint(e, "its last words: %.200s", last ? last + 1 : r->tail)
                    : ERR_INVALID;
}

static int execute(struct run *r, struct made *out, struct err *e)
{
    struct build *b = r->build;
    struct places places = {.run = r};
    struct view_layers layers;
    struct container_end end = {0};
    struct view_opts o = {0};
    int rc = build__dirs(b, &r->stage->layers, &layers, e);
    if (rc < 0 || (rc = build__folder(b, "run", &r->scratch, e)) < 0 ||
        (rc = build__folder(b, "look", &o.scratch, e)) < 0)
        return rc;
    o.base = layers;
    if ((rc = prepare_late(r, e)) < 0)
        return rc;
    if ((rc = view_run(&o, look_around, &places, e)) < 0 || (rc = make_id(r, e)) < 0)
        return build__wrap(b, rc, e);
    rc = join_network(r, e);
    if (rc == 0)
        rc = start(r, &layers, e);
    if (rc < 0) {
        leave_network(r);
        return build__wrap(b, rc, e);
    }
    rc = wait_end(r, &end, e);
    if (rc == 0)
        rc = judge(r, &end, e);
    const char *upper = runtime_writable_layer(b->opts->runtime, r->id, b->arena);
    if (rc == 0) {
        remove_stubs(&places, upper);
        rc = stage__pack(b, upper, out, e);
    }
    int gone = runtime_remove(b->opts->runtime, r->id, NULL);
    (void)gone;
    leave_network(r);
    return rc;
}

static void add_key(struct run *r, struct key *k)
{
    struct build *b = r->build;
    key_init(k, "run/1");
    build__key_add(k, b->platform);
    build__key_add_bytes(k, &b->epoch, sizeof b->epoch);
    build__key_add_layers(k, &r->stage->layers);
    for (const char **s = r->argv; *s; s++)
        build__key_add(k, *s);
    build__key_add(k, r->script);
    for (const char **s = stage__environment(b, r->stage); *s; s++)
        build__key_add(k, *s);
    build__key_add(k, NULL);
    build__key_add(k, stage__workdir(r->stage));
    build__key_add(k, value_str(value_get(r->stage->config, "User"), ""));
    build__key_add(k, r->network == NET_NONE ? "fenced" : "open");
}

/* The stage's programs have to be this machine's: nothing is emulated. */
static int check_platform(struct build *b, const struct stage *s, struct err *e)
{
    const char *own = build__platform_parts(b->arena, manifest_host_platform())[1];
    const char *os = value_at_str(s->doc, "os", "linux");
    const char *arch = value_at_str(s->doc, "architecture", own);
    bool runs = strcmp(arch, own) == 0 || (strcmp(arch, "386") == 0 && strcmp(own, "amd64") == 0);
    if (runs && strcmp(os, "linux") == 0)
        return 0;
    return build__refuse(b, e, "RUN in an image for %s/%s is not possible on this machine, %s", os,
                         arch, manifest_host_platform());
}

int run__apply(struct build *b, struct stage *s, const struct instruction *i, struct err *e)
{
    char text[DIGEST_MAX];
    struct key k;
    struct made layer;
    struct run *r = ARENA_NEW(b->arena, struct run);
    r->build = b;
    r->stage = s;
    r->at = i;
    if (s->layers.n == 0)
        return build__refuse(b, e, "RUN on an empty image: there is nothing to run");
    if (!b->opts->runtime && !b->opts->only_cached)
        return build__refuse(b, e, "RUN is not possible here: there is no container runtime");
    int rc = check_platform(b, s, e);
    if (rc < 0 || (rc = read_flags(r, e)) < 0 || (rc = read_command(r, e)) < 0)
        return rc;
    add_key(r, &k);
    if ((rc = prepare_early(r, &k, e)) < 0)
        return rc;
    key_text(&k, text);
    b->hit = cache__claim(b, text, &layer);
    if (b->hit)
        return stage__push(b, s, &layer, i->text, e);
    rc = execute(r, &layer, e);
    forget_mounts(r);
    if (rc < 0 || (rc = cache__put(b, text, &layer, e)) < 0)
        return rc;
    return stage__push(b, s, &layer, i->text, e);
}

int build_recover(struct runtime *runtime, struct podnet *net, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct container_info *list;
    size_t n;
    runtime_list(runtime, a, &list, &n);
    for (size_t i = 0; i < n; i++) {
        bool ours = false;
        for (const char *const *note = list[i].notes; note && *note; note++)
            ours |= strcmp(*note, BUILD_NOTE) == 0;
        int rc = ours ? runtime_remove(runtime, list[i].id, e) : 0;
        if (rc == 0 && ours && net)
            rc = podnet_del(net, list[i].id, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}
