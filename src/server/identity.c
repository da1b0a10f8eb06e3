#include "server/identity.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/fs.h"
#include "codec/base64.h"
#include "net/tls.h"

enum { FILE_MAX = 64 * 1024, MAX_NAMES = 32, MAX_FILES = 16 };

/* What is made is kept in mind and written together, when all of it is there. */
struct folder {
    const char *dir;
    struct arena *arena;
    struct fs_file fresh[MAX_FILES];
    size_t n_fresh;
};

/* ERR_NOT_FOUND alone means that there is none yet: what cannot be read is not made anew, because
 * others hold what fits it. */
static int load(const struct folder *f, const char *name, const char **out, struct err *e)
{
    char *text;
    int r =
        fs_read(arena_printf(f->arena, "%s/%s", f->dir, name), FILE_MAX, f->arena, &text, NULL, e);
    if (r == 0 && !*text)
        r = err_set(e, ERR_INVALID, "%s is empty", name);
    if (r == 0)
        *out = text;
    else if (r != ERR_NOT_FOUND)
        (void)err_hint(e, "restore it from a backup; once it is removed, a new one is made");
    return r;
}

static int save(struct folder *f, const char *name, const char *text, struct err *e)
{
    bool is_public = strstr(name, ".crt") || strstr(name, ".pub") || strstr(name, ".names");
    if (f->n_fresh == MAX_FILES)
        return err_set(e, ERR_TOO_LARGE, "more than %d files of keys", MAX_FILES);
    f->fresh[f->n_fresh++] = (struct fs_file){.path = arena_printf(f->arena, "%s/%s", f->dir, name),
                                              .mode = is_public ? 0644 : 0600,
                                              .bytes = text,
                                              .n = strlen(text)};
    return 0;
}

typedef int (*pair_maker)(void *arg, struct arena *a, struct tls_pair *out, struct err *e);

static int make_pair(struct folder *f, const char *cert, const char *key, pair_maker make,
                     void *arg, struct tls_pair *out, struct err *e)
{
    struct tls_pair p;
    int r = make(arg, f->arena, &p, e);
    if (r == 0)
        r = save(f, key, p.key_pem, e);
    if (r == 0)
        r = save(f, cert, p.cert_pem, e);
    if (r == 0)
        *out = p;
    return r;
}

/* Loads both files, or makes both with `make` when the key is there alone (it is written first) or
 * neither. */
static int open_pair(struct folder *f, const char *cert, const char *key, pair_maker make,
                     void *arg, struct tls_pair *out, struct err *e)
{
    struct tls_pair p;
    int has_key = load(f, key, &p.key_pem, e);
    if (has_key < 0 && has_key != ERR_NOT_FOUND)
        return has_key;
    int r = load(f, cert, &p.cert_pem, e);
    if (r == ERR_NOT_FOUND)
        return make_pair(f, cert, key, make, arg, out, e);
    if (r == 0 && has_key < 0) {
        (void)err_set(e, ERR_INVALID, "%s is there, but its %s is not", cert, key);
        return err_hint(e, "restore it from a backup; once both are removed, new ones are made");
    }
    if (r == 0)
        r = tls_check(&p, e);
    if (r < 0)
        return err_wrap(e, r, "%s, %s", cert, key);
    *out = p;
    return 0;
}

static int make_authority(void *arg, struct arena *a, struct tls_pair *out, struct err *e)
{
    (void)arg;
    return tls_make_authority("slipway", a, out, e);
}

struct server_request {
    const struct tls_pair *authority;
    const char *const *names;
};

static int make_server(void *arg, struct arena *a, struct tls_pair *out, struct err *e)
{
    const struct server_request *s = arg;
    struct tls_request r = {.common_name = "slipway", .names = s->names};
    return tls_issue(s->authority, &r, a, out, e);
}

static const char *const usual_names[] = {
    "localhost",
    "127.0.0.1",
    "::1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
};

/* The server's certificate; issued again when it lacks an address (server.names tells). */
static int open_server(struct folder *f, const struct tls_pair *authority,
                       const char *const *addresses, struct tls_pair *out, struct err *e)
{
    const char *names[MAX_NAMES + 1] = {0}, *had;
    char *list = arena_strdup(f->arena, "");
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(usual_names); i++)
        names[n++] = usual_names[i];
    for (; *addresses && n < MAX_NAMES; addresses++)
        names[n++] = *addresses;
    for (size_t i = 0; i < n; i++)
        list = arena_printf(f->arena, "%s%s\n", list, names[i]);
    struct server_request want = {authority, names};
    if (load(f, "server.names", &had, NULL) == 0 && strcmp(had, list) == 0)
        return open_pair(f, "server.crt", "server.key", make_server, &want, out, e);
    int r = make_pair(f, "server.crt", "server.key", make_server, &want, out, e);
    return r < 0 ? r : save(f, "server.names", list, e);
}

