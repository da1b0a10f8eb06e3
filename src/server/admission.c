/* admission.c - a real cluster asks here before an image starts in a protected namespace. */
#include "base/log.h"
#include "codec/json.h"
#include "gate/review.h"
#include "server/server_int.h"

/* As the cluster's own rule for those who act as others: RBAC's verb impersonate on users. */
static int may_act_as(void *arg, const struct value *user, const char *owner, struct err *e)
{
    struct server *s = arg;
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    const struct value *list = value_get(user, "groups");
    const char **groups = ARENA_ARRAY(a, const char *, value_count(list) + 1);
    struct identity who = {.user = value_at_str(user, "username", ""),
                           .uid = value_at_str(user, "uid", ""),
                           .groups = groups,
                           .extra = value_get(user, "extra")};
    const struct access w = {
        .verb = "impersonate", .group = "", .resource = "users", .name = owner};
    VALUE_EACH_ITEM (g, list)
        groups[who.n_groups++] = value_str(g, "");
    return rights_authorize(s, &who, &w, e);
}

static void review(struct http_request *q, void *arg)
{
    struct server *s = arg;
    const struct gate_reviewer by = {s->gate, may_act_as, s};
    bool mutating = strcmp(q->path, "/pin") == 0;
    struct err e = {0};
    struct value *asked, *answer;
    char *body;
    size_t n;
    if (strcmp(q->method, "POST") != 0 || (!mutating && strcmp(q->path, "/admit") != 0)) {
        http_send_text(q, 404, "there is POST /admit and /pin");
        return;
    }
    int r = http_read_all(q, GATE_REVIEW_MAX, &body, &n, &e);
    if (r == 0)
        r = json_parse(q->arena, body, n, 0, &asked, &e);
    if (r == 0)
        r = gate_review(&by, mutating, asked, q->arena, &answer, &e);
    if (r < 0) {
        http_send_text(q, r == ERR_TOO_LARGE ? 413 : 400, e.msg);
        return;
    }
    const char *text = json_text(q->arena, answer, 0);
    http_send(q, 200, "application/json", text, strlen(text));
}

static int tell_cluster(struct server *s, bool mutating, const char *url, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    const struct resource *r = mutating ? &RES_MUTATING_WEBHOOKS : &RES_VALIDATING_WEBHOOKS;
    struct value *v = gate_webhooks(mutating, url, s->id.ca_pem, a);
    return kube_apply(s->kube, r, NULL, "slipway", NULL, "slipway", true, v, NULL, e);
}

int admission_open(struct server *s, struct err *e)
{
    const char *at = server__for_pods(s, s->opts.admission_address);
    if (!at) /* said by cluster_open() */
        return 0;
    s->gate = gate_port_open(s);
    int r = door_open(s, s->opts.admission_address, true, review, s, e);
    const char *url = arena_printf(s->arena, "https://%s", at);
    if (r == 0)
        r = tell_cluster(s, false, url, e);
    if (r == 0)
        r = tell_cluster(s, true, url, e);
    if (r == ERR_DENIED)
        (void)err_hint(e, "give it the rights of examples/cluster/rights.yaml");
    return r < 0 ? err_wrap(e, r, "admission of images") : 0;
}
