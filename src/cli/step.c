/* step.c - `slipway step …`: what a pipeline's step asks of the server's work API.
 *
 * Results that Tekton is to know go to files named with --NAME-file, without a newline. Exit
 * codes: 0 done, 1 failed, 2 wrong use, 3 the policy was not met (scan). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/own.h"
#include "cli/pack.h"
#include "cli/verb.h"
#include "codec/json.h"
#include "net/http_client.h"

enum {
    EXIT_POLICY = 3,
    TOKEN_MAX = 64 << 10,
    LINE_MAX_BYTES = 1 << 20,
    PAUSE_FIRST_MS = 100,
    PAUSE_MAX_MS = 2000,
    AWAY_MAX_MS = 60 * 1000,
};

#define TOKEN_FILE "/var/run/secrets/kubernetes.io/serviceaccount/token"

/* ---- asking ---- */

/* Lines of JSON as they come. */
struct answer {
    struct arena *arena;
    struct buf line;
    struct value *result, *error;
};

static void take_line(struct answer *a)
{
    struct value *v;
    if (a->line.len == 0)
        return;
    if (json_parse(a->arena, a->line.data, a->line.len, 0, &v, NULL) == 0) {
        const struct value *text = value_get(v, "line");
        if (text) {
            (void)printf("%s\n", value_str(text, ""));
            (void)fflush(stdout);
        }
        if (value_get(v, "result"))
            a->result = value_get_mut(v, "result");
        if (value_get(v, "error"))
            a->error = value_get_mut(v, "error");
    }
    buf_clear(&a->line);
}

static int on_data(void *arg, const void *bytes, size_t n)
{
    struct answer *a = arg;
    const char *p = bytes, *end = p + n;
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        buf_add(&a->line, p, (size_t)((nl ? nl : end) - p));
        if (!nl)
            return 0;
        take_line(a);
        p = nl + 1;
    }
    return 0;
}

static int work_error(const struct value *error, int status, struct err *e)
{
    (void)err_set(e, ERR_INVALID, "%s",
                  value_at_str(error, "message", "the server gave no result"));
    if (!error && status)
        (void)err_set(e, ERR_INVALID, "the server answered %d", status);
    const char *hint = value_at_str(error, "hint", "");
    if (*hint)
        (void)err_hint(e, "%s", hint);
    return ERR_INVALID;
}

static int finish(struct answer *answer, const struct http_answer *http, struct value **out,
                  struct err *e)
{
    if (http->body_len && !answer->line.len)
        (void)on_data(answer, http->body, http->body_len);
    take_line(answer);
    if (answer->error || !answer->result)
        return work_error(answer->error, http->status, e);
    *out = answer->result;
    return 0;
}

static int ask_once(struct http_client *client, struct http_call *call, struct arena *a,
                    struct value **out, struct err *e)
{
    struct answer answer = {.arena = a};
    struct http_answer http;
    buf_init(&answer.line, LINE_MAX_BYTES);
    call->on_data = on_data;
    call->arg = &answer;
    int r = http_do(client, call, a, &http, e);
    if (r == 0)
        r = finish(&answer, &http, out, e);
    buf_done(&answer.line);
    return r;
}

static void pause_ms(int64_t ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

/* A server that went away, perhaps in the middle of it, is asked again: each verb, asked twice by
 * one step, does its work once. */
static int ask_until(struct http_client *client, struct http_call *call, struct arena *a,
                     struct value **out, struct err *e)
{
    int64_t waited = 0;
    for (int64_t pause = PAUSE_FIRST_MS;; pause = pause < PAUSE_MAX_MS ? pause * 2 : pause) {
        int r = ask_once(client, call, a, out, e);
        if (r != ERR_AGAIN || waited >= AWAY_MAX_MS)
            return r;
        if (call->has_body_fd && lseek(call->body_fd, 0, SEEK_SET) < 0)
            return err_sys(e, errno, "send the body again");
        (void)fprintf(stderr, "slipway: %s\n", e->msg);
        if (waited == 0)
            (void)fprintf(stderr, "  the server is asked again for %d s\n", AWAY_MAX_MS / 1000);
        pause_ms(pause);
        waited += pause;
    }
}

static int ask(const char *path, struct http_call *call, struct arena *a, struct value **out,
               struct err *e)
{
    const char *base = getenv("SLIPWAY_WORK_URL");
    char *token;
    size_t n;
    if (!base || !*base) {
        (void)err_set(e, ERR_INVALID, "SLIPWAY_WORK_URL is not set");
        return err_hint(e, "slipway step runs in the steps of a pipeline");
    }
    int r = fs_read(TOKEN_FILE, TOKEN_MAX, a, &token, &n, e);
    if (r < 0)
        return r;
    token[strcspn(token, "\r\n")] = '\0';
    const struct http_client_opts opts = {.bearer = token};
    AUTO(http_client) struct http_client *client = http_client_new(&opts);
    call->method = "POST";
    call->url = arena_printf(a, "%s/work/v1/%s", base, path);
    return ask_until(client, call, a, out, e);
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
