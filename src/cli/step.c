/* step.c - `slipway step …`: what a pipeline's step asks of the server's work API.
 *
 * Results that Tekton is to know go to files named with --NAME-file, without a newline. Exit
 * codes: 0 done, 1 failed, 2 wrong use, 3 the policy was not met (scan). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/own.h"
#include "cli/pack.h"
#include "cli/verb.h"
#include "cli/work.h"
#include "codec/json.h"

enum { EXIT_POLICY = 3 };

/* ---- asking ---- */

static int ask(const char *path, struct http_call *call, struct arena *a, struct value **out,
               struct err *e)
{
    struct work_place place;
    int r = work_place_find(a, &place, e);
    return r < 0 ? r : work_ask(&place, path, call, a, out, e);
}

static int ask_json(const char *path, const struct value *body, struct arena *a, struct value **out,
                    struct err *e)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    const char *text = json_text(a, body, JSON_NO_HTML);
    struct http_call call = {.headers = headers, .body = text, .body_len = strlen(text)};
    return ask(path, &call, a, out, e);
}

/* ---- results for Tekton ---- */

static int put_result(const char *file, const char *text, struct err *e)
{
    if (!file)
        return 0;
    AUTO_FD int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    size_t n = strlen(text);
    if (fd < 0 || write(fd, text, n) != (ssize_t)n)
        return err_sys(e, errno, "write %s", file);
    return 0;
}

static int put_results(const struct value *result, const char *const (*files)[2], size_t n)
{
    struct err e = {0};
    for (size_t i = 0; i < n; i++)
        if (put_result(files[i][1], value_at_str(result, files[i][0], ""), &e) < 0)
            return verb_fail(&e);
    return EXIT_OK;
}

/* ---- build ---- */

static const char *escaped(const char *text, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    for (const char *p = text; *p; p++) {
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~/:", *p))
            buf_putc(&b, *p);
        else
            buf_printf(&b, "%%%02X", (unsigned char)*p);
    }
    return arena_strdup(a, buf_text(&b));
}

static int step_build(int argc, char **argv)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    const char *context = ".", *file = "", *image = NULL, *target = "";
    const char *digest_file = NULL, *url_file = NULL;
    struct option_list args = {0};
    const struct option table[] = {
        {"image",                  'i', OPTION_TEXT, &image, "NAME[:TAG]", "what the image is called"},
        {"context",             'c', OPTION_TEXT, &context, "DIR", "the build context (.)"},
        {"containerfile",            'f', OPTION_TEXT, &file, "PATH", "within the context (Containerfile)"},
        {"target",                        0, OPTION_TEXT, &target, "STAGE", "build up to this stage"},
        {"build-arg",         0, OPTION_LIST, &args, "NAME=VALUE", "an argument of the build"},
        {"digest-file",                0, OPTION_TEXT, &digest_file, "FILE", "gets the image's digest"},
        {"url-file", 0, OPTION_TEXT, &url_file, "FILE", "gets the image's name"},
        {0         },
    };
    static const struct verb self = {"step build", "--image NAME [options]",
                                     "Has the server build an image from a folder.", NULL};
    struct arguments rest;
    int code;
    if (!verb_begin(&self, table, argc, argv, a, &rest, &code))
        return code;
    if (!image || rest.n)
        return verb_usage(&self);
    struct err e = {0};
    AUTO_FD int fd = -1;
    struct stat st;
    if (pack_folder(context, &fd, &e) < 0)
        return verb_fail(&e);
    if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
        (void)err_sys(&e, errno, "read the packed context");
        return verb_fail(&e);
    }
    const char *path = arena_printf(a, "build?image=%s&containerfile=%s&target=%s",
                                    escaped(image, a), escaped(file, a), escaped(target, a));
    for (size_t i = 0; i < args.n; i++)
        path = arena_printf(a, "%s&arg=%s", path, escaped(args.items[i], a));
    static const char *const headers[] = {"Content-Type: application/x-tar", NULL};
    struct http_call call = {
        .headers = headers, .has_body_fd = true, .body_fd = fd, .body_len = (size_t)st.st_size};
    struct value *result;
    if (ask(path, &call, a, &result, &e) < 0)
        return verb_fail(&e);
    (void)printf("built %s@%s\n", value_at_str(result, "image", image),
                 value_at_str(result, "digest", ""));
    const char *const files[][2] = {
        {"digest", digest_file},
        {"image",  url_file   }
    };
    return put_results(result, files, ARRAY_LEN(files));
}

