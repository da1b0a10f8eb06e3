#include "node/def.h"

#include <string.h>

#include "api/quantity.h"
#include "node/node_int.h"

const char *const *def__strings(const struct value *list, struct arena *a)
{
    size_t n = value_is(list, VALUE_ARRAY) ? value_count(list) : 0;
    const char **out = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = value_str(value_item(list, i), "");
    return out;
}

static uint16_t port_of(const struct value *port, const struct value *container)
{
    if (value_is(port, VALUE_INT))
        return (uint16_t)value_int(port, 0);
    const char *name = value_str(port, "");
    VALUE_EACH_ITEM (p, value_get(container, "ports"))
        if (strcmp(value_at_str(p, "name", ""), name) == 0)
            return (uint16_t)value_at_int(p, "containerPort", 0);
    return (uint16_t)strtoul(name, NULL, 10);
}

static struct handler read_handler(const struct value *v, const struct value *container,
                                   struct arena *a)
{
    struct handler h = {.kind = HANDLER_NONE, .host = "", .path = "/", .service = ""};
    const struct value *x;
    if ((x = value_get(v, "exec"))) {
        h.kind = HANDLER_EXEC;
        h.argv = def__strings(value_get(x, "command"), a);
    } else if ((x = value_get(v, "httpGet"))) {
        h.kind = HANDLER_HTTP;
        h.path = value_at_str(x, "path", "/");
        h.https = strcmp(value_at_str(x, "scheme", "HTTP"), "HTTPS") == 0;
        h.headers = value_get(x, "httpHeaders");
    } else if ((x = value_get(v, "tcpSocket"))) {
        h.kind = HANDLER_TCP;
    } else if ((x = value_get(v, "grpc"))) {
        h.kind = HANDLER_GRPC;
        h.service = value_at_str(x, "service", "");
    } else if ((x = value_get(v, "sleep"))) {
        h.kind = HANDLER_SLEEP;
        h.sleep_s = value_at_int(x, "seconds", 0);
    }
    h.host = value_at_str(x, "host", "");
    h.port = port_of(value_get(x, "port"), container);
    return h;
}

static int64_t at_least(int64_t v, int64_t least)
{
    return v < least ? least : v;
}

static struct probe_def read_probe(const struct value *v, const struct value *container,
                                   struct arena *a)
{
    return (struct probe_def){
        .handler = read_handler(v, container, a),
        .initial_delay_ms = value_at_int(v, "initialDelaySeconds", 0) * 1000,
        .period_ms = at_least(value_at_int(v, "periodSeconds", 10), 1) * 1000,
        .timeout_ms = at_least(value_at_int(v, "timeoutSeconds", 1), 1) * 1000,
        .successes = (int)at_least(value_at_int(v, "successThreshold", 1), 1),
        .failures = (int)at_least(value_at_int(v, "failureThreshold", 3), 1),
        .grace_s = value_at_int(v, "terminationGracePeriodSeconds", -1),
    };
}

/* Untagged and ":latest" images are asked for each time, others only when absent. */
static enum image_pull read_pull(const struct value *v)
{
    const char *policy = value_at_str(v, "imagePullPolicy", "");
    if (strcmp(policy, "Always") == 0)
        return IMAGE_PULL_ALWAYS;
    if (strcmp(policy, "Never") == 0)
        return IMAGE_PULL_NEVER;
    if (*policy)
        return IMAGE_PULL_IF_NOT_PRESENT;
    const char *image = value_at_str(v, "image", "");
    const char *name = strrchr(image, '/');
    const char *tag = strrchr(name ? name : image, ':');
    bool moves = !strchr(image, '@') && (!tag || strcmp(tag, ":latest") == 0);
    return moves ? IMAGE_PULL_ALWAYS : IMAGE_PULL_IF_NOT_PRESENT;
}

