#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "apiserver/streams_int.h"
#include "base/log.h"
#include "base/thread.h"
#include "codec/json.h"
#include "net/websocket.h"

enum {
    CH_STDIN = 0,
    CH_STDOUT = 1,
    CH_STDERR = 2,
    CH_ERROR = 3,
    CH_RESIZE = 4,
    CH_CLOSE = 255, /* v5: the next byte names a channel that ends */
};

/* ---- which container ---- */

static bool in_list(const struct value *list, const char *name)
{
    VALUE_EACH_ITEM (v, list) {
        if (strcmp(value_at_str(v, "name", ""), name) == 0)
            return true;
    }
    return false;
}

static void add_names(struct buf *b, const struct value *list)
{
    VALUE_EACH_ITEM (v, list) {
        buf_printf(b, "%s%s", b->len ? " " : "", value_at_str(v, "name", ""));
    }
}

static int choose_container(struct call *c, const struct object *pod, const char *asked,
                            const char **out)
{
    const struct value *spec = value_get(pod->root, "spec");
    const struct value *main = value_get(spec, "containers"),
                       *init = value_get(spec, "initContainers");
    const char *marked = object_annotation(pod, "kubectl.kubernetes.io/default-container");
    if (asked && *asked) {
        if (!in_list(main, asked) && !in_list(init, asked) &&
            !in_list(value_get(spec, "ephemeralContainers"), asked))
            return refuse_bad_request(c, "container %s is not valid for pod %s", asked, pod->name);
        *out = asked;
        return 0;
    }
    if (marked && in_list(main, marked)) {
        *out = marked;
        return 0;
    }
    if (value_count(main) == 1 && value_count(init) == 0) {
        *out = value_at_str(value_item(main, 0), "name", "");
        return 0;
    }
    AUTO_BUF struct buf names;
    buf_init(&names, 64 * 1024);
    add_names(&names, init);
    add_names(&names, main);
    return refuse_bad_request(c,
                              "a container name must be specified for pod %s, choose one of: [%s]",
                              pod->name, buf_text(&names));
}

/* ---- logs ---- */

struct object *streams_past(const struct web *w)
{
    const struct past_pods *past = w->call.s->past_pods;
    AUTO(arena) struct arena *a = arena_new(0);
    const struct value *root;
    if (!past || past->get(past->arg, w->t.ns, w->t.name, a, &root, NULL) < 0)
        return NULL;
    return object_new(take_ptr(a), root);
}

struct log_stream {
    struct web *w;
    bool started;
};

static int begin_log(struct log_stream *s, struct err *e)
{
    if (s->started)
        return 0;
    s->started = true;
    s->w->status = 200;
    return http_stream_begin(s->w->q, 200, "text/plain", e);
}

static int write_log(void *arg, const void *bytes, size_t n, struct err *e)
{
    struct log_stream *s = arg;
    int rc = begin_log(s, e);
    if (rc < 0)
        return rc;
    if (n == 0)
        return http_client_gone(s->w->q) || s->w->call.s->stopping
                   ? err_set(e, ERR_CANCELLED, "the client went away")
                   : 0;
    return http_stream_write(s->w->q, bytes, n, e);
}

static int flag(struct web *w, const char *name)
{
    const char *v = http_query(w->q, name);
    return v && web__truth(v);
}

static int64_t number(struct web *w, const char *name, int64_t dflt)
{
    const char *v = http_query(w->q, name);
    return v && *v ? strtoll(v, NULL, 10) : dflt;
}

/* What is left of a pod that is deleted. */
static int serve_past_log(struct web *w, const struct object *pod, const struct pod_log_opts *o,
                          struct log_stream *s, struct err *e)
{
    const struct past_pods *past = w->call.s->past_pods;
    if (o->previous)
        return err_set(e, ERR_INVALID,
                       "previous terminated container \"%s\" in pod \"%s\" not found", o->container,
                       pod->name);
    return past->logs(past->arg, pod, o, write_log, s, e);
}

