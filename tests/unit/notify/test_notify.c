/* The whole of it: alerts in by the API, a webhook that listens, a restart, silences. */
#include "notify/notify.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "codec/json.h"
#include "net/http_client.h"
#include "t.h"
#include "threads.h"

static struct err e;
enum { BODIES = 16, PATIENCE_MS = 60000 };

struct world {
    struct arena *arena;
    struct http_server *hook, *door;
    struct notifier *notifier;
    char dir[40];
    pthread_mutex_t lock;
    pthread_cond_t released;
    bool stuck; /* the hook does not answer */
    char *bodies[BODIES];
    size_t n;
    int status;
    int64_t grace_ms;
};

static void hook(struct http_request *q, void *arg)
{
    struct world *w = arg;
    char *body;
    size_t len;
    int status;
    if (http_read_all(q, 1 << 20, &body, &len, NULL) < 0)
        return;
    (void)pthread_mutex_lock(&w->lock);
    status = w->status;
    if (w->n < BODIES)
        w->bodies[w->n++] = strdup(body);
    while (w->stuck)
        (void)pthread_cond_wait(&w->released, &w->lock);
    (void)pthread_mutex_unlock(&w->lock);
    http_send_text(q, status, "");
}

static size_t told(struct world *w)
{
    (void)pthread_mutex_lock(&w->lock);
    size_t n = w->n;
    (void)pthread_mutex_unlock(&w->lock);
    return n;
}

static void until_told(struct world *w, size_t n)
{
    for (int64_t end = clock_mono_ms() + PATIENCE_MS; told(w) < n && clock_mono_ms() < end;)
        (void)usleep(5000);
    T_EQ_INT(told(w) >= n, 1, "told");
}

static void start(struct world *w)
{
    struct notifier_opts o = {.dir = w->dir,
                              .clock = &clock_system,
                              .external_url = "http://here",
                              .grace_ms = w->grace_ms};
    struct http_listen l = {.address = "127.0.0.1:0"};
    T_RC(notifier_start(&o, &w->notifier, &e), &e, "start");
    const char *text = arena_printf(
        w->arena,
        "route: {receiver: r, group_by: [alertname], group_wait: 0s, group_interval: 1s}\n"
        "receivers: [{name: r, webhook_configs: [{url: 'http://127.0.0.1:%u/s3cret'}]}]\n",
        http_server_port(w->hook));
    const struct notifier_config c = {.text = text};
    T_RC(notifier_configure(w->notifier, &c, &e), &e, "configure");
    T_RC(http_server_start(&l, notifier_handle, w->notifier, &w->door, &e), &e, "door");
}

static void stop(struct world *w)
{
    http_server_free(w->door);
    notifier_free(w->notifier);
}

static void begin(struct world *w)
{
    struct http_listen l = {.address = "127.0.0.1:0"};
    *w = (struct world){.arena = arena_new(0), .status = 200, .grace_ms = PATIENCE_MS};
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->released, NULL);
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/slipway-notify-XXXXXX");
    T_OK(mkdtemp(w->dir) != NULL, "folder");
    T_RC(http_server_start(&l, hook, w, &w->hook, &e), &e, "hook");
    start(w);
}

static void end(struct world *w)
{
    stop(w);
    http_server_free(w->hook);
    for (size_t i = 0; i < w->n; i++)
        free(w->bodies[i]);
    T_RC(fs_remove_tree(w->dir, &e), &e, "remove");
    (void)pthread_cond_destroy(&w->released);
    (void)pthread_mutex_destroy(&w->lock);
    arena_free(w->arena);
}

/* The status; *out: the answer. */
static int ask(struct world *w, const char *method, const char *path, const char *body,
               struct value **out)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    AUTO(http_client) struct http_client *c = http_client_new(&(struct http_client_opts){0});
    struct http_call call = {.method = method,
                             .url = arena_printf(w->arena, "http://127.0.0.1:%u/api/v2/%s",
                                                 http_server_port(w->door), path),
                             .headers = headers,
                             .body = body,
                             .body_len = body ? strlen(body) : 0};
    struct http_answer answer = {0};
    struct value *v = NULL;
    T_RC(http_do(c, &call, w->arena, &answer, &e), &e, path);
    if (answer.body_len)
        T_RC(json_parse(w->arena, answer.body, answer.body_len, 0, &v, &e), &e, path);
    if (out)
        *out = v;
    return answer.status;
}

