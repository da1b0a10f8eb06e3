/* light_alone.c - no network, keys or certificates, for the small program: it becomes the whole one
 * when it needs them. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/light.h"
#include "crypto/issue.h"

enum { ARGUMENTS_MAX = 8 << 20 };

/* Beside this program when it was built here, and where it is installed. */
static const char *const places[] = {"whole/", "../libexec/slipway/"};

/* What this process was called with, as an argument list. */
static char **own_arguments(struct arena *a)
{
    char *text = arena_alloc(a, ARGUMENTS_MAX + 1);
    size_t n = 0, count = 0;
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    for (ssize_t got = 1; fd >= 0 && got > 0 && n < ARGUMENTS_MAX; n += (size_t)got)
        if ((got = read(fd, text + n, ARGUMENTS_MAX - n)) < 0)
            got = 0;
    if (fd >= 0)
        (void)close(fd);
    for (size_t i = 0; i < n; i++)
        count += text[i] == '\0';
    char **argv = ARENA_ARRAY(a, char *, count + 1);
    count = 0;
    for (char *s = text; s < text + n; s += strlen(s) + 1)
        argv[count++] = s;
    return argv;
}

/* Starts a sibling of the whole program. */
static void become(const char *name, char **argv)
{
    char self[4096], path[4200] = "";
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash = n > 0 ? memrchr(self, '/', (size_t)n) : NULL;
    for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
        (void)snprintf(path, sizeof path, "%.*s%s%s", (int)(slash - self + 1), self, places[i],
                       name);
        (void)execv(path, argv);
    }
}

void light_whole(char **argv)
{
    AUTO(arena) struct arena *a = arena_new(0);
    become("slipway", argv ? argv : own_arguments(a));
    (void)fprintf(stderr, "slipway: the program's other half, %sslipway, cannot be started\n",
                  places[0]);
}

void light_files(int argc, char **argv)
{
    static const char *const verbs[] = {"verify-blob", "sign-blob", "verify-blob-attestation",
                                        "generate-key-pair"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (argc > 1 && strcmp(argv[1], verbs[i]) == 0 && !light_is_for_whole(argc, argv))
            become("files", argv);
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