/* gone: the pod is deleted, and this is what is known of it. */
static int serve_log(struct web *w, const struct object *pod, bool gone)
{
    struct call *c = &w->call;
    struct pod_log_opts o = {.follow = flag(w, "follow"),
                             .previous = flag(w, "previous"),
                             .timestamps = flag(w, "timestamps"),
                             .tail_lines = number(w, "tailLines", -1),
                             .limit_bytes = number(w, "limitBytes", -1)};
    int rc = choose_container(c, pod, http_query(w->q, "container"), &o.container);
    if (rc < 0)
        return rc;
    int64_t seconds = number(w, "sinceSeconds", -1);
    const char *since = http_query(w->q, "sinceTime");
    struct err e = {0};
    if (seconds >= 0)
        o.since_ns = (c->now_ms - seconds * 1000) * 1000000;
    else if (since && clock_parse_rfc3339(since, &o.since_ns, &e) < 0)
        return refuse_bad_request(c, "%s", e.msg);
    if (!gone && !*value_at_str(pod->root, "spec.nodeName", "")) { /* nowhere yet: nothing to say */
        w->status = 204;
        http_send(w->q, 204, NULL, "", 0);
        return 0;
    }
    if (!gone && !c->s->door)
        return streams__unavailable(c);
    struct log_stream s = {.w = w};
    rc = gone ? serve_past_log(w, pod, &o, &s, &e)
              : c->s->door->ops->logs(c->s->door, pod, &o, write_log, &s, &e);
    if (rc < 0 && !s.started)
        return refuse_err(c, &e);
    if (rc < 0)
        http_stream_abort(w->q);
    else if (begin_log(&s, &e) < 0)
        http_stream_abort(w->q);
    return 0;
}

/* ---- exec and attach ---- */

struct session {
    struct web *w;
    struct websocket *ws;
    int in_write, resize_write; /* our ends of the process's pipes; -1: none */
    int out_read, err_read;
    int gone_read, gone_write; /* at its end once the client has gone */
};

static void put_size(struct session *s, const unsigned char *text, size_t n)
{
    AUTO(arena) struct arena *a = arena_new(64 * 1024);
    struct value *v = NULL;
    struct err e = {0};
    if (s->resize_write < 0 || json_parse(a, (const char *)text, n, 0, &v, &e) < 0)
        return;
    struct pod_size size = {.cols = (uint16_t)value_at_int(v, "Width", 0),
                            .rows = (uint16_t)value_at_int(v, "Height", 0)};
    ssize_t put = write(s->resize_write, &size, sizeof size);
    (void)put; /* a terminal that misses a resize goes on */
}

/* Client → process, until the client leaves. */
static void *input_main(void *arg)
{
    struct session *s = arg;
    struct websocket_message m;
    while (websocket_receive(s->ws, &m, NULL) == 0) {
        if (m.n == 0)
            continue;
        if (m.bytes[0] == CH_STDIN && s->in_write >= 0) {
            if (!streams__write(websocket_fd(s->ws), s->in_write, m.bytes + 1, m.n - 1))
                streams__close(&s->in_write);
        } else if (m.bytes[0] == CH_RESIZE) {
            put_size(s, m.bytes + 1, m.n - 1);
        } else if (m.bytes[0] == CH_CLOSE && m.n > 1 && m.bytes[1] == CH_STDIN) {
            streams__close(&s->in_write);
        }
    }
    streams__close(&s->in_write);
    streams__close(&s->resize_write);
    streams__close(&s->gone_write);
    return NULL;
}

