/* ways.c - receivers: how people are told, and what is said there. */
#include <string.h>
#include <strings.h>

#include "alert/config_int.h"

static const struct alert_field tls_fields[] = {
    {"ca_file",   FIELD_TEXT, false, NULL},
    {"ca",      FIELD_TEXT, false, NULL},
    {"cert_file",           FIELD_TEXT, false, NULL},
    {"key_file",FIELD_TEXT, false, NULL},
    {"insecure_skip_verify",       FIELD_BOOL, false, NULL},
    {0},
};
static const struct alert_field basic_fields[] = {
    {"username",  FIELD_TEXT, false, NULL},
    {"password",      FIELD_TEXT, true, NULL},
    {"password_file",           FIELD_TEXT, false, NULL},
    {0},
};
static const struct alert_field authorization_fields[] = {
    {"type",      FIELD_TEXT, false, NULL},
    {"credentials",      FIELD_TEXT, true, NULL},
    {"credentials_file",           FIELD_TEXT, false, NULL},
    {0},
};
static const struct alert_field http_fields[] = {
    {"basic_auth",          FIELD_ANY, false, basic_fields},
    {"authorization",                FIELD_ANY, false, authorization_fields},
    {"bearer_token",                     FIELD_TEXT, true, NULL},
    {"bearer_token_file",FIELD_TEXT, false, NULL},
    {"tls_config", FIELD_ANY, false, tls_fields},
    {"follow_redirects",        FIELD_BOOL, false, NULL},
    {0                },
};

static const struct alert_field webhook_fields[] = {
    {"send_resolved", FIELD_BOOL, false, NULL},
    {"http_config",          FIELD_ANY, false, http_fields},
    {"url",               FIELD_TEXT, true, NULL},
    {"url_file",FIELD_TEXT, false, NULL},
    {"max_alerts",    FIELD_NUMBER, false, NULL},
    {"timeout",           FIELD_SPAN, false, NULL},
    {0          },
};
static const struct alert_field email_fields[] = {
    {"send_resolved", FIELD_BOOL, false, NULL},
    {"to",          FIELD_TEXT, false, NULL},
    {"from",               FIELD_TEXT, false, NULL},
    {"hello",FIELD_TEXT, false, NULL},
    {"smarthost",           FIELD_TEXT, false, NULL},
    {"auth_username",          FIELD_TEXT, false, NULL},
    {"auth_password",          FIELD_TEXT, true, NULL},
    {"auth_password_file",               FIELD_TEXT, false, NULL},
    {"auth_identity",          FIELD_TEXT, false, NULL},
    {"headers",           FIELD_ANY, false, NULL},
    {"html",     FIELD_TEXT, false, NULL},
    {"text",          FIELD_TEXT, false, NULL},
    {"require_tls",               FIELD_BOOL, false, NULL},
    {"tls_config",FIELD_ANY, false, tls_fields},
    {0          },
};
static const struct alert_field slack_fields[] = {
    {"send_resolved", FIELD_BOOL, false, NULL},
    {"http_config",          FIELD_ANY, false, http_fields},
    {"api_url",               FIELD_TEXT, true, NULL},
    {"api_url_file",FIELD_TEXT, false, NULL},
    {"channel",    FIELD_TEXT, false, NULL},
    {"username",       FIELD_TEXT, false, NULL},
    {"color",           FIELD_TEXT, false, NULL},
    {"title",               FIELD_TEXT, false, NULL},
    {"title_link",         FIELD_TEXT, false, NULL},
    {"pretext",           FIELD_TEXT, false, NULL},
    {"text",       FIELD_TEXT, false, NULL},
    {"fields",          FIELD_ANY, false, NULL},
    {"short_fields",               FIELD_BOOL, false, NULL},
    {"footer",FIELD_TEXT, false, NULL},
    {"fallback",           FIELD_TEXT, false, NULL},
    {"callback_id",         FIELD_TEXT, false, NULL},
    {"icon_emoji",          FIELD_TEXT, false, NULL},
    {"icon_url",               FIELD_TEXT, false, NULL},
    {"image_url",FIELD_TEXT, false, NULL},
    {"thumb_url",           FIELD_TEXT, false, NULL},
    {"link_names",    FIELD_BOOL, false, NULL},
    {"mrkdwn_in",          FIELD_ANY, false, NULL},
    {0              },
};

