/* logql_stage.c - the stages of a log query as they are written. */
#include <ctype.h>
#include <string.h>

#include "logs/logql_int.h"
#include "template/template.h"

enum { MAX_NAMES = 64, DEEPEST = 20, MAX_CHAIN = 100 };

static int compile(struct parser *p, const char *text, unsigned flags, struct regex **out,
                   struct err *e)
{
    int r = regex_compile(text, strlen(text), flags, out, e);
    if (r == 0)
        arena_defer(p->arena, (void (*)(void *))regex_free, *out);
    return r;
}

/* ---- conditions on labels ---- */

static bool take_compare(struct parser *p, enum compare_op *out)
{
    static const struct {
        const char *token;
        enum compare_op op;
    } ops[] = {
        {"==", CMP_EQ       },
        {"=~", CMP_MATCH    },
        {"!=", CMP_NE       },
        {"!~", CMP_NOT_MATCH},
        {">=", CMP_GE       },
        {"<=", CMP_LE       },
        {">",  CMP_GT       },
        {"<",  CMP_LT       },
        {"=",  CMP_EQ       },
    };
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (logql__take(p, ops[i].token)) {
            *out = ops[i].op;
            return true;
        }
    return false;
}

static int take_value(struct parser *p, struct condition *c, struct err *e)
{
    char *end;
    logql__skip(p);
    if (*p->at == '"' || *p->at == '`') {
        int r = logql__string(p, &c->text, e);
        bool regex = c->compare == CMP_MATCH || c->compare == CMP_NOT_MATCH;
        if (r == 0 && !regex && c->compare != CMP_EQ && c->compare != CMP_NE)
            return logql__fail(p, e, "a text can be compared with = != =~ !~ only");
        return r == 0 && regex ? compile(p, c->text, REGEX_ANCHORED, &c->regex, e) : r;
    }
    size_t n = *p->at == '-';
    while (isalnum((unsigned char)p->at[n]) || p->at[n] == '.')
        n++;
    const char *word = arena_strndup(p->arena, p->at, n);
    c->number = strtod(word, &end);
    if (end != word && !*end)
        c->as = AS_NUMBER;
    else if (logql__duration(word, &c->number))
        c->as = AS_DURATION;
    else if (logql__bytes(word, &c->number))
        c->as = AS_BYTES;
    else
        return logql__fail(p, e, "a text, number, duration or size is missing");
    if (c->compare == CMP_MATCH || c->compare == CMP_NOT_MATCH)
        return logql__fail(p, e, "=~ and !~ need a text");
    p->at += n;
    return 0;
}

static int take_condition(struct parser *p, unsigned depth, struct condition **out, struct err *e);

static int take_leaf(struct parser *p, unsigned depth, struct condition **out, struct err *e)
{
    if (depth > DEEPEST)
        return logql__fail(p, e, "conditions are nested too deep");
    if (logql__take(p, "(")) {
        int r = take_condition(p, depth + 1, out, e);
        return r == 0 && !logql__take(p, ")") ? logql__fail(p, e, "a ) is missing") : r;
    }
    struct condition *c = *out = ARENA_NEW(p->arena, struct condition);
    c->label = logql__name(p);
    if (!c->label)
        return logql__fail(p, e, "a stage or label name is missing");
    if (!take_compare(p, &c->compare))
        return logql__fail(p, e, "no stage has this name, and a condition needs an operator");
    return take_value(p, c, e);
}

static int take_chain(struct parser *p, unsigned depth, bool or, struct condition **out,
                      struct err *e)
{
    int r = or ? take_chain(p, depth, false, out, e) : take_leaf(p, depth, out, e);
    for (unsigned n = 0; r == 0; n++) { /* as deep as it is long when it is looked at */
        bool more = or ? logql__word(p, "or") : logql__word(p, "and") || logql__take(p, ",");
        if (!more)
            break;
        if (n == MAX_CHAIN)
            return logql__fail(p, e, "too many conditions");
        struct condition *both = ARENA_NEW(p->arena, struct condition);
        *both = (struct condition){.op = or ? '|' : '&', .left = *out};
        r = or ? take_chain(p, depth, false, &both->right, e)
               : take_leaf(p, depth, &both->right, e);
        *out = both;
    }
    return r;
}

static int take_condition(struct parser *p, unsigned depth, struct condition **out, struct err *e)
{
    return take_chain(p, depth, true, out, e);
}

/* ---- the other stages ---- */

static int take_template(struct parser *p, struct template_set **out, struct err *e)
{
    const char *text;
    int r = logql__string(p, &text, e);
    if (r < 0)
        return r;
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    for (const char *at = text; *at; at++) { /* Loki's two functions are members of ours */
        bool own = strncmp(at, "__line__", 8) == 0 || strncmp(at, "__timestamp__", 13) == 0;
        bool dotted = at > text && (at[-1] == '.' || isalnum((unsigned char)at[-1]));
        if (own && !dotted)
            buf_putc(&b, '.');
        buf_putc(&b, *at);
    }
    *out = template_set_new(p->arena, NULL);
    return template_parse(*out, "t", arena_strdup(p->arena, buf_text(&b)), b.len, e);
}

