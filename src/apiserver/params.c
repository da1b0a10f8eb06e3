#include <errno.h>
#include <string.h>
#include <strings.h>

#include "apiserver/protobuf.h"
#include "apiserver/web_int.h"
#include "codec/json.h"
#include "codec/yaml.h"

/* Query parameters are read as upstream's conversion reads them: anything but "false", "0" is
 * true for a flag; numbers are Go's ParseInt. */

bool web__truth(const char *text)
{
    return strcasecmp(text, "false") != 0 && strcmp(text, "0") != 0;
}

static int number(struct web *w, const char *name, int64_t *out)
{
    const char *text = http_query(w->q, name);
    if (!text)
        return 0;
    char *end = NULL;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno == ERANGE)
        return refuse_bad_request(&w->call, "strconv.ParseInt: parsing \"%s\": value out of range",
                                  text);
    if (end == text || *end || *text == ' ')
        return refuse_bad_request(&w->call, "strconv.ParseInt: parsing \"%s\": invalid syntax",
                                  text);
    *out = v;
    return 0;
}

int web__list_opts(struct web *w, struct list_opts *o)
{
    *o = (struct list_opts){.send_initial = -1};
    o->labels = http_query(w->q, "labelSelector");
    o->fields = http_query(w->q, "fieldSelector");
    o->cont = http_query(w->q, "continue");
    o->rv = http_query(w->q, "resourceVersion");
    o->rv_match = http_query(w->q, "resourceVersionMatch");
    const char *watch = http_query(w->q, "watch");
    const char *bookmarks = http_query(w->q, "allowWatchBookmarks");
    const char *initial = http_query(w->q, "sendInitialEvents");
    o->watch = watch && web__truth(watch);
    o->bookmarks = bookmarks && web__truth(bookmarks);
    o->send_initial = initial ? web__truth(initial) : -1;
    int rc = number(w, "limit", &o->limit);
    return rc < 0 ? rc : number(w, "timeoutSeconds", &o->timeout_s);
}

/* ---- write options ---- */

static const char *manager_from_agent(struct web *w)
{
    const char *agent = http_header(w->q, "User-Agent");
    if (!agent || !*agent)
        return "unknown";
    size_t n = strcspn(agent, "/");
    return arena_strndup(w->call.a, agent, n < 128 ? n : 128);
}

/* A list as Go's %#v shows it. */
static const char *go_strings(struct arena *a, const struct value *list)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 64 * 1024);
    buf_puts(&b, "[]string{");
    for (size_t i = 0; i < value_count(list); i++)
        buf_printf(&b, "%s\"%s\"", i ? ", " : "", value_str(value_item(list, i), ""));
    buf_putc(&b, '}');
    return arena_strndup(a, buf_text(&b), b.len);
}

static void check_dry_run(struct web *w, struct field_errors *l)
{
    size_t cursor = 0;
    const char *name, *value;
    struct value *all = value_new_array(w->call.a);
    while (http_query_next(w->q, &cursor, &name, &value)) {
        if (strcmp(name, "dryRun") == 0 && *value)
            value_push_str(w->call.a, all, value);
    }
    bool good = value_count(all) == 1 && strcmp(value_str(value_item(all, 0), ""), "All") == 0;
    w->call.dry_run = good;
    if (value_count(all) > 0 && !good) {
        struct value shown = {.kind = VALUE_FLOAT};
        shown.text = go_strings(w->call.a, all);
        shown.n = (uint32_t)strlen(shown.text);
        field_errors_add(l, FIELD_NOT_SUPPORTED, "dryRun", &shown, "supported values: \"All\"");
    }
}

