#include "codec/proto_json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"

/* Whole numbers of 64 bits, signed or not, also as texts. */
static bool whole(const struct value *v, uint64_t *out)
{
    const char *text = v->text;
    char *end;
    if (v->kind == VALUE_INT) {
        *out = (uint64_t)v->i;
        return true;
    }
    if ((v->kind != VALUE_STRING && v->kind != VALUE_FLOAT) || !*text)
        return false;
    errno = 0;
    *out = *text == '-' ? (uint64_t)strtoll(text, &end, 10) : strtoull(text, &end, 10);
    return errno == 0 && !*end;
}

static bool number(const struct value *v, double *out)
{
    char *end;
    if (v->kind == VALUE_INT || v->kind == VALUE_FLOAT) {
        *out = v->kind == VALUE_INT ? (double)v->i : v->d;
        return true;
    }
    if (v->kind != VALUE_STRING || !*v->text)
        return false;
    *out = strtod(v->text, &end); /* "NaN", "Infinity", "-Infinity" too */
    return !*end;
}

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool put_hex(const struct proto_json_field *f, const struct value *v, struct buf *out)
{
    size_t at = proto_begin(out, f->number);
    for (uint32_t i = 0; i + 1 < v->n; i += 2) {
        int high = digit(v->text[i]), low = digit(v->text[i + 1]);
        if (high < 0 || low < 0)
            return false;
        buf_putc(out, (char)(high * 16 + low));
    }
    proto_end(out, at);
    return v->n % 2 == 0;
}

static bool put_base64(const struct proto_json_field *f, const struct value *v, struct buf *out)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *bytes;
    size_t n;
    if (base64_decode(a, v->text, v->n, BASE64_STD, &bytes, &n, NULL) < 0)
        return false;
    proto_put_bytes(out, f->number, bytes, n);
    return true;
}

static bool put_scalar(const struct proto_json_field *f, const struct value *v, struct buf *out)
{
    uint64_t n;
    double d;
    switch (f->kind) {
    case PROTO_JSON_TEXT:
        if (v->kind == VALUE_STRING)
            proto_put_bytes(out, f->number, v->text, v->n);
        return v->kind == VALUE_STRING;
    case PROTO_JSON_BASE64:
        return v->kind == VALUE_STRING && put_base64(f, v, out);
    case PROTO_JSON_HEX:
        return v->kind == VALUE_STRING && put_hex(f, v, out);
    case PROTO_JSON_BOOL:
        if (v->kind == VALUE_BOOL)
            proto_put_varint(out, f->number, v->boolean);
        return v->kind == VALUE_BOOL;
    case PROTO_JSON_INT:
    case PROTO_JSON_ZIGZAG:
    case PROTO_JSON_FIXED64:
        if (!whole(v, &n))
            return false;
        if (f->kind == PROTO_JSON_INT)
            proto_put_varint(out, f->number, n);
        else if (f->kind == PROTO_JSON_ZIGZAG)
            proto_put_zigzag(out, f->number, (int64_t)n);
        else
            proto_put_fixed64(out, f->number, n);
        return true;
    case PROTO_JSON_DOUBLE:
        if (!number(v, &d))
            return false;
        proto_put_double(out, f->number, d);
        return true;
    case PROTO_JSON_MESSAGE:
        break;
    }
    return false;
}

static int put_value(const struct proto_json_field *f, const struct value *v, struct buf *out,
                     struct err *e)
{
    if (f->kind == PROTO_JSON_MESSAGE) {
        size_t at = proto_begin(out, f->number);
        int r = proto_json_pack(v, f->message, out, e);
        proto_end(out, at);
        return r < 0 ? err_wrap(e, r, "%s", f->name) : 0;
    }
    if (!put_scalar(f, v, out))
        return err_set(e, ERR_INVALID, "%s: a value of another kind was expected", f->name);
    return 0;
}

static const struct proto_json_field *find(const struct proto_json_message *m, const char *name)
{
    for (const struct proto_json_field *f = m->fields; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

int proto_json_pack(const struct value *v, const struct proto_json_message *m, struct buf *out,
                    struct err *e)
{
    int r = 0;
    if (!value_is(v, VALUE_OBJECT))
        return err_set(e, ERR_INVALID, "an object was expected");
    VALUE_EACH_MEMBER (x, v) {
        const struct proto_json_field *f = find(m, x->key);
        if (!f || x->value.kind == VALUE_NULL)
            continue;
        if (!f->repeated) {
            r = put_value(f, &x->value, out, e);
        } else if (x->value.kind != VALUE_ARRAY) {
            r = err_set(e, ERR_INVALID, "%s: an array was expected", f->name);
        } else {
            for (uint32_t i = 0; r == 0 && i < x->value.n; i++)
                r = put_value(f, &x->value.items[i], out, e);
        }
        if (r < 0)
            return r;
    }
    return 0;
}
