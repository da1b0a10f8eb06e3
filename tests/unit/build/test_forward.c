#include "build/forward.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "t.h"

static struct sockaddr_un address(const char *dir, const char *name)
{
    struct sockaddr_un u = {.sun_family = AF_UNIX};
    (void)snprintf(u.sun_path, sizeof u.sun_path, "%s/%s", dir, name);
    return u;
}

static void forwards(void)
{
    char dir[] = "/tmp/slipway-forward-XXXXXX", got[8] = "";
    T_OK(mkdtemp(dir) != NULL, "folder");
    struct sockaddr_un agent = address(dir, "agent"), own = address(dir, "own");
    struct err e = {0};
    struct forward *f;
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    T_EQ_INT(bind(listener, (struct sockaddr *)&agent, sizeof agent), 0, "bind");
    T_EQ_INT(listen(listener, 4), 0, "listen");
    T_RC(forward_open(own.sun_path, agent.sun_path, &f, &e), &e, "open");
    for (int i = 0; i < 40; i++) { /* more than there are places: they are given back */
        int client = socket(AF_UNIX, SOCK_STREAM, 0);
        T_EQ_INT(connect(client, (struct sockaddr *)&own, sizeof own), 0, "connect");
        int served = accept(listener, NULL, NULL);
        T_EQ_INT(write(client, "ask", 3), 3, "ask");
        T_EQ_INT(read(served, got, sizeof got), 3, "asked");
        T_EQ_INT(write(served, "tell", 4), 4, "tell");
        T_EQ_INT(read(client, got, sizeof got), 4, "told");
        (void)close(client);
        T_EQ_INT(read(served, got, sizeof got), 0, "the end is passed on");
        (void)close(served);
    }
    forward_free(f);
    int late = socket(AF_UNIX, SOCK_STREAM, 0);
    T_OK(connect(late, (struct sockaddr *)&own, sizeof own) < 0, "nobody listens any more");
    (void)close(late);
    (void)close(listener);
    (void)unlink(own.sun_path);
    (void)unlink(agent.sun_path);
    (void)rmdir(dir);
}

T_MAIN(forwards)
