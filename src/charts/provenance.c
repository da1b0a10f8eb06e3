#include "charts/provenance.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "blob/blob.h"
#include "charts/charts_int.h"
#include "codec/yaml.h"

extern char **environ;

enum { TEXT_MAX = 4 << 20 };

/* ---- programs ---- */

/* A folder for the time of one call, as gpg reads and writes files. */
struct workshop {
    struct arena *a;
    char dir[64];
};

static int workshop_open(struct workshop *w, struct arena *a, struct err *e)
{
    *w = (struct workshop){.a = a, .dir = "/tmp/slipway-prov-XXXXXX"};
    return mkdtemp(w->dir) ? 0 : err_sys(e, errno, "make a folder in /tmp");
}

static void workshop_close(struct workshop *w)
{
    /* What cannot be removed is in a folder that nobody else can read. */
    if (fs_remove_tree(w->dir, NULL) < 0)
        return;
}

static const char *file_in(struct workshop *w, const char *name)
{
    return arena_printf(w->a, "%s/%s", w->dir, name);
}

/* Runs a program; what it prints is in the workshop's "out", what it complains of in "errors". */
static int run(struct workshop *w, const char *const *argv, int *status, struct err *e)
{
    posix_spawn_file_actions_t io;
    pid_t pid;
    int flags = O_WRONLY | O_CREAT | O_TRUNC;
    (void)posix_spawn_file_actions_init(&io);
    (void)posix_spawn_file_actions_addopen(&io, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&io, 1, file_in(w, "out"), flags, 0600);
    (void)posix_spawn_file_actions_addopen(&io, 2, file_in(w, "errors"), flags, 0600);
    size_t n = 0;
    while (argv[n])
        n++;
    char **args = ARENA_ARRAY(w->a, char *, n + 1);
    for (size_t i = 0; i < n; i++)
        args[i] = arena_strdup(w->a, argv[i]);
    int r = posix_spawnp(&pid, argv[0], &io, NULL, args, environ);
    (void)posix_spawn_file_actions_destroy(&io);
    if (r == ENOENT)
        return err_set(e, ERR_UNSUPPORTED,
                       "%s is not installed: signatures of charts are checked and made by GnuPG",
                       argv[0]);
    if (r != 0)
        return err_sys(e, r, "start %s", argv[0]);
    while (waitpid(pid, status, 0) < 0 && errno == EINTR)
        continue;
    return 0;
}

static const char *printed(struct workshop *w, const char *name, size_t *n)
{
    char *text = NULL;
    size_t len = 0;
    if (fs_read(file_in(w, name), TEXT_MAX, w->a, &text, &len, NULL) < 0)
        text = arena_strdup(w->a, "");
    if (n)
        *n = len;
    return text;
}

/* ---- checking ---- */

/* The rest of a line "[GNUPG:] WORD rest", or NULL. */
static const char *status_line(const char *text, const char *word, struct arena *a)
{
    size_t len = strlen(word);
    for (const char *s = text; s && *s; s = strchr(s, '\n'), s += s != NULL) {
        if (strncmp(s, "[GNUPG:] ", 9) != 0 || strncmp(s + 9, word, len) != 0)
            continue;
        const char *rest = s + 9 + len;
        if (*rest != ' ' && *rest != '\n')
            continue;
        rest += *rest == ' ';
        return arena_strndup(a, rest, strcspn(rest, "\n"));
    }
    return NULL;
}

/* The signer's name follows the key's id, the fingerprint of the primary key is the tenth word. */
static void read_signer(const char *status, struct arena *a, struct provenance_proof *out)
{
    const char *good = status_line(status, "GOODSIG", a),
               *valid = status_line(status, "VALIDSIG", a);
    const char *blank = good ? strchr(good, ' ') : NULL;
    out->signer = blank ? blank + 1 : "";
    const char *word = valid ? valid : "";
    for (int i = 0; i < 9 && *word; i++) {
        word += strcspn(word, " ");
        word += *word == ' ';
    }
    out->fingerprint =
        *word ? word : arena_strndup(a, valid ? valid : "", valid ? strcspn(valid, " ") : 0);
}

