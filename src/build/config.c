#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "build/build_int.h"
#include "codec/json.h"

/* ---- variables ---- */

const char *stage__env(const struct stage *s, const char *name)
{
    size_t n = strlen(name);
    const char *found = NULL;
    VALUE_EACH_ITEM (v, value_get(s->config, "Env")) {
        const char *text = value_str(v, "");
        if (strncmp(text, name, n) == 0 && text[n] == '=')
            found = text + n + 1;
    }
    return found;
}

/* ENV hides ARG. */
static const char *lookup(void *arg, const char *name)
{
    const struct stage *s = arg;
    const char *value = stage__env(s, name);
    return value ? value : map_get(&s->args, name);
}

struct variables stage__variables(struct build *b, struct stage *s)
{
    return (struct variables){lookup, s, b->file.escape};
}

int stage__expand(struct build *b, struct stage *s, const char *word, const char **out,
                  struct err *e)
{
    struct variables v = stage__variables(b, s);
    int rc = words_expand(&v, word, b->arena, out, e);
    return rc < 0 ? build__wrap(b, rc, e) : 0;
}

const char **stage__environment(struct build *b, struct stage *s)
{
    const struct value *env = value_get(s->config, "Env");
    const char **out =
        ARENA_ARRAY(b->arena, const char *, value_count(env) + map_size(&s->args) + 2);
    size_t n = 0, cursor = 0;
    for (const struct map_entry *m; (m = map_next(&s->args, &cursor));) {
        if (m->value && !stage__env(s, m->key))
            out[n++] = arena_printf(b->arena, "%s=%s", m->key, (const char *)m->value);
    }
    VALUE_EACH_ITEM (v, env) {
        out[n++] = value_str(v, "");
    }
    if (!stage__env(s, "PATH"))
        out[n++] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    return out;
}

const char *stage__workdir(const struct stage *s)
{
    const char *dir = value_str(value_get(s->config, "WorkingDir"), "");
    return *dir ? dir : "/";
}

void config__history(struct build *b, struct stage *s, const char *created_by, bool empty)
{
    struct arena *a = b->arena;
    struct value *h = value_new_object(a);
    char when[CLOCK_TEXT_MAX];
    clock_format_rfc3339_ms(s->created_ms, when);
    (void)value_set_str(a, h, "created", when);
    (void)value_set_str(a, h, "created_by", created_by);
    (void)value_set_str(a, h, "comment", "slipway build");
    if (empty)
        (void)value_set_bool(a, h, "empty_layer", true);
    (void)value_push(a, s->history, h);
}

/* ---- NAME=value lists: ENV, LABEL, ARG ---- */

static struct value *list_of(struct build *b, struct stage *s, const char *key)
{
    struct value *list = value_get_mut(s->config, key);
    if (value_is(list, VALUE_ARRAY))
        return list;
    return value_set(b->arena, s->config, key, value_new_array(b->arena));
}

static struct value *object_of(struct build *b, struct stage *s, const char *key)
{
    struct value *object = value_get_mut(s->config, key);
    if (value_is(object, VALUE_OBJECT))
        return object;
    return value_set(b->arena, s->config, key, value_new_object(b->arena));
}

static void set_env(struct build *b, struct stage *s, const char *name, const char *value)
{
    struct value *list = list_of(b, s, "Env");
    const char *text = arena_printf(b->arena, "%s=%s", name, value);
    size_t n = strlen(name);
    for (size_t i = 0; i < list->n; i++) {
        const char *old = value_str(&list->items[i], "");
        if (strncmp(old, name, n) == 0 && old[n] == '=') {
            list->items[i] = *value_new_str(b->arena, text);
            return;
        }
    }
    (void)value_push_str(b->arena, list, text);
}

struct pair {
    const char *name, *value; /* expanded */
};

/* "a=b c=d", or, for ENV and LABEL, the old "name the rest of the line". All values are expanded
 * with the variables as they were before the instruction. */