/* Process → client, until both of its outputs have ended or nobody listens. */
static void *output_main(void *arg)
{
    struct session *s = arg;
    char piece[STREAMS_PIECE];
    while (s->out_read >= 0 || s->err_read >= 0) {
        struct pollfd f[3] = {
            {.fd = s->out_read,  .events = POLLIN},
            {.fd = s->err_read,  .events = POLLIN},
            {.fd = s->gone_read, .events = POLLIN}
        };
        if (poll(f, 3, -1) < 0 && errno != EINTR)
            break;
        if (f[2].revents)
            break;
        for (int i = 0; i < 2; i++) {
            if (!f[i].revents)
                continue;
            ssize_t n = read(f[i].fd, piece, sizeof piece);
            int *fd = i == 0 ? &s->out_read : &s->err_read;
            if (n <= 0 || websocket_send_channel(s->ws, i == 0 ? CH_STDOUT : CH_STDERR, piece,
                                                 (size_t)n, NULL) < 0)
                streams__close(fd);
        }
    }
    return NULL;
}

/* How it ended, as a Status on the error channel. */
static void send_end(struct session *s, int rc, int exit_code, const struct err *e)
{
    struct arena *a = s->w->call.a;
    struct value *v = value_new_object(a);
    value_set(a, v, "metadata", value_new_object(a));
    value_set_str(a, v, "status", rc == 0 && exit_code == 0 ? "Success" : "Failure");
    if (rc < 0) {
        value_set_str(a, v, "message", e->msg);
        value_set_str(a, v, "reason", "InternalError");
        value_set_int(a, v, "code", 500);
    } else if (exit_code != 0) {
        value_set_str(a, v, "message",
                      arena_printf(a, "command terminated with non-zero exit code: exit status %d",
                                   exit_code));
        value_set_str(a, v, "reason", "NonZeroExitCode");
        struct value *cause = value_new_object(a);
        value_set_str(a, cause, "reason", "ExitCode");
        value_set_str(a, cause, "message", arena_printf(a, "%d", exit_code));
        value_push(a, value_make_array(a, v, "details.causes"), cause);
    }
    const char *text = json_text(a, v, 0);
    (void)!websocket_send_channel(s->ws, CH_ERROR, text, strlen(text), NULL);
}

/* Each: where it is read and where it is written, -1 where there is none. */
struct pipes {
    int in[2], out[2], err[2], resize[2], gone[2];
};

static void close_pipes(struct pipes *p)
{
    int *all[] = {p->in, p->out, p->err, p->resize, p->gone};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        streams__close(&all[i][0]);
        streams__close(&all[i][1]);
    }
}

static int open_pipes(struct pipes *p, bool in, bool out, bool err, bool tty, struct err *e)
{
    *p = (struct pipes){
        {-1, -1},
        {-1, -1},
        {-1, -1},
        {-1, -1},
        {-1, -1}
    };
    if (pipe2(p->gone, O_CLOEXEC) < 0 || (in && pipe2(p->in, O_CLOEXEC) < 0) ||
        (out && pipe2(p->out, O_CLOEXEC) < 0) || (err && !tty && pipe2(p->err, O_CLOEXEC) < 0) ||
        (tty && pipe2(p->resize, O_CLOEXEC) < 0) ||
        (in && fcntl(p->in[1], F_SETFL, O_NONBLOCK) < 0)) { /* see streams__write() */
        int rc = err_sys(e, errno, "pipes");
        close_pipes(p);
        return rc;
    }
    return 0;
}

