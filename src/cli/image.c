/* image.c - images on this machine: base images made here, others brought here and sent away. */
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "cli/image_words.h"
#include "oci/bootstrap.h"

enum { BOOTSTRAP, LIST, PULL, PUSH };

static void progress(void *arg, const char *line)
{
    (void)arg;
    (void)fprintf(stderr, "%s\n", line);
}

static int open_images(const char *data_dir, struct arena *a, struct image_store **out,
                       struct err *e)
{
    struct image_store_opts o = {.folder = arena_printf(a, "%s/images", verb_data_dir(data_dir))};
    return image_store_open(&o, out, e);
}

static int bootstrap(struct image_store *s, const char *what, const char *name,
                     const struct option_list *packages, struct arena *a, char digest[DIGEST_MAX],
                     struct err *e)
{
    if (strcmp(what, "busybox") == 0)
        return bootstrap_busybox(s, name, NULL, digest, e);
    if (strcmp(what, "tools") == 0)
        return bootstrap_tools(s, name, NULL, digest, e);
    if (strcmp(what, "debian") != 0)
        return err_set(e, ERR_INVALID, "\"%s\" is not one of busybox, debian, tools", what);
    const char **list = ARENA_ARRAY(a, const char *, packages->n + 1);
    for (size_t i = 0; i < packages->n; i++)
        list[i] = packages->items[i];
    struct bootstrap_debian o = {.packages = list,
                                 .progress = isatty(STDERR_FILENO) ? progress : NULL};
    return bootstrap_debian(s, name, &o, digest, e);
}

static int run_bootstrap(int argc, char **argv)
{
    const char *data_dir = NULL, *name = NULL;
    struct option_list packages = {0};
    const struct option table[] = {
        {"data-dir",   'd', OPTION_TEXT, &data_dir, "DIR",
         "where everything is kept (" VERB_DEFAULT_DIR ")"},
        {"name", 'n', OPTION_TEXT, &name, "NAME", "the image's name (slipway.local/KIND:latest)"},
        {"include",       'i', OPTION_LIST, &packages, "PACKAGE",
         "debian: one more package; may be repeated"},
        {0           }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(image_store) struct image_store *s = NULL;
    struct arguments args;
    struct err e = {0};
    char digest[DIGEST_MAX];
    int code;
    if (!verb_begin(&verbs_image[BOOTSTRAP], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_image[BOOTSTRAP]);
    if (!name)
        name = arena_printf(a, IMAGES_LOCAL_HOST "/%s:latest", args.items[0]);
    if (open_images(data_dir, a, &s, &e) < 0 ||
        bootstrap(s, args.items[0], name, &packages, a, digest, &e) < 0)
        return verb_fail(&e);
    (void)printf("%s@%s\n", name, digest);
    return EXIT_OK;
}

static int run_list(int argc, char **argv)
{
    const char *data_dir = NULL;
    const struct option table[] = {
        {"data-dir",   'd', OPTION_TEXT, &data_dir, "DIR",
         "where everything is kept (" VERB_DEFAULT_DIR ")"},
        {0}
    };
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(image_store) struct image_store *s = NULL;
    struct arguments args;
    struct image_name *names;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_image[LIST], table, argc, argv, a, &args, &code))
        return code;
    if (args.n)
        return verb_usage(&verbs_image[LIST]);
    if (open_images(data_dir, a, &s, &e) < 0)
        return verb_fail(&e);
    size_t n = image_store_list(s, a, &names);
    for (size_t i = 0; i < n; i++)
        (void)printf("%s %s\n", names[i].reference, names[i].digest);
    return EXIT_OK;
}

/* ---- moving ---- */

struct move_words {
    struct image_words from;
    const char *user, *password_file;
};

static int read_auth(const struct move_words *w, struct arena *a, struct image_auth *out,
                     struct err *e)
{
    char *text;
    size_t n;
    *out = (struct image_auth){.user = w->user};
    if (!w->password_file)
        return 0;
    int rc = fs_read(w->password_file, 4096, a, &text, &n, e);
    if (rc < 0)
        return err_wrap(e, rc, "password");
    text[strcspn(text, "\r\n")] = '\0';
    out->password = text;
    return 0;
}

#define AUTH_OPTIONS(w)                                                                            \
    {"user", 'u', OPTION_TEXT, &(w).user, "NAME", "user of the registry"},                         \
    {                                                                                              \
        "password-file", 0, OPTION_TEXT, &(w).password_file, "FILE", "their password or token"     \
    }

static int run_pull(int argc, char **argv)
{
    struct move_words w = {0};
    const struct option table[] = {
        PLACE_OPTION(w.from), SOURCE_OPTIONS(w.from), AUTH_OPTIONS(w), {0}};
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    AUTO(image_store) struct image_store *s = NULL;
    struct arguments args;
    struct image_auth auth;
    struct image image;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_image[PULL], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_image[PULL]);
    struct image_ensure_opts o = {.policy = IMAGE_ALWAYS, .auth = &auth, .progress = progress};
    if (read_auth(&w, a, &auth, &e) < 0 || image_words_open(&w.from, a, &s, &e) < 0 ||
        image_store_ensure(s, args.items[0], &o, a, &image, &e) < 0)
        return verb_fail(&e);
    (void)printf("%s@%s\n", image.reference, image.digest);
    return EXIT_OK;
}

static int run_push(int argc, char **argv)
{
    struct move_words w = {0};
    const struct option table[] = {PLACE_OPTION(w.from), AUTH_OPTIONS(w), {0}};
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    AUTO(image_store) struct image_store *s = NULL;
    struct arguments args;
    struct image_auth auth;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_image[PUSH], table, argc, argv, a, &args, &code))
        return code;
    if (args.n < 1 || args.n > 2)
        return verb_usage(&verbs_image[PUSH]);
    const char *target = args.items[args.n - 1];
    if (read_auth(&w, a, &auth, &e) < 0 || image_words_open(&w.from, a, &s, &e) < 0 ||
        image_store_push(s, args.items[0], target, &auth, progress, NULL, &e) < 0)
        return verb_fail(&e);
    (void)printf("%s\n", target);
    return EXIT_OK;
}

const struct verb verbs_image[] = {
    [BOOTSTRAP] = {"image bootstrap",                                "busybox|debian|tools [options]",
                   "make a base image from this machine's packages", run_bootstrap},
    [LIST] = {"image list", "[options]", "the images of this machine, with their digests",
                   run_list},
    [PULL] = {"image pull",                                                "NAME [options]", "bring an image here", run_pull},
    [PUSH] = {"image push",                                     "NAME [TARGET] [options]", "send an image to a registry", run_push},
    {0                                        }
};