static void check_validation(struct web *w, struct field_errors *l)
{
    static const char *const known[] = {"", "Ignore", "Strict", "Warn"};
    const char *v = http_query(w->q, "fieldValidation");
    w->call.validation = VALIDATE_WARN;
    if (!v || !*v || strcmp(v, "Warn") == 0)
        return;
    if (strcmp(v, "Strict") == 0)
        w->call.validation = VALIDATE_STRICT;
    else if (strcmp(v, "Ignore") == 0)
        w->call.validation = VALIDATE_IGNORE;
    else
        field_errors_add_unsupported(l, "fieldValidation", v, known, ARRAY_LEN(known));
}

static void check_manager(struct web *w, struct field_errors *l)
{
    const char *m = http_query(w->q, "fieldManager");
    w->call.manager = m && *m ? m : manager_from_agent(w);
    size_t n = m ? strlen(m) : 0;
    if (n > 128)
        field_errors_add(l, FIELD_TOO_LONG, "fieldManager", NULL, "may not be more than 128 bytes");
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)m[i] < 0x20 || m[i] == 0x7f) {
            field_errors_addf(l, FIELD_INVALID, "fieldManager", value_new_str(w->call.a, m),
                              "invalid character U+%04X (at position %zu)", (unsigned char)m[i], i);
            break;
        }
}

int web__write_opts(struct web *w, const struct served *k, const char *kind)
{
    struct field_errors l;
    (void)k;
    field_errors_init(&l, w->call.a);
    bool patch = strcmp(kind, "PatchOptions") == 0;
    const char *type = http_header(w->q, "Content-Type");
    bool apply = patch && type && strncmp(type, "application/apply-patch", 23) == 0;
    const char *force = http_query(w->q, "force");
    w->call.force = force && web__truth(force);
    const char *manager = http_query(w->q, "fieldManager");
    if (patch && !apply && force)
        field_errors_add(&l, FIELD_FORBIDDEN, "force", NULL,
                         "may not be specified for non-apply patch");
    if (apply && !(manager && *manager))
        field_errors_add(&l, FIELD_REQUIRED, "fieldManager", NULL, "is required for apply patch");
    check_manager(w, &l);
    check_dry_run(w, &l);
    check_validation(w, &l);
    return l.n ? refuse_invalid_as(&w->call, "meta.k8s.io", kind, "", &l) : 0;
}

/* ---- bodies ---- */

static bool is_type(const char *header, const char *type)
{
    size_t n = strlen(type);
    return strncasecmp(header, type, n) == 0 &&
           (header[n] == '\0' || header[n] == ';' || header[n] == ' ');
}

static int read_body(struct web *w, char **text, size_t *n)
{
    struct err e = {0};
    int rc = http_read_all(w->q, API_BODY_MAX, text, n, &e);
    if (rc == ERR_TOO_LARGE)
        return refuse(&w->call, rc, 413, "RequestEntityTooLarge",
                      "Request entity too large: limit is %d", API_BODY_MAX);
    return rc < 0 ? refuse_bad_request(&w->call, "%s", e.msg) : 0;
}

static const char *expected_kind(struct web *w)
{
    const struct served *k =
        kinds__find(w->call.s, w->t.group, w->t.version, w->t.plural ? w->t.plural : "");
    if (w->t.sub && strcmp(w->t.sub, "scale") == 0)
        return "Scale";
    return k ? k->res->kind : "";
}

/* Our JSON errors say where; Go's do not, and show a byte as a character. */
const char *web__json_problem(struct arena *a, const char *message)
{
    const char *colon = strncmp(message, "line ", 5) == 0 ? strstr(message, ": ") : NULL;
    if (colon)
        message = colon + 2;
    const char *quote = strstr(message, "character '''");
    if (quote)
        return arena_printf(a, "%.*scharacter '\\''%s", (int)(quote - message), message,
                            quote + 13);
    unsigned byte;
    const char *at = strstr(message, "character 0x");
    if (!at || sscanf(at + 12, "%2x", &byte) != 1)
        return message;
    const char *name = byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : byte == '\t' ? "\\t" : NULL;
    if (!name)
        name = arena_printf(a, "\\u%04x", byte);
    return arena_printf(a, "%.*scharacter '%s'%s", (int)(at - message), message, name, at + 14);
}

