#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "net/http_server.h"
#include "t.h"
#include "vcs/repo.h"

#define SECRET "hunter2-is-nobodys-password"

/* A remote that says no and remembers what it was shown, and whether the whole machine saw it. */
struct witness {
    char shown[256];
    bool listed;
};

static bool holds_secret(const char *process, const char *file)
{
    char path[300], bytes[65536];
    (void)snprintf(path, sizeof path, "/proc/%s/%s", process, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, bytes, sizeof bytes);
    if (fd >= 0)
        (void)close(fd);
    return n > 0 && memmem(bytes, (size_t)n, SECRET, sizeof SECRET - 1);
}

/* Any process, by its arguments or its environment. */
static bool secret_is_listed(void)
{
    DIR *d = opendir("/proc");
    bool found = false;
    for (struct dirent *p; d && (p = readdir(d)) && !found;)
        found = *p->d_name >= '0' && *p->d_name <= '9' &&
                (holds_secret(p->d_name, "cmdline") || holds_secret(p->d_name, "environ"));
    if (d)
        (void)closedir(d);
    return found;
}

static void witness_handle(struct http_request *q, void *arg)
{
    struct witness *w = arg;
    const char *header = http_header(q, "Authorization");
    if (header)
        (void)snprintf(w->shown, sizeof w->shown, "%s", header);
    w->listed |= secret_is_listed();
    http_send_text(q, 404, "nothing here");
}

static void credentials_are_shown_to_the_remote_alone(void)
{
    static const struct {
        const char *name, *userinfo, *user, *password, *token, *want;
    } cases[] = {
        {"nobody",                       "",                NULL,  NULL,   NULL,      ""                  },
        {"a user in the URL",            "ann:" SECRET "@", NULL,  NULL,   NULL,
         "Basic YW5uOmh1bnRlcjItaXMtbm9ib2R5cy1wYXNzd29yZA=="                                             },
        {"one with an escaped password", "ann:a%40b%3a@",   NULL,  NULL,   NULL,      "Basic YW5uOmFAYjo="},
        {"a token as the user",          SECRET "@",        NULL,  NULL,   NULL,
         "Basic aHVudGVyMi1pcy1ub2JvZHlzLXBhc3N3b3JkOg=="                                                 },
        {"of a Secret",                  "",                "ann", SECRET, NULL,
         "Basic YW5uOmh1bnRlcjItaXMtbm9ib2R5cy1wYXNzd29yZA=="                                             },
        {"a token",                      "",                NULL,  NULL,   SECRET,    "Bearer " SECRET    },
        {"both: the Secret's",           "bob:x@",          NULL,  NULL,   SECRET,    "Bearer " SECRET    },
        {"with quotes",                  "",                NULL,  NULL,   "a\"b\\c", "Bearer a\"b\\c"    },
    };
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    AUTO(http_server) struct http_server *server = NULL;
    AUTO(repo) struct repo *r = NULL;
    struct witness w;
    struct err e = {0};
    char dir[] = "/tmp/slipway-remote-XXXXXX";
    const struct http_listen listen = {.address = "127.0.0.1:0"};
    T_OK(mkdtemp(dir) != NULL, "mkdtemp");
    T_RC(http_server_start(&listen, witness_handle, &w, &server, &e), &e, "listen");
    T_RC(repo_create(arena_printf(a, "%s/x.git", dir), "main", &r, &e), &e, "repository");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        w = (struct witness){0};
        struct repo_remote from = {.url = arena_printf(a, "http://%s127.0.0.1:%u/x.git",
                                                       cases[i].userinfo, http_server_port(server)),
                                   .user = cases[i].user,
                                   .password = cases[i].password,
                                   .token = cases[i].token,
                                   .timeout_ms = 20000};
        T_EQ_INT(repo_fetch_mirror(r, &from, &e), ERR_NOT_FOUND, cases[i].name);
        T_EQ_STR(w.shown, cases[i].want, cases[i].name);
        T_OK(!w.listed, cases[i].name);
        T_OK(!strstr(e.msg, SECRET), e.msg);
    }
    struct repo_remote two_lines = {.url = "http://127.0.0.1:1/x.git", .token = "a\nb"};
    T_EQ_INT(repo_fetch_mirror(r, &two_lines, &e), ERR_INVALID, "two lines");
    two_lines = (struct repo_remote){.url = "http://ann:" SECRET "@h/x\n.git"};
    T_EQ_INT(repo_fetch_mirror(r, &two_lines, &e), ERR_INVALID, "two lines of URL");
    T_OK(!strstr(e.msg, SECRET), e.msg);
    (void)!fs_remove_tree(dir, NULL);
}

T_MAIN(credentials_are_shown_to_the_remote_alone)
