#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "api/quantity.h"
#include "base/fs.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "node/node_int.h"

struct volume_ctx {
    struct node *n;
    const struct pod_def *d;
    const struct sandbox *s;
    struct arena *a;
    int64_t fs_group; /* < 0: none */
    const char *dir;  /* of the volume at hand */
};

int secret__text(const struct value *data, struct arena *a, char **out, size_t *n, struct err *e);

int secret__text(const struct value *data, struct arena *a, char **out, size_t *n, struct err *e)
{
    return base64_decode(a, value_str(data, ""), value_count(data), BASE64_STD, out, n, e);
}

/* ---- what a volume's files are ---- */

static int load(const struct volume_ctx *c, const struct resource *r, const char *name,
                bool optional, const struct object **out, struct err *e)
{
    struct object *o;
    int rc = kube_get(c->n->kube, r, c->d->ns, name, &o, e);
    *out = NULL;
    if (rc == ERR_NOT_FOUND && optional)
        return 0;
    if (rc == ERR_NOT_FOUND)
        return err_set(e, rc, "%s \"%s\" not found", r->singular, name);
    if (rc < 0)
        return rc;
    *out = object_hold(c->a, o);
    object_unref(o);
    return 0;
}

struct key_file {
    const char *key, *path;
    int mode;
};

static int add_key(const struct volume_ctx *c, const struct value *root, const struct key_file *f,
                   bool secret, struct payload *p, struct err *e)
{
    const struct value *text = value_get(value_get(root, "data"), f->key);
    const struct value *coded = text && !secret ? NULL
                                : secret        ? text
                                                : value_get(value_get(root, "binaryData"), f->key);
    struct payload_file file = {.path = f->path, .mode = f->mode};
    if (coded) {
        char *bytes;
        int rc = secret__text(coded, c->a, &bytes, &file.n, e);
        if (rc < 0)
            return rc;
        file.bytes = bytes;
    } else if (text) {
        file.bytes = value_str(text, "");
        file.n = value_count(text);
    } else {
        return err_set(e, ERR_NOT_FOUND, "references non-existent key: %s", f->key);
    }
    payload__add(p, c->a, &file);
    return 0;
}

/* All keys, or those in `items` under the paths given there. */
static int add_map(const struct volume_ctx *c, const struct value *src, bool secret, int mode,
                   struct payload *p, struct err *e)
{
    const struct object *o;
    bool optional = value_at_bool(src, "optional", false);
    const char *name = value_at_str(src, "name", value_at_str(src, "secretName", ""));
    int rc = load(c, secret ? &RES_SECRET : &RES_CONFIG_MAP, name, optional, &o, e);
    if (rc < 0 || !o)
        return rc;
    const struct value *items = value_get(src, "items");
    VALUE_EACH_ITEM (it, items) {
        struct key_file f = {value_at_str(it, "key", ""), value_at_str(it, "path", ""),
                             (int)value_at_int(it, "mode", mode)};
        rc = add_key(c, o->root, &f, secret, p, e);
        if (rc == ERR_NOT_FOUND && optional)
            continue;
        if (rc < 0)
            return rc;
    }
    if (value_count(items))
        return 0;
    static const char *const maps[] = {"data", "binaryData"};
    for (size_t i = 0; i < ARRAY_LEN(maps); i++)
        VALUE_EACH_MEMBER (m, value_get(o->root, maps[i])) {
            struct key_file f = {m->key, m->key, mode};
            if ((rc = add_key(c, o->root, &f, secret, p, e)) < 0)
                return rc;
        }
    return 0;
}

static int add_downward(const struct volume_ctx *c, const struct value *src, int mode,
                        struct payload *p, struct err *e)
{
    VALUE_EACH_ITEM (it, value_get(src, "items")) {
        const struct value *ref = value_get(it, "resourceFieldRef");
        const char *text;
        int rc = ref ? field__resource(c->d, NULL, ref, c->a, &text, e)
                     : field__pod(c->n, c->d, c->s, value_at_str(it, "fieldRef.fieldPath", ""),
                                  c->a, &text, e);
        if (rc < 0)
            return rc;
        struct payload_file f = {value_at_str(it, "path", ""), text, strlen(text),
                                 (int)value_at_int(it, "mode", mode)};
        payload__add(p, c->a, &f);
    }
    return 0;
}

/* ---- tokens ---- */

/* The claims of a JSON Web Token, unverified: it is our own. */
static const struct value *claims(const char *token, struct arena *a)
{
    const char *dot = strchr(token, '.');
    size_t n = dot ? strcspn(dot + 1, ".") : 0;
    char *text;
    struct value *v = NULL;
    if (!dot || base64_decode(a, dot + 1, n, BASE64_URL_RAW, &text, &n, NULL) < 0 ||
        json_parse(a, text, n, 0, &v, NULL) < 0)
        return NULL;
    return v;
}