static int open_service_account_key(struct folder *f, const char **out, struct err *e)
{
    int r = load(f, "service-account.key", out, e);
    if (r != ERR_NOT_FOUND)
        return r;
    r = tls_make_key(f->arena, out, e);
    return r < 0 ? r : save(f, "service-account.key", *out, e);
}

static int open_token(struct folder *f, const char **out, struct err *e)
{
    unsigned char random[32];
    int r = load(f, "admin.token", out, e);
    if (r != ERR_NOT_FOUND)
        return r;
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return err_sys(e, errno, "draw random bytes");
    *out = base64_encode(f->arena, random, sizeof random, BASE64_URL_RAW);
    return save(f, "admin.token", *out, e);
}

static int open_signing_key(struct folder *f, struct identity_files *id, struct err *e)
{
    AUTO(key) struct key *k = NULL;
    const char *had;
    char *pem, *public_pem;
    int r = load(f, "cosign.key", &id->signing_key_pem, e);
    if (r == 0)
        r = key_load(id->signing_key_pem, strlen(id->signing_key_pem), &k, e);
    else if (r == ERR_NOT_FOUND)
        r = key_generate(&k, e);
    if (r == 0)
        r = key_private_pem(k, f->arena, &pem, e);
    if (r == 0)
        r = key_public_pem(k, f->arena, &public_pem, e);
    if (r == 0 && !id->signing_key_pem)
        r = save(f, "cosign.key", pem, e);
    if (r == 0 && (load(f, "cosign.pub", &had, NULL) < 0 || strcmp(had, public_pem) != 0))
        r = save(f, "cosign.pub", public_pem, e);
    if (r < 0)
        return err_wrap(e, r, "signing key %s/cosign.key", f->dir);
    id->signing_key_pem = pem;
    id->signing_public_pem = public_pem;
    return 0;
}

int identity_open(const char *data_dir, const char *const *addresses, struct arena *a,
                  struct identity_files *out, struct err *e)
{
    struct folder f = {.dir = arena_printf(a, "%s/pki", data_dir), .arena = a};
    struct tls_pair authority, server;
    struct identity_files id = {0};
    int r = fs_mkdirs(f.dir, 0700, e);
    if (r == 0)
        r = open_pair(&f, "ca.crt", "ca.key", make_authority, NULL, &authority, e);
    if (r == 0)
        r = open_server(&f, &authority, addresses, &server, e);
    if (r == 0)
        r = open_service_account_key(&f, &id.service_account_key_pem, e);
    if (r == 0)
        r = open_token(&f, &id.admin_token, e);
    if (r == 0)
        r = open_signing_key(&f, &id, e);
    if (r == 0)
        r = fs_write_all(f.fresh, f.n_fresh, e);
    if (r < 0)
        return err_wrap(e, r, "keys of %s", data_dir);
    id.ca_pem = authority.cert_pem;
    id.server_cert_pem = server.cert_pem;
    id.server_key_pem = server.key_pem;
    *out = id;
    return 0;
}

int identity_write_kubeconfig(const char *data_dir, const char *url,
                              const struct identity_files *id, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *text = arena_printf(a,
                              "apiVersion: v1\n"
                              "kind: Config\n"
                              "clusters:\n"
                              "- name: slipway\n"
                              "  cluster:\n"
                              "    server: %s\n"
                              "    certificate-authority-data: %s\n"
                              "users:\n"
                              "- name: admin\n"
                              "  user:\n"
                              "    token: %s\n"
                              "contexts:\n"
                              "- name: slipway\n"
                              "  context:\n"
                              "    cluster: slipway\n"
                              "    user: admin\n"
                              "current-context: slipway\n",
                              url, base64_encode(a, id->ca_pem, strlen(id->ca_pem), BASE64_STD),
                              id->admin_token);
    const char *path = arena_printf(a, "%s/admin.kubeconfig", data_dir);
    char *had;
    if (fs_read(path, FILE_MAX, a, &had, NULL, NULL) == 0 && strcmp(had, text) == 0)
        return 0; /* a start needs no room on the disk */
    return fs_write_atomic(path, 0600, text, strlen(text), e);
}
