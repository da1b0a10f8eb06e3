#include "notify/configuration.h"

#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "codec/base64.h"
#include "kube/cache.h"
#include "kube/events.h"

static const char label_name[] = "slipway.dev/alertmanager";
enum { TEMPLATES_MAX = 64 };

static void keys_of_any(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)o;
    (void)c;
    key_add(s, NULL, "configuration");
}

/* Of one namespace only: who may write elsewhere must not say who hears of alerts. */
static bool is_ours(const struct object *o)
{
    const char *label = object_label(o, label_name);
    return !o->deleting && strcmp(o->ns, "monitoring") == 0 &&
           (strcmp(o->name, "alertmanager-main") == 0 || (label && strcmp(label, "config") == 0));
}

static const struct object *find(struct controller_ctx *c, const struct resource *r,
                                 struct arena *a)
{
    struct object_list l = cache_list(c->cache, r, "monitoring", a);
    for (size_t i = 0; i < l.n; i++)
        if (is_ours(l.items[i]))
            return l.items[i];
    return NULL;
}

/* A key's text; NULL: it is not there, or is no text. */
static const char *text_of(const struct value *data, const char *key, bool secret, struct arena *a)
{
    const char *text = value_str(value_get(data, key), NULL);
    char *out;
    size_t n;
    if (!secret || !text)
        return text;
    return base64_decode(a, text, strlen(text), BASE64_STD, &out, &n, NULL) == 0 ? out : NULL;
}

static size_t read_templates(const struct value *data, bool secret, struct arena *a,
                             struct notifier_file *out)
{
    size_t n = 0;
    VALUE_EACH_MEMBER (m, data) {
        const char *dot = strrchr(m->key, '.');
        const char *text =
            dot && strcmp(dot, ".tmpl") == 0 ? text_of(data, m->key, secret, a) : NULL;
        if (text && n < TEMPLATES_MAX)
            out[n++] = (struct notifier_file){m->key, text};
    }
    return n;
}

/* What an object says. */
struct said {
    const char *text; /* NULL: it has no such key */
    struct notifier_file templates[TEMPLATES_MAX];
    size_t n;
    uint64_t hash; /* never 0 */
};

static void read_object(const struct object *o, bool secret, struct arena *a, struct said *s)
{
    const struct value *data = value_get(o->root, "data");
    s->text = text_of(data, "alertmanager.yaml", secret, a);
    if (!s->text)
        s->text = text_of(data, "alertmanager.yml", secret, a);
    s->n = read_templates(data, secret, a, s->templates);
    const char *all = arena_join(a, o->ns, "/", o->name, "\n", s->text ? s->text : "", NULL);
    for (size_t i = 0; i < s->n; i++)
        all = arena_join(a, all, "\n", s->templates[i].name, "\n", s->templates[i].text, NULL);
    s->hash = map_hash(all, strlen(all)) | 1;
}

static void complain(struct controller_ctx *c, const struct object *o, bool secret,
                     const struct err *e)
{
    event_warning(c, secret ? &RES_SECRET : &RES_CONFIG_MAP, o, "InvalidConfiguration",
                  "%s; what was in force before stays", e->msg);
    log_warn("alerts", "%s %s/%s: %s; what was in force before stays",
             secret ? "secret" : "configmap", o->ns, o->name, e->msg);
}

static int notify_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                       struct err *e)
{
    struct notify_source *source = c->arg;
    const struct object *o = find(c, &RES_SECRET, a);
    bool secret = o != NULL;
    struct said said = {0};
    struct err why;
    (void)key;
    if (!o)
        o = find(c, &RES_CONFIG_MAP, a);
    if (o)
        read_object(o, secret, a, &said);
    if (said.hash == source->tried)
        return 0;
    source->tried = said.hash;
    if (!o)
        return notifier_configure(source->notifier, &(struct notifier_config){0}, e);
    const struct notifier_config config = {said.text, said.templates, said.n, false};
    int r = said.text ? notifier_configure(source->notifier, &config, &why)
                      : err_set(&why, ERR_INVALID, "it has no key alertmanager.yaml");
    if (r < 0)
        complain(c, o, secret, &why);
    else
        log_info("alerts", "%s %s/%s is in force", secret ? "secret" : "configmap", o->ns, o->name);
    return 0;
}

static const struct controller_watch watches[] = {
    {&RES_SECRET,     keys_of_any},
    {&RES_CONFIG_MAP, keys_of_any},
    {NULL,            NULL       },
};

const struct controller notify_controller = {.name = "alertmanager",
                                             .watches = watches,
                                             .workers = 1,
                                             .concerns = is_ours,
                                             .sync = notify_sync};
