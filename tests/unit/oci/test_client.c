#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/thread.h"
#include "codec/json.h"
#include "oci/images.h"
#include "t.h"

/* A registry of one image that wants a token, cuts the layer off half-way and once says 503. */
struct fake {
    int listener;
    unsigned port;
    pthread_t thread;
    struct image_store *store; /* where its image comes from */
    struct image image;
    char *manifest, *config, *layer;
    size_t n_manifest, n_config, n_layer;
    unsigned tokens, cuts, refusals, ranges;
    bool deny;
};

static void answer(int fd, const char *head, const char *body, size_t claim, size_t n)
{
    char text[1024];
    int k =
        snprintf(text, sizeof text,
                 "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", head, claim);
    if (send(fd, text, (size_t)k, MSG_NOSIGNAL) == k && n > 0)
        (void)!send(fd, body, n, MSG_NOSIGNAL);
}

static void serve_blob(struct fake *f, int fd, const char *request)
{
    if (strstr(request, f->image.config_digest)) {
        answer(fd, "200 OK", f->config, f->n_config, f->n_config);
        return;
    }
    const char *range = strstr(request, "Range: bytes=");
    size_t from = range ? strtoul(range + 13, NULL, 10) : 0;
    f->ranges += range != NULL;
    if (f->cuts == 0) {
        f->cuts++;
        answer(fd, "200 OK", f->layer, f->n_layer, f->n_layer / 2);
        return;
    }
    answer(fd, range ? "206 Partial Content" : "200 OK", f->layer + from, f->n_layer - from,
           f->n_layer - from);
}

static void serve(struct fake *f, int fd, const char *request)
{
    char head[512];
    if (strstr(request, "GET /token")) {
        f->tokens += strstr(request, "scope=repository:team/app:pull") != NULL;
        answer(fd, "200 OK\r\nContent-Type: application/json", "{\"token\":\"t0k\"}", 15, 15);
        return;
    }
    if (!strstr(request, "Authorization: Bearer t0k")) {
        (void)snprintf(
            head, sizeof head,
            "401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"http://127.0.0.1:%u/token\","
            "service=\"fake\",scope=\"x\"",
            f->port);
        answer(fd, head, "", 0, 0);
        return;
    }
    if (f->deny) {
        static const char text[] = "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"not yours\"}]}";
        answer(fd, "403 Forbidden", text, sizeof text - 1, sizeof text - 1);
        return;
    }
    if (f->refusals++ == 0) {
        answer(fd, "503 Service Unavailable", "", 0, 0);
        return;
    }
    if (strstr(request, "/blobs/"))
        serve_blob(f, fd, request);
    else if (strstr(request, "/manifests/v1 "))
        answer(fd, "200 OK\r\nContent-Type: application/vnd.oci.image.manifest.v1+json",
               f->manifest, f->n_manifest, f->n_manifest);
    else
        answer(fd, "404 Not Found", "", 0, 0);
}

