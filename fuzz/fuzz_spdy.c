/* Cutting the input into other pieces changes nothing of what is read: the same frames with the
 * same data, then the same error. */
#include "fuzz.h"

#include "net/spdy.h"

struct seen {
    uint64_t hash;
    uint32_t data; /* the stream whose data is being said, or 0 */
};

static void mix(struct seen *s, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++)
        s->hash = (s->hash ^ p[i]) * 1099511628211u;
}

static int see(void *arg, const struct spdy_frame *f, struct err *e)
{
    struct seen *s = arg;
    (void)e;
    if (f->kind != SPDY_DATA || s->data != f->id) {
        mix(s, &f->kind, sizeof f->kind);
        mix(s, &f->id, sizeof f->id);
    }
    s->data = f->kind == SPDY_DATA && !f->fin ? f->id : 0;
    mix(s, f->bytes, f->n);
    mix(s, &f->fin, f->kind != SPDY_DATA || f->fin ? sizeof f->fin : 0);
    MUST(f->n_headers <= SPDY_HEADERS);
    for (size_t i = 0; i < f->n_headers; i++) {
        mix(s, f->headers[i].name, strlen(f->headers[i].name) + 1);
        mix(s, f->headers[i].value, strlen(f->headers[i].value) + 1);
    }
    return 0;
}

static int read_all(const uint8_t *data, size_t size, size_t step, struct seen *s)
{
    AUTO(spdy) struct spdy *reader = spdy_new();
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < size; at += step)
        rc = spdy_feed(reader, data + at, size - at < step ? size - at : step, see, s, NULL);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole = {0}, pieces = {0};
    int rc = read_all(data, size, size + 1, &whole);
    MUST(read_all(data, size, 1 + size % 7, &pieces) == rc);
    MUST(whole.hash == pieces.hash);
    return 0;
}