/* ---- scan, push, sign ---- */

struct image_options {
    const char *image, *digest, *policy, *url_file, *report_file, *summary_file;
    const char *signature_file, *provenance_file;
};

static int image_begin(const struct verb *self, struct image_options *o, int argc, char **argv,
                       struct arena *a, int *code)
{
    const struct option table[] = {
        {"image",              'i', OPTION_TEXT, &o->image, "NAME[:TAG]", "the image"},
        {"digest",         'd', OPTION_TEXT, &o->digest, "sha256:…", "which one exactly"},
        {"policy",        0, OPTION_TEXT, &o->policy, "NAME", "the policy to judge by (scan)"},
        {"url-file",                    0, OPTION_TEXT, &o->url_file, "FILE", "gets the full reference (push)"},
        {"report-file",         0, OPTION_TEXT, &o->report_file, "FILE", "gets the findings (scan)"},
        {"summary-file",          0, OPTION_TEXT, &o->summary_file, "FILE",
         "gets one sentence on them (scan)"},
        {"signature-file", 0, OPTION_TEXT, &o->signature_file, "FILE",
         "gets the signature's digest (sign)"},
        {"provenance-file",             0, OPTION_TEXT, &o->provenance_file, "FILE",
         "gets the attestation's digest (sign)"},
        {0        },
    };
    struct arguments rest;
    if (!verb_begin(self, table, argc, argv, a, &rest, code))
        return -1;
    if (o->image && o->digest && !rest.n)
        return 0;
    *code = verb_usage(self);
    return -1;
}

static struct value *image_body(const struct image_options *o, struct arena *a)
{
    struct value *body = value_new_object(a);
    (void)value_set_str(a, body, "image", o->image);
    (void)value_set_str(a, body, "digest", o->digest);
    if (o->policy)
        (void)value_set_str(a, body, "policy", o->policy);
    return body;
}

static void print_findings(const struct value *list)
{
    if (value_count(list))
        (void)printf("%-20s %-9s %-24s %-20s %s\n", "ID", "SEVERITY", "PACKAGE", "VERSION",
                     "FIXED IN");
    VALUE_EACH_ITEM (f, list)
        (void)printf("%-20s %-9s %-24s %-20s %s\n", value_at_str(f, "id", ""),
                     value_at_str(f, "severity", ""), value_at_str(f, "package", ""),
                     value_at_str(f, "version", ""), value_at_str(f, "fixed", ""));
}

static int step_scan(int argc, char **argv)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    static const struct verb self = {
        "step scan", "--image NAME --digest sha256:… [--policy NAME]",
        "Has the server look for known vulnerabilities; 3 when the policy is not met.", NULL};
    struct image_options o = {0};
    struct err e = {0};
    struct value *result;
    int code;
    if (image_begin(&self, &o, argc, argv, a, &code) < 0)
        return code;
    if (ask_json("scan", image_body(&o, a), a, &result, &e) < 0)
        return verb_fail(&e);
    print_findings(value_get(result, "findings"));
    (void)printf("%s\n", value_at_str(result, "summary", ""));
    if (put_result(o.report_file, json_text(a, result, 0), &e) < 0 ||
        put_result(o.summary_file, value_at_str(result, "summary", ""), &e) < 0)
        return verb_fail(&e);
    if (value_at_bool(result, "passed", false))
        return EXIT_OK;
    (void)fflush(stdout);
    (void)fprintf(stderr, "slipway: the image is refused by the policy\n");
    return EXIT_POLICY;
}