/* The token that is there, while less than four fifths of its life are over. */
static const char *fresh_token(const struct volume_ctx *c, const char *file)
{
    char *token;
    if (!c->dir || fs_read(arena_printf(c->a, "%s/..data/%s", c->dir, file), 1 << 16, c->a, &token,
                           NULL, NULL) < 0)
        return NULL;
    const struct value *v = claims(token, c->a);
    int64_t from = value_at_int(v, "iat", 0), to = value_at_int(v, "exp", 0);
    int64_t now = c->n->clock->real_ms(c->n->clock) / 1000;
    return now < from + (to - from) * 4 / 5 ? token : NULL;
}

static struct value *token_request(const struct volume_ctx *c, const struct value *src)
{
    struct arena *a = c->a;
    struct value *q = value_new_object(a);
    (void)value_set_str(a, q, "apiVersion", "authentication.k8s.io/v1");
    (void)value_set_str(a, q, "kind", "TokenRequest");
    struct value *spec = value_make_object(a, q, "spec");
    const char *audience = value_at_str(src, "audience", "");
    if (*audience)
        (void)value_push_str(a, value_make_array(a, spec, "audiences"), audience);
    (void)value_set_int(a, spec, "expirationSeconds", value_at_int(src, "expirationSeconds", 3600));
    struct value *bound = value_make_object(a, spec, "boundObjectRef");
    (void)value_set_str(a, bound, "apiVersion", "v1");
    (void)value_set_str(a, bound, "kind", "Pod");
    (void)value_set_str(a, bound, "name", c->d->name);
    (void)value_set_str(a, bound, "uid", c->d->uid);
    return q;
}

/* Readable whoever the program runs as: the volume is this pod's alone. */
static int add_token(const struct volume_ctx *c, const struct value *src, struct payload *p,
                     struct err *e)
{
    struct payload_file f = {.path = value_at_str(src, "path", "token"), .mode = 0644};
    const char *token = fresh_token(c, f.path);
    if (!token) {
        AUTO(object) struct object *got = NULL;
        int rc = kube_update(c->n->kube, &RES_SERVICE_ACCOUNT, c->d->ns,
                             value_at_str(c->d->spec, "serviceAccountName", "default"), "token",
                             token_request(c, src), &got, e);
        if (rc < 0)
            return rc;
        token = arena_strdup(c->a, value_at_str(got->root, "status.token", ""));
    }
    f.bytes = token;
    f.n = strlen(token);
    payload__add(p, c->a, &f);
    return 0;
}

