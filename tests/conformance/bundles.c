/* conformance-bundles FOLDER [-v]: bundles of Sigstore that must be accepted or refused.
 *
 * Every folder below FOLDER/bundle-verify is a case, refused when its name ends in _fail; its files
 * say what is expected, as FOLDER/bundle-verify/README.md tells. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "crypto/key.h"
#include "sign/bundle.h"

enum { MAX_CASES = 4096, FILE_LIMIT = 64 << 20 };

static unsigned passed, failed;

/* A file of the case; false when it has none of that name. */
static bool get(const char *dir, const char *name, struct arena *a, struct octets *out)
{
    char *text;
    size_t n;
    if (fs_read(arena_printf(a, "%s/%s", dir, name), FILE_LIMIT, a, &text, &n, NULL) < 0)
        return false;
    *out = (struct octets){(unsigned char *)text, n};
    return true;
}

static const char *get_line(const char *dir, const char *name, const char *dflt, struct arena *a)
{
    struct octets o;
    if (!get(dir, name, a, &o))
        return dflt;
    return arena_strndup(a, (const char *)o.p, strcspn((const char *)o.p, "\r\n"));
}

static int verify(const char *all, const char *dir, struct arena *a, struct err *e)
{
    AUTO(public_key) struct public_key *key = NULL;
    struct octets text, root_text, key_text;
    struct bundle_artifact artifact = {0};
    struct bundle_verdict verdict;
    struct trust_root *root;
    struct bundle *b;
    if (!get(dir, "bundle.sigstore.json", a, &text))
        return err_set(e, ERR_NOT_FOUND, "the case has no bundle");
    if (!get(dir, "artifact", a, &artifact.bytes) && !get(all, "a.txt", a, &artifact.bytes))
        return err_set(e, ERR_NOT_FOUND, "the case has no artifact");
    int r = get(dir, "trusted_root.json", a, &root_text)
                ? trust_root_read((const char *)root_text.p, root_text.n, a, &root, e)
                : trust_root_public(a, &root, e);
    if (r == 0 && get(dir, "key.pub", a, &key_text))
        r = public_key_load((const char *)key_text.p, key_text.n, &key, e);
    if (r == 0)
        r = bundle_read((const char *)text.p, text.n, a, &b, e);
    if (r < 0)
        return r;
    struct bundle_policy p = {
        .root = root,
        .key = key,
        .identity.text = get_line(dir, "identity",
                                  "https://github.com/sigstore-conformance/"
                                  "extremely-dangerous-public-oidc-beacon/.github/workflows/"
                                  "extremely-dangerous-oidc-beacon.yml@refs/heads/main",
                                  a),
        .issuer.text = get_line(dir, "issuer", "https://token.actions.githubusercontent.com", a),
    };
    return bundle_verify(b, &artifact, &p, a, &verdict, e);
}

static void run(const char *all, const char *name, bool verbose)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e = {0};
    size_t n = strlen(name);
    bool want = n < 5 || strcmp(name + n - 5, "_fail") != 0;
    bool got = verify(all, arena_printf(a, "%s/%s", all, name), a, &e) == 0;
    passed += got == want;
    failed += got != want;
    if (verbose || got != want)
        (void)printf("%s: %s\n", name, got ? "accepted" : e.msg);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv)
{
    AUTO(arena) struct arena *a = arena_new(0);
    bool verbose = argc > 2 && strcmp(argv[2], "-v") == 0;
    const char *all = arena_printf(a, "%s/bundle-verify", argc > 1 ? argv[1] : ".");
    char *names[MAX_CASES];
    size_t n = 0;
    DIR *d = opendir(all);
    for (struct dirent *f; d && n < MAX_CASES && (f = readdir(d));)
        if (*f->d_name != '.' && f->d_type == DT_DIR)
            names[n++] = arena_strdup(a, f->d_name);
    if (!d || closedir(d) < 0 || !n) {
        (void)fprintf(stderr, "conformance-bundles: no cases in %s\n", all);
        return 1;
    }
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++)
        run(all, names[i], verbose);
    (void)printf("bundles: %u passed, %u failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
