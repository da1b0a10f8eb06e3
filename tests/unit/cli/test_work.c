#include "cli/work.h"

#include <sys/mman.h>
#include <unistd.h>

#include "net/http_server.h"
#include "t.h"

/* A server that does what the script says, a letter an attempt; the last one goes on:
 *   d  drops the connection without a word     h  drops it in the middle of its answer
 *   r  gives a result                          e  refuses with a reason
 *   4  answers 404 with a text that is not its own                                       */
struct actor {
    const char *script, *want_body;
    size_t asked, whole; /* attempts, and those that brought token and body */
};

static void act(struct http_request *q, void *arg)
{
    struct actor *actor = arg;
    struct err e = {0};
    char *body = NULL;
    size_t n;
    const char *token = http_header(q, "Authorization"), *script = actor->script;
    const char move = script[actor->asked < strlen(script) ? actor->asked : strlen(script) - 1];
    static const char half[] = "{\"line\":\"step 1\"}\n{\"resu",
                      result[] = "{\"result\":{\"x\":1}}\n",
                      refusal[] = "{\"error\":{\"message\":\"not allowed\",\"hint\":\"ask\"}}\n";
    T_RC(http_read_all(q, 1 << 20, &body, &n, &e), &e, "body");
    actor->asked++;
    actor->whole += token && strcmp(token, "Bearer t0ken") == 0 && body &&
                    strcmp(body, actor->want_body) == 0 && strcmp(q->path, "/work/v1/scan") == 0;
    switch (move) {
    case 'r':
        http_send(q, 200, "application/json", result, sizeof result - 1);
        return;
    case 'e':
        http_send(q, 403, "application/json", refusal, sizeof refusal - 1);
        return;
    case '4':
        http_send_text(q, 404, "there is /git/");
        return;
    default:
        T_RC(http_stream_begin(q, 200, "application/json", &e), &e, "stream");
        if (move == 'h')
            T_RC(http_stream_write(q, half, sizeof half - 1, &e), &e, "stream");
        http_stream_abort(q);
    }
}

static int memory_file(const char *text)
{
    int fd = memfd_create("body", MFD_CLOEXEC);
    T_EQ_INT(write(fd, text, strlen(text)), strlen(text), "memory file");
    T_EQ_INT(lseek(fd, 0, SEEK_SET), 0, "memory file");
    return fd;
}

static void asks_again(void)
{
    static const struct {
        const char *name, *script;
        int64_t away_max_ms;
        size_t asked; /* 0: more than once */
        int rc;
        const char *message;
    } cases[] = {
        {"at once",                 "r",   60000, 1, 0,           NULL                     },
        {"it was away",             "ddr", 60000, 3, 0,           NULL                     },
        {"it died in the middle",   "hdr", 60000, 3, 0,           NULL                     },
        {"a refusal is final",      "e",   60000, 1, ERR_INVALID, "not allowed"            },
        {"a refusal after a crash", "he",  60000, 2, ERR_INVALID, "not allowed"            },
        {"somebody else's answer",  "4",   60000, 1, ERR_INVALID, "the server answered 404"},
        {"it stays away",           "d",   300,   0, ERR_AGAIN,   NULL                     },
        {"no time to wait",         "dr",  0,     1, ERR_AGAIN,   NULL                     },
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
        const size_t c = i / 2;
        const bool from_file = i % 2;
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        AUTO(http_server) struct http_server *server = NULL;
        struct actor actor = {.script = cases[c].script, .want_body = "the body"};
        const struct http_listen listen = {.address = "127.0.0.1:0"};
        struct err e = {0};
        struct value *result = NULL;
        T_RC(http_server_start(&listen, act, &actor, &server, &e), &e, "listen");
        const struct work_place place = {
            arena_printf(a, "http://127.0.0.1:%u", http_server_port(server)), "t0ken",
            cases[c].away_max_ms};
        struct http_call call = {.body = from_file ? NULL : "the body", .body_len = 8};
        AUTO_FD int fd = from_file ? memory_file("the body") : -1;
        call.has_body_fd = from_file;
        call.body_fd = fd;
        T_EQ_INT(work_ask(&place, "scan", &call, a, &result, &e), cases[c].rc, cases[c].name);
        T_EQ_INT(value_at_int(result, "x", 0), cases[c].rc == 0, cases[c].name);
        if (cases[c].message)
            T_EQ_STR(e.msg, cases[c].message, cases[c].name);
        T_EQ_INT(actor.whole, actor.asked, cases[c].name);
        T_OK(cases[c].asked ? actor.asked == cases[c].asked : actor.asked > 1, cases[c].name);
    }
}

static void nobody_listens(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct err e = {0};
    struct value *result;
    struct http_call call = {.body = "", .body_len = 0};
    const struct work_place place = {"http://127.0.0.1:1", "t0ken", 200};
    T_EQ_INT(work_ask(&place, "scan", &call, a, &result, &e), ERR_AGAIN, "refused");
    T_OK(strstr(e.msg, "127.0.0.1"), e.msg);
}

T_MAIN(asks_again, nobody_listens)
