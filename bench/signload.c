/* signload - opens a key and signs with it: what a process that holds the key pays.
 *
 *   signload KEY-FILE PASSPHRASE COUNT
 *
 * The first line is the milliseconds that opening took, then a line a signature. */
#include <stdio.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "codec/json.h"
#include "sign/dsse.h"
#include "sign/keyfile.h"

static double since(int64_t us)
{
    return (double)(clock_mono_us() - us) / 1e3;
}

static int sign_once(struct key *k, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    static const char payload[] = "{\"_type\":\"https://in-toto.io/Statement/v1\"}";
    struct value *envelope;
    return dsse_sign(k, DSSE_IN_TOTO, payload, sizeof payload - 1, a, &envelope, e);
}

static int run(char **argv, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(2 * KEYFILE_MAX);
    AUTO(key) struct key *k = NULL;
    char *pem;
    size_t n;
    int64_t begin = clock_mono_us(), count = 0;
    int r = fs_read(argv[1], KEYFILE_MAX, a, &pem, &n, e);
    if (r == 0)
        r = keyfile_open(pem, n, argv[2], &k, e);
    (void)printf("%.4f\n", since(begin));
    if (r == 0 && !value_int_from_text(argv[3], &count))
        r = err_set(e, ERR_INVALID, "%s is no count", argv[3]);
    for (int64_t i = 0; r == 0 && i < count; i++) {
        begin = clock_mono_us();
        r = sign_once(k, e);
        (void)printf("%.4f\n", since(begin));
    }
    return r;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    if (argc != 4) {
        (void)fputs("usage: signload KEY-FILE PASSPHRASE COUNT\n", stderr);
        return 2;
    }
    if (run(argv, &e) < 0) {
        (void)fprintf(stderr, "signload: %s\n", e.msg);
        return 1;
    }
    return 0;
}
