#include "server/tekton_ports.h"

#include <stdio.h>
#include <string.h>

#include "net/http_client.h"
#include "server/server_int.h"
#include "vcs/repo.h"

enum { FILE_MAX = 4 << 20 };

static struct value *texts(struct arena *a, const struct value *list)
{
    struct value *out = value_new_array(a);
    VALUE_EACH_ITEM (v, list)
        (void)value_push_str(a, out, value_str(v, ""));
    return out;
}

static int image_config(void *arg, const char *image, struct arena *a, struct value **out,
                        struct err *e)
{
    struct server *s = arg;
    struct image found;
    int r = image_store_ensure(s->images, image, NULL, a, &found, e);
    if (r < 0)
        return r;
    const struct value *config = value_get(found.config, "config");
    struct value *v = value_new_object(a);
    (void)value_set(a, v, "entrypoint", texts(a, value_get(config, "Entrypoint")));
    (void)value_set(a, v, "cmd", texts(a, value_get(config, "Cmd")));
    *out = v;
    return 0;
}

/* The hosted repository that a URL or bare name means, or NULL. */
static const char *hosted_name(struct server *s, const char *url, struct arena *a)
{
    const char *git = strstr(url, "/git/");
    const char *name = git ? git + 5 : strstr(url, "://") ? NULL : url;
    if (!name)
        return NULL;
    size_t n = strlen(name);
    if (n > 4 && strcmp(name + n - 4, ".git") == 0)
        n -= 4;
    name = arena_strndup(a, name, n);
    return host_name_valid(name) && access(repository_path(&s->repositories, name, a), F_OK) == 0
               ? name
               : NULL;
}

static int git_file(void *arg, const char *url, const char *revision, const char *path,
                    struct arena *a, char **out, size_t *out_n, struct err *e)
{
    struct server *s = arg;
    AUTO(repo) struct repo *r = NULL;
    const char *name = hosted_name(s, url, a), *text;
    char sha[REPO_SHA_MAX];
    if (!name) {
        (void)err_set(e, ERR_NOT_FOUND, "git repository %s is not hosted here", url);
        return err_hint(e, "make a Repository with spec.url %s; it is then mirrored", url);
    }
    int rc = repo_open(repository_path(&s->repositories, name, a), &r, e);
    if (rc == 0)
        rc = repo_resolve(r, *revision ? revision : "HEAD", sha, e);
    if (rc == 0)
        rc = repo_read(r, sha, path, a, &text, out_n, e);
    if (rc == 0)
        *out = arena_strndup(a, text, *out_n);
    return rc;
}

static int http_file(void *arg, const char *url, struct arena *a, char **out, size_t *out_n,
                     struct err *e)
{
    (void)arg;
    struct http_client_opts o = {.timeout_ms = 30000};
    struct http_call call = {.method = "GET", .url = url, .max_answer = FILE_MAX, .follow = true};
    struct http_answer answer;
    AUTO(http_client) struct http_client *c = http_client_new(&o);
    int r = http_do(c, &call, a, &answer, e);
    if (r < 0)
        return r;
    if (answer.status != 200)
        return err_set(e, ERR_NOT_FOUND, "GET %s: status %d", url, answer.status);
    *out = arena_strndup(a, answer.body, answer.body_len);
    *out_n = answer.body_len;
    return 0;
}

static int push_event(void *arg, const char *ns, const char *repository, const char *ref,
                      const char *before, const char *after, struct arena *a, struct value **out,
                      struct err *e)
{
    struct server *s = arg;
    AUTO(repo) struct repo *r = NULL;
    struct repo_commit c;
    (void)ns;
    (void)ref;
    (void)before;
    int rc = repo_open(repository_path(&s->repositories, repository, a), &r, e);
    if (rc == 0)
        rc = repo_commit_read(r, after, a, &c, e);
    if (rc < 0)
        return rc;
    char when[CLOCK_TEXT_MAX];
    clock_format_rfc3339(c.author.when_s * 1000, when);
    struct value *v = value_new_object(a), *head = value_make_object(a, v, "head_commit");
    (void)value_set_str(a, head, "id", c.sha);
    (void)value_set_str(a, head, "message", c.message);
    (void)value_set_str(a, head, "timestamp", when);
    struct value *author = value_make_object(a, head, "author");
    (void)value_set_str(a, author, "name", c.author.name);
    (void)value_set_str(a, author, "email", c.author.email);
    *out = v;
    return 0;
}

static int may_create(void *arg, const char *ns, const char *account, const struct resource *res,
                      const char *in_ns, struct err *e)
{
    struct server *s = arg;
    AUTO(arena) struct arena *a = arena_new(0);
    const char *const groups[] = {"system:serviceaccounts",
                                  arena_printf(a, "system:serviceaccounts:%s", ns),
                                  "system:authenticated"};
    const struct identity who = {.user =
                                     arena_printf(a, "system:serviceaccount:%s:%s", ns, account),
                                 .groups = groups,
                                 .n_groups = ARRAY_LEN(groups)};
    const struct access what = {
        .verb = "create", .group = res->group, .resource = res->plural, .ns = in_ns};
    return rights_authorize(s, &who, &what, e);
}

struct tekton *tekton_ports_new(struct server *s)
{
    struct tekton_opts o = {
        .ports = {.arg = s,
                  .image_config = image_config,
                  .git_file = git_file,
                  .http_file = http_file,
                  .push_event = push_event,
                  .may_create = may_create}
    };
    const char *at = server__for_pods(s, s->opts.git_address);
    if (at) {
        o.work_url = arena_printf(s->arena, "http://%s", at);
        o.git_url = arena_printf(s->arena, "http://%s/git/", at);
    }
    if (s->opts.kubeconfig) { /* its nodes have neither our images nor the entrypoint */
        o.tools_image = s->opts.tools_image;
        o.registry = server__for_pods(s, s->opts.registry_address);
    } else {
        o.entrypoint_dir = arena_printf(s->arena, "%s/bin", s->dir);
    }
    return tekton_new(&o);
}