static int judge(const char *status, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    if (status_line(status, "NO_PUBKEY", a))
        return err_set(e, ERR_DENIED, "openpgp: signature made by unknown entity");
    if (status_line(status, "BADSIG", a))
        return err_set(
            e, ERR_DENIED,
            "openpgp: invalid signature: hash tag doesn't match or signed data was changed");
    if (status_line(status, "EXPKEYSIG", a) || status_line(status, "KEYEXPIRED", a))
        return err_set(e, ERR_DENIED, "openpgp: key expired");
    if (status_line(status, "REVKEYSIG", a))
        return err_set(e, ERR_DENIED, "openpgp: signature made by revoked key");
    if (!status_line(status, "VALIDSIG", a) || !status_line(status, "GOODSIG", a))
        return err_set(e, ERR_DENIED, "failed to decode signature: signature block not found");
    return 0;
}

/* What was signed names this archive with this digest. */
static int check_text(const struct provenance_claim *c, const char *text, size_t n, struct arena *a,
                      struct provenance_proof *out, struct err *e)
{
    char hash[DIGEST_MAX];
    struct value *doc;
    const char *mark = memmem(text, n, "\n...\n", 5);
    if (!mark)
        return err_set(e, ERR_INVALID, "message block must have at least two parts");
    const char *sums = mark + 5, *end = memmem(sums, (size_t)(text + n - sums), "\n...\n", 5);
    int rc = yaml_parse(a, sums, (size_t)((end ? end : text + n) - sums), YAML_FIRST, &doc, e);
    if (rc < 0)
        return rc;
    blob_digest_of(c->archive, c->archive_n, hash);
    const char *said = value_str(value_get(value_get(doc, "files"), c->file), NULL);
    if (!said)
        return err_set(e, ERR_DENIED, "provenance does not contain a SHA for a file named \"%s\"",
                       c->file);
    if (strcmp(said, hash) != 0)
        return err_set(e, ERR_DENIED, "sha256 sum does not match for %s: \"%s\" != \"%s\"", c->file,
                       said, hash);
    out->hash = arena_strdup(a, hash);
    return 0;
}

static int check_in(struct workshop *w, const struct provenance_claim *c, const char *keyring,
                    struct provenance_proof *out, struct err *e)
{
    int status = 0;
    size_t n;
    const char *prov = file_in(w, "prov"), *body = file_in(w, "body");
    int rc = fs_write_atomic(prov, 0600, c->prov, c->prov_n, e);
    if (rc < 0)
        return rc;
    const char *const argv[] = {"gpgv",     "--status-fd", "1",  "--keyring", keyring,
                                "--output", body,          prov, NULL};
    if ((rc = run(w, argv, &status, e)) < 0)
        return rc;
    const char *said = printed(w, "out", NULL);
    if ((rc = judge(said, e)) < 0)
        return rc;
    if (status != 0)
        return err_set(e, ERR_DENIED, "gpgv refuses the signature");
    read_signer(said, w->a, out);
    const char *text = printed(w, "body", &n);
    return check_text(c, text, n, w->a, out, e);
}

int provenance_check(const struct provenance_claim *c, const char *keyring, struct arena *a,
                     struct provenance_proof *out, struct err *e)
{
    struct workshop w;
    struct stat st;
    if (stat(keyring, &st) < 0)
        return err_set(e, ERR_NOT_FOUND, "failed to load keyring: open %s: %s", keyring,
                       errno == ENOENT ? "no such file or directory" : strerror(errno));
    /* gpgv looks for names without a slash in a folder of its own. */
    char *full = realpath(keyring, NULL);
    const char *ring = full ? arena_strdup(a, full) : keyring;
    free(full);
    int rc = workshop_open(&w, a, e);
    if (rc == 0) {
        rc = check_in(&w, c, ring, out, e);
        workshop_close(&w);
    }
    return rc;
}

