/* sign_image.c - slipway sign, verify, attest and verify-attestation: cosign's verbs for images in
 * any registry. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/signing.h"
#include "codec/json.h"

enum { SIGN, VERIFY, ATTEST, VERIFY_ATTESTATION };
enum { PREDICATE_MAX = 8 << 20, ARENA_MAX = 256 << 20 };

static int form_of(const char *mode, bool bundle, enum sign_form *out, struct err *e)
{
    if (mode && strcmp(mode, "legacy") != 0 && strcmp(mode, "oci-1-1") != 0)
        return err_set(e, ERR_INVALID, "--registry-referrers-mode is legacy or oci-1-1, not %s",
                       mode);
    *out = bundle ? SIGN_BUNDLE : mode && strcmp(mode, "oci-1-1") == 0 ? SIGN_REFERRER : SIGN_TAG;
    return 0;
}

#define FORM_OPTIONS(mode, bundle)                                                                 \
    {"registry-referrers-mode",                                                                    \
     0,                                                                                            \
     OPTION_TEXT,                                                                                  \
     &(mode),                                                                                      \
     "MODE",                                                                                       \
     "legacy: below a tag; oci-1-1: as a referrer"},                                               \
    {                                                                                              \
        "new-bundle-format", 0, OPTION_FLAG, &(bundle), NULL, "as a Sigstore bundle 0.3"           \
    }

/* ---- making ---- */

/* What sign and attest have in common. */
struct making {
    struct signing_words words;
    const char *mode;
    bool bundle;
    struct option_list notes;     /* of sign */
    const char *type, *predicate; /* of attest */
    const char *done, *what;      /* "signed", "signature" */
    /* What is signed besides the digest of the image. */
    int (*content)(const struct making *m, const struct signing_image *image, struct arena *a,
                   struct sign_request *q, struct err *e);
};

static int make(const struct making *m, const char *reference, struct arena *a, struct err *e)
{
    AUTO(key) struct key *k = NULL;
    struct signing_image image AUTO_SIGNING_IMAGE = {0};
    struct sign_request q = {0};
    char out[DIGEST_MAX];
    int r = form_of(m->mode, m->bundle, &q.form, e);
    if (r == 0)
        r = signing_key(&m->words, &k, e);
    if (r == 0)
        r = signing_image_open(reference, &m->words, true, a, &image, e);
    if (r == 0)
        r = m->content(m, &image, a, &q, e);
    if (r < 0)
        return r;
    q.name = image.name;
    q.digest = image.digest;
    q.key = k;
    r = sign_image(&image.place.place, &q, out, e);
    if (r == 0)
        (void)printf("%s %s@%s\n  %s %s\n", m->done, image.name, image.digest, m->what, out);
    return r;
}

static int sign_content(const struct making *m, const struct signing_image *image, struct arena *a,
                        struct sign_request *q, struct err *e)
{
    struct value *notes;
    (void)image;
    int r = signing_annotations(&m->notes, a, &notes, e);
    if (r == 0)
        q->annotations = notes;
    return r;
}

static int run_sign(int argc, char **argv)
{
    struct making m = {.done = "signed", .what = "signature", .content = sign_content};
    const struct option table[] = {
        SIGNING_MAKE_OPTIONS(m.words),
        SIGNING_REGISTRY_OPTIONS(m.words),
        FORM_OPTIONS(m.mode, m.bundle),
        {"annotations", 'a', OPTION_LIST, &m.notes, "NAME=VALUE", "signed with it"},
        {0 }
    };
    AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
    struct arguments args;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_sign_image[SIGN], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_sign_image[SIGN]);
    return make(&m, args.items[0], a, &e) < 0 ? verb_fail(&e) : EXIT_OK;
}

/* cosign's custom predicate keeps what it was given as text. */
static int predicate_of(const char *type, const char *text, size_t n, struct arena *a,
                        struct value **out, struct err *e)
{
    char now[CLOCK_TEXT_MAX];
    if (strcmp(type, "custom") != 0)
        return json_parse(a, text, n, 0, out, e);
    clock_format_rfc3339(clock_real_ms(), now);
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "Data", text);
    (void)value_set_str(a, v, "Timestamp", now);
    *out = v;
    return 0;
}

