/* Files are FOLDER/<algorithm>/<first two hex digits>/<hex>. Writers' files have no name where the
 * file system can do that; elsewhere they are FOLDER/tmp/…, which opening the store empties of
 * those that no living process has locked. */
#include "blob/blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/thread.h"
#include "blob/blob_int.h"
#include "blob/digest.h"

struct blob_writer {
    struct blob_store *store;
    int fd;
    char path[PATH_MAX]; /* "": it has no name yet */
    uint64_t size;
    struct digest_state hash; /* sha256; a sha512 that is asked for at the end is read again */
};

static void file_path(const struct blob_store *s, const char *digest, char out[PATH_MAX])
{
    (void)snprintf(out, PATH_MAX, "%s/%.6s/%.2s/%s", s->folder, digest, digest + 7, digest + 7);
}

/* A file that can be locked belongs to nobody any more. */
static void remove_orphans(const char *folder)
{
    DIR *d = opendir(folder);
    if (!d)
        return;
    for (struct dirent *entry; (entry = readdir(d));) {
        if (entry->d_name[0] == '.')
            continue;
        AUTO_FD int fd = openat(dirfd(d), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            (void)unlinkat(dirfd(d), entry->d_name, 0);
    }
    (void)closedir(d);
}

int blob_store_open(const char *folder, struct blob_store **out, struct err *e)
{
    static const char *const parts[] = {"sha256", "sha512", "tmp"};
    char path[PATH_MAX];
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, parts[i]) >= PATH_MAX - 140)
            return err_set(e, ERR_INVALID, "blob folder %.100s…: the path is too long", folder);
        int rc = fs_mkdirs(path, 0700, e);
        if (rc < 0)
            return err_wrap(e, rc, "blob store");
    }
    remove_orphans(path);
    struct blob_store *s = calloc(1, sizeof *s);
    s->folder = strdup(folder);
    (void)pthread_rwlock_init(&s->lock, NULL);
    (void)pthread_mutex_init(&s->making, NULL);
    *out = s;
    return 0;
}

void blob_store_free(struct blob_store *s)
{
    if (!s)
        return;
    (void)pthread_rwlock_destroy(&s->lock);
    (void)pthread_mutex_destroy(&s->making);
    free(s->folder);
    free(s);
}

/* Files without a name are made and given one without waiting for other writers. */
static int open_file(struct blob_writer *w, struct err *e)
{
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s/tmp", w->store->folder);
    w->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (w->fd >= 0)
        return 0;
    if (errno != EOPNOTSUPP && errno != EISDIR)
        return err_sys(e, errno, "create a file in %s", folder);
    (void)snprintf(w->path, sizeof w->path, "%s/tmp/XXXXXX", w->store->folder);
    w->fd = mkostemp(w->path, O_CLOEXEC);
    if (w->fd < 0)
        return err_sys(e, errno, "create %s", w->path);
    (void)flock(w->fd, LOCK_EX | LOCK_NB);
    return 0;
}

int blob_writer_new(struct blob_store *s, struct blob_writer **out, struct err *e)
{
    struct blob_writer *w = calloc(1, sizeof *w);
    w->store = s;
    int rc = open_file(w, e);
    if (rc < 0) {
        free(w);
        return rc;
    }
    digest_init(&w->hash, DIGEST_SHA256);
    *out = w;
    return 0;
}

int blob_write(struct blob_writer *w, const void *bytes, size_t n, struct err *e)
{
    const char *p = bytes;
    for (size_t left = n; left > 0;) {
        ssize_t put = write(w->fd, p, left);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_sys(e, errno, "write a blob below %s", w->store->folder);
        p += put;
        left -= (size_t)put;
    }
    digest_add(&w->hash, bytes, n);
    w->size += n;
    return 0;
}

int blob_writer_reader(const struct blob_writer *w)
{
    return fcntl(w->fd, F_DUPFD_CLOEXEC, 0);
}

uint64_t blob_writer_size(const struct blob_writer *w)
{
    return w->size;
}