/* "line 4, column 1: while …: problem" → "yaml: line 4: problem", as go-yaml says it. */
static const char *yaml_problem(struct arena *a, const char *message)
{
    const char *line = strstr(message, "line "), *last = message;
    for (const char *p = message; (p = strstr(p, ": ")); p += 2)
        last = p + 2;
    return line ? arena_printf(a, "yaml: line %ld: %s", strtol(line + 5, NULL, 10), last)
                : arena_printf(a, "yaml: %s", message);
}

static int parse_once(struct call *c, const char *text, size_t n, bool yaml, bool strict,
                      struct value **out, struct err *e)
{
    return yaml ? yaml_parse(c->a, text, n, strict ? YAML_STRICT_KEYS : 0, out, e)
                : json_parse(c->a, text, n, strict ? JSON_STRICT_KEYS : 0, out, e);
}

/* Keys that stand twice are to be told, not refused. They are rare: who has none is read once. */
static int parse_text(struct call *c, const char *text, size_t n, bool yaml, struct value **out,
                      struct err *e)
{
    bool tell = c->validation != VALIDATE_IGNORE;
    if (tell && parse_once(c, text, n, yaml, true, out, NULL) == 0)
        return 0;
    int rc = parse_once(c, text, n, yaml, false, out, e);
    if (rc == 0 && tell && yaml)
        admit_yaml_duplicates(text, n, &c->body_errors, c->a);
    else if (rc == 0 && tell)
        admit_json_duplicates(text, n, &c->body_errors, c->a);
    return rc;
}

static int parse_body(struct web *w, const char *text, size_t n, bool yaml, struct value **out)
{
    static const char *const names[] = {"null",   "bool",  "number", "number",
                                        "string", "array", "object"};
    static const char header[] =
        "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; "
        "Kind string \"json:\\\"kind,omitempty\\\"\" }";
    struct err e = {0};
    struct call *c = &w->call;
    c->body = text;
    c->body_len = n;
    if (parse_text(c, text, n, yaml, out, &e) < 0)
        return refuse_unrecognized(
            c, expected_kind(w),
            yaml ? yaml_problem(c->a, e.msg)
                 : arena_printf(c->a, "couldn't get version/kind; json parse error: %s",
                                web__json_problem(c->a, e.msg)));
    if ((*out)->kind == VALUE_NULL)
        *out = value_new_object(c->a);
    if ((*out)->kind != VALUE_OBJECT)
        return refuse_unrecognized(
            c, expected_kind(w),
            arena_printf(c->a,
                         "couldn't get version/kind; json parse error: json: cannot unmarshal %s "
                         "into Go value of type %s",
                         names[(*out)->kind], header));
    return 0;
}

int web__body(struct web *w, struct value **out)
{
    char *text = NULL;
    size_t n = 0;
    const char *type = http_header(w->q, "Content-Type");
    bool yaml = type && (is_type(type, "application/yaml") || is_type(type, "application/x-yaml"));
    bool binary = type && is_type(type, "application/vnd.kubernetes.protobuf");
    if (type && *type && !yaml && !binary && !is_type(type, "application/json"))
        return refuse(&w->call, ERR_UNSUPPORTED, 415, "UnsupportedMediaType",
                      "the body of the request was in an unknown format - accepted media types "
                      "include: application/json, application/yaml, "
                      "application/vnd.kubernetes.protobuf");
    int rc = read_body(w, &text, &n);
    if (rc < 0)
        return rc;
    struct err e = {0};
    if (binary && protobuf_parse(w->call.a, text, n, out, &e) < 0)
        return refuse_bad_request(&w->call, "%s", e.msg);
    return binary ? 0 : parse_body(w, text, n, yaml, out);
}

