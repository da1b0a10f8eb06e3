#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fs.h"
#include "blob/blob.h"
#include "t.h"

static char folder[64];

static struct blob_store *fresh(void)
{
    struct blob_store *s = NULL;
    struct err e = {0};
    (void)snprintf(folder, sizeof folder, "/tmp/slipway-blob-XXXXXX");
    T_OK(mkdtemp(folder) != NULL, "mkdtemp");
    T_RC(blob_store_open(folder, &s, &e), &e, "open");
    return s;
}

static void finish(struct blob_store *s)
{
    struct err e = {0};
    blob_store_free(s);
    T_RC(fs_remove_tree(folder, &e), &e, "remove");
}

static void puts_and_reads(void)
{
    struct err e = {0};
    char d[DIGEST_MAX], *text;
    size_t n;
    uint64_t size = 0;
    struct blob_store *s = fresh();
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    T_RC(blob_put(s, "hello", 5, d, &e), &e, "put");
    T_EQ_STR(d, "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", "put");
    T_OK(blob_has(s, d, &size) && size == 5, "has");
    T_RC(blob_read(s, d, 100, a, &text, &n, &e), &e, "read");
    T_EQ_STR(text, "hello", "read");
    T_EQ_INT(blob_read(s, d, 4, a, &text, &n, &e), ERR_TOO_LARGE, "read past max");
    T_RC(blob_put(s, "hello", 5, d, &e), &e, "put again");
    T_RC(blob_delete(s, d, &e), &e, "delete");
    T_EQ_INT(blob_delete(s, d, &e), ERR_NOT_FOUND, "delete again");
    T_OK(!blob_has(s, d, NULL), "gone");
    finish(s);
}

static void checks_what_is_expected(void)
{
    struct err e = {0};
    char d[DIGEST_MAX];
    struct blob_writer *w;
    struct blob_store *s = fresh();
    T_RC(blob_writer_new(s, &w, &e), &e, "writer");
    T_RC(blob_write(w, "abc", 3, &e), &e, "write");
    T_EQ_INT(blob_commit(w,
                         "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
                         d, &e),
             ERR_INVALID, "other bytes");
    T_RC(blob_writer_new(s, &w, &e), &e, "writer");
    T_RC(blob_write(w, "abc", 3, &e), &e, "write");
    T_RC(blob_commit(w,
                     "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
                     d, &e),
         &e, "sha512");
    T_OK(blob_has(s, d, NULL), "sha512 is there");
    finish(s);
}

static void refuses_digests(void)
{
    static const char *const bad[] = {
        "",
        "sha256:",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "sha256:../../../../etc/passwd",
        "sha256:2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824",
        "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b98241",
        "sha512:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        T_EQ_INT(blob_digest_check(bad[i], NULL), ERR_INVALID, bad[i]);
}

static bool keep_one(void *arg, const char *digest)
{
    return strcmp(arg, digest) == 0;
}

static void collects(void)
{
    struct err e = {0};
    char kept[DIGEST_MAX], lost[DIGEST_MAX];
    size_t n = 99;
    uint64_t bytes = 0;
    struct blob_store *s = fresh();
    T_RC(blob_put(s, "kept", 4, kept, &e), &e, "put");
    T_RC(blob_put(s, "lost!", 5, lost, &e), &e, "put");
    T_RC(blob_collect(s, keep_one, kept, clock_real_ms() - 60000, &n, &bytes, &e), &e, "young");
    T_EQ_INT(n, 0, "young blobs live");
    T_RC(blob_collect(s, keep_one, kept, clock_real_ms() + 60000, &n, &bytes, &e), &e, "old");
    T_EQ_INT(n, 1, "removed");
    T_EQ_INT(bytes, 5, "bytes");
    T_OK(blob_has(s, kept, NULL) && !blob_has(s, lost, NULL), "the right one");
    T_OK(blob_touch(s, kept) && !blob_touch(s, lost), "touch");
    finish(s);
}

/* A writer killed at any moment leaves no blob behind that is not whole. */
static void survives_kill(void)
{
    struct err e = {0};
    struct blob_store *s = fresh();
    int ready[2];
    T_OK(pipe2(ready, O_CLOEXEC) == 0, "pipe");
    pid_t pid = fork();
    if (pid == 0) {
        static char zeros[1 << 16];
        struct blob_writer *w;
        if (blob_writer_new(s, &w, NULL) < 0 || blob_write(w, zeros, sizeof zeros, NULL) < 0)
            _exit(1);
        if (write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            (void)pause();
    }
    char c;
    T_EQ_INT(read(ready[0], &c, 1), 1, "child wrote");
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    blob_store_free(s);
    T_RC(blob_store_open(folder, &s, &e), &e, "open again");
    char command[PATH_MAX];
    (void)snprintf(command, sizeof command, "%s/tmp", folder);
    T_EQ_INT(rmdir(command), 0, "no half-written file is left");
    finish(s);
}

T_MAIN(puts_and_reads, checks_what_is_expected, refuses_digests, collects, survives_kill)
