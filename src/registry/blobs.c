#include <ctype.h>
#include <string.h>

#include "registry/registry_int.h"

enum range_kind { RANGE_NONE, RANGE_SOME, RANGE_BAD };

static bool read_number(const char **at, uint64_t *out)
{
    uint64_t n = 0;
    const char *s = *at;
    if (!isdigit((unsigned char)*s))
        return false;
    for (; isdigit((unsigned char)*s); s++) {
        if (n > UINT64_MAX / 20)
            return false;
        n = n * 10 + (uint64_t)(*s - '0');
    }
    *at = s;
    *out = n;
    return true;
}

/* "bytes=a-b", "bytes=a-", "bytes=-n"; several ranges are answered with the whole, as a server
 * may. */
static enum range_kind parse_range(const char *text, uint64_t size, uint64_t *from, uint64_t *to)
{
    uint64_t n;
    if (!text || strncmp(text, "bytes=", 6) != 0 || strchr(text, ','))
        return RANGE_NONE;
    text += 6;
    *to = size - 1;
    if (*text == '-') {
        text++;
        if (!read_number(&text, &n) || *text)
            return RANGE_NONE;
        *from = n < size ? size - n : 0;
        return n == 0 || size == 0 ? RANGE_BAD : RANGE_SOME;
    }
    if (!read_number(&text, from) || *text++ != '-')
        return RANGE_NONE;
    if (*text && (!read_number(&text, &n) || *text || n < *from))
        return RANGE_NONE;
    if (*from >= size)
        return RANGE_BAD;
    if (text[-1] != '-' && n < *to)
        *to = n;
    return RANGE_SOME;
}

static void get(struct registry_call *c)
{
    struct err e = {0};
    uint64_t size, from = 0, to = 0;
    int fd;
    if (!refs_has(c->registry->refs, name_blob(c, c->repository, c->reference)) ||
        blob_open(c->registry->blobs, c->reference, &fd, &size, &e) < 0) {
        answer__error(c, 404, "BLOB_UNKNOWN", "no such blob in this repository");
        return;
    }
    /* Told that it is here: it stays for another grace period. */
    (void)blob_touch(c->registry->blobs, c->reference);
    answer__set(c, "Docker-Content-Digest", "%s", c->reference);
    answer__set(c, "ETag", "\"%s\"", c->reference);
    http_set_header(c->q, "Accept-Ranges", "bytes");
    switch (parse_range(http_header(c->q, "Range"), size, &from, &to)) {
    case RANGE_SOME:
        answer__set(c, "Content-Range", "bytes %llu-%llu/%llu", (unsigned long long)from,
                    (unsigned long long)to, (unsigned long long)size);
        http_send_file(c->q, 206, "application/octet-stream", fd, (int64_t)from,
                       (int64_t)(to - from + 1));
        break;
    case RANGE_BAD:
        (void)close(fd);
        answer__set(c, "Content-Range", "bytes */%llu", (unsigned long long)size);
        answer__error(c, 416, "RANGE_INVALID", "the range starts behind the end of the blob");
        break;
    case RANGE_NONE:
        http_send_file(c->q, 200, "application/octet-stream", fd, 0, (int64_t)size);
        break;
    }
}

static void delete (struct registry_call *c)
{
    struct err e = {0};
    const char *name = name_blob(c, c->repository, c->reference);
    if (!refs_has(c->registry->refs, name))
        answer__error(c, 404, "BLOB_UNKNOWN", "no such blob in this repository");
    else if (refs_remove(c->registry->refs, name, &e) < 0)
        answer__err(c, &e, "UNKNOWN");
    else {
        registry_policy_recount(c->policy);
        answer__empty(c, 202);
    }
}

void blobs__handle(struct registry_call *c)
{
    struct err e = {0};
    const char *m = c->q->method;
    if (blob_digest_check(c->reference, &e) < 0)
        answer__error(c, 400, "DIGEST_INVALID", e.msg);
    else if (strcmp(m, "GET") == 0 || strcmp(m, "HEAD") == 0)
        get(c);
    else if (strcmp(m, "DELETE") == 0)
        delete (c);
    else
        answer__error(c, 405, "UNSUPPORTED", "a blob can be read and deleted");
}