int web__patch_type(struct web *w, const struct served *k, enum patch_type *out)
{
    static const struct {
        const char *type;
        enum patch_type as;
    } types[] = {
        {"application/json-patch+json",            PATCH_JSON     },
        {"application/merge-patch+json",           PATCH_MERGE    },
        {"application/strategic-merge-patch+json", PATCH_STRATEGIC},
        {"application/apply-patch+yaml",           PATCH_APPLY    },
    };
    const char *type = http_header(w->q, "Content-Type");
    for (size_t i = 0; type && i < ARRAY_LEN(types); i++) {
        if (!is_type(type, types[i].type))
            continue;
        if (types[i].as == PATCH_STRATEGIC && k->kind.crd)
            break;
        *out = types[i].as;
        return 0;
    }
    bool strategic = type && is_type(type, types[2].type);
    if (strategic)
        return refuse(&w->call, ERR_UNSUPPORTED, 415, "UnsupportedMediaType",
                      "the body of the request was in an unknown format - accepted media types "
                      "include: application/json-patch+json, application/merge-patch+json, "
                      "application/apply-patch+yaml");
    refuse(&w->call, ERR_UNSUPPORTED, 415, "UnsupportedMediaType", "415: Unsupported Media Type");
    w->call.refusal.details = value_new_object(w->call.a);
    return ERR_UNSUPPORTED;
}

static int check_patch_shape(struct call *c, enum patch_type type, const struct value *patch)
{
    static const char *const names[] = {"null",   "bool",  "number", "number",
                                        "string", "array", "object"};
    if (type != PATCH_JSON && value_is(patch, VALUE_OBJECT))
        return 0;
    static const char *const before[] = {
        [PATCH_JSON] = "error decoding patch: ",
        [PATCH_MERGE] = "error decoding patch: ",
        [PATCH_STRATEGIC] = "",
        [PATCH_APPLY] = "error decoding YAML: error unmarshaling JSON: while decoding JSON: "};
    if (type != PATCH_JSON)
        return refuse_bad_request(
            c, "%sjson: cannot unmarshal %s into Go value of type map[string]interface {}",
            before[type], names[patch->kind]);
    if (!value_is(patch, VALUE_ARRAY))
        return refuse_bad_request(
            c,
            "error decoding patch: json: cannot unmarshal %s into Go value of "
            "type []handlers.jsonPatchOp",
            names[patch->kind]);
    VALUE_EACH_ITEM (op, patch) {
        if (!value_is(op, VALUE_OBJECT))
            return refuse_bad_request(c,
                                      "error decoding patch: json: cannot unmarshal %s into Go "
                                      "value of type handlers.jsonPatchOp",
                                      names[op->kind]);
    }
    return 0;
}

int web__patch_body(struct web *w, const struct served *k, enum patch_type type, struct value **out)
{
    (void)k;
    char *text = NULL;
    size_t n = 0;
    struct err e = {0};
    struct call *c = &w->call;
    int rc = read_body(w, &text, &n);
    if (rc < 0)
        return rc;
    rc = parse_text(c, text, n, type == PATCH_APPLY, out, &e);
    if (rc < 0 && type == PATCH_APPLY)
        return refuse_bad_request(c, "error decoding YAML: error converting YAML to JSON: %s",
                                  yaml_problem(c->a, e.msg));
    if (rc < 0)
        return refuse_bad_request(c, "%s%s",
                                  type == PATCH_STRATEGIC ? "" : "error decoding patch: ",
                                  web__json_problem(c->a, e.msg));
    if (type == PATCH_APPLY && (*out)->kind == VALUE_NULL)
        *out = value_new_object(c->a);
    return check_patch_shape(c, type, *out);
}

/* ---- DeleteOptions, from the query or the body ---- */