static int read_pairs(struct build *b, struct stage *s, const struct instruction *i,
                      struct pair **out, size_t *n, struct err *e)
{
    struct pair *list = ARENA_ARRAY(b->arena, struct pair, i->n_words + 1);
    const char *first = i->n_words ? i->words[0] : "";
    int rc = 0;
    if (!strchr(first, '=')) {
        const char *rest = i->rest + strlen(first);
        if (i->n_words < 2)
            return build__refuse(b, e, "%s needs NAME=value", i->name);
        rest += strspn(rest, " \t");
        list[0].name = first;
        *out = list;
        *n = 1;
        return stage__expand(b, s, rest, &list[0].value, e);
    }
    for (size_t k = 0; k < i->n_words && rc == 0; k++) {
        const char *eq = strchr(i->words[k], '=');
        if (!eq || eq == i->words[k])
            return build__refuse(b, e, "%s: \"%s\" is not NAME=value", i->name, i->words[k]);
        rc = stage__expand(b, s, arena_strndup(b->arena, i->words[k], (size_t)(eq - i->words[k])),
                           &list[k].name, e);
        if (rc == 0)
            rc = stage__expand(b, s, eq + 1, &list[k].value, e);
    }
    *out = list;
    *n = i->n_words;
    return rc;
}

static int apply_env(struct build *b, struct stage *s, const struct instruction *i, struct err *e)
{
    struct pair *list;
    size_t n;
    int rc = read_pairs(b, s, i, &list, &n, e);
    for (size_t k = 0; rc == 0 && k < n; k++)
        set_env(b, s, list[k].name, list[k].value);
    return rc;
}

static int apply_label(struct build *b, struct stage *s, const struct instruction *i, struct err *e)
{
    struct pair *list;
    size_t n;
    int rc = read_pairs(b, s, i, &list, &n, e);
    for (size_t k = 0; rc == 0 && k < n; k++)
        (void)value_set_str(b->arena, object_of(b, s, "Labels"), list[k].name, list[k].value);
    return rc;
}

static const char *given_arg(const struct build *b, const char *name)
{
    size_t n = strlen(name);
    for (const char *const *p = b->opts->build_args; p && *p; p++) {
        if (strncmp(*p, name, n) == 0 && (*p)[n] == '=')
            return *p + n + 1;
    }
    return NULL;
}

/* A declared argument is what the caller gave, else the default written here, else what the
 * lines before FROM say. */
static int apply_arg(struct build *b, struct stage *s, const struct instruction *i, struct err *e)
{
    for (size_t k = 0; k < i->n_words; k++) {
        const char *eq = strchr(i->words[k], '='), *value = NULL;
        const char *name = i->words[k];
        if (eq) {
            name = arena_strndup(b->arena, name, (size_t)(eq - name));
            int rc = stage__expand(b, s, eq + 1, &value, e);
            if (rc < 0)
                return rc;
        } else {
            value = map_get(&b->globals, name);
        }
        const char *given = given_arg(b, name);
        if (!*name)
            return build__refuse(b, e, "ARG needs a name");
        char *copy =
            given ? arena_strdup(b->arena, given) : (value ? arena_strdup(b->arena, value) : NULL);
        (void)map_put(&s->args, name, copy);
    }
    return 0;
}

/* ---- commands ---- */

/* The JSON form's words, or the shell and the line. */
static struct value *command(struct build *b, struct stage *s, const struct instruction *i)
{
    struct arena *a = b->arena;
    struct value *list = value_new_array(a);
    if (i->is_json) {
        for (size_t k = 0; k < i->n_words; k++)
            (void)value_push_str(a, list, i->words[k]);
        return list;
    }
    const struct value *shell = value_get(s->config, "Shell");
    VALUE_EACH_ITEM (v, shell) {
        (void)value_push(a, list, v);
    }
    if (value_count(shell) == 0) {
        (void)value_push_str(a, list, "/bin/sh");
        (void)value_push_str(a, list, "-c");
    }
    (void)value_push_str(a, list, i->rest);
    return list;
}

static int apply_cmd(struct build *b, struct stage *s, const struct instruction *i)
{
    (void)value_set(b->arena, s->config, "Cmd", command(b, s, i));
    s->cmd_set = true;
    return 0;
}

