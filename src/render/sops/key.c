/* key.c - the key of a file, from whoever may know it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "render/sops/sops_int.h"
#include "vcs/child.h"

enum { GPG_MS = 20000, IDENTITIES_MAX = 1000 };

int sops_identities(const char *text, size_t n, struct arena *a, struct age_identity **list,
                    size_t *n_list, struct err *e)
{
    const char *end = text + n;
    for (const char *at = text, *next; at < end; at = next) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        next = stop ? stop + 1 : end;
        stop = stop ? stop : end;
        while (at < stop && isspace((unsigned char)*at))
            at++;
        while (stop > at && isspace((unsigned char)stop[-1]))
            stop--;
        if (at == stop || *at == '#')
            continue;
        struct age_identity one;
        int rc = *n_list < IDENTITIES_MAX
                     ? age_identity_parse(at, (size_t)(stop - at), &one, e)
                     : err_set(e, ERR_TOO_LARGE, "more than %d identities", IDENTITIES_MAX);
        if (rc < 0)
            return rc;
        *list = arena_grow(a, *list, *n_list * sizeof one, (*n_list + 1) * sizeof one);
        (*list)[(*n_list)++] = one;
    }
    return 0;
}

const char *sops_ring(struct arena *a)
{
    const char *given = getenv("GNUPGHOME"), *home = getenv("HOME");
    if (given && *given)
        return arena_strdup(a, given);
    const char *path = home ? arena_printf(a, "%s/.gnupg", home) : NULL;
    return path && access(path, R_OK | X_OK) == 0 ? path : NULL;
}

static int take(struct sops_file *f, const char *bytes, size_t n, struct err *e)
{
    if (n != SOPS_KEY)
        return err_set(e, ERR_INVALID, "%s: its data key has %zu bytes, not %d", f->path, n,
                       SOPS_KEY);
    memcpy(f->key, bytes, n);
    return 0;
}

static int by_age(struct sops_file *f, const struct sops_keys *keys, struct err *e)
{
    VALUE_EACH_ITEM (entry, value_get(f->meta, "age")) {
        const char *sealed = value_at_str(entry, "enc", "");
        char *bytes;
        size_t n;
        int rc = age_decrypt(keys->ages, keys->n_ages, sealed, strlen(sealed), f->a, &bytes, &n, e);
        if (rc == 0)
            return take(f, bytes, n, e);
        if (rc != ERR_DENIED)
            return err_wrap(e, rc, "%s: sops.age", f->path);
    }
    return ERR_NOT_FOUND;
}

static int memory_file(const char *text, struct err *e)
{
    AUTO_FD int fd = memfd_create("sops", MFD_CLOEXEC);
    size_t n = strlen(text);
    if (fd < 0 || write(fd, text, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) != 0)
        return err_set(e, ERR_SYSTEM, "keep a message for gpg in memory");
    return take_fd(&fd);
}

static int by_gpg(struct sops_file *f, const struct sops_keys *keys, struct err *e)
{
    const char *home = arena_printf(f->a, "GNUPGHOME=%s", keys->ring);
    const char *const argv[] = {"gpg", "--batch", "--quiet", "--no-tty", "--decrypt", NULL};
    const char *const env[] = {home, "PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", NULL};
    VALUE_EACH_ITEM (entry, value_get(f->meta, "pgp")) {
        AUTO_BUF struct buf out, said;
        AUTO_FD int fd = memory_file(value_at_str(entry, "enc", ""), e);
        int code, rc;
        if (fd < 0)
            return fd;
        struct child_opts o = {argv, env, fd, -1, -1, -1, -1};
        buf_init(&out, 1 << 16);
        buf_init(&said, 1 << 16);
        rc = child_run(&o, GPG_MS, &out, &said, &code, e);
        if (rc < 0)
            return err_wrap(e, rc, "%s: run gpg", f->path);
        if (code == 0) {
            rc = take(f, buf_text(&out), out.len, e);
            explicit_bzero(out.data, out.len);
            return rc;
        }
    }
    return ERR_NOT_FOUND;
}

static const char *recipients(const struct sops_file *f)
{
    const char *text = "";
    static const char *const lists[][2] = {
        {"age", "recipient"},
        {"pgp", "fp"       }
    };
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        VALUE_EACH_ITEM (entry, value_get(f->meta, lists[i][0]))
            text = arena_printf(f->a, "%s%s%.80s", text, *text ? ", " : "",
                                value_at_str(entry, lists[i][1], "?"));
    return *text ? text : "keys that are neither age's nor PGP's";
}

int sops__data_key(struct sops_file *f, const struct sops_keys *keys, struct err *e)
{
    if (value_count(value_get(f->meta, "key_groups")) > 0)
        return err_set(e, ERR_UNSUPPORTED, "%s: sops.key_groups is not offered here", f->path);
    int rc = by_age(f, keys, e);
    if (rc == ERR_NOT_FOUND && keys->ring)
        rc = by_gpg(f, keys, e);
    if (rc != ERR_NOT_FOUND)
        return rc;
    return err_set(e, ERR_DENIED, "%s: it is encrypted for %s, and %s has no key for it", f->path,
                   recipients(f), keys->origin);
}
