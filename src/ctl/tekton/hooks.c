/* hooks.c - a webhook's request becomes an event. */
#include "ctl/tekton/hooks.h"

#include <sys/random.h>

#include "base/log.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "ctl/tekton/tekton_int.h"
#include "ctl/tekton/trigger.h"

static void complain(void *arg, const char *trigger, const char *message)
{
    const char *listener = arg;
    log_warn("triggers", "event listener %s: trigger %s: %s", listener, trigger, message);
}

static void take_headers(const struct http_request *q, struct event *ev, struct arena *a)
{
    const char *name, *text;
    for (size_t i = 0; http_header_next(q, &i, &name, &text);) {
        const char *canonical = event_canonical(name, a);
        struct value *list = value_get_mut(ev->header, canonical);
        if (!list)
            list = value_set(a, ev->header, canonical, value_new_array(a));
        (void)value_push_str(a, list, text);
    }
}

/* What tells this delivery from others: the forge's own number, or a new one. */
static const char *delivery_id(const struct event *ev, struct arena *a)
{
    static const char *const names[] = {"X-Github-Delivery", "X-Gitea-Delivery",
                                        "X-Gitlab-Event-Uuid", "X-Request-Uuid"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *id = event_header(ev, names[i], a);
        if (*id)
            return id;
    }
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        log_die("no random bytes");
    return hex_encode(a, bytes, sizeof bytes);
}

static void answer(struct http_request *q, int status, const char *listener, const char *ns,
                   const char *uid, const struct event *ev, const char *error)
{
    struct value *body = value_new_object(q->arena);
    (void)value_set_str(q->arena, body, "eventListener", listener);
    (void)value_set_str(q->arena, body, "namespace", ns);
    (void)value_set_str(q->arena, body, "eventListenerUID", uid);
    if (ev)
        (void)value_set_str(q->arena, body, "eventID", ev->id);
    if (error)
        (void)value_set_str(q->arena, body, "errorMessage", error);
    const char *text = json_text(q->arena, body, 0);
    http_send(q, status, "application/json", text, strlen(text));
}

static void fire(struct http_request *q, const struct hooks *h, char *ns, char *name)
{
    struct arena *a = q->arena;
    struct err e = {0};
    AUTO(object) struct object *listener = NULL;
    if (kube_get(h->kube, &RES_EVENT_LISTENER, ns, name, &listener, &e) < 0) {
        http_send_text(q, e.code == ERR_NOT_FOUND ? 404 : 503, e.msg);
        return;
    }
    struct event ev = {.header = value_new_object(a), .extensions = value_new_object(a)};
    char *text;
    size_t n;
    if (http_read_all(q, HOOK_BODY_MAX, &text, &n, &e) < 0) {
        http_send_text(q, 413, e.msg);
        return;
    }
    ev.text = text;
    ev.url = q->raw_path;
    take_headers(q, &ev, a);
    ev.id = delivery_id(&ev, a);
    if (event_parse(&ev, a, &e) < 0) {
        answer(q, 400, name, ns, listener->uid, &ev, "Invalid event body format");
        return;
    }
    const struct firing f = {.kube = h->kube,
                             .ports = h->tekton ? &h->tekton->ports : NULL,
                             .ns = ns,
                             .listener = name,
                             .seed = ev.id,
                             .complain = complain,
                             .arg = name};
    size_t created;
    int r = trigger_fire(&f, listener->root, &ev, a, &created, &e);
    answer(q, r < 0 ? 503 : 202, name, ns, listener->uid, &ev, r < 0 ? e.msg : NULL);
}

void hooks_handle(struct http_request *q, void *arg)
{
    static const char prefix[] = "/hooks/";
    char *ns = arena_strdup(q->arena, q->path), *name;
    if (strncmp(ns, prefix, sizeof prefix - 1) != 0 ||
        !(name = strchr(ns + sizeof prefix - 1, '/')) || strchr(name + 1, '/')) {
        http_send_text(q, 404, "no such hook: /hooks/NAMESPACE/EVENTLISTENER");
        return;
    }
    if (strcmp(q->method, "POST") != 0) {
        http_send_text(q, 405, "a hook takes POST");
        return;
    }
    *name++ = '\0';
    fire(q, arg, ns + sizeof prefix - 1, name);
}
