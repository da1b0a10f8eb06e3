/* shop - a small HTTP service: prices by article, health, metrics.
 *
 *   GET /             what runs here: version and greeting
 *   GET /price/NAME   the price in cents, 404 for an unknown article
 *   GET /healthz      200 while it serves
 *   GET /metrics      for Prometheus
 *
 * Environment: PORT (8080), GREETING, SHOP_ENVIRONMENT; the file named by SHOP_TOKEN_FILE, when
 * there is one, must be readable, or the service refuses to start.                            */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "metrics.h"
#include "price.h"
#include "version.h"

struct answer {
    int status;
    const char *type;
    char body[8192];
    size_t len;
};

static volatile sig_atomic_t stopping;
static int listener;

static void stop(int sig)
{
    (void)sig;
    stopping = 1;
    shutdown(listener, SHUT_RDWR);
}

static const char *env(const char *name, const char *otherwise)
{
    const char *v = getenv(name);
    return v && *v ? v : otherwise;
}

static void say(struct answer *a, int status, const char *text)
{
    a->status = status;
    a->len = (size_t)snprintf(a->body, sizeof a->body, "%s\n", text);
}

static void price(struct answer *a, const char *article)
{
    int cents = price_of(article);
    if (cents == -1) {
        say(a, 404, "no such article");
        return;
    }
    if (cents < 0) {
        say(a, 500, "the price is not to be had");
        return;
    }
    a->status = 200;
    a->len = (size_t)snprintf(a->body, sizeof a->body, "%d\n", cents);
}

static void route(struct answer *a, const char *path)
{
    a->type = "text/plain";
    if (strcmp(path, "/healthz") == 0) {
        say(a, 200, "ok");
    } else if (strcmp(path, "/metrics") == 0) {
        a->status = 200;
        a->type = "text/plain; version=0.0.4";
        a->len = metrics_print(a->body, sizeof a->body);
    } else if (strncmp(path, "/price/", 7) == 0) {
        price(a, path + 7);
    } else if (strcmp(path, "/") == 0) {
        a->status = 200;
        a->len = (size_t)snprintf(a->body, sizeof a->body, "shop %s: %s\n", SHOP_VERSION,
                                  env("GREETING", "welcome"));
    } else {
        say(a, 404, "not found");
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Reads one request head; false when the client has gone or sends nonsense. */
static int read_path(int fd, char *path, size_t room)
{
    char head[4096];
    size_t n = 0;
    while (n < sizeof head - 1) {
        ssize_t r = read(fd, head + n, sizeof head - 1 - n);
        if (r <= 0)
            return 0;
        n += (size_t)r;
        head[n] = '\0';
        if (strstr(head, "\r\n\r\n"))
            break;
    }
    char format[32];
    snprintf(format, sizeof format, "GET %%%zus", room - 1);
    if (sscanf(head, format, path) != 1)
        return 0;
    path[strcspn(path, "?")] = '\0';
    return 1;
}

static void *serve(void *arg)
{
    int fd = (int)(long)arg;
    char path[512], head[256];
    double start = now();
    if (read_path(fd, path, sizeof path)) {
        struct answer a = {0};
        route(&a, path);
        int n = snprintf(head, sizeof head,
                         "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                         "Connection: close\r\n\r\n",
                         a.status, a.status == 200 ? "OK" : "Error", a.type, a.len);
        if (write(fd, head, (size_t)n) == n && write(fd, a.body, a.len) == (ssize_t)a.len &&
            strncmp(path, "/price/", 7) == 0)
            metrics_request(a.status, now() - start);
        if (a.status >= 500)
            fprintf(stderr, "{\"level\":\"error\",\"path\":\"%s\",\"status\":%d}\n", path, a.status);
    }
    close(fd);
    return NULL;
}

static int open_listener(int port)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 128) < 0) {
        fprintf(stderr, "shop: port %d: %s\n", port, strerror(errno));
        exit(1);
    }
    return fd;
}

int main(void)
{
    const char *token = getenv("SHOP_TOKEN_FILE");
    if (token && access(token, R_OK) < 0) {
        fprintf(stderr, "shop: %s: %s\n", token, strerror(errno));
        return 1;
    }
    int port = (int)strtol(env("PORT", "8080"), NULL, 10);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, stop);
    listener = open_listener(port);
    printf("shop %s listens on port %d\n", SHOP_VERSION, port);
    fflush(stdout);
    while (!stopping) {
        int fd = accept(listener, NULL, NULL);
        pthread_t t;
        if (fd >= 0 && pthread_create(&t, NULL, serve, (void *)(long)fd) == 0)
            pthread_detach(t);
        else if (fd >= 0)
            close(fd);
    }
    printf("shop stops\n");
    usleep(200000); /* answers that are on their way */
    return 0;
}