static void run_session(struct session *s, const struct object *pod, struct pod_exec_opts *o,
                        struct pipes *p)
{
    struct call *c = &s->w->call;
    pthread_t input, output;
    struct err e = {0};
    int code = 0;
    s->in_write = p->in[1];
    s->resize_write = p->resize[1];
    s->out_read = p->out[0];
    s->err_read = p->err[0];
    s->gone_read = p->gone[0];
    s->gone_write = p->gone[1];
    o->in_fd = p->in[0];
    o->out_fd = p->out[1];
    o->err_fd = p->err[1];
    o->resize_fd = p->resize[0];
    o->gone_fd = p->gone[0];
    int rc = thread_start(&input, "exec-in", 0, input_main, s, &e);
    bool has_input = rc == 0, has_output = false;
    if (rc == 0)
        rc = thread_start(&output, "exec-out", 0, output_main, s, &e);
    has_output = rc == 0;
    if (rc == 0)
        rc = c->s->door->ops->exec(c->s->door, pod, o, &code, &e);
    streams__close(&o->out_fd);
    streams__close(&o->err_fd);
    if (has_output)
        (void)pthread_join(output, NULL);
    send_end(s, rc, code, &e);
    websocket_close(s->ws, 1000);
    streams__close(&o->in_fd);
    streams__close(&o->resize_fd);
    if (has_input)
        (void)pthread_join(input, NULL);
    int *rest[] = {&s->in_write, &s->resize_write, &s->out_read,
                   &s->err_read, &s->gone_read,    &s->gone_write};
    for (size_t i = 0; i < ARRAY_LEN(rest); i++)
        streams__close(rest[i]);
}

static const char *const *command(struct web *w)
{
    const char **argv = ARENA_ARRAY(w->call.a, const char *, 1024);
    size_t n = 0, cursor = 0;
    const char *name, *value;
    while (n < 1023 && http_query_next(w->q, &cursor, &name, &value))
        if (strcmp(name, "command") == 0)
            argv[n++] = value;
    return argv;
}

static int serve_exec(struct web *w, const struct object *pod, bool attach)
{
    static const char *const protocols[] = {"v5.channel.k8s.io", "v4.channel.k8s.io",
                                            "channel.k8s.io", NULL};
    struct call *c = &w->call;
    struct session s = {.w = w, .in_write = -1, .resize_write = -1, .out_read = -1, .err_read = -1};
    struct pod_exec_opts o = {.tty = flag(w, "tty")};
    struct pipes p;
    struct err e = {0};
    int rc = choose_container(c, pod, http_query(w->q, "container"), &o.container);
    if (rc < 0)
        return rc;
    o.argv = attach ? NULL : command(w);
    if (!attach && !o.argv[0])
        return refuse_bad_request(c, "you must specify at least 1 command for the container");
    if (!c->s->door)
        return streams__unavailable(c);
    if (!websocket_asked(w->q))
        return refuse_bad_request(c, "Upgrade request required: WebSocket with %s or %s",
                                  protocols[0], protocols[1]);
    if (open_pipes(&p, flag(w, "stdin"), flag(w, "stdout"), flag(w, "stderr"), o.tty, &e) < 0)
        return refuse_err(c, &e);
    const char *protocol;
    rc = websocket_accept(w->q, protocols, STREAMS_MESSAGE_MAX, &s.ws, &protocol, &e);
    if (rc < 0) {
        close_pipes(&p);
        return refuse_err(c, &e);
    }
    w->status = 101;
    run_session(&s, pod, &o, &p);
    return 0;
}

static bool is_log(const struct web *w)
{
    return strcmp(w->t.sub, "log") == 0 && strcmp(w->q->method, "GET") == 0;
}

int streams_serve(struct web *w, const struct served *k)
{
    AUTO(object) struct object *pod = peek(w->call.s, &RES_POD, w->t.ns, w->t.name);
    AUTO(object) struct object *gone = !pod && is_log(w) ? streams_past(w) : NULL;
    if (gone)
        return serve_log(w, gone, true);
    if (!pod)
        return refuse_not_found(&w->call, k, w->t.name);
    bool get = strcmp(w->q->method, "GET") == 0, post = strcmp(w->q->method, "POST") == 0;
    if (!get && !post)
        return subs_not_allowed(w);
    if (strcmp(w->t.sub, "log") == 0)
        return get ? serve_log(w, pod, false) : subs_not_allowed(w);
    if (strcmp(w->t.sub, "portforward") == 0)
        return streams__forward(w, pod);
    return serve_exec(w, pod, strcmp(w->t.sub, "attach") == 0);
}
