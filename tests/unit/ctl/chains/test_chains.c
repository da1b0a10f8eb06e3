#include "ctl/chains/chains.h"

#include <stdlib.h>

#include "base/fs.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "crypto/key.h"
#include "kube/events.h"
#include "kube/fake.h"
#include "oci/images.h"
#include "sign/dsse.h"
#include "sign/sign.h"
#include "t.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define RESULT                                                                                     \
    "results: [{name: IMAGE_URL, value: r.io/shop/app}, {name: IMAGE_DIGEST, value: \"sha256:" HEX \
    "\"}]"

static struct err e;

struct world {
    char dir[64];
    struct arena *a;
    struct kube *kube;
    struct fake_clock clock;
    struct runner *runner;
    struct image_store *images;
    struct chains *chains;
    struct key *signing; /* whose public half verifies */
    struct public_key *public;
    int refuse;
};

static int place(void *arg, const struct chains_where *where, struct arena *a,
                 struct sign_place **out, struct err *err)
{
    struct world *w = arg;
    struct sign_local *at = ARENA_NEW(a, struct sign_local);
    if (w->refuse)
        return err_set(err, w->refuse, "the registry says no to %s", where->repository);
    *at = sign_local(w->images, strchr(where->repository, '/') + 1);
    *out = &at->place;
    return 0;
}

static int no_key(void *arg, const char *reference, struct key **out, struct err *err)
{
    (void)arg, (void)out;
    return err_set(err, ERR_UNSUPPORTED, "%s is not asked", reference);
}

static void begin(struct world *w)
{
    memset(w, 0, sizeof *w);
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/slipway-chains-XXXXXX");
    T_OK(mkdtemp(w->dir) != NULL, "mkdtemp");
    w->a = arena_new(1 << 24);
    fake_clock_init(&w->clock, 1700000000000);
    w->kube = kube_fake_new(&w->clock.clock);
    const struct image_store_opts o = {.folder = w->dir};
    T_RC(image_store_open(&o, &w->images, &e), &e, "store");
    const struct chains_ports ports = {w, place, no_key};
    w->chains = chains_new(&ports);
    w->runner = runner_new(w->kube, &w->clock.clock, 0);
    chains_add(w->runner, w->chains);
    T_RC(key_generate(&w->signing, &e), &e, "key");
    T_RC(key_public_half(w->signing, &w->public, &e), &e, "public half");
}

static void end(struct world *w)
{
    runner_free(w->runner);
    chains_free(w->chains);
    kube_free(w->kube);
    key_free(w->signing);
    public_key_free(w->public);
    image_store_free(w->images);
    T_RC(fs_remove_tree(w->dir, &e), &e, "clean up");
    arena_free(w->a);
}

static void configure(struct world *w, const char *data)
{
    kube_fake_load(w->kube, arena_printf(w->a,
                                         "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "
                                         "chains-config, namespace: tekton-chains}\ndata: {%s}\n",
                                         data));
}

static void give_key(struct world *w)
{
    char *pem;
    T_RC(key_private_pem(w->signing, w->a, &pem, &e), &e, "pem");
    kube_fake_load(w->kube,
                   arena_printf(w->a,
                                "apiVersion: v1\nkind: Secret\nmetadata: {name: signing-secrets, "
                                "namespace: tekton-chains}\ndata: {x509.pem: %s}\n",
                                base64_encode(w->a, pem, strlen(pem), BASE64_STD)));
}

static void run(struct world *w, const char *status, const char *results)
{
    kube_fake_load(w->kube,
                   arena_printf(w->a,
                                "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {name: t, "
                                "namespace: ci}\nspec: {}\nstatus: {conditions: [{type: Succeeded, "
                                "status: \"%s\"}], %s}\n",
                                status, results));
    (void)runner_settle(w->runner, 200);
}

static const struct object *task(struct world *w)
{
    struct object *o = NULL;
    T_RC(kube_get(w->kube, &RES_TASK_RUN, "ci", "t", &o, &e), &e, "run");
    const struct object *held = object_hold(w->a, o);
    object_unref(o);
    return held;
}

static const char *note(struct world *w, const char *name)
{
    const char *text = object_annotation(task(w), name);
    return text ? text : "";
}

static const char *event(struct world *w)
{
    struct kube_list l;
    const char *text = "";
    recorder_flush(runner_recorder(w->runner));
    T_RC(kube_list(w->kube, &RES_EVENT, "ci", NULL, &l, &e), &e, "events");
    for (size_t i = 0; i < l.n; i++)
        text = arena_strdup(w->a, value_at_str(l.items[i]->root, "message", ""));
    kube_list_done(&l);
    return text;
}