static void read_container(const struct value *v, bool init, struct arena *a,
                           struct container_def *c)
{
    static const char *const names[PROBE_KINDS] = {"startupProbe", "livenessProbe",
                                                   "readinessProbe"};
    c->v = v;
    c->name = value_at_str(v, "name", "");
    c->image = value_at_str(v, "image", "");
    c->init = init;
    c->sidecar = init && strcmp(value_at_str(v, "restartPolicy", ""), "Always") == 0;
    c->pull = read_pull(v);
    for (int i = 0; i < PROBE_KINDS; i++)
        c->probes[i] = read_probe(value_get(v, names[i]), v, a);
    c->post_start = read_handler(value_at(v, "lifecycle.postStart"), v, a);
    c->pre_stop = read_handler(value_at(v, "lifecycle.preStop"), v, a);
    c->termination_path = value_at_str(v, "terminationMessagePath", "/dev/termination-log");
    c->fallback_to_logs =
        strcmp(value_at_str(v, "terminationMessagePolicy", ""), "FallbackToLogsOnError") == 0;
    c->tty = value_at_bool(v, "tty", false);
    c->stdin_open = value_at_bool(v, "stdin", false);
    c->stdin_once = value_at_bool(v, "stdinOnce", false);
}

static enum restart_policy read_restart(const struct value *spec)
{
    const char *p = value_at_str(spec, "restartPolicy", "Always");
    return strcmp(p, "Never") == 0       ? RESTART_NEVER
           : strcmp(p, "OnFailure") == 0 ? RESTART_ON_FAILURE
                                         : RESTART_ALWAYS;
}

struct pod_def *pod_def_read(const struct object *pod, struct arena *a)
{
    const struct value *spec = value_get(pod->root, "spec");
    const struct value *init = value_get(spec, "initContainers");
    const struct value *main = value_get(spec, "containers");
    struct pod_def *d = ARENA_NEW(a, struct pod_def);
    *d = (struct pod_def){
        .object = pod,
        .spec = spec,
        .ns = pod->ns,
        .name = pod->name,
        .uid = pod->uid,
        .restart = read_restart(spec),
        .grace_s = value_at_int(spec, "terminationGracePeriodSeconds", 30),
        .active_deadline_s = value_at_int(spec, "activeDeadlineSeconds", -1),
        .host_network = value_at_bool(spec, "hostNetwork", false),
        .host_pid = value_at_bool(spec, "hostPID", false),
        .host_ipc = value_at_bool(spec, "hostIPC", false),
        .share_pid = value_at_bool(spec, "shareProcessNamespace", false),
        .deleting = pod->deleting,
        .n_init = value_count(init),
        .n = value_count(init) + value_count(main),
    };
    d->deletion_grace_s =
        value_at_int(pod->root, "metadata.deletionGracePeriodSeconds", d->grace_s);
    d->c = ARENA_ARRAY(a, struct container_def, d->n);
    size_t i = 0;
    VALUE_EACH_ITEM (v, init)
        read_container(v, true, a, &d->c[i++]);
    VALUE_EACH_ITEM (v, main)
        read_container(v, false, a, &d->c[i++]);
    return d;
}

const struct container_def *pod_def_find(const struct pod_def *d, const char *name)
{
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->c[i].name, name) == 0)
            return &d->c[i];
    return NULL;
}

/* ---- quality of service ---- */

static bool positive(const struct value *list, const char *resource)
{
    struct quantity q;
    const char *text = value_str(value_get(list, resource), NULL);
    if (!text) {
        const struct value *v = value_get(list, resource);
        return value_num(v, 0) > 0;
    }
    return quantity_parse(text, &q, NULL) == 0 && q.nano > 0;
}

static bool same(const struct value *a, const struct value *b, const char *resource)
{
    const struct value *x = value_get(a, resource), *y = value_get(b, resource);
    if (!x) /* a request that is not given is its limit */
        return true;
    struct quantity p, q;
    if (value_is(x, VALUE_STRING) && value_is(y, VALUE_STRING) &&
        quantity_parse(value_str(x, ""), &p, NULL) == 0 &&
        quantity_parse(value_str(y, ""), &q, NULL) == 0)
        return quantity_cmp(&p, &q) == 0;
    return value_equal(x, y);
}

const char *pod_qos(const struct value *spec)
{
    static const char *const lists[] = {"initContainers", "containers"};
    static const char *const resources[] = {"cpu", "memory"};
    bool any = false, all = true;
    for (size_t l = 0; l < ARRAY_LEN(lists); l++)
        VALUE_EACH_ITEM (c, value_get(spec, lists[l])) {
            const struct value *req = value_at(c, "resources.requests");
            const struct value *lim = value_at(c, "resources.limits");
            for (size_t r = 0; r < ARRAY_LEN(resources); r++) {
                bool limited = positive(lim, resources[r]);
                any |= limited || positive(req, resources[r]);
                all &= limited && same(req, lim, resources[r]);
            }
        }
    return !any ? "BestEffort" : all ? "Guaranteed" : "Burstable";
}
