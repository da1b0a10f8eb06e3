/* sign_blob.c - slipway sign-blob, verify-blob, verify-blob-attestation and generate-key-pair:
 * cosign's verbs for files. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "cli/signing.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "sign/keyfile.h"
#include "sign/keyref.h"

enum { SIGN_BLOB, VERIFY_BLOB, VERIFY_ATTESTATION, GENERATE };
enum { BLOB_MAX = 1 << 30, SMALL_MAX = 16 << 20 };

/* A file, or standard input for "-". */
static int read_blob(const char *path, struct arena *a, struct octets *out, struct err *e)
{
    char *bytes;
    int r = fs_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, BLOB_MAX, a, &bytes, &out->n, e);
    if (r == 0)
        out->p = (const unsigned char *)bytes;
    return r;
}

static int write_file(const char *path, const char *text, struct err *e)
{
    return fs_write_atomic(path, 0644, text, strlen(text), e);
}

/* ---- sign-blob ---- */

static int run_sign_blob(int argc, char **argv)
{
    struct signing_words w = {0};
    const char *signature = NULL, *bundle = NULL;
    bool format = true;
    const struct option table[] = {
        SIGNING_MAKE_OPTIONS(w),
        {"output-signature", 0, OPTION_TEXT, &signature, "FILE", "the signature, in base64"},
        {"bundle",       0, OPTION_TEXT, &bundle, "FILE", "a Sigstore bundle 0.3"},
        {"new-bundle-format",            0, OPTION_FLAG, &format, NULL, "bundles always are"},
        {0                 }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(key) struct key *k = NULL;
    struct arguments args;
    struct err e = {0};
    struct octets bytes;
    struct value *b;
    int code;
    if (!verb_begin(&verbs_sign_blob[SIGN_BLOB], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_sign_blob[SIGN_BLOB]);
    if (signing_key(&w, &k, &e) < 0 || read_blob(args.items[0], a, &bytes, &e) < 0 ||
        sign_make_bundle(k, bytes, NULL, a, &b, &e) < 0)
        return verb_fail(&e);
    const char *sig = value_at_str(b, "messageSignature.signature", "");
    if (bundle && write_file(bundle, json_text(a, b, 0), &e) < 0)
        return verb_fail(&e);
    if (signature && write_file(signature, arena_printf(a, "%s\n", sig), &e) < 0)
        return verb_fail(&e);
    (void)printf("%s\n", sig);
    return EXIT_OK;
}

/* ---- verify-blob ---- */

/* What is verified: a file, or "sha256:HEX" of one that is not here. */
static int find_artifact(const char *arg, struct arena *a, struct bundle_artifact *out,
                         struct err *e)
{
    char *bytes;
    struct stat st;
    if (blob_digest_check(arg, NULL) < 0 || stat(arg, &st) == 0)
        return read_blob(arg, a, &out->bytes, e);
    const char *hex = strchr(arg, ':') + 1;
    int r = hex_decode(a, hex, strlen(hex), &bytes, &out->hash.n, e);
    out->hash.p = (const unsigned char *)bytes;
    return r;
}

/* A file's text, or the word itself where there is no such file, as cosign takes signatures. */
static int read_text(const char *word, struct arena *a, const char **out, struct err *e)
{
    char *text;
    size_t n;
    struct stat st;
    if (stat(word, &st) < 0) {
        *out = word;
        return 0;
    }
    int r = fs_read(word, SMALL_MAX, a, &text, &n, e);
    if (r == 0)
        *out = text;
    return r;
}

/* PEM, or base64 of PEM. */
static const char *pem_of(const char *text, struct arena *a)
{
    char *bytes;
    size_t n;
    text = arena_trimmed(a, text);
    if (!*text || strncmp(text, "-----", 5) == 0 ||
        base64_decode(a, text, strlen(text), BASE64_STD, &bytes, &n, NULL) < 0)
        return text;
    return bytes;
}

/* A bundle is Sigstore's, or what cosign called one before: signature, certificate, promise. */
static int read_bundle(const char *path, struct arena *a, char **out, struct err *e)
{
    char *text;
    size_t n;
    struct value *v;
    int r = fs_read(path, BUNDLE_MAX, a, &text, &n, e);
    if (r == 0)
        r = json_parse(a, text, n, JSON_SHALLOW, &v, e);
    if (r < 0)
        return err_wrap(e, r, "bundle %s", path);
    const struct value *promise = value_get(v, "rekorBundle");
    if (!value_get(v, "base64Signature")) {
        *out = text;
        return 0;
    }
    const struct sign_parts parts = {
        .signature = value_at_str(v, "base64Signature", ""),
        .envelope = "",
        .certificate = pem_of(value_at_str(v, "cert", ""), a),
        .promise = value_is(promise, VALUE_OBJECT) ? json_text(a, promise, 0) : "",
        .timestamp = "",
    };
    return sign_bundle_of(&parts, a, out, e);
}

static int read_parts(const char *signature, const char *certificate, struct arena *a, char **out,
                      struct err *e)
{
    const char *sig = "", *cert = "";
    int r = read_text(signature, a, &sig, e);
    if (r == 0 && certificate)
        r = read_text(certificate, a, &cert, e);
    const struct sign_parts parts = {.signature = arena_trimmed(a, sig),
                                     .envelope = "",
                                     .certificate = pem_of(cert, a),
                                     .promise = "",
                                     .timestamp = ""};
    return r < 0 ? r : sign_bundle_of(&parts, a, out, e);
}

static int judge(const char *json, const struct bundle_artifact *artifact,
                 const struct signing_words *w, struct arena *a, struct bundle_verdict *out,
                 struct err *e)
{
    AUTO(public_key) struct public_key *key = NULL;
    struct bundle_policy policy;
    struct bundle *b;
    int r = signing_policy(w, a, &key, &policy, e);
    if (r == 0)
        r = bundle_read(json, strlen(json), a, &b, e);
    return r < 0 ? r : bundle_verify(b, artifact, &policy, a, out, e);
}

static void say(const struct bundle_verdict *v)
{
    if (v->identity)
        (void)fprintf(stderr, "signed by %s, whom %s vouches for\n", v->identity, v->issuer);
    (void)printf("Verified OK\n");
}

static int run_verify_blob(int argc, char **argv)
{
    struct signing_words w = {0};
    const char *signature = NULL, *bundle = NULL, *certificate = NULL;
    bool format = true;
    const struct option table[] = {
        SIGNING_TRUST_OPTIONS(w),
        {"bundle",     0, OPTION_TEXT, &bundle, "FILE",
             "Sigstore's, 0.1 to 0.3, or cosign's older one"},
        {"signature", 0, OPTION_TEXT, &signature, "FILE", "or the signature itself, in base64"},
        {"certificate",      0, OPTION_TEXT, &certificate, "FILE", "whose signature it is, PEM"},
        {"new-bundle-format",            0, OPTION_FLAG, &format, NULL, "either is recognised"},
        {0          }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct arguments args;
    struct err e = {0};
    struct bundle_artifact artifact = {0};
    struct bundle_verdict verdict;
    char *json;
    int code;
    if (!verb_begin(&verbs_sign_blob[VERIFY_BLOB], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1 || !bundle == !signature)
        return verb_usage(&verbs_sign_blob[VERIFY_BLOB]);
    int r = bundle ? read_bundle(bundle, a, &json, &e)
                   : read_parts(signature, certificate, a, &json, &e);
    if (r < 0 || find_artifact(args.items[0], a, &artifact, &e) < 0 ||
        judge(json, &artifact, &w, a, &verdict, &e) < 0)
        return verb_fail(&e);
    say(&verdict);
    return EXIT_OK;
}

/* ---- verify-blob-attestation ---- */

static int check_type(const struct bundle_verdict *v, const char *type, struct arena *a,
                      struct err *e)
{
    struct value *statement;
    int r = json_parse(a, (const char *)v->payload.p, v->payload.n, JSON_SHALLOW, &statement, e);
    if (r < 0 || !type)
        return r;
    const char *is = value_at_str(statement, "predicateType", "");
    return strcmp(is, sign_predicate_type(type)) == 0
               ? 0
               : err_set(e, ERR_DENIED, "the attestation is of type %s, not %s", is,
                         sign_predicate_type(type));
}

static int run_verify_attestation(int argc, char **argv)
{
    struct signing_words w = {0};
    const char *bundle = NULL, *type = NULL;
    bool format = true, claims = true;
    const struct option table[] = {
        SIGNING_TRUST_OPTIONS(w),
        {"bundle",     0, OPTION_TEXT, &bundle, "FILE", "Sigstore's, 0.1 to 0.3"},
        {"type", 0, OPTION_TEXT, &type, "TYPE", "what it must say; without: anything"},
        {"new-bundle-format",      0, OPTION_FLAG, &format, NULL, "bundles always are"},
        {"check-claims",            0, OPTION_FLAG, &claims, NULL, "false: of whatever artifact"},
        {0          }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct arguments args;
    struct err e = {0};
    struct bundle_artifact artifact = {0};
    struct bundle_verdict verdict;
    char *json;
    int code;
    if (!verb_begin(&verbs_sign_blob[VERIFY_ATTESTATION], table, argc, argv, a, &args, &code))
        return code;
    if (args.n > 1 || args.n != claims || !bundle)
        return verb_usage(&verbs_sign_blob[VERIFY_ATTESTATION]);
    artifact.any = !claims;
    if (read_bundle(bundle, a, &json, &e) < 0 ||
        (claims && find_artifact(args.items[0], a, &artifact, &e) < 0) ||
        judge(json, &artifact, &w, a, &verdict, &e) < 0)
        return verb_fail(&e);
    if (!verdict.payload.n)
        (void)err_set(&e, ERR_DENIED, "the bundle holds a signature, no attestation");
    if (!verdict.payload.n || check_type(&verdict, type, a, &e) < 0)
        return verb_fail(&e);
    say(&verdict);
    return EXIT_OK;
}

/* ---- generate-key-pair ---- */

static int refuse_existing(const char *path, struct err *e)
{
    struct stat st;
    if (lstat(path, &st) < 0 && errno == ENOENT)
        return 0;
    (void)err_set(e, ERR_EXISTS, "%s is there already", path);
    return err_hint(e, "--output-key-prefix names other files");
}

struct key_pair {
    const char *passphrase;
    char *sealed, *public_pem;
};

static int make_pair(struct arena *a, struct key_pair *out, struct err *e)
{
    AUTO(key) struct key *k = NULL;
    int r = signing_passphrase("Passphrase for the new key", a, &out->passphrase, e);
    if (r == 0)
        r = key_generate(&k, e);
    if (r == 0)
        r = keyfile_seal(k, out->passphrase, a, &out->sealed, e);
    return r < 0 ? r : key_public_pem(k, a, &out->public_pem, e);
}

static int generate_files(const char *prefix, struct arena *a, struct err *e)
{
    struct key_pair pair;
    const char *private = arena_printf(a, "%s.key", prefix),
               *public = arena_printf(a, "%s.pub", prefix);
    int r = refuse_existing(private, e);
    if (r == 0)
        r = refuse_existing(public, e);
    if (r == 0)
        r = make_pair(a, &pair, e);
    if (r == 0)
        r = fs_write_atomic(private, 0600, pair.sealed, strlen(pair.sealed), e);
    if (r == 0)
        r = write_file(public, pair.public_pem, e);
    if (r == 0)
        (void)fprintf(stderr, "private key in %s, public key in %s\n", private, public);
    return r;
}

/* The public half is a file, too, as cosign leaves one. */
static int generate_secret(const char *reference, const char *prefix, struct arena *a,
                           struct err *e)
{
    struct key_pair pair;
    const char *ns, *name, *public = arena_printf(a, "%s.pub", prefix);
    int r = keyref_secret(reference, a, &ns, &name, e);
    if (r == 0)
        r = refuse_existing(public, e);
    if (r == 0)
        r = make_pair(a, &pair, e);
    if (r < 0)
        return r;
    struct value *o = value_new_object(a), *data = value_new_object(a);
    const char *const rows[][2] = {
        {"cosign.key",      pair.sealed    },
        {"cosign.password", pair.passphrase},
        {"cosign.pub",      pair.public_pem}
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        (void)value_set_str(a, data, rows[i][0],
                            base64_encode(a, rows[i][1], strlen(rows[i][1]), BASE64_STD));
    (void)value_set_str(a, o, "apiVersion", "v1");
    (void)value_set_str(a, o, "kind", "Secret");
    struct value *meta = value_make_object(a, o, "metadata");
    (void)value_set_str(a, meta, "name", name);
    (void)value_set_str(a, meta, "namespace", ns);
    (void)value_set_bool(a, o, "immutable", true);
    (void)value_set_str(a, o, "type", "Opaque");
    (void)value_set(a, o, "data", data);
    r = signing_create_secret(ns, o, a, e);
    if (r == 0)
        r = write_file(public, pair.public_pem, e);
    if (r == 0)
        (void)fprintf(stderr, "private key in Secret %s/%s, public key there and in %s\n", ns, name,
                      public);
    return r;
}

static int run_generate(int argc, char **argv)
{
    const char *prefix = "cosign";
    const struct option table[] = {
        {"output-key-prefix", 0, OPTION_TEXT, &prefix, "PREFIX", "PREFIX.key, PREFIX.pub (cosign)"},
        {0       }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct arguments args;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_sign_blob[GENERATE], table, argc, argv, a, &args, &code))
        return code;
    if (args.n > 1 || (args.n && !keyref_is_secret(args.items[0])))
        return verb_usage(&verbs_sign_blob[GENERATE]);
    int r = args.n ? generate_secret(args.items[0], prefix, a, &e) : generate_files(prefix, a, &e);
    return r < 0 ? verb_fail(&e) : EXIT_OK;
}

const struct verb verbs_sign_blob[] = {
    [SIGN_BLOB] = {"sign-blob",                                                 "--key KEY FILE [options]", "sign a file", run_sign_blob},
    [VERIFY_BLOB] = {"verify-blob",                                              "--bundle FILE|--signature FILE FILE|sha256:HEX [options]",
                   "check who signed a file, offline", run_verify_blob},
    [VERIFY_ATTESTATION] = {"verify-blob-attestation",                                                           "--bundle FILE FILE|sha256:HEX [options]",
                   "check who attested what about a file", run_verify_attestation},
    [GENERATE] = {"generate-key-pair","[k8s://NAMESPACE/SECRET] [--output-key-prefix PREFIX]",
                   "a key for signing, sealed by a passphrase", run_generate},
    {0                                           }
};