static void needs_a_configuration(void)
{
    struct world w;
    begin(&w);
    give_key(&w);
    run(&w, "True", RESULT);
    T_EQ_STR(note(&w, "chains.tekton.dev/signed"), "", "nobody asked");
    configure(&w, "artifacts.oci.storage: \"\"");
    (void)runner_settle(w.runner, 200);
    T_EQ_STR(note(&w, "chains.tekton.dev/signed"), "true", "now it is wanted");
    end(&w);
}

static void signs_a_run(void)
{
    struct world w;
    struct value *envelope;
    char *text, *payload;
    size_t n;
    begin(&w);
    give_key(&w);
    configure(&w, "");
    run(&w, "Unknown", RESULT);
    T_EQ_STR(note(&w, "chains.tekton.dev/signed"), "", "it goes on");
    struct value *patch = value_new_object(w.a), *one = value_new_object(w.a);
    (void)value_set_str(w.a, one, "type", "Succeeded");
    (void)value_set_str(w.a, one, "status", "False");
    (void)value_push(w.a, value_make_array(w.a, patch, "status.conditions"), one);
    T_RC(kube_patch(w.kube, &RES_TASK_RUN, "ci", "t", "status", KUBE_PATCH_MERGE, patch, NULL, &e),
         &e, "it ends");
    (void)runner_settle(w.runner, 200);
    T_EQ_STR(note(&w, "chains.tekton.dev/signed"), "true", "one that failed, too");
    const char *sig =
        note(&w, arena_printf(w.a, "chains.tekton.dev/signature-taskrun-%s", task(&w)->uid));
    T_RC(base64_decode(w.a, sig, strlen(sig), BASE64_STD, &text, &n, &e), &e, "base64");
    T_RC(json_parse(w.a, text, n, 0, &envelope, &e), &e, "an envelope");
    T_RC(dsse_verify(envelope, w.public, w.a, &payload, &n, &e), &e, "ours");
    T_OK(memmem(payload, n, HEX, 64) != NULL, "about the image");
    struct sign_local at = sign_local(w.images, "shop/app");
    const struct bundle_policy policy = {.key = w.public, .without_log = true};
    struct value *found;
    T_RC(sign_verify(&at.place, "sha256:" HEX, &policy, w.a, &found, &e), &e, "the image, too");
    end(&w);
}

static void attests_images(void)
{
    struct world w;
    struct value *found;
    begin(&w);
    give_key(&w);
    configure(&w, "artifacts.taskrun.storage: \"oci\", artifacts.oci.storage: \"tekton\"");
    run(&w, "True", RESULT);
    T_EQ_STR(note(&w, "chains.tekton.dev/signed"), "true", "signed");
    T_OK(*note(&w, "chains.tekton.dev/signature-0123456789ab"), "the image's signature");
    struct sign_local at = sign_local(w.images, "shop/app");
    const struct bundle_policy policy = {.key = w.public, .without_log = true};
    T_RC(sign_verify_attestations(&at.place, "sha256:" HEX, "https://slsa.dev/provenance/v1",
                                  &policy, w.a, &found, &e),
         &e, "provenance");
    T_EQ_INT(value_count(found), 1, "once");
    end(&w);
}

static void says_why_not(void)
{
    static const struct {
        const char *name, *config;
        bool key;
        int refuse;
        const char *says;
    } cases[] = {
        {"no key",      "",                                                                   false, 0,          "signing-secrets"},
        {"bad key",     "artifacts.taskrun.signer: none, x.y: z",                             true,  0,          "x.y is no key"  },
        {"service",     "artifacts.taskrun.signer: kms, signers.kms.kmsref: \"awskms:///k\"", true,  0,
         "awskms:///k is not asked"                                                                                               },
        {"no registry", "",                                                                   true,  ERR_DENIED, "r.io/shop/app"  },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        begin(&w);
        w.refuse = cases[i].refuse;
        if (cases[i].key)
            give_key(&w);
        configure(&w, cases[i].config);
        run(&w, "True", RESULT);
        T_EQ_STR(note(&w, "chains.tekton.dev/signed"), "", cases[i].name);
        T_OK(strstr(event(&w), cases[i].says) != NULL, event(&w));
        end(&w);
    }
}

/* A write that fails between storing and telling: never "signed" without a signature. */
static void survives_failing_writes(void)
{
    static const char *const verbs[] = {"patch", "get"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        for (unsigned n = 1; n <= 2; n++) {
            struct world w;
            begin(&w);
            give_key(&w);
            configure(&w, "");
            kube_fake_fail(w.kube, verbs[i], &RES_TASK_RUN, n, ERR_AGAIN);
            run(&w, "True", RESULT);
            fake_clock_move(&w.clock, 120000);
            (void)runner_settle(w.runner, 200);
            fake_clock_move(&w.clock, 120000);
            (void)runner_settle(w.runner, 200);
            T_EQ_STR(note(&w, "chains.tekton.dev/signed"), "true", verbs[i]);
            end(&w);
        }
}

T_MAIN(needs_a_configuration, signs_a_run, attests_images, says_why_not, survives_failing_writes)
