/* relabel.c - label_replace and label_join. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <pcre2.h>
#include <string.h>

#include "base/buf.h"
#include "promql/calls.h"

enum { TEXT_MAX = 1 << 20, MATCH_LIMIT = 100000 };

/* "$1", "${1}", "${name}", "$$" of a replacement. */
static const char *expand(const char *template, const char *subject, pcre2_code *code,
                          pcre2_match_data *data, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, TEXT_MAX);
    size_t *spans = pcre2_get_ovector_pointer(data);
    uint32_t count = pcre2_get_ovector_count(data);
    for (const char *p = template; *p; p++) {
        if (*p != '$' || !p[1]) {
            buf_putc(&b, *p);
            continue;
        }
        if (p[1] == '$') {
            buf_putc(&b, *p++);
            continue;
        }
        bool braces = p[1] == '{';
        const char *start = p + 1 + braces;
        size_t n = 0;
        while (isalnum((unsigned char)start[n]) || start[n] == '_')
            n++;
        if (!n || (braces && start[n] != '}')) {
            buf_putc(&b, *p);
            continue;
        }
        char *name = arena_strndup(a, start, n);
        long group = isdigit((unsigned char)*name)
                         ? strtol(name, NULL, 10)
                         : pcre2_substring_number_from_name(code, (PCRE2_SPTR)name);
        if (group >= 0 && group < (long)count && spans[2 * group] != PCRE2_UNSET)
            buf_add(&b, subject + spans[2 * group], spans[2 * group + 1] - spans[2 * group]);
        p = start + n - 1 + braces;
    }
    return arena_strndup(a, buf_text(&b), b.len);
}

static int compile(const char *text, pcre2_code **out, struct err *e)
{
    int code;
    size_t at;
    *out = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                         PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOTALL, &code, &at, NULL);
    if (*out)
        return 0;
    return err_set(e, ERR_INVALID, "invalid regular expression in label_replace(): %.200s", text);
}

/* A name that was to go stays once it is set. */
static void relabel(struct eval *ev, struct row *row, const char *name, const char *value)
{
    row->labels = labels__set(ev->arena, &row->labels, name, value);
    if (strcmp(name, "__name__") == 0)
        row->nameless = false;
}

int call_label_replace(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    const char *dst = call->call.args[1]->string, *template = call->call.args[2]->string;
    const char *src = call->call.args[3]->string, *pattern = call->call.args[4]->string;
    pcre2_code *code;
    if (!labels__name_ok(dst))
        return err_set(e, ERR_INVALID, "invalid destination label name in label_replace(): %s",
                       dst);
    int r = compile(pattern, &code, e);
    if (r < 0)
        return r;
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    (void)pcre2_set_match_limit(context, MATCH_LIMIT);
    r = eval__expr(ev, call->call.args[0], out, e);
    for (size_t i = 0; r == 0 && i < out->n; i++) {
        const char *value = labels_get(&out->rows[i].labels, src);
        if (pcre2_match(code, (PCRE2_SPTR)value, strlen(value), 0, 0, data, context) < 0)
            continue;
        relabel(ev, &out->rows[i], dst, expand(template, value, code, data, ev->arena));
    }
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return r;
}

int call_label_join(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    const char *dst = call->call.args[1]->string, *between = call->call.args[2]->string;
    if (!labels__name_ok(dst))
        return err_set(e, ERR_INVALID, "invalid destination label name in label_join(): %s", dst);
    for (size_t k = 3; k < call->call.n_args; k++)
        if (!labels__name_ok(call->call.args[k]->string))
            return err_set(e, ERR_INVALID, "invalid source label name in label_join(): %s",
                           call->call.args[k]->string);
    int r = eval__expr(ev, call->call.args[0], out, e);
    for (size_t i = 0; r == 0 && i < out->n; i++) {
        AUTO_BUF struct buf b;
        buf_init(&b, TEXT_MAX);
        for (size_t k = 3; k < call->call.n_args; k++) {
            if (k > 3)
                buf_puts(&b, between);
            buf_puts(&b, labels_get(&out->rows[i].labels, call->call.args[k]->string));
        }
        relabel(ev, &out->rows[i], dst, buf_text(&b));
    }
    return r;
}