static int statement_of(const struct signing_image *image, const char *type, const char *path,
                        struct arena *a, struct value **out, struct err *e)
{
    char *text;
    size_t n;
    struct value *predicate;
    int r = fs_read(path, PREDICATE_MAX, a, &text, &n, e);
    if (r == 0)
        r = predicate_of(type, text, n, a, &predicate, e);
    if (r < 0)
        return err_wrap(e, r, "%s", path);
    struct value *s = value_new_object(a);
    (void)value_set_str(a, s, "_type", "https://in-toto.io/Statement/v0.1");
    (void)value_set_str(a, s, "predicateType", sign_predicate_type(type));
    struct value *subject = value_push(a, value_make_array(a, s, "subject"), value_new_object(a));
    (void)value_set_str(a, subject, "name", image->name);
    const char *colon = strchr(image->digest, ':');
    (void)value_setn(a, value_make_object(a, subject, "digest"), image->digest,
                     (size_t)(colon - image->digest), value_new_str(a, colon + 1));
    (void)value_set(a, s, "predicate", predicate);
    *out = s;
    return 0;
}

static int attest_content(const struct making *m, const struct signing_image *image,
                          struct arena *a, struct sign_request *q, struct err *e)
{
    struct value *statement;
    int r = statement_of(image, m->type, m->predicate, a, &statement, e);
    if (r == 0)
        q->statement = statement;
    return r;
}

static int run_attest(int argc, char **argv)
{
    struct making m = {
        .type = "custom", .done = "attested", .what = "attestation", .content = attest_content};
    const struct option table[] = {
        SIGNING_MAKE_OPTIONS(m.words),
        SIGNING_REGISTRY_OPTIONS(m.words),
        FORM_OPTIONS(m.mode, m.bundle),
        {"predicate",  0, OPTION_TEXT, &m.predicate, "FILE", "what is said of the image"},
        {"type", 0, OPTION_TEXT, &m.type, "TYPE",
                            "slsaprovenance1, spdxjson, cyclonedx, vuln, openvex, custom, or a URI"},
        {0     }
    };
    AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
    struct arguments args;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_sign_image[ATTEST], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1 || !m.predicate)
        return verb_usage(&verbs_sign_image[ATTEST]);
    return make(&m, args.items[0], a, &e) < 0 ? verb_fail(&e) : EXIT_OK;
}

/* ---- verify ---- */

static void say(const char *what, const struct signing_image *image, const struct value *found)
{
    (void)fprintf(stderr, "verified %zu %s%s of %s@%s\n", value_count(found), what,
                  value_count(found) == 1 ? "" : "s", image->name, image->digest);
    VALUE_EACH_ITEM (one, found) {
        const char *who = value_at_str(one, "identity", NULL);
        const char *at = value_at_str(one, "at", NULL);
        if (who)
            (void)fprintf(stderr, "  by %s, whom %s vouches for\n", who,
                          value_at_str(one, "issuer", "nobody"));
        if (at)
            (void)fprintf(stderr, "  at %s, as a log or a time-stamp proves\n", at);
    }
}

/* A signature in a bundle is a statement; it is told as cosign tells signatures. */
static const struct value *payload_of(const struct value *one, const struct signing_image *image,
                                      struct arena *a)
{
    const struct value *payload = value_get(one, "payload");
    if (value_get(payload, "critical"))
        return payload;
    struct value *p = value_new_object(a), *critical = value_make_object(a, p, "critical");
    (void)value_set_str(a, value_make_object(a, critical, "identity"), "docker-reference",
                        image->name);
    (void)value_set_str(a, value_make_object(a, critical, "image"), "docker-manifest-digest",
                        image->digest);
    (void)value_set_str(a, critical, "type", value_at_str(payload, "predicateType", ""));
    const struct value *notes = value_at(payload, "subject[0].annotations");
    (void)value_set(a, p, "optional", notes ? notes : value_null(a));
    return p;
}