static struct value *body_of(struct world *w, size_t i)
{
    struct value *v = NULL;
    (void)pthread_mutex_lock(&w->lock);
    const char *text = i < w->n ? w->bodies[i] : "{}";
    T_RC(json_parse(w->arena, text, strlen(text), 0, &v, &e), &e, "body");
    (void)pthread_mutex_unlock(&w->lock);
    return v;
}

static const char firing[] = "[{\"labels\":{\"alertname\":\"A\",\"severity\":\"page\"},"
                             "\"annotations\":{\"summary\":\"bad\"},"
                             "\"generatorURL\":\"http://p/graph\"}]";

static void tells_and_resolves(void)
{
    struct world w;
    struct value *v;
    begin(&w);
    T_EQ_INT(ask(&w, "POST", "alerts", firing, NULL), 200, "post");
    until_told(&w, 1);
    v = body_of(&w, 0);
    T_EQ_STR(value_at_str(v, "version", ""), "4", "version");
    T_EQ_STR(value_at_str(v, "status", ""), "firing", "status");
    T_EQ_STR(value_at_str(v, "receiver", ""), "r", "receiver");
    T_EQ_STR(value_at_str(v, "groupKey", ""), "{}:{alertname=\"A\"}", "key");
    T_EQ_STR(value_at_str(v, "commonLabels.severity", ""), "page", "labels");
    T_EQ_STR(value_at_str(v, "alerts[0].annotations.summary", ""), "bad", "annotations");
    T_EQ_STR(value_at_str(v, "alerts[0].endsAt", ""), "0001-01-01T00:00:00Z", "no end");
    T_EQ_INT(ask(&w, "GET", "alerts?filter=severity%3Dpage", NULL, &v), 200, "list");
    T_EQ_STR(value_at_str(value_item(v, 0), "receivers[0].name", ""), "r", "its receiver");
    T_EQ_INT(ask(&w, "GET", "alerts?filter=severity%3Dlow", NULL, &v), 200, "list");
    T_EQ_INT(value_count(v), 0, "filtered");
    T_EQ_INT(ask(&w, "GET", "alerts/groups", NULL, &v), 200, "groups");
    T_EQ_STR(value_at_str(value_item(v, 0), "labels.alertname", ""), "A", "group");
    char now[CLOCK_TEXT_MAX];
    clock_format_rfc3339_ms(clock_real_ms(), now);
    const char *over = arena_printf(w.arena,
                                    "[{\"labels\":{\"alertname\":\"A\",\"severity\":\"page\"},"
                                    "\"startsAt\":\"2020-01-01T00:00:00Z\",\"endsAt\":\"%s\"}]",
                                    now);
    T_EQ_INT(ask(&w, "POST", "alerts", over, NULL), 200, "post");
    until_told(&w, 2);
    T_EQ_STR(value_at_str(body_of(&w, 1), "status", ""), "resolved", "over");
    end(&w);
}

static void a_restart_tells_nobody_twice(void)
{
    struct world w;
    begin(&w);
    T_EQ_INT(ask(&w, "POST", "alerts", firing, NULL), 200, "post");
    until_told(&w, 1);
    stop(&w);
    start(&w);
    T_EQ_INT(ask(&w, "POST", "alerts", firing, NULL), 200, "post");
    /* Another group goes through the same queue: by then the first has been looked at. */
    T_EQ_INT(ask(&w, "POST", "alerts", "[{\"labels\":{\"alertname\":\"B\"}}]", NULL), 200, "post");
    until_told(&w, 2);
    T_EQ_STR(value_at_str(body_of(&w, 1), "groupLabels.alertname", ""), "B", "the second alone");
    end(&w);
}

static void what_fails_comes_again(void)
{
    struct world w;
    begin(&w);
    w.status = 500;
    T_EQ_INT(ask(&w, "POST", "alerts", firing, NULL), 200, "post");
    until_told(&w, 2);
    (void)pthread_mutex_lock(&w.lock);
    w.status = 200;
    (void)pthread_mutex_unlock(&w.lock);
    until_told(&w, 3);
    end(&w);
}

static void threads_only_for_work(void)
{
    struct world w;
    begin(&w);
    T_EQ_INT(threads_become("alert", 0), 0, "nothing to do");
    T_EQ_INT(ask(&w, "POST", "alerts", firing, NULL), 200, "post");
    until_told(&w, 1);
    T_EQ_INT(threads_become("alert", 2), 2, "one decides, one delivers");
    notifier_stop(w.notifier);
    T_EQ_INT(ask(&w, "POST", "alerts", firing, NULL), 200, "post");
    T_EQ_INT(threads_become("alert", 0), 0, "no more after the stop");
    end(&w);
}