static void *accept_loop(void *arg)
{
    struct fake *f = arg;
    for (int fd; (fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0; (void)close(fd)) {
        char request[4096] = "";
        size_t n = 0;
        for (ssize_t k; n < sizeof request - 1 && !strstr(request, "\r\n\r\n"); n += (size_t)k) {
            k = recv(fd, request + n, sizeof request - 1 - n, 0);
            if (k <= 0)
                break;
            request[n + (size_t)k] = '\0';
        }
        serve(f, fd, request);
        (void)shutdown(fd, SHUT_WR);
        (void)recv(fd, request, sizeof request, 0);
    }
    return NULL;
}

static char folder[64];

static void make_image(struct fake *f, struct arena *a)
{
    struct err e = {0};
    struct image_layer layer;
    char digest[DIGEST_MAX], path[PATH_MAX];
    static char noise[200000];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)(i * i >> 7);
    struct image_store_opts o = {.folder = arena_printf(a, "%s/origin", folder)};
    T_RC(image_store_open(&o, &f->store, &e), &e, "open");
    (void)snprintf(path, sizeof path, "%s/origin/root", folder);
    T_EQ_INT(mkdir(path, 0755), 0, "mkdir");
    T_RC(fs_write_atomic(arena_printf(a, "%s/f", path), 0644, noise, sizeof noise, &e), &e,
         "write");
    const struct image_layer_opts l = {.adopt = true};
    T_RC(image_layer_pack(f->store, path, &l, &layer, &e), &e, "pack");
    struct value *config = value_new_object(a);
    (void)value_set_str(a, config, "os", "linux");
    T_RC(image_store_assemble(f->store, a, config, &layer, 1, NULL, NULL, digest, &e), &e,
         "assemble");
    T_RC(image_store_find(f->store, digest, a, &f->image, &e), &e, "find");
    struct blob_store *b = image_store_blobs(f->store);
    T_RC(blob_read(b, digest, 1 << 20, a, &f->manifest, &f->n_manifest, &e), &e, "manifest");
    T_RC(blob_read(b, f->image.config_digest, 1 << 20, a, &f->config, &f->n_config, &e), &e,
         "config");
    T_RC(blob_read(b, layer.digest, 1 << 20, a, &f->layer, &f->n_layer, &e), &e, "layer");
}

static void start(struct fake *f)
{
    struct err e = {0};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    T_EQ_INT(bind(f->listener, (struct sockaddr *)&at, sizeof at), 0, "bind");
    T_EQ_INT(listen(f->listener, 8), 0, "listen");
    (void)getsockname(f->listener, (struct sockaddr *)&at, &len);
    f->port = ntohs(at.sin_port);
    T_RC(thread_start(&f->thread, "fake", 0, accept_loop, f, &e), &e, "thread");
}

static void pulls_against_the_odds(void)
{
    struct err e = {0};
    struct fake f = {0};
    struct image got = {0};
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    (void)snprintf(folder, sizeof folder, "/tmp/slipway-client-XXXXXX");
    T_OK(mkdtemp(folder) != NULL, "mkdtemp");
    make_image(&f, a);
    start(&f);
    struct image_store *s;
    /* The mirror stands for a host that there is no way to. */
    const struct image_mirror mirror = {"registry.invalid",
                                        arena_printf(a, "http://127.0.0.1:%u", f.port), false};
    struct image_store_opts o = {
        .folder = arena_printf(a, "%s/here", folder), .mirrors = &mirror, .n_mirrors = 1};
    T_RC(image_store_open(&o, &s, &e), &e, "open");
    const char *ref = arena_printf(a, "127.0.0.1:%u/team/app:v1", f.port);
    T_RC(image_store_ensure(s, ref, NULL, a, &got, &e), &e, "pull");
    T_EQ_STR(got.digest, f.image.digest, "digest");
    T_EQ_INT(f.tokens, 1, "one token, with the scope");
    T_EQ_INT(f.ranges, 1, "continued where it was cut off");
    T_RC(image_store_ensure(s, "registry.invalid/team/app:v1", NULL, a, &got, &e), &e, "mirror");
    T_EQ_STR(got.reference, "registry.invalid/team/app:v1", "named as asked for");
    ref = arena_printf(a, "127.0.0.1:%u/team/app:v2", f.port);
    T_EQ_INT(image_store_ensure(s, ref, NULL, a, &got, &e), ERR_NOT_FOUND, "no such tag");
    f.deny = true;
    T_EQ_INT(image_store_ensure(s, ref, NULL, a, &got, &e), ERR_DENIED, "denied");
    T_OK(strstr(e.msg, "not yours") != NULL, e.msg);
    struct image_ensure_opts never = {.policy = IMAGE_NEVER};
    T_EQ_INT(image_store_ensure(s, ref, &never, a, &got, &e), ERR_NOT_FOUND, "never asks");
    (void)shutdown(f.listener, SHUT_RDWR);
    (void)pthread_join(f.thread, NULL);
    (void)close(f.listener);
    image_store_free(s);
    image_store_free(f.store);
    T_RC(fs_remove_tree(folder, &e), &e, "remove");
}

T_MAIN(pulls_against_the_odds)
