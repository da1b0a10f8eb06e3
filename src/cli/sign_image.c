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

/* ---- sign ---- */

static int run_sign(int argc, char **argv)
{
    struct signing_words w = {0};
    struct option_list notes = {0};
    const char *mode = NULL;
    bool bundle = false;
    const struct option table[] = {
        SIGNING_MAKE_OPTIONS(w),
        SIGNING_REGISTRY_OPTIONS(w),
        FORM_OPTIONS(mode, bundle),
        {"annotations", 'a', OPTION_LIST, &notes, "NAME=VALUE", "signed with it"},
        {0 }
    };
    AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
    AUTO(key) struct key *k = NULL;
    struct arguments args;
    struct err e = {0};
    int code;
    char out[DIGEST_MAX];
    struct signing_image image AUTO_SIGNING_IMAGE = {0};
    struct value *annotations;
    struct sign_request q = {0};
    if (!verb_begin(&verbs_sign_image[SIGN], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_sign_image[SIGN]);
    if (form_of(mode, bundle, &q.form, &e) < 0 || signing_key(&w, &k, &e) < 0 ||
        signing_annotations(&notes, a, &annotations, &e) < 0 ||
        signing_image_open(args.items[0], &w, true, a, &image, &e) < 0)
        return verb_fail(&e);
    q.name = image.name;
    q.digest = image.digest;
    q.key = k;
    q.annotations = annotations;
    if (sign_image(&image.place.place, &q, out, &e) < 0)
        return verb_fail(&e);
    (void)printf("signed %s@%s\n  signature %s\n", image.name, image.digest, out);
    return EXIT_OK;
}

/* ---- attest ---- */

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

static int run_attest(int argc, char **argv)
{
    struct signing_words w = {0};
    const char *mode = NULL, *type = "custom", *predicate = NULL;
    bool bundle = false;
    const struct option table[] = {
        SIGNING_MAKE_OPTIONS(w),
        SIGNING_REGISTRY_OPTIONS(w),
        FORM_OPTIONS(mode, bundle),
        {"predicate",  0, OPTION_TEXT, &predicate, "FILE", "what is said of the image"},
        {"type", 0, OPTION_TEXT, &type, "TYPE",
                        "slsaprovenance1, spdxjson, cyclonedx, vuln, openvex, custom, or a URI"},
        {0     }
    };
    AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
    AUTO(key) struct key *k = NULL;
    struct arguments args;
    struct err e = {0};
    int code;
    char out[DIGEST_MAX];
    struct signing_image image AUTO_SIGNING_IMAGE = {0};
    struct value *statement;
    struct sign_request q = {0};
    if (!verb_begin(&verbs_sign_image[ATTEST], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1 || !predicate)
        return verb_usage(&verbs_sign_image[ATTEST]);
    if (form_of(mode, bundle, &q.form, &e) < 0 || signing_key(&w, &k, &e) < 0 ||
        signing_image_open(args.items[0], &w, true, a, &image, &e) < 0 ||
        statement_of(&image, type, predicate, a, &statement, &e) < 0)
        return verb_fail(&e);
    q.name = image.name;
    q.digest = image.digest;
    q.key = k;
    q.statement = statement;
    if (sign_image(&image.place.place, &q, out, &e) < 0)
        return verb_fail(&e);
    (void)printf("attested %s@%s\n  attestation %s\n", image.name, image.digest, out);
    return EXIT_OK;
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

static int run_verify(int argc, char **argv)
{
    struct signing_words w = {0};
    struct option_list notes = {0};
    const char *output = "json";
    bool referrers = false, claims = true;
    const struct option table[] = {
        SIGNING_TRUST_OPTIONS(w),
        SIGNING_REGISTRY_OPTIONS(w),
        {"annotations", 'a', OPTION_LIST, &notes, "NAME=VALUE", "what the signature must say"},
        {"output",  'o', OPTION_TEXT, &output, "json|text", "what is printed"},
        {"experimental-oci11", 0, OPTION_FLAG, &referrers, NULL, "referrers are always looked at"},
        {"check-claims",             0, OPTION_FLAG, &claims, NULL, "claims are always checked"},
        {0        }
    };
    AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
    AUTO(public_key) struct public_key *key = NULL;
    struct arguments args;
    struct err e = {0};
    int code;
    struct signing_image image AUTO_SIGNING_IMAGE = {0};
    struct bundle_policy policy;
    struct value *found, *annotations, *payloads = value_new_array(a);
    if (!verb_begin(&verbs_sign_image[VERIFY], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_sign_image[VERIFY]);
    if (signing_policy(&w, a, &key, &policy, &e) < 0 ||
        signing_annotations(&notes, a, &annotations, &e) < 0 ||
        signing_image_open(args.items[0], &w, false, a, &image, &e) < 0)
        return verb_fail(&e);
    policy.annotations = annotations;
    if (sign_verify(&image.place.place, image.digest, &policy, a, &found, &e) < 0)
        return verb_fail(&e);
    say("signature", &image, found);
    VALUE_EACH_ITEM (one, found)
        (void)value_push(a, payloads, payload_of(one, &image, a));
    if (strcmp(output, "json") == 0)
        (void)printf("%s\n", json_text(a, payloads, 0));
    return EXIT_OK;
}

static int run_verify_attestation(int argc, char **argv)
{
    struct signing_words w = {0};
    const char *output = "json", *type = "custom";
    bool referrers = false, claims = true;
    const struct option table[] = {
        SIGNING_TRUST_OPTIONS(w),
        SIGNING_REGISTRY_OPTIONS(w),
        {"type",       0, OPTION_TEXT, &type, "TYPE",
             "slsaprovenance1, spdxjson, cyclonedx, vuln, openvex, custom, or a URI"},
        {"output", 'o', OPTION_TEXT, &output, "json|text", "what is printed"},
        {"experimental-oci11",      0, OPTION_FLAG, &referrers, NULL, "referrers are always looked at"},
        {"check-claims",            0, OPTION_FLAG, &claims, NULL, "claims are always checked"},
        {0        }
    };
    AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
    AUTO(public_key) struct public_key *key = NULL;
    struct arguments args;
    struct err e = {0};
    int code;
    struct signing_image image AUTO_SIGNING_IMAGE = {0};
    struct bundle_policy policy;
    struct value *found;
    if (!verb_begin(&verbs_sign_image[VERIFY_ATTESTATION], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_sign_image[VERIFY_ATTESTATION]);
    if (signing_policy(&w, a, &key, &policy, &e) < 0 ||
        signing_image_open(args.items[0], &w, false, a, &image, &e) < 0 ||
        sign_verify_attestations(&image.place.place, image.digest, sign_predicate_type(type),
                                 &policy, a, &found, &e) < 0)
        return verb_fail(&e);
    say("attestation", &image, found);
    VALUE_EACH_ITEM (one, found)
        if (strcmp(output, "json") == 0)
            (void)printf("%s\n", json_text(a, value_get(one, "envelope"), 0));
    return EXIT_OK;
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
