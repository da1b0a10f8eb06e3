#include "cli/work.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "codec/json.h"

enum {
    TOKEN_MAX = 64 << 10,
    LINE_MAX_BYTES = 1 << 20,
    PAUSE_FIRST_MS = 100,
    PAUSE_MAX_MS = 2000,
    AWAY_MAX_MS = 60 * 1000,
};

#define TOKEN_FILE "/var/run/secrets/kubernetes.io/serviceaccount/token"

int work_place_find(struct arena *a, struct work_place *out, struct err *e)
{
    const char *url = getenv("SLIPWAY_WORK_URL");
    char *token;
    size_t n;
    if (!url || !*url) {
        (void)err_set(e, ERR_INVALID, "SLIPWAY_WORK_URL is not set");
        return err_hint(e, "slipway step runs in the steps of a pipeline");
    }
    int r = fs_read(TOKEN_FILE, TOKEN_MAX, a, &token, &n, e);
    if (r < 0)
        return r;
    token[strcspn(token, "\r\n")] = '\0';
    *out = (struct work_place){url, token, AWAY_MAX_MS};
    return 0;
}

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
static int ask_until(struct http_client *client, int64_t away_max_ms, struct http_call *call,
                     struct arena *a, struct value **out, struct err *e)
{
    int64_t waited = 0;
    for (int64_t pause = PAUSE_FIRST_MS;; pause = pause < PAUSE_MAX_MS ? pause * 2 : pause) {
        int r = ask_once(client, call, a, out, e);
        if (r != ERR_AGAIN || waited >= away_max_ms)
            return r;
        if (call->has_body_fd && lseek(call->body_fd, 0, SEEK_SET) < 0)
            return err_sys(e, errno, "send the body again");
        (void)fprintf(stderr, "slipway: %s\n", e->msg);
        if (waited == 0)
            (void)fprintf(stderr, "  the server is asked again for %lld s\n",
                          (long long)away_max_ms / 1000);
        pause_ms(pause);
        waited += pause;
    }
}

int work_ask(const struct work_place *place, const char *path, struct http_call *call,
             struct arena *a, struct value **out, struct err *e)
{
    const struct http_client_opts opts = {.bearer = place->token};
    AUTO(http_client) struct http_client *client = http_client_new(&opts);
    call->method = "POST";
    call->url = arena_printf(a, "%s/work/v1/%s", place->url, path);
    return ask_until(client, place->away_max_ms, call, a, out, e);
}