/* Upstream answers 500 here, without a reason. */
static int check_delete_body(struct web *w, struct value *v)
{
    struct call *c = &w->call;
    const char *kind = value_at_str(v, "kind", ""), *version = value_at_str(v, "apiVersion", "v1");
    struct strict_errors found = {0};
    struct err e = {0};
    if (*kind && strcmp(kind, "DeleteOptions") != 0)
        return refuse(c, ERR_INVALID, 500, "",
                      "no kind \"%s\" is registered for version \"%s\" in scheme "
                      "\"pkg/runtime/scheme.go:110\"",
                      kind, version);
    const struct served *k = kinds__of_kind(c->s, "v1", "DeleteOptions");
    if (admit_decode(&k->kind, v, &found, c->a, &e) < 0)
        return refuse(c, ERR_INVALID, 500, "", "%s", e.msg);
    return 0;
}

static int read_delete_body(struct web *w, struct delete_opts *o)
{
    char *text = NULL;
    size_t n = 0;
    struct value *v = NULL;
    int rc = read_body(w, &text, &n);
    if (rc < 0 || n == 0)
        return rc;
    const char *type = http_header(w->q, "Content-Type");
    bool yaml = type && is_type(type, "application/yaml");
    struct err e = {0};
    if (type && is_type(type, "application/vnd.kubernetes.protobuf"))
        rc = protobuf_parse(w->call.a, text, n, &v, &e);
    else
        rc = yaml ? yaml_parse(w->call.a, text, n, 0, &v, &e)
                  : json_parse(w->call.a, text, n, 0, &v, &e);
    if (rc < 0)
        return refuse_bad_request(&w->call, "couldn't get version/kind; json parse error: %s",
                                  e.msg);
    rc = check_delete_body(w, v);
    if (rc < 0)
        return rc;
    o->grace_s = value_at_int(v, "gracePeriodSeconds", -1);
    o->propagation = value_at_str(v, "propagationPolicy", NULL);
    o->uid = value_at_str(v, "preconditions.uid", NULL);
    o->rv = value_at_str(v, "preconditions.resourceVersion", NULL);
    const struct value *orphan = value_get(v, "orphanDependents");
    if (value_is(orphan, VALUE_BOOL))
        o->orphan_dependents = orphan->boolean;
    VALUE_EACH_ITEM (d, value_get(v, "dryRun")) {
        if (strcmp(value_str(d, ""), "All") == 0)
            w->call.dry_run = true;
    }
    return 0;
}

static int check_delete_opts(struct web *w, const struct delete_opts *o, struct field_errors *l)
{
    static const char *const known[] = {"Foreground", "Background", "Orphan", "nil"};
    const char *p = o->propagation;
    if (p && o->orphan_dependents >= 0)
        field_errors_add(l, FIELD_INVALID, "propagationPolicy", value_new_str(w->call.a, p),
                         "orphanDependents and deletionPropagation cannot be both set");
    if (p && strcmp(p, "Foreground") != 0 && strcmp(p, "Background") != 0 &&
        strcmp(p, "Orphan") != 0)
        field_errors_add_unsupported(l, "propagationPolicy", p, known, ARRAY_LEN(known));
    return l->n ? refuse_invalid_as(&w->call, "meta.k8s.io", "DeleteOptions", "", l) : 0;
}

int web__delete_opts(struct web *w, struct delete_opts *o)
{
    *o = DELETE_DEFAULT;
    struct field_errors l;
    field_errors_init(&l, w->call.a);
    w->call.manager = manager_from_agent(w);
    check_dry_run(w, &l);
    int rc = number(w, "gracePeriodSeconds", &o->grace_s);
    if (rc < 0)
        return rc;
    o->propagation = http_query(w->q, "propagationPolicy");
    const char *orphan = http_query(w->q, "orphanDependents");
    if (orphan)
        o->orphan_dependents = web__truth(orphan);
    rc = read_delete_body(w, o);
    return rc < 0 ? rc : check_delete_opts(w, o, &l);
}