static int apply_entrypoint(struct build *b, struct stage *s, const struct instruction *i)
{
    struct value *list = command(b, s, i);
    if (i->is_json && i->n_words == 0)
        (void)value_remove(s->config, "Entrypoint");
    else
        (void)value_set(b->arena, s->config, "Entrypoint", list);
    if (!s->cmd_set) /* the base image's Cmd was for its own entry point */
        (void)value_remove(s->config, "Cmd");
    return 0;
}

static int apply_shell(struct build *b, struct stage *s, const struct instruction *i, struct err *e)
{
    if (!i->is_json || i->n_words == 0)
        return build__refuse(b, e, "SHELL needs the JSON form, as in SHELL [\"/bin/sh\", \"-c\"]");
    (void)value_set(b->arena, s->config, "Shell", command(b, s, i));
    return 0;
}

/* ---- health ---- */

static int set_duration(struct build *b, struct value *h, const struct instruction *i,
                        const char *flag, const char *key, struct err *e)
{
    int64_t ns;
    const char *text = instruction_flag(i, flag);
    if (!text)
        return 0;
    int rc = clock_parse_duration(text, &ns, e);
    if (rc < 0)
        return build__wrap(b, rc, e);
    if (ns != 0 && ns < 1000000)
        return build__refuse(b, e, "--%s=%s is less than 1ms", flag, text);
    (void)value_set_int(b->arena, h, key, ns);
    return 0;
}

static int health_test(struct build *b, struct value *h, const struct instruction *i, struct err *e)
{
    struct arena *a = b->arena;
    struct instruction cmd;
    struct value *test = value_new_array(a);
    if (strcasecmp(i->words[0], "NONE") == 0) {
        (void)value_push_str(a, test, "NONE");
        (void)value_set(a, h, "Test", test);
        return i->n_words == 1 ? 0 : build__refuse(b, e, "HEALTHCHECK NONE takes no arguments");
    }
    if (strcasecmp(i->words[0], "CMD") != 0)
        return build__refuse(b, e, "HEALTHCHECK needs CMD or NONE, not \"%s\"", i->words[0]);
    int rc = containerfile_parse_one(&b->file, i->line, i->rest, a, &cmd, e);
    if (rc < 0)
        return rc;
    if (!*cmd.rest)
        return build__refuse(b, e, "HEALTHCHECK CMD needs a command");
    (void)value_push_str(a, test, cmd.is_json ? "CMD" : "CMD-SHELL");
    if (!cmd.is_json)
        (void)value_push_str(a, test, cmd.rest);
    for (size_t k = 0; cmd.is_json && k < cmd.n_words; k++)
        (void)value_push_str(a, test, cmd.words[k]);
    (void)value_set(a, h, "Test", test);
    return 0;
}

static int apply_healthcheck(struct build *b, struct stage *s, const struct instruction *i,
                             struct err *e)
{
    static const struct {
        const char *flag, *key;
    } durations[] = {
        {"interval",       "Interval"     },
        {"timeout",        "Timeout"      },
        {"start-period",   "StartPeriod"  },
        {"start-interval", "StartInterval"}
    };
    struct value *h = value_new_object(b->arena);
    int rc = health_test(b, h, i, e);
    for (size_t k = 0; rc == 0 && k < ARRAY_LEN(durations); k++)
        rc = set_duration(b, h, i, durations[k].flag, durations[k].key, e);
    const char *retries = instruction_flag(i, "retries");
    if (rc == 0 && retries) {
        char *end;
        long n = strtol(retries, &end, 10);
        if (*end || n < 0)
            return build__refuse(b, e, "--retries=%s is not a count", retries);
        (void)value_set_int(b->arena, h, "Retries", n);
    }
    if (rc == 0)
        (void)value_set(b->arena, s->config, "Healthcheck", h);
    return rc;
}

/* ---- the rest ---- */

