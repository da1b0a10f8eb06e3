/* Of several requests in a row on one connection each is read whole or the connection ends: a
 * body is never longer than what was sent, and what is left of it is not taken for a request. */
#include "fuzz.h"

#include <sys/socket.h>
#include <unistd.h>

#include "net/http_int.h"

enum { INPUT_MAX = 32 * 1024 }; /* fits a socket's buffer, so that one thread can do both ends */

static void read_body(struct http_request *q, size_t size)
{
    char piece[512];
    long n, total = 0;
    http_accept_gzip(q);
    while ((n = http_read(q, piece, sizeof piece, NULL)) > 0 && total < 1 << 20)
        total += n;
    if (!http_header(q, "Content-Encoding"))
        MUST((size_t)total <= size);
    if (n == 0 && q->content_length >= 0 && !http_header(q, "Content-Encoding"))
        MUST(total == q->content_length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int pair[2];
    if (size > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 0;
    MUST(write(pair[0], data, size) == (ssize_t)size);
    MUST(shutdown(pair[0], SHUT_WR) == 0);
    struct http_conn c = {.fd = pair[1]};
    buf_init(&c.headers, 64 * 1024);
    for (int i = 0; i < 64; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        struct http_request q = {.arena = a, .remote = "fuzz", .impl = &c};
        if (http__parse(&c, &q) != 0)
            break;
        MUST(q.path && q.method && *q.path);
        size_t cursor = 0;
        const char *name, *value;
        while (http_query_next(&q, &cursor, &name, &value))
            MUST(cursor <= strlen(q.query));
        if (i % 2 == 0)
            read_body(&q, size);
        if (!http__finish(&q) || !c.keep || c.broken)
            break;
    }
    http__conn_done(&c);
    (void)close(pair[0]);
    (void)close(pair[1]);
    return 0;
}
