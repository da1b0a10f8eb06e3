#include "apiserver/apiserver.h"

#include <string.h>

#include "apiserver/apiserver_int.h"
#include "base/log.h"
#include "base/thread.h"
#include "codec/yaml.h"

static const char *const master_groups[] = {"system:masters", "system:authenticated"};

void call_init_internal(struct call *c, struct apiserver *s, struct arena *a, const char *manager)
{
    *c = (struct call){.s = s, .a = a, .trusted = true, .manager = manager};
    c->who = (struct identity){.user = "system:apiserver",
                               .uid = "",
                               .groups = master_groups,
                               .n_groups = ARRAY_LEN(master_groups)};
    c->validation = VALIDATE_IGNORE;
    c->now_ms = s->clock->real_ms(s->clock);
}

static char *copy(const char *s)
{
    char *d = s ? strdup(s) : NULL;
    if (s && !d)
        log_die("out of memory");
    return d;
}

static int start(struct apiserver *s, const struct apiserver_opts *o, struct err *e)
{
    int rc = kinds__init(s, e);
    if (rc == 0)
        rc = tokens__init(s, o->sa_key_pem, e);
    if (rc == 0)
        rc = rbac__init(s, e);
    if (rc == 0)
        rc = services__init(s, e);
    if (rc == 0)
        rc = crds__init(s, e);
    if (rc == 0)
        rc = bootstrap__install(s, e);
    s->first_watch = store_revision(s->store);
    if (rc == 0)
        rc = casters__start(&s->casters, s->store, e);
    return rc == 0 ? housekeeping__start(s, e) : rc;
}

int apiserver_new(const struct apiserver_opts *o, struct apiserver **out, struct err *e)
{
    struct apiserver *s = calloc(1, sizeof *s);
    if (!s)
        log_die("out of memory");
    s->store = o->store;
    s->clock = o->clock ? o->clock : &clock_system;
    s->admin_token = copy(o->admin_token);
    s->ca_pem = copy(o->ca_pem);
    s->address = copy(o->address ? o->address : "127.0.0.1:6443");
    s->service_cidr = o->service_cidr ? o->service_cidr : "10.96.0.0/16";
    s->node_port_first = o->node_port_first ? o->node_port_first : 30000;
    s->node_port_last = o->node_port_last ? o->node_port_last : 32767;
    (void)pthread_mutex_init(&s->watches_mutex, NULL);
    (void)pthread_mutex_init(&s->crd_mutex, NULL);
    map_init(&s->crd_editions);
    (void)pthread_mutex_init(&s->quota_mutex, NULL);
    stored__cache_init(s);
    s->metrics = metrics_new();
    int rc = start(s, o, e);
    if (rc < 0) {
        apiserver_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void apiserver_stop(struct apiserver *s)
{
    LOCK_SCOPE(&s->watches_mutex);
    s->stopping = true;
    for (struct live_watch *l = s->watches; l; l = l->next)
        watch_wake(l->watch);
}

void apiserver_free(struct apiserver *s)
{
    if (!s)
        return;
    housekeeping__stop(s);
    casters__stop(&s->casters);
    services__done(s);
    rbac__done(s);
    tokens__done(s);
    stored__cache_done(s);
    kinds__done(s);
    metrics_free(s->metrics);
    (void)pthread_mutex_destroy(&s->watches_mutex);
    (void)pthread_mutex_destroy(&s->crd_mutex);
    map_done(&s->crd_editions);
    (void)pthread_mutex_destroy(&s->quota_mutex);
    free(s->admin_token);
    free(s->ca_pem);
    free(s->address);
    free(s);
}

void apiserver_set_pod_door(struct apiserver *s, struct pod_door *door)
{
    s->door = door;
}

void apiserver_set_past_pods(struct apiserver *s, const struct past_pods *past)
{
    s->past_pods = past;
}

void apiserver_set_image_gate(struct apiserver *s, struct image_gate *gate)
{
    s->image_gate = gate;
}

static int install_crd(struct apiserver *s, const struct value *doc, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct call c;
    call_init_internal(&c, s, a, "slipway");
    c.force = true;
    const struct served *k = kinds__of(s, &RES_CRD);
    struct result r;
    int rc = rest_patch(&c, k, NULL, value_at_str(doc, "metadata.name", ""), NULL, PATCH_APPLY,
                        value_copy(a, doc), &r);
    if (rc < 0) {
        refusal_err(&c.refusal, rc, e);
        return err_wrap(e, rc, "install %s", value_at_str(doc, "metadata.name", "a CRD"));
    }
    return 0;
}

int apiserver_install_crds(struct apiserver *s, const char *text, size_t n, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct value **docs = NULL;
    size_t count = 0;
    int rc = yaml_or_json_parse_all(a, text, n, 0, &docs, &count, e);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (strcmp(value_at_str(docs[i], "kind", ""), RES_CRD.kind) != 0)
            rc = err_set(e, ERR_INVALID, "document %zu is a %s, not a CustomResourceDefinition",
                         i + 1, value_at_str(docs[i], "kind", "nothing"));
        else
            rc = install_crd(s, docs[i], e);
    }
    return rc;
}
