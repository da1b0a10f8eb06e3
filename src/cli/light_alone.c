/* light_alone.c - no network, keys or certificates, for the small program: it becomes the whole one
 * when it needs them. */
#include <string.h>

#include "cli/become.h"
#include "cli/light.h"
#include "crypto/issue.h"

void light_become(int argc, char **argv)
{
    static const struct {
        const char *verb, *program;
        bool urls; /* knows what to do with them, and with standard input */
    } siblings[] = {
        {"build",                   "builds", true },
        {"verify-blob",             "files",  false},
        {"sign-blob",               "files",  false},
        {"verify-blob-attestation", "files",  false},
        {"generate-key-pair",       "files",  false},
    };
    for (size_t i = 0; i < sizeof siblings / sizeof *siblings; i++)
        if (argc > 1 && strcmp(argv[1], siblings[i].verb) == 0 &&
            (siblings[i].urls || !light_is_for_whole(argc, argv)))
            become(siblings[i].program, argv);
}

static int no_network(struct err *e)
{
    light_whole(NULL);
    return err_set(e, ERR_UNSUPPORTED, "this half of the program fetches nothing");
}

bool light_is_small(void)
{
    return true;
}

int light_get(const char *url, size_t max, struct arena *a, struct light_answer *out, struct err *e)
{
    (void)url, (void)max, (void)a, (void)out;
    return no_network(e);
}

int light_chart(const struct charts_files *f, const struct charts_query *q, const char *keyring,
                struct arena *a, struct charts_answer *out, struct err *e)
{
    (void)f, (void)q, (void)keyring, (void)a, (void)out;
    return no_network(e);
}

int light_verify(const char *path, const char *keyring, struct err *e)
{
    (void)path, (void)keyring;
    return no_network(e);
}

/* ---- keys: the library that makes them takes longer to load than most charts to render ---- */

static int no_keys(struct err *e)
{
    light_whole(NULL);
    return err_set(e, ERR_UNSUPPORTED, "this half of the program makes no keys");
}

int issue_key(enum issue_kind kind, const unsigned char seed[ISSUE_SEED], struct arena *a,
              char **out, struct err *e)
{
    (void)kind, (void)seed, (void)a, (void)out;
    return no_keys(e);
}

int issue_certificate(const struct issue_request *r, const char *key, const struct issue_signer *by,
                      struct arena *a, char **out, struct err *e)
{
    (void)r, (void)key, (void)by, (void)a, (void)out;
    return no_keys(e);
}

int issue_check_certificate(const char *pem, struct err *e)
{
    (void)pem;
    return no_keys(e);
}

int issue_check_key(const char *pem, struct arena *a, char **out, struct err *e)
{
    (void)pem, (void)a, (void)out;
    return no_keys(e);
}

int light_cluster(const struct light_where *w, struct helm_log *log, struct light_cluster **out,
                  struct err *e)
{
    (void)w, (void)log, (void)out;
    return no_network(e);
}

struct kustomize_functions *light_functions(const struct light_function_flags *flags,
                                            struct arena *a)
{
    (void)flags, (void)a;
    light_whole(NULL);
    return NULL;
}

void light_functions_done(struct kustomize_functions *f)
{
    (void)f;
}
