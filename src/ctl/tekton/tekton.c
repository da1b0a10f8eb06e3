/* tekton.c - what the loops share, made once. */
#include "ctl/tekton/tekton_int.h"

#include "base/log.h"

static char *copy(const char *text)
{
    if (!text)
        return NULL;
    char *s = strdup(text);
    if (!s)
        log_die("out of memory");
    return s;
}

struct tekton *tekton_new(const struct tekton_opts *o)
{
    struct tekton *t = calloc(1, sizeof *t);
    if (!t)
        log_die("out of memory");
    t->ports = o->ports;
    t->entrypoint_dir = copy(o->entrypoint_dir);
    t->tools_image = copy(o->tools_image ? o->tools_image : "slipway.local/tools");
    t->registry = copy(o->registry);
    t->work_url = copy(o->work_url);
    t->git_url = copy(o->git_url);
    return t;
}

void tekton_free(struct tekton *t)
{
    if (!t)
        return;
    free(t->entrypoint_dir);
    free(t->tools_image);
    free(t->registry);
    free(t->work_url);
    free(t->git_url);
    free(t);
}

void tekton_add(struct runner *r, struct tekton *t)
{
    runner_add(r, &taskrun_controller, t);
    runner_add(r, &pipelinerun_controller, t);
    runner_add(r, &push_controller, t);
}
