#include "base/own.h"
#include "codec/json.h"
#include "codec/toml.h"
#include "fuzz.h"

static void print(struct buf *b, const struct value *v);

static void print_table(struct buf *b, const struct value *v, const char *separator)
{
    VALUE_EACH_MEMBER (m, v) {
        if (m != v->members)
            buf_puts(b, separator);
        json_print_string(b, m->key, m->key_len, 0);
        buf_puts(b, " = ");
        print(b, &m->value);
    }
}

static void print(struct buf *b, const struct value *v)
{
    if (value_is(v, VALUE_OBJECT)) {
        buf_putc(b, '{');
        print_table(b, v, ", ");
        buf_putc(b, '}');
    } else if (value_is(v, VALUE_ARRAY)) {
        buf_putc(b, '[');
        VALUE_EACH_ITEM (item, v) {
            print(b, item);
            buf_putc(b, ',');
        }
        buf_putc(b, ']');
    } else if (value_is(v, VALUE_FLOAT)) {
        buf_printf(b, "%.17e", v->d);
    } else {
        json_print(b, v, 0); /* its escapes are TOML's */
    }
}

static bool has_delete(const struct buf *b)
{
    return memchr(buf_text(b), 0x7f, b->len) != NULL; /* TOML wants it escaped, JSON does not */
}

/* Property: what parses, written out as inline tables, parses to the same again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf b;
    struct value *v, *again;
    buf_init(&b, 16 << 20);
    if (size > 1 << 16 || toml_parse(a, (const char *)data, size, &v, NULL) < 0)
        return 0;
    print_table(&b, v, "\n");
    struct err e = {0};
    if (has_delete(&b))
        return 0;
    int r = toml_parse(a, buf_text(&b), b.len, &again, &e);
    MUST(r == ERR_TOO_LARGE || (r == 0 && value_equal(v, again)));
    return 0;
}