static int hash_again(const struct blob_writer *w, struct digest_state *d, struct err *e)
{
    char chunk[1 << 14];
    for (off_t at = 0;;) {
        ssize_t got = pread(w->fd, chunk, sizeof chunk, at);
        if (got < 0 && errno != EINTR)
            return err_sys(e, errno, "read a blob below %s", w->store->folder);
        if (got == 0)
            return 0;
        if (got > 0) {
            digest_add(d, chunk, (size_t)got);
            at += got;
        }
    }
}

static int sync_folder(const char *file, struct err *e)
{
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s", file);
    *strrchr(folder, '/') = '\0';
    AUTO_FD int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return err_sys(e, errno, "sync %s", folder);
    return 0;
}

/* The two-digit folder is made on the first blob that needs it. */
static int make_folder(struct blob_store *s, const char *file, struct err *e)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s", file);
    *strrchr(path, '/') = '\0';
    LOCK_SCOPE(&s->making);
    bool made = mkdir(path, 0700) == 0;
    int rc = !made && errno != EEXIST ? err_sys(e, errno, "create %s", path) : 0;
    if (made && (rc = sync_folder(path, e)) < 0)
        (void)rmdir(path); /* whoever comes next tries again */
    return rc;
}

/* Whoever finds a folder made waits until it is on the disk. */
static void await_folders(struct blob_store *s)
{
    if (atomic_load(&s->n_making) == 0)
        return;
    LOCK_SCOPE(&s->making);
}

/* True: it is there already, and young again, so that no collection takes it. */
static bool is_there(struct blob_store *s, const char *path)
{
    (void)pthread_rwlock_rdlock(&s->lock);
    bool there = utimensat(AT_FDCWD, path, NULL, 0) == 0;
    (void)pthread_rwlock_unlock(&s->lock);
    return there;
}

/* The folders in which a name may not be on the disk yet, by their two digits. */
static _Atomic unsigned *unsynced(struct blob_store *s, const char *digest)
{
    const char two[] = {digest[7], digest[8], '\0'};
    return &s->unsynced[strtoul(two, NULL, 16)];
}

/* 0, also when another writer was first, or errno. */
static int give_name(struct blob_writer *w, const char *path)
{
    char self[64];
    if (*w->path)
        return rename(w->path, path) < 0 ? errno : 0;
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", w->fd);
    int rc = linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
    return rc < 0 && errno != EEXIST ? errno : 0;
}

static int give_name_in_folder(struct blob_writer *w, const char *path, struct err *e)
{
    struct blob_store *s = w->store;
    int sys = give_name(w, path), rc = 0;
    if (sys == ENOENT) {
        atomic_fetch_add(&s->n_making, 1);
        rc = make_folder(s, path, e);
        atomic_fetch_sub(&s->n_making, 1);
        sys = rc < 0 ? 0 : give_name(w, path);
    }
    return sys ? err_sys(e, sys, "name a blob %s", path) : rc;
}

/* Counted before it is seen. A name whose sync failed stays counted. */
static int put_in_place(struct blob_writer *w, const char *digest, const char *path, struct err *e)
{
    _Atomic unsigned *count = unsynced(w->store, digest);
    atomic_fetch_add(count, 1);
    int rc = give_name_in_folder(w, path, e);
    bool named = rc == 0;
    if (named) {
        await_folders(w->store);
        rc = sync_folder(path, e);
    }
    if (rc == 0 || !named)
        atomic_fetch_sub(count, 1);
    return rc;
}

/* The disk is waited for without the lock: who come at once share its rounds. Whoever finds the
 * blob there may have come before its folder was on the disk, and waits for that, too. */
static int publish(struct blob_writer *w, const char *digest, struct err *e)
{
    char path[PATH_MAX];
    file_path(w->store, digest, path);
    if (is_there(w->store, path)) {
        if (*w->path)
            (void)unlink(w->path);
        await_folders(w->store);
        return sync_folder(path, e);
    }
    if (fchmod(w->fd, 0444) < 0 || fsync(w->fd) < 0)
        return err_sys(e, errno, "sync a blob below %s", w->store->folder);
    return put_in_place(w, digest, path, e);
}

static void writer_free(struct blob_writer *w)
{
    (void)close(w->fd);
    free(w);
}