const struct alert_field alert_global_fields[] = {
    {"resolve_timeout", FIELD_SPAN, false, NULL},
    {"http_config",            FIELD_ANY, false, http_fields},
    {"smtp_from",                 FIELD_TEXT, false, NULL},
    {"smtp_hello",FIELD_TEXT, false, NULL},
    {"smtp_smarthost",      FIELD_TEXT, false, NULL},
    {"smtp_auth_username",       FIELD_TEXT, false, NULL},
    {"smtp_auth_password",            FIELD_TEXT, true, NULL},
    {"smtp_auth_password_file",                 FIELD_TEXT, false, NULL},
    {"smtp_auth_identity",           FIELD_TEXT, false, NULL},
    {"smtp_require_tls",             FIELD_BOOL, false, NULL},
    {"smtp_tls_config",  FIELD_ANY, false, tls_fields},
    {"slack_api_url",            FIELD_TEXT, true, NULL},
    {"slack_api_url_file",                 FIELD_TEXT, false, NULL},
    {0},
};

/* What a way's settings are called among the global ones; the first of them that is set counts. */
struct inherited {
    const char *name, *global, *unless;
};

static const struct inherited webhook_inherits[] = {
    {"http_config", "http_config", NULL},
    {0        },
};
static const struct inherited email_inherits[] = {
    {"from",                "smtp_from", NULL},
    {"hello",                 "smtp_hello", NULL},
    {"smarthost",               "smtp_smarthost", NULL},
    {"auth_username",                 "smtp_auth_username", NULL},
    {"auth_password",           "smtp_auth_password", "auth_password_file"},
    {"auth_password_file",                 "smtp_auth_password_file", "auth_password"},
    {"auth_identity",       "smtp_auth_identity", NULL},
    {"require_tls",                 "smtp_require_tls", NULL},
    {"tls_config",       "smtp_tls_config", NULL},
    {0},
};
static const struct inherited slack_inherits[] = {
    {"http_config",   "http_config", NULL},
    {"api_url",           "slack_api_url", "api_url_file"},
    {"api_url_file",       "slack_api_url_file", "api_url"},
    {0},
};

static const struct way {
    const char *name;
    enum alert_way way;
    bool send_resolved;
    const struct alert_field *fields;
    const struct inherited *inherits;
    const char *needs[3]; /* one of the first two, and the third; NULL: nothing */
} ways[] = {
    {"webhook_configs",
     WAY_WEBHOOK,                  true,
     webhook_fields,                                    webhook_inherits,
     {"url", "url_file", NULL}                                                                     },
    {"email_configs",   WAY_EMAIL, false, email_fields, email_inherits,   {"to", "to", "smarthost"}},
    {"slack_configs",
     WAY_SLACK,                    false,
     slack_fields,                                      slack_inherits,
     {"api_url", "api_url_file", NULL}                                                             },
};

bool alert_field_is_secret(const char *name)
{
    static const struct alert_field *const tables[] = {
        basic_fields, authorization_fields, http_fields,         webhook_fields,
        email_fields, slack_fields,         alert_global_fields,
    };
    for (size_t t = 0; t < ARRAY_LEN(tables); t++)
        for (const struct alert_field *f = tables[t]; f->name; f++)
            if (f->secret && strcmp(f->name, name) == 0)
                return true;
    return false;
}

/* ---- checking ---- */

static bool fits(const struct value *v, enum alert_field_kind kind)
{
    struct err e;
    int64_t ms;
    switch (kind) {
    case FIELD_TEXT:
        return v->kind == VALUE_STRING || v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
    case FIELD_BOOL:
        return v->kind == VALUE_BOOL;
    case FIELD_NUMBER:
        return v->kind == VALUE_INT;
    case FIELD_SPAN:
        return alert_span(v, "", 0, &ms, &e) == 0;
    case FIELD_ANY:
        break;
    }
    return true;
}