int provenance_check_file(const char *path, const char *keyring, struct arena *a,
                          struct provenance_proof *out, struct err *e)
{
    struct stat st;
    struct provenance_claim c = {0};
    char *archive, *prov;
    struct err why = {0};
    size_t len = strlen(path);
    if (stat(path, &st) < 0)
        return err_set(e, ERR_NOT_FOUND, "stat %s: %s", path,
                       errno == ENOENT ? "no such file or directory" : strerror(errno));
    if (S_ISDIR(st.st_mode))
        return err_set(e, ERR_INVALID, "unpacked charts cannot be verified");
    if (len < 4 || strcasecmp(path + len - 4, ".tgz") != 0)
        return err_set(e, ERR_INVALID, "chart must be a tgz file");
    const char *beside = arena_printf(a, "%s.prov", path), *slash = strrchr(path, '/');
    if (stat(beside, &st) < 0)
        return err_set(e, ERR_NOT_FOUND, "could not load provenance file %s: stat %s: %s", beside,
                       beside, errno == ENOENT ? "no such file or directory" : strerror(errno));
    int rc = charts__read(path, CHARTS_ARCHIVE_MAX, a, &archive, &c.archive_n, &why);
    if (rc == 0)
        rc = charts__read(beside, CHARTS_PROV_MAX, a, &prov, &c.prov_n, &why);
    if (rc < 0)
        return err_set(e, why.code, "%s", why.msg);
    c.archive = archive;
    c.prov = prov;
    c.file = slash ? slash + 1 : path;
    return provenance_check(&c, keyring, a, out, e);
}

/* ---- signing ---- */

/* A home of gpg's own with the secret keys of a ring, so that the user's is left alone. */
static int import(struct workshop *w, const char *keyring, struct err *e)
{
    int status = 0;
    const char *home = file_in(w, "home");
    if (mkdir(home, 0700) < 0)
        return err_sys(e, errno, "make %s", home);
    const char *const argv[] = {"gpg",      "--homedir", home,    "--batch", "--quiet",
                                "--no-tty", "--import",  keyring, NULL};
    return run(w, argv, &status, e);
}

static int clearsign(struct workshop *w, const struct provenance_signing *s, bool own_home,
                     struct err *e)
{
    const char *argv[24];
    size_t n = 0;
    int status = 0;
    argv[n++] = "gpg";
    if (own_home) {
        argv[n++] = "--homedir";
        argv[n++] = file_in(w, "home");
    }
    argv[n++] = "--batch";
    argv[n++] = "--no-tty";
    argv[n++] = "--pinentry-mode";
    argv[n++] = "loopback";
    if (s->passphrase_file) {
        argv[n++] = "--passphrase-file";
        argv[n++] = s->passphrase_file;
    }
    argv[n++] = "--local-user";
    argv[n++] = s->key;
    argv[n++] = "--digest-algo";
    argv[n++] = "SHA512";
    argv[n++] = "--output";
    argv[n++] = file_in(w, "signed");
    argv[n++] = "--clearsign";
    argv[n++] = file_in(w, "text");
    argv[n] = NULL;
    int rc = run(w, argv, &status, e);
    if (rc < 0 || status == 0)
        return rc;
    const char *said = printed(w, "errors", NULL);
    if (strstr(said, "No secret key") || strstr(said, "not found") || strstr(said, "skipped"))
        return err_set(e, ERR_NOT_FOUND, "private key not found");
    return err_set(e, ERR_DENIED, "gpg does not sign: %.300s", said);
}

static void stop_agent(struct workshop *w)
{
    int status;
    const char *const argv[] = {"gpgconf", "--homedir", file_in(w, "home"), "--kill", "all", NULL};
    (void)run(w, argv, &status, NULL);
}

static int sign_in(struct workshop *w, const struct provenance_signing *s, const char **out,
                   size_t *n, struct err *e)
{
    char hash[DIGEST_MAX];
    struct stat st;
    bool ring = s->keyring && *s->keyring && stat(s->keyring, &st) == 0;
    blob_digest_of(s->archive, s->archive_n, hash);
    const char *text =
        arena_printf(w->a, "%s\n...\nfiles:\n  %s: %s\n", s->chart_yaml, s->file, hash);
    int rc = fs_write_atomic(file_in(w, "text"), 0600, text, strlen(text), e);
    if (rc == 0 && ring)
        rc = import(w, s->keyring, e);
    if (rc == 0)
        rc = clearsign(w, s, ring, e);
    if (ring)
        stop_agent(w);
    if (rc == 0)
        *out = printed(w, "signed", n);
    return rc;
}

int provenance_sign(const struct provenance_signing *s, struct arena *a, const char **out,
                    size_t *n, struct err *e)
{
    struct workshop w;
    int rc = workshop_open(&w, a, e);
    if (rc == 0) {
        rc = sign_in(&w, s, out, n, e);
        workshop_close(&w);
    }
    return rc;
}