static void a_stop_does_not_wait_for_answers(void)
{
    struct world w;
    begin(&w);
    stop(&w);
    w.grace_ms = 1;
    start(&w);
    const char *text = arena_printf(
        w.arena,
        "route: {receiver: r, group_wait: 0s}\n"
        "receivers: [{name: r, webhook_configs: [{url: 'http://127.0.0.1:%u/', timeout: 10h}]}]\n",
        http_server_port(w.hook));
    T_RC(notifier_configure(w.notifier, &(struct notifier_config){.text = text}, &e), &e, "slow");
    w.stuck = true;
    T_EQ_INT(ask(&w, "POST", "alerts", firing, NULL), 200, "post");
    until_told(&w, 1);
    notifier_stop(w.notifier);
    (void)pthread_mutex_lock(&w.lock);
    w.stuck = false;
    (void)pthread_cond_broadcast(&w.released);
    (void)pthread_mutex_unlock(&w.lock);
    end(&w);
}

static void silences(void)
{
    static const char silence[] =
        "{\"matchers\":[{\"name\":\"alertname\",\"value\":\"A\",\"isRegex\":false}],"
        "\"startsAt\":\"2020-01-01T00:00:00Z\",\"endsAt\":\"2099-01-01T00:00:00Z\","
        "\"createdBy\":\"me\",\"comment\":\"c\"}";
    struct world w;
    struct value *v;
    begin(&w);
    T_EQ_INT(ask(&w, "POST", "silences", silence, &v), 200, "set");
    const char *id = arena_strdup(w.arena, value_at_str(v, "silenceID", ""));
    T_EQ_INT(strlen(id), 36, "id");
    stop(&w);
    start(&w);
    T_EQ_INT(ask(&w, "GET", "silences", NULL, &v), 200, "list");
    T_EQ_STR(value_at_str(value_item(v, 0), "id", ""), id, "it outlives a restart");
    T_EQ_STR(value_at_str(value_item(v, 0), "status.state", ""), "active", "active");
    T_EQ_INT(ask(&w, "POST", "alerts", firing, NULL), 200, "post");
    T_EQ_INT(ask(&w, "GET", "alerts", NULL, &v), 200, "alerts");
    T_EQ_STR(value_at_str(value_item(v, 0), "status.silencedBy[0]", ""), id, "held back");
    const char *path = arena_join(w.arena, "silence/", id, NULL);
    T_EQ_INT(ask(&w, "DELETE", path, NULL, NULL), 200, "expire");
    T_EQ_INT(ask(&w, "GET", path, NULL, &v), 200, "get");
    T_EQ_STR(value_at_str(v, "status.state", ""), "expired", "expired");
    until_told(&w, 1);
    T_EQ_INT(ask(&w, "GET", "silence/none", NULL, &v), 404, "none");
    T_EQ_INT(ask(&w, "POST", "silences", "{\"matchers\":[]}", &v), 400, "of nothing");
    end(&w);
}

static void hides_secrets(void)
{
    struct world w;
    struct value *v;
    begin(&w);
    T_EQ_INT(ask(&w, "GET", "status", NULL, &v), 200, "status");
    const char *shown = value_at_str(v, "config.original", "");
    T_OK(strstr(shown, "<secret>") && !strstr(shown, "s3cret"), shown);
    T_EQ_INT(ask(&w, "GET", "receivers", NULL, &v), 200, "receivers");
    T_EQ_STR(value_at_str(value_item(v, 0), "name", ""), "r", "receiver");
    T_EQ_INT(ask(&w, "GET", "nothing", NULL, &v), 404, "another");
    struct notifier_config c = {.text =
                                    "route: {receiver: r}\nreceivers: [{name: r, webhook_configs:"
                                    " [{url_file: /etc/shadow}]}]\n"};
    T_EQ_INT(notifier_configure(w.notifier, &c, &e), ERR_INVALID, "a file of this machine");
    c.local = true;
    T_RC(notifier_configure(w.notifier, &c, &e), &e, "from its administrator");
    end(&w);
}

T_MAIN(tells_and_resolves, a_restart_tells_nobody_twice, what_fails_comes_again,
       threads_only_for_work, a_stop_does_not_wait_for_answers, silences, hides_secrets)