int alert_fields_check(const struct value *v, const char *what, const struct alert_field *table,
                       struct err *e)
{
    int r = 0;
    if (v && v->kind != VALUE_OBJECT && v->kind != VALUE_NULL)
        return err_set(e, ERR_INVALID, "line %u: %s must be a mapping", v->line, what);
    VALUE_EACH_MEMBER (m, v) {
        const struct alert_field *f = table;
        while (f->name && strcmp(f->name, m->key) != 0)
            f++;
        if (!f->name)
            return err_set(e, ERR_INVALID, "line %u: %s has no field %s here", m->line, what,
                           m->key);
        if (m->value.kind != VALUE_NULL && !fits(&m->value, f->kind))
            return err_set(e, ERR_INVALID, "line %u: %s of %s has the wrong type", m->line, m->key,
                           what);
        if (f->inner)
            r = alert_fields_check(&m->value, m->key, f->inner, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- reading ---- */

static const char *text_of(const struct value *v)
{
    return value_is(v, VALUE_STRING) ? v->text : "";
}

static int read_channel(struct alert_config *c, const struct way *w, const struct value *v,
                        const struct value *global, struct alert_channel *out, struct err *e)
{
    int r = alert_fields_check(v, w->name, w->fields, e);
    if (r < 0)
        return r;
    struct value *all =
        v->kind == VALUE_OBJECT ? value_copy(c->arena, v) : value_new_object(c->arena);
    for (const struct inherited *i = w->inherits; i->name; i++) {
        const struct value *g = value_get(global, i->global);
        if (g && !value_get(v, i->name) && !(i->unless && value_get(v, i->unless)))
            (void)value_set(c->arena, all, i->name, g);
    }
    if (!*text_of(value_get(all, w->needs[0])) && !*text_of(value_get(all, w->needs[1])))
        return err_set(e, ERR_INVALID, "line %u: %s: %s is missing", v->line, w->name, w->needs[0]);
    if (w->needs[2] && !*text_of(value_get(all, w->needs[2])))
        return err_set(e, ERR_INVALID, "line %u: %s: %s is missing, here and in global", v->line,
                       w->name, w->needs[2]);
    *out = (struct alert_channel){
        w->way, value_bool(value_get(all, "send_resolved"), w->send_resolved), all};
    return 0;
}

static const struct way *find_way(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(ways); i++)
        if (strcmp(ways[i].name, name) == 0)
            return &ways[i];
    return NULL;
}

static int read_receiver(struct alert_config *c, const struct value *v, const struct value *global,
                         struct alert_receiver *out, struct err *e)
{
    size_t room = 0;
    int r = 0;
    out->name = value_at_str(v, "name", "");
    if (!*out->name)
        return err_set(e, ERR_INVALID, "line %u: a receiver has no name", v->line);
    VALUE_EACH_MEMBER (m, v)
        room += value_count(&m->value);
    out->channels = ARENA_ARRAY(c->arena, struct alert_channel, room + 1);
    VALUE_EACH_MEMBER (m, v) {
        const struct way *w = find_way(m->key);
        if (strcmp(m->key, "name") == 0)
            continue;
        if (!w)
            return err_set(e, ERR_INVALID,
                           "line %u: receiver %s: %s is not known here; webhook_configs,"
                           " email_configs and slack_configs are",
                           m->line, out->name, m->key);
        VALUE_EACH_ITEM (x, &m->value)
            if (r == 0)
                r = read_channel(c, w, x, global, &out->channels[out->n++], e);
        if (r < 0)
            return err_wrap(e, r, "receiver %s", out->name);
    }
    return 0;
}

int alert_receivers_read(struct alert_config *c, const struct value *root, struct err *e)
{
    const struct value *list = value_get(root, "receivers"), *global = value_get(root, "global");
    int r = 0;
    c->receivers = ARENA_ARRAY(c->arena, struct alert_receiver, value_count(list) + 1);
    VALUE_EACH_ITEM (x, list) {
        struct alert_receiver *to = &c->receivers[c->n_receivers];
        r = read_receiver(c, x, global, to, e);
        if (r < 0)
            return r;
        for (size_t i = 0; i < c->n_receivers; i++)
            if (strcmp(c->receivers[i].name, to->name) == 0)
                return err_set(e, ERR_INVALID, "line %u: receiver %s is there twice", x->line,
                               to->name);
        c->n_receivers++;
    }
    return 0;
}