static int expose_one(struct build *b, struct value *ports, const char *text, struct err *e)
{
    char protocol[8] = "tcp", rest;
    unsigned from, to;
    int n = sscanf(text, "%u-%u/%7[a-zA-Z]%c", &from, &to, protocol, &rest);
    if (n < 2) {
        n = sscanf(text, "%u/%7[a-zA-Z]%c", &from, protocol, &rest);
        to = from;
        n = n >= 1 && n < 3 ? 2 : 0;
    }
    for (char *c = protocol; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    bool known = strcmp(protocol, "tcp") == 0 || strcmp(protocol, "udp") == 0 ||
                 strcmp(protocol, "sctp") == 0;
    if (n < 2 || n > 3 || !known || from == 0 || from > to || to > 65535)
        return build__refuse(b, e, "EXPOSE: \"%s\" is not a port like 80 or 53/udp", text);
    for (unsigned port = from; port <= to; port++)
        (void)value_set(b->arena, ports, arena_printf(b->arena, "%u/%s", port, protocol),
                        value_new_object(b->arena));
    return 0;
}

/* A variable may hold several ports. */
static int apply_expose(struct build *b, struct stage *s, const struct instruction *i,
                        struct err *e)
{
    struct value *ports = object_of(b, s, "ExposedPorts");
    for (size_t k = 0; k < i->n_words; k++) {
        const char *text;
        int rc = stage__expand(b, s, i->words[k], &text, e);
        char *rest = rc == 0 ? arena_strdup(b->arena, text) : NULL;
        for (char *part; rc == 0 && (part = strsep(&rest, " \t"));)
            rc = *part ? expose_one(b, ports, part, e) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int apply_volume(struct build *b, struct stage *s, const struct instruction *i,
                        struct err *e)
{
    struct value *volumes = object_of(b, s, "Volumes");
    for (size_t k = 0; k < i->n_words; k++) {
        const char *path;
        int rc = stage__expand(b, s, i->words[k], &path, e);
        if (rc < 0)
            return rc;
        if (!*path)
            return build__refuse(b, e, "VOLUME needs a path");
        (void)value_set(b->arena, volumes, path, value_new_object(b->arena));
    }
    return 0;
}

static int apply_text(struct build *b, struct stage *s, const struct instruction *i,
                      const char *key, struct err *e)
{
    const char *text;
    int rc = stage__expand(b, s, i->rest, &text, e);
    if (rc < 0)
        return rc;
    if (!*text)
        return build__refuse(b, e, "%s is empty", i->name);
    (void)value_set_str(b->arena, s->config, key, text);
    return 0;
}

static int apply_onbuild(struct build *b, struct stage *s, const struct instruction *i,
                         struct err *e)
{
    struct instruction later;
    int rc = containerfile_parse_one(&b->file, i->line, i->rest, b->arena, &later, e);
    if (rc < 0)
        return rc;
    if (later.kind == INSTR_ONBUILD || later.kind == INSTR_FROM || later.kind == INSTR_MAINTAINER)
        return build__refuse(b, e, "ONBUILD %s is not allowed", later.name);
    (void)value_push_str(b->arena, list_of(b, s, "OnBuild"), i->rest);
    return 0;
}

int config__apply(struct build *b, struct stage *s, const struct instruction *i, struct err *e)
{
    switch (i->kind) {
    case INSTR_ARG:
        return apply_arg(b, s, i, e);
    case INSTR_CMD:
        return apply_cmd(b, s, i);
    case INSTR_ENTRYPOINT:
        return apply_entrypoint(b, s, i);
    case INSTR_ENV:
        return apply_env(b, s, i, e);
    case INSTR_EXPOSE:
        return apply_expose(b, s, i, e);
    case INSTR_HEALTHCHECK:
        return apply_healthcheck(b, s, i, e);
    case INSTR_LABEL:
        return apply_label(b, s, i, e);
    case INSTR_MAINTAINER:
        (void)value_set_str(b->arena, s->doc, "author", i->rest);
        return 0;
    case INSTR_ONBUILD:
        return apply_onbuild(b, s, i, e);
    case INSTR_SHELL:
        return apply_shell(b, s, i, e);
    case INSTR_STOPSIGNAL:
        return apply_text(b, s, i, "StopSignal", e);
    case INSTR_USER:
        return apply_text(b, s, i, "User", e);
    case INSTR_VOLUME:
        return apply_volume(b, s, i, e);
    case INSTR_ADD:
    case INSTR_COPY:
    case INSTR_FROM:
    case INSTR_RUN:
    case INSTR_WORKDIR:
        break;
    }
    return build__refuse(b, e, "%s cannot stand here", i->name);
}
