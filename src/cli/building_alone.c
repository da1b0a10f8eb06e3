/* building_alone.c - builds without containers and network, which are most of what there is to
 * load: of a build whose steps are all cached nothing else is needed. */
#include <stdio.h>
#include <stdlib.h>

#include "build/unpack.h"
#include "cli/building.h"
#include "cli/light.h"
#include "net/http_client.h"
#include "podnet/podnet.h"
#include "runtime/runtime.h"
#include "vcs/clone.h"

/* What is said is kept back until it is certain that this program says all of it. */
int building_run(struct build_opts *o, const char *data_dir, struct arena *a,
                 struct build_result *out, struct err *e)
{
    (void)data_dir, (void)a;
    char *said = NULL;
    size_t n = 0;
    int rc = ERR_UNSUPPORTED;
    if (!o->has_context_fd && !o->no_cache && !o->pull) {
        FILE *to = o->arg, *kept = open_memstream(&said, &n);
        o->arg = kept;
        o->only_cached = true;
        rc = build_run(o, out, e);
        (void)fclose(kept);
        if (rc == 0)
            (void)fwrite(said, 1, n, to);
        free(said);
    }
    if (rc < 0)
        light_whole(NULL);
    return rc;
}

/* ---- never called with success: where one of them would be, a step is not cached ---- */

static int not_here(struct err *e)
{
    return err_set(e, ERR_UNSUPPORTED, "this part of the program runs and fetches nothing");
}

struct http_client *http_client_new(const struct http_client_opts *opts)
{
    (void)opts;
    return NULL;
}

void http_client_free(struct http_client *c)
{
    (void)c;
}

int http_do(struct http_client *c, const struct http_call *call, struct arena *a,
            struct http_answer *out, struct err *e)
{
    (void)c, (void)call, (void)a, (void)out;
    return not_here(e);
}

const char *http_answer_header(const struct http_answer *r, const char *name)
{
    (void)r, (void)name;
    return NULL;
}

int runtime_start(struct runtime *r, const struct container_spec *s, struct err *e)
{
    (void)r, (void)s;
    return not_here(e);
}

int runtime_kill(struct runtime *r, const char *id, int signal, struct err *e)
{
    (void)r, (void)id, (void)signal;
    return not_here(e);
}

int runtime_remove(struct runtime *r, const char *id, struct err *e)
{
    (void)r, (void)id;
    return not_here(e);
}

int runtime_get(struct runtime *r, const char *id, struct arena *a, struct container_info *out,
                struct err *e)
{
    (void)r, (void)id, (void)a, (void)out;
    return not_here(e);
}

void runtime_list(struct runtime *r, struct arena *a, struct container_info **out, size_t *n)
{
    (void)r, (void)a, (void)out;
    *n = 0;
}

const char *runtime_writable_layer(struct runtime *r, const char *id, struct arena *a)
{
    (void)r, (void)id, (void)a;
    return "";
}

int podnet_add(struct podnet *n, const char *id, const struct podnet_port *ports, size_t n_ports,
               struct arena *a, struct podnet_pod *out, struct err *e)
{
    (void)n, (void)id, (void)ports, (void)n_ports, (void)a, (void)out;
    return not_here(e);
}

int podnet_del(struct podnet *n, const char *id, struct err *e)
{
    (void)n, (void)id;
    return not_here(e);
}

const char *podnet_gateway(const struct podnet *n)
{
    (void)n;
    return "";
}

bool unpack_is_archive(int fd)
{
    (void)fd;
    return false;
}

int unpack_archive(int fd, int folder, struct err *e)
{
    (void)fd, (void)folder;
    return not_here(e);
}

int clone_into(const struct clone_opts *o, const char *folder, char out_commit[65], struct err *e)
{
    (void)o, (void)folder, (void)out_commit;
    return not_here(e);
}
