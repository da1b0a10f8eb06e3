/* registry_port.c - the registry's policy: ConfigMap "registry" of the namespace "slipway", key
 * registry.yaml. It is asked for again after a second, so that nobody has to watch. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "node/image_port.h"
#include "server/server_int.h"
#include "sign/keyref.h"

enum { READ_AGAIN_MS = 1000 };

#define SHOWN "ConfigMap " REGISTRY_POLICY_NAMESPACE "/" REGISTRY_POLICY_NAME

void registry_port_open(struct server *s)
{
    (void)pthread_mutex_init(&s->registry_port.lock, NULL);
}

void registry_port_done(struct server *s)
{
    registry_policy_free(s->registry_port.policy);
    free(s->registry_port.text);
}

/* The text in force, "" when nothing asks for anything. */
static int read_text(struct server *s, struct arena *a, const char **out, struct err *e)
{
    AUTO(object) struct object *map = NULL;
    int r = kube_get(s->kube, &RES_CONFIG_MAP, REGISTRY_POLICY_NAMESPACE, REGISTRY_POLICY_NAME,
                     &map, e);
    if (r < 0 && r != ERR_NOT_FOUND)
        return err_wrap(e, r, SHOWN);
    *out = r == 0
               ? arena_strdup(
                     a, value_str(value_get(value_get(map->root, "data"), REGISTRY_POLICY_KEY), ""))
               : "";
    return 0;
}

/* A text that is refused is complained about once; what was in force before stays. */
static void adopt(struct registry_port *p, const char *text)
{
    struct registry_policy *policy;
    if (p->text && strcmp(p->text, text) == 0)
        return;
    free(p->text);
    p->text = strdup(text);
    if (registry_policy_read(text, &policy, &p->wrong) == 0) {
        registry_policy_free(p->policy);
        p->policy = policy;
        p->known = true;
        return;
    }
    (void)err_wrap(&p->wrong, ERR_INVALID, SHOWN ": " REGISTRY_POLICY_KEY);
    log_warn("registry", "%s; %s", p->wrong.msg,
             p->known ? "what was in force before stays" : "pushes are refused until it is mended");
}

/* Of a Secret as `kubectl create secret docker-registry` makes it. */
int registry_port_login(void *arg, const char *secret, const char *host, struct arena *a,
                        struct image_auth *out, struct err *e)
{
    struct server *s = arg;
    AUTO(object) struct object *o = NULL;
    const char *texts[] = {NULL, NULL};
    size_t n;
    int r = kube_get(s->kube, &RES_SECRET, REGISTRY_POLICY_NAMESPACE, secret, &o, e);
    if (r < 0)
        return err_wrap(e, r, "credentials for %s", host);
    texts[0] = keyref_datum(value_get(o->root, "data"), ".dockerconfigjson", a, &n);
    if (!texts[0])
        return err_set(e, ERR_INVALID,
                       "Secret " REGISTRY_POLICY_NAMESPACE "/%s has no .dockerconfigjson", secret);
    if (strcmp(host, "registry-1.docker.io") == 0)
        host = "docker.io";
    (void)image_login_find(texts, host, a, out);
    return 0;
}

int registry_port_policy(void *arg, struct registry_policy **out, struct err *e)
{
    struct server *s = arg;
    struct registry_port *p = &s->registry_port;
    AUTO(arena) struct arena *a = arena_new(4 << 20);
    const char *text = NULL;
    struct err why = {0};
    bool fresh;
    {
        LOCK_SCOPE(&p->lock);
        fresh = p->known && clock_mono_ms() - p->read_ms < READ_AGAIN_MS;
    }
    if (!fresh && read_text(s, a, &text, &why) < 0)
        text = NULL;
    LOCK_SCOPE(&p->lock);
    if (text)
        adopt(p, text);
    if (!fresh) /* also when the API gave no answer: it is not asked each time */
        p->read_ms = clock_mono_ms();
    if (!p->known) {
        *e = text ? p->wrong : why;
        return e->code;
    }
    *out = registry_policy_ref(p->policy);
    return 0;
}