/* What verify and verify-attestation have in common. */
struct checking {
    struct signing_words words;
    const char *output, *type; /* type: of an attestation; NULL: signatures are looked for */
    struct option_list notes;
    bool referrers, claims;
};

#define CHECK_OPTIONS(c)                                                                           \
    SIGNING_TRUST_OPTIONS((c).words), SIGNING_REGISTRY_OPTIONS((c).words),                         \
        {"output", 'o', OPTION_TEXT, &(c).output, "json|text", "what is printed"},                 \
        {"experimental-oci11", 0,    OPTION_FLAG,                                                  \
         &(c).referrers,       NULL, "referrers are always looked at"},                            \
    {                                                                                              \
        "check-claims", 0, OPTION_FLAG, &(c).claims, NULL, "claims are always checked"             \
    }

static void print_found(const struct checking *c, const struct signing_image *image,
                        const struct value *found, struct arena *a)
{
    struct value *payloads = value_new_array(a);
    say(c->type ? "attestation" : "signature", image, found);
    if (strcmp(c->output, "json") != 0)
        return;
    VALUE_EACH_ITEM (one, found) {
        if (c->type)
            (void)printf("%s\n", json_text(a, value_get(one, "envelope"), 0));
        else
            (void)value_push(a, payloads, payload_of(one, image, a));
    }
    if (!c->type)
        (void)printf("%s\n", json_text(a, payloads, 0));
}

static int check(const struct checking *c, const char *reference, struct arena *a, struct err *e)
{
    AUTO(public_key) struct public_key *key = NULL;
    struct signing_image image AUTO_SIGNING_IMAGE = {0};
    struct bundle_policy policy;
    struct value *found, *annotations;
    int r = signing_policy(&c->words, a, &key, &policy, e);
    if (r == 0)
        r = signing_annotations(&c->notes, a, &annotations, e);
    if (r == 0)
        r = signing_image_open(reference, &c->words, false, a, &image, e);
    if (r < 0)
        return r;
    policy.annotations = annotations;
    r = c->type ? sign_verify_attestations(&image.place.place, image.digest,
                                           sign_predicate_type(c->type), &policy, a, &found, e)
                : sign_verify(&image.place.place, image.digest, &policy, a, &found, e);
    if (r == 0)
        print_found(c, &image, found, a);
    return r;
}

static int run_verify(int argc, char **argv)
{
    struct checking c = {.output = "json", .claims = true};
    const struct option table[] = {
        CHECK_OPTIONS(c),
        {"annotations", 'a', OPTION_LIST, &c.notes, "NAME=VALUE", "what the signature must say"},
        {0 }
    };
    AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
    struct arguments args;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_sign_image[VERIFY], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_sign_image[VERIFY]);
    return check(&c, args.items[0], a, &e) < 0 ? verb_fail(&e) : EXIT_OK;
}

static int run_verify_attestation(int argc, char **argv)
{
    struct checking c = {.output = "json", .type = "custom", .claims = true};
    const struct option table[] = {
        CHECK_OPTIONS(c),
        {"type",       0, OPTION_TEXT, &c.type, "TYPE",
             "slsaprovenance1, spdxjson, cyclonedx, vuln, openvex, custom, or a URI"},
        {0}
    };
    AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
    struct arguments args;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_sign_image[VERIFY_ATTESTATION], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_sign_image[VERIFY_ATTESTATION]);
    return check(&c, args.items[0], a, &e) < 0 ? verb_fail(&e) : EXIT_OK;
}

const struct verb verbs_sign_image[] = {
    [SIGN] = {"sign",                                           "--key KEY IMAGE [options]", "sign an image in any registry, as cosign does",
              run_sign},
    [VERIFY] = {"verify", "--key KEY IMAGE [options]",
              "check who signed an image: a key, or an identity", run_verify},
    [ATTEST] = {"attest",                                                "--key KEY --predicate FILE IMAGE [options]",
              "sign a statement about an image", run_attest},
    [VERIFY_ATTESTATION] = {"verify-attestation",                     "--key KEY --type TYPE IMAGE [options]",
              "check who attested what about an image", run_verify_attestation},
    {0                                     }
};