/* label="path", other="path" of json and logfmt; label=other, label="template" of label_format. */
static int take_renamings(struct parser *p, bool templates, struct stage *s, struct err *e)
{
    s->renamings = ARENA_ARRAY(p->arena, struct renaming, MAX_NAMES);
    do {
        struct renaming *x = &s->renamings[s->n_renamings];
        if (s->n_renamings++ == MAX_NAMES - 1)
            return logql__fail(p, e, "too many names");
        x->to = logql__name(p);
        if (!x->to)
            return logql__fail(p, e, "a label name is missing");
        bool said = logql__take(p, "=");
        int r = 0;
        logql__skip(p);
        bool quoted = *p->at == '"' || *p->at == '`';
        if (!said && !templates)
            x->from = x->to;
        else if (!said)
            return logql__fail(p, e, "a = is missing");
        else if (templates && quoted)
            r = take_template(p, &x->text, e);
        else if (templates)
            x->from = logql__name(p);
        else
            r = logql__string(p, &x->from, e);
        if (r == 0 && !x->from && !x->text)
            return logql__fail(p, e, "a label or text is missing");
        if (r < 0)
            return r;
    } while (logql__take(p, ","));
    return 0;
}

static int take_pattern(struct parser *p, struct stage *s, struct err *e)
{
    const char *text;
    int r = logql__string(p, &text, e);
    s->parts = ARENA_ARRAY(p->arena, struct pattern_part, MAX_NAMES + 1);
    for (const char *at = text; r == 0;) {
        const char *open = strchr(at, '<'), *close = open ? strchr(open, '>') : NULL;
        struct pattern_part *part = &s->parts[s->n_parts];
        if (s->n_parts++ == MAX_NAMES)
            return logql__fail(p, e, "a pattern has too many names");
        if (!close) {
            part->literal = at;
            return s->n_parts == 1 ? logql__fail(p, e, "a pattern needs a <name>") : 0;
        }
        part->literal = arena_strndup(p->arena, at, (size_t)(open - at));
        part->name = arena_strndup(p->arena, open + 1, (size_t)(close - open - 1));
        if (s->n_parts > 1 && !*part->literal)
            return logql__fail(p, e, "two names of a pattern stand side by side");
        at = close + 1;
    }
    return r;
}

static int take_regexp(struct parser *p, struct stage *s, struct err *e)
{
    const char *text;
    int r = logql__string(p, &text, e);
    if (r == 0)
        r = compile(p, text, 0, &s->regex, e);
    bool named = false;
    for (size_t i = 1; r == 0 && i <= regex_groups(s->regex); i++)
        named = named || regex_group_name(s->regex, i);
    return r == 0 && !named ? logql__fail(p, e, "the expression needs a (?P<name>…)") : r;
}

static int take_names(struct parser *p, struct stage *s, struct err *e)
{
    const char **names = ARENA_ARRAY(p->arena, const char *, MAX_NAMES);
    s->names = names;
    do {
        if (s->n_names == MAX_NAMES)
            return logql__fail(p, e, "too many names");
        names[s->n_names] = logql__name(p);
        if (!names[s->n_names++])
            return logql__fail(p, e, "a label name is missing");
    } while (logql__take(p, ","));
    return 0;
}

static int take_unwrap(struct parser *p, struct stage *s, struct err *e)
{
    const char **names = ARENA_ARRAY(p->arena, const char *, 1);
    const char *name = logql__name(p);
    s->names = names;
    s->n_names = 1;
    if (name && logql__take(p, "(")) {
        s->unit = strncmp(name, "duration", 8) == 0 ? UNWRAP_DURATION
                  : strcmp(name, "bytes") == 0      ? UNWRAP_BYTES
                                                    : UNWRAP_PLAIN;
        if (s->unit == UNWRAP_PLAIN)
            return logql__fail(p, e, "unwrap converts with duration() and bytes() only");
        name = logql__name(p);
        if (!logql__take(p, ")"))
            return logql__fail(p, e, "a ) is missing");
    }
    names[0] = name;
    return name ? 0 : logql__fail(p, e, "a label name is missing");
}

static bool more_names(struct parser *p)
{
    logql__skip(p);
    return isalpha((unsigned char)*p->at) || *p->at == '_';
}

int logql__stage(struct parser *p, struct stage *out, struct err *e)
{
    static const struct {
        const char *word;
        enum stage_kind kind;
    } kinds[] = {
        {"json",         STAGE_JSON        },
        {"logfmt",       STAGE_LOGFMT      },
        {"regexp",       STAGE_REGEXP      },
        {"pattern",      STAGE_PATTERN     },
        {"line_format",  STAGE_LINE_FORMAT },
        {"label_format", STAGE_LABEL_FORMAT},
        {"drop",         STAGE_DROP        },
        {"keep",         STAGE_KEEP        },
        {"unwrap",       STAGE_UNWRAP      },
    };
    *out = (struct stage){.kind = STAGE_LABEL};
    for (size_t i = 0; i < ARRAY_LEN(kinds) && out->kind == STAGE_LABEL; i++)
        if (logql__word(p, kinds[i].word))
            out->kind = kinds[i].kind;
    switch (out->kind) {
    case STAGE_JSON:
    case STAGE_LOGFMT:
        return more_names(p) ? take_renamings(p, false, out, e) : 0;
    case STAGE_REGEXP:
        return take_regexp(p, out, e);
    case STAGE_PATTERN:
        return take_pattern(p, out, e);
    case STAGE_LINE_FORMAT:
        return take_template(p, &out->text, e);
    case STAGE_LABEL_FORMAT:
        return take_renamings(p, true, out, e);
    case STAGE_DROP:
    case STAGE_KEEP:
        return take_names(p, out, e);
    case STAGE_UNWRAP:
        return take_unwrap(p, out, e);
    case STAGE_LABEL:
    case STAGE_LINE:
        break;
    }
    return take_condition(p, 0, &out->condition, e);
}