static int step_push(int argc, char **argv)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    static const struct verb self = {"step push", "--image NAME[:TAG] --digest sha256:…",
                                     "Moves an image that passed its scan to the registry.", NULL};
    struct image_options o = {0};
    struct err e = {0};
    struct value *result;
    int code;
    if (image_begin(&self, &o, argc, argv, a, &code) < 0)
        return code;
    if (ask_json("push", image_body(&o, a), a, &result, &e) < 0)
        return verb_fail(&e);
    (void)printf("pushed %s\n", value_at_str(result, "url", ""));
    const char *const files[][2] = {
        {"url", o.url_file}
    };
    return put_results(result, files, ARRAY_LEN(files));
}

static int step_sign(int argc, char **argv)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    static const struct verb self = {"step sign", "--image NAME --digest sha256:…",
                                     "Has the server sign an image and attest how it was made.",
                                     NULL};
    struct image_options o = {0};
    struct err e = {0};
    struct value *result;
    int code;
    if (image_begin(&self, &o, argc, argv, a, &code) < 0)
        return code;
    if (ask_json("sign", image_body(&o, a), a, &result, &e) < 0)
        return verb_fail(&e);
    (void)printf("signed %s@%s\n  signature %s\n  provenance %s\n", o.image, o.digest,
                 value_at_str(result, "signature", "-"), value_at_str(result, "provenance", "-"));
    const char *const files[][2] = {
        {"signature",  o.signature_file },
        {"provenance", o.provenance_file}
    };
    return put_results(result, files, ARRAY_LEN(files));
}

/* ---- update-image ---- */

static int step_update(int argc, char **argv)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    const char *repository = NULL, *branch = "main", *path = "", *image = NULL, *digest = NULL;
    const char *new_name = "", *tag = "", *commit_file = NULL;
    const struct option table[] = {
        {"repository",         'r', OPTION_TEXT, &repository, "NAME", "the infrastructure repository"},
        {"branch",         'b', OPTION_TEXT, &branch, "NAME", "its branch (main)"},
        {"path",              'p', OPTION_TEXT, &path, "PATH", "the file or folder that names the image"},
        {"image",                    'i', OPTION_TEXT, &image, "NAME", "the image as the files spell it"},
        {"new-name",         0, OPTION_TEXT, &new_name, "NAME", "another name for it"},
        {"tag",             't', OPTION_TEXT, &tag, "TAG", "the tag to write"},
        {"digest", 'd', OPTION_TEXT, &digest, "sha256:…", "the digest to write"},
        {"commit-file",               0, OPTION_TEXT, &commit_file, "FILE", "gets the commit"},
        {0        },
    };
    static const struct verb self = {
        "step update-image", "--repository NAME --path PATH --image NAME --digest sha256:…",
        "Commits an image's new digest to an infrastructure repository.", NULL};
    struct arguments rest;
    int code;
    if (!verb_begin(&self, table, argc, argv, a, &rest, &code))
        return code;
    if (!repository || !image || !digest || rest.n)
        return verb_usage(&self);
    struct err e = {0};
    struct value *result, *body = value_new_object(a);
    const char *const fields[][2] = {
        {"repository", repository},
        {"branch",     branch    },
        {"path",       path      },
        {"image",      image     },
        {"newName",    new_name  },
        {"digest",     digest    },
        {"tag",        tag       },
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        (void)value_set_str(a, body, fields[i][0], fields[i][1]);
    if (ask_json("update-image", body, a, &result, &e) < 0)
        return verb_fail(&e);
    const char *commit = value_at_str(result, "commit", "");
    if (value_at_bool(result, "changed", true))
        (void)printf("committed %s to %s (%s)\n", commit, repository, branch);
    else
        (void)printf("%s (%s) has it already\n", repository, branch);
    const char *const files[][2] = {
        {"commit", commit_file}
    };
    return put_results(result, files, ARRAY_LEN(files));
}

const struct verb verbs_step[] = {
    {"step build",        "--image NAME [options]",  "have an image built from a folder", step_build },
    {"step scan",         "--image NAME --digest D", "have an image scanned",             step_scan  },
    {"step push",         "--image NAME --digest D", "move an image to the registry",     step_push  },
    {"step sign",         "--image NAME --digest D", "have an image signed and attested", step_sign  },
    {"step update-image", "--repository NAME …",   "commit an image to a repository",   step_update},
    {NULL,                NULL,                      NULL,                                NULL       },
};
