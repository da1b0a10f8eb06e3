#include "cli/building.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "cli/verb.h"
#include "runtime/runtime.h"

/* posix_spawn() writes to neither. */
static char **argv_of(const char **list)
{
    return (char **)(uintptr_t)list;
}

static bool is_socket(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

struct agent {
    pid_t pid;
    int life; /* a pipe's end: the agent goes when it is closed, however this process ends */
};

static int start_agent(const char *socket, struct agent *out, struct err *e)
{
    static const char wait[] = "trap '' INT TERM; cat; kill \"$SSH_AGENT_PID\"";
    const char *agent[] = {"ssh-agent", "-a", socket, "sh", "-c", wait, NULL};
    const char *env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", NULL};
    posix_spawn_file_actions_t files;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, errno, "make a pipe");
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawn_file_actions_adddup2(&files, ends[0], 0);
    int rc = posix_spawnp(&out->pid, agent[0], &files, NULL, argv_of(agent), argv_of(env));
    (void)posix_spawn_file_actions_destroy(&files);
    (void)close(ends[0]);
    out->life = ends[1];
    if (rc == 0)
        return 0;
    out->pid = 0;
    (void)close(ends[1]);
    return err_sys(e, rc, "start ssh-agent");
}

static void stop_agent(const struct agent *agent)
{
    if (agent->pid <= 0)
        return;
    (void)close(agent->life);
    (void)waitpid(agent->pid, NULL, 0);
}

/* The agent listens before it starts what it lives for; whether it has says ssh-add. */
static int add_key(const char *key, const char *socket, struct arena *a, struct err *e)
{
    const char *add[] = {"ssh-add", "-q", key, NULL};
    const char *env[] = {arena_printf(a, "SSH_AUTH_SOCK=%s", socket), "SSH_ASKPASS_REQUIRE=never",
                         "PATH=/usr/local/bin:/usr/bin:/bin", NULL};
    int status;
    pid_t pid;
    int rc = posix_spawnp(&pid, add[0], NULL, NULL, argv_of(add), argv_of(env));
    if (rc != 0)
        return err_sys(e, rc, "start ssh-add for the key %s", key);
    return waitpid(pid, &status, 0) == pid && status == 0
               ? 0
               : err_set(e, ERR_INVALID, "ssh key %s cannot be used: ssh-add refuses it", key);
}

/* An agent that knows one key, for as long as the build takes. */
static int agent_of_key(const char *key, const char *socket, struct arena *a, struct agent *out,
                        struct err *e)
{
    int rc = access(key, R_OK) < 0 ? err_sys(e, errno, "read the ssh key %s", key)
                                   : start_agent(socket, out, e);
    for (int tries = 0; rc == 0 && tries < 6000 && !is_socket(socket); tries++) {
        if (waitpid(out->pid, NULL, WNOHANG) == out->pid) {
            (void)close(out->life);
            out->pid = 0;
            return err_set(e, ERR_SYSTEM, "ssh-agent does not start for the key %s", key);
        }
        (void)usleep(10000);
    }
    return rc < 0 ? rc : add_key(key, socket, a, e);
}

/* Keys that --ssh names are given to agents of this build's own. */
static int run_with_agents(struct build_opts *o, const char *data_dir, struct arena *a,
                           struct build_result *out, struct err *e)
{
    struct agent *agents = ARENA_ARRAY(a, struct agent, o->n_ssh + 1);
    struct build_ssh *ssh = ARENA_ARRAY(a, struct build_ssh, o->n_ssh + 1);
    int rc = 0;
    for (size_t i = 0; i < o->n_ssh; i++) {
        ssh[i] = o->ssh[i];
        if (rc < 0 || is_socket(ssh[i].socket))
            continue;
        ssh[i].socket =
            arena_printf(a, "%s/build-%d/ssh-%zu", verb_data_dir(data_dir), (int)getpid(), i);
        rc = agent_of_key(o->ssh[i].socket, ssh[i].socket, a, &agents[i], e);
    }
    o->ssh = ssh;
    if (rc == 0)
        rc = build_run(o, out, e);
    for (size_t i = 0; i < o->n_ssh; i++)
        stop_agent(&agents[i]);
    return rc;
}

/* The folder of the containers goes with the process. */
int building_run(struct build_opts *o, const char *data_dir, struct arena *a,
                 struct build_result *out, struct err *e)
{
    AUTO(runtime) struct runtime *rt = NULL;
    struct runtime_opts ro = {
        .dir = arena_printf(a, "%s/build-%d", verb_data_dir(data_dir), (int)getpid()),
        .cgroup_parent = "slipway-build"};
    int rc = runtime_open(&ro, &rt, e);
    if (rc == 0)
        rc = runtime_watch(rt, e);
    if (rc == 0) {
        o->runtime = rt;
        rc = run_with_agents(o, data_dir, a, out, e);
    }
    int gone = fs_remove_tree(ro.dir, NULL);
    (void)gone;
    return rc;
}