static int commit(struct blob_writer *w, const char *expected, char out[DIGEST_MAX], struct err *e)
{
    char digest[DIGEST_MAX];
    int rc = expected ? blob_digest_check(expected, e) : 0;
    if (rc < 0)
        return rc;
    if (expected && digest_kind_of(expected) == DIGEST_SHA512) {
        digest_init(&w->hash, DIGEST_SHA512);
        if ((rc = hash_again(w, &w->hash, e)) < 0)
            return rc;
    }
    digest_text(&w->hash, digest);
    if (expected && strcmp(expected, digest) != 0)
        return err_set(e, ERR_INVALID, "blob has digest %s, not %s", digest, expected);
    if ((rc = publish(w, digest, e)) < 0)
        return rc;
    memcpy(out, digest, DIGEST_MAX);
    return 0;
}

int blob_commit(struct blob_writer *w, const char *expected, char out_digest[DIGEST_MAX],
                struct err *e)
{
    int rc = commit(w, expected, out_digest, e);
    if (rc < 0) {
        blob_cancel(w);
        return rc;
    }
    writer_free(w);
    return 0;
}

void blob_cancel(struct blob_writer *w)
{
    if (!w)
        return;
    if (*w->path)
        (void)unlink(w->path);
    writer_free(w);
}

int blob_put(struct blob_store *s, const void *bytes, size_t n, char out_digest[DIGEST_MAX],
             struct err *e)
{
    struct blob_writer *w;
    char digest[DIGEST_MAX];
    blob_digest_of(bytes, n, digest);
    if (blob_touch(s, digest)) {
        memcpy(out_digest, digest, DIGEST_MAX);
        return 0;
    }
    int rc = blob_writer_new(s, &w, e);
    if (rc < 0)
        return rc;
    if ((rc = blob_write(w, bytes, n, e)) < 0) {
        blob_cancel(w);
        return rc;
    }
    return blob_commit(w, NULL, out_digest, e);
}

bool blob_has(struct blob_store *s, const char *digest, uint64_t *out_size)
{
    char path[PATH_MAX];
    struct stat st;
    if (blob_digest_check(digest, NULL) < 0)
        return false;
    file_path(s, digest, path);
    if (stat(path, &st) < 0)
        return false;
    if (out_size)
        *out_size = (uint64_t)st.st_size;
    return true;
}

bool blob_touch(struct blob_store *s, const char *digest)
{
    char path[PATH_MAX];
    if (blob_digest_check(digest, NULL) < 0)
        return false;
    file_path(s, digest, path);
    if (!is_there(s, path))
        return false;
    await_folders(s);
    return atomic_load(unsynced(s, digest)) == 0 || sync_folder(path, NULL) == 0;
}

int blob_open(struct blob_store *s, const char *digest, int *out_fd, uint64_t *out_size,
              struct err *e)
{
    char path[PATH_MAX];
    struct stat st;
    int rc = blob_digest_check(digest, e);
    if (rc < 0)
        return rc;
    file_path(s, digest, path);
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return err_set(e, ERR_NOT_FOUND, "blob %s is not in the store", digest);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, errno, "open blob %s", digest);
    if (out_size)
        *out_size = (uint64_t)st.st_size;
    *out_fd = take_fd(&fd);
    return 0;
}

int blob_read(struct blob_store *s, const char *digest, size_t max, struct arena *a, char **out,
              size_t *out_len, struct err *e)
{
    char path[PATH_MAX];
    if (!blob_has(s, digest, NULL))
        return err_set(e, ERR_NOT_FOUND, "blob %s is not in the store", digest);
    file_path(s, digest, path);
    return fs_read(path, max, a, out, out_len, e);
}

const char *blob_path(struct blob_store *s, const char *digest, struct arena *a)
{
    char path[PATH_MAX];
    file_path(s, digest, path);
    return arena_strdup(a, path);
}

int blob_delete(struct blob_store *s, const char *digest, struct err *e)
{
    char path[PATH_MAX];
    int rc = blob_digest_check(digest, e);
    if (rc < 0)
        return rc;
    file_path(s, digest, path);
    if (unlink(path) == 0)
        return 0;
    if (errno == ENOENT)
        return err_set(e, ERR_NOT_FOUND, "blob %s is not in the store", digest);
    return err_sys(e, errno, "remove blob %s", digest);
}