static int add_projected(const struct volume_ctx *c, const struct value *v, struct payload *p,
                         struct err *e)
{
    int mode = (int)value_at_int(v, "defaultMode", 0644), rc = 0;
    VALUE_EACH_ITEM (src, value_get(v, "sources")) {
        const struct value *x;
        if ((x = value_get(src, "configMap")))
            rc = add_map(c, x, false, mode, p, e);
        else if ((x = value_get(src, "secret")))
            rc = add_map(c, x, true, mode, p, e);
        else if ((x = value_get(src, "downwardAPI")))
            rc = add_downward(c, x, mode, p, e);
        else if ((x = value_get(src, "serviceAccountToken")))
            rc = add_token(c, x, p, e);
        else
            rc = err_set(e, ERR_UNSUPPORTED, "this kind of projected source is not supported");
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* False when the volume is none of files. */
static bool contents(const struct volume_ctx *c, const struct value *v, struct payload *p, int *rc,
                     struct err *e)
{
    const struct value *x;
    if ((x = value_get(v, "configMap")))
        *rc = add_map(c, x, false, (int)value_at_int(x, "defaultMode", 0644), p, e);
    else if ((x = value_get(v, "secret")))
        *rc = add_map(c, x, true, (int)value_at_int(x, "defaultMode", 0644), p, e);
    else if ((x = value_get(v, "downwardAPI")))
        *rc = add_downward(c, x, (int)value_at_int(x, "defaultMode", 0644), p, e);
    else if ((x = value_get(v, "projected")))
        *rc = add_projected(c, x, p, e);
    else
        return false;
    return true;
}

static bool is_secret(const struct value *v)
{
    return value_get(v, "secret") || value_get(v, "projected");
}

/* ---- folders ---- */

static bool is_tmpfs(const char *dir)
{
    struct statfs st;
    struct stat here, up;
    AUTO(arena) struct arena *a = arena_new(0);
    return statfs(dir, &st) == 0 && st.f_type == TMPFS_MAGIC && stat(dir, &here) == 0 &&
           stat(arena_printf(a, "%s/..", dir), &up) == 0 && here.st_dev != up.st_dev;
}

static int make_tmpfs(const char *dir, int64_t bytes, const char *mode, struct err *e)
{
    if (is_tmpfs(dir))
        return 0;
    char options[64];
    (void)snprintf(options, sizeof options, "mode=%s,size=%lld", mode, (long long)bytes);
    if (mount("tmpfs", dir, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
        return err_sys(e, errno, "mount a tmpfs on %s", dir);
    return 0;
}

static int64_t size_limit(const struct value *v)
{
    struct quantity q;
    const char *text = value_at_str(v, "sizeLimit", "");
    int64_t half = (int64_t)sysconf(_SC_PHYS_PAGES) / 2 * sysconf(_SC_PAGESIZE);
    return *text && quantity_parse(text, &q, NULL) == 0 && q.nano > 0 ? quantity_value(&q) : half;
}

/* Gives a tree to fsGroup: its group, readable and writable by it, new files inherit it. */
static void give_to_group(int dir_fd, gid_t gid)
{
    DIR *d = fdopendir(dir_fd);
    if (!d) {
        (void)close(dir_fd);
        return;
    }
    struct stat st;
    if (fstat(dirfd(d), &st) == 0) {
        (void)!fchown(dirfd(d), (uid_t)-1, gid);
        (void)fchmod(dirfd(d), (st.st_mode & 07777) | 02770);
    }
    for (const struct dirent *ent; (ent = readdir(d));) {
        if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0 ||
            fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISDIR(st.st_mode)) {
            int sub =
                openat(dirfd(d), ent->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (sub >= 0)
                give_to_group(sub, gid);
        } else if (S_ISREG(st.st_mode)) {
            (void)!fchownat(dirfd(d), ent->d_name, (uid_t)-1, gid, AT_SYMLINK_NOFOLLOW);
            (void)!fchmodat(dirfd(d), ent->d_name, (st.st_mode & 07777) | 0660, 0);
        }
    }
    (void)closedir(d);
}

/* Anew for each pod, unless it says otherwise: others may have written here in between. */
static void apply_fs_group(const struct volume_ctx *c, const char *dir)
{
    struct stat st;
    const char *policy = value_at_str(c->d->spec, "securityContext.fsGroupChangePolicy", "Always");
    if (c->fs_group < 0 || stat(dir, &st) < 0)
        return;
    if (strcmp(policy, "OnRootMismatch") == 0 && st.st_gid == (gid_t)c->fs_group &&
        st.st_mode & S_ISGID)
        return;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        give_to_group(fd, (gid_t)c->fs_group);
}

/* ---- host paths and claims ---- */

static int host_path(const char *path, const char *type, struct err *e)
{
    struct stat st;
    bool there = stat(path, &st) == 0;
    if (strcmp(type, "DirectoryOrCreate") == 0)
        return there && S_ISDIR(st.st_mode) ? 0 : fs_mkdirs(path, 0755, e);
    if (strcmp(type, "FileOrCreate") == 0 && !there) {
        AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        return fd < 0 ? err_sys(e, errno, "create %s", path) : 0;
    }
    if (!*type)
        return there ? 0 : fs_mkdirs(path, 0755, e);
    const struct {
        const char *type;
        mode_t mode;
    } kinds[] = {
        {"Directory",    S_IFDIR },
        {"File",         S_IFREG },
        {"FileOrCreate", S_IFREG },
        {"Socket",       S_IFSOCK},
        {"CharDevice",   S_IFCHR },
        {"BlockDevice",  S_IFBLK }
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(type, kinds[i].type) == 0)
            return there && (st.st_mode & S_IFMT) == kinds[i].mode
                       ? 0
                       : err_set(e, ERR_NOT_FOUND, "hostPath %s is not a %s", path, type);
    return err_set(e, ERR_INVALID, "hostPath type %s is not known", type);
}

static int claim_path(struct node *n, const char *ns, const char *claim, struct arena *a,
                      const char **out, struct err *e)
{
    AUTO(object) struct object *pvc = NULL;
    AUTO(object) struct object *pv = NULL;
    int rc = kube_get(n->kube, &RES_PERSISTENT_VOLUME_CLAIM, ns, claim, &pvc, e);
    if (rc < 0)
        return err_wrap(e, rc, "persistentvolumeclaim \"%s\"", claim);
    const char *volume = value_at_str(pvc->root, "spec.volumeName", "");
    if (!*volume || strcmp(value_at_str(pvc->root, "status.phase", ""), "Bound") != 0)
        return err_set(e, ERR_AGAIN, "persistentvolumeclaim \"%s\" is not bound yet", claim);
    rc = kube_get(n->kube, &RES_PERSISTENT_VOLUME, NULL, volume, &pv, e);
    if (rc < 0)
        return err_wrap(e, rc, "persistentvolume \"%s\"", volume);
    const char *path = value_at_str(pv->root, "spec.hostPath.path",
                                    value_at_str(pv->root, "spec.local.path", NULL));
    if (!path)
        return err_set(e, ERR_UNSUPPORTED, "persistentvolume \"%s\" is neither hostPath nor local",
                       volume);
    *out = arena_strdup(a, path);
    return guard__path(n->dir, *out, "volumes", a, e);
}

/* A generic ephemeral volume's claim is named after the pod. */
static const char *claim_of(const struct pod_def *d, const struct value *v, struct arena *a)
{
    const struct value *pvc = value_get(v, "persistentVolumeClaim");
    if (pvc)
        return value_at_str(pvc, "claimName", "");
    return value_get(v, "ephemeral")
               ? arena_printf(a, "%s-%s", d->name, value_at_str(v, "name", ""))
               : NULL;
}

int volume__path(struct node *n, const struct pod_def *d, const char *volume, struct arena *a,
                 const char **out, struct err *e)
{
    VALUE_EACH_ITEM (v, value_get(d->spec, "volumes")) {
        if (strcmp(value_at_str(v, "name", ""), volume) != 0)
            continue;
        const char *path = value_at_str(v, "hostPath.path", NULL);
        const char *claim = claim_of(d, v, a);
        if (claim)
            return claim_path(n, d->ns, claim, a, out, e);
        *out = path ? path : place__pod(n, a, d->uid, arena_printf(a, "volumes/%s", volume));
        return path ? guard__path(n->dir, path, "bin", a, e) : 0;
    }
    return err_set(e, ERR_INVALID, "there is no volume \"%s\"", volume);
}

/* ---- all of a pod's ---- */

static int setup_one(struct volume_ctx *c, const struct value *v, struct err *e)
{
    const char *name = value_at_str(v, "name", "");
    const char *dir;
    int rc = volume__path(c->n, c->d, name, c->a, &dir, e);
    if (rc < 0)
        return rc;
    const struct value *host = value_get(v, "hostPath"), *empty = value_get(v, "emptyDir");
    if (host)
        return host_path(dir, value_at_str(host, "type", ""), e);
    rc = fs_mkdirs(dir, 0755, e);
    if (rc < 0)
        return rc;
    c->dir = dir;
    struct payload p = {0};
    if (empty && strcmp(value_at_str(empty, "medium", ""), "Memory") == 0)
        rc = make_tmpfs(dir, size_limit(empty), "1777", e);
    if (rc == 0 && empty && chmod(dir, 0777) < 0)
        return err_sys(e, errno, "open up %s", dir);
    if (rc == 0 && is_secret(v))
        rc = make_tmpfs(dir, 64 << 20, "0755", e);
    if (rc == 0 && contents(c, v, &p, &rc, e)) {
        if (rc == 0)
            rc = payload__write(dir, &p, c->fs_group, e);
    } else if (rc == 0 && !empty && !claim_of(c->d, v, c->a)) {
        rc = err_set(e, ERR_UNSUPPORTED, "this kind of volume is not supported here");
    } else if (rc == 0) {
        apply_fs_group(c, dir);
    }
    return rc;
}

static struct volume_ctx context(struct node *n, const struct pod_def *d, const struct sandbox *s,
                                 struct arena *a)
{
    return (struct volume_ctx){n,   d, s, a, value_at_int(d->spec, "securityContext.fsGroup", -1),
                               NULL};
}

int volume__setup(struct node *n, const struct pod_def *d, const struct sandbox *s, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct volume_ctx c = context(n, d, s, a);
    VALUE_EACH_ITEM (v, value_get(d->spec, "volumes")) {
        int rc = setup_one(&c, v, e);
        if (rc < 0)
            return err_wrap(e, rc, "MountVolume.SetUp failed for volume \"%s\"",
                            value_at_str(v, "name", ""));
    }
    return 0;
}

int volume__refresh(struct node *n, const struct pod_def *d, const struct sandbox *s, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct volume_ctx c = context(n, d, s, a);
    VALUE_EACH_ITEM (v, value_get(d->spec, "volumes")) {
        struct payload p = {0};
        int rc = 0;
        c.dir =
            place__pod(n, a, d->uid, arena_printf(a, "volumes/%s", value_at_str(v, "name", "")));
        if (!contents(&c, v, &p, &rc, e))
            continue;
        if (rc == 0)
            rc = payload__write(c.dir, &p, c.fs_group, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}
