#include "logs/syslog.h"

#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "codec/json.h"
#include "logs/syslog_in.h"
#include "net/wire.h"
#include "t.h"

static struct err e;

/* 2026-03-01T00:00:00Z */
static const int64_t now_ns = 1772323200000000000;

static void reads_as(const char *name, const char *text, const char *want, int64_t time_s)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct syslog_message m;
    syslog_parse(text, strlen(text), now_ns, a, &m);
    T_EQ_STR(json_text(a, m.record, JSON_SORTED | JSON_NO_HTML), want, name);
    T_EQ_INT(m.time_ns / 1000000000, time_s, name);
}

static void reads(void)
{
    reads_as(
        "RFC 5424",
        "<34>1 2003-10-11T22:14:15.003Z host.example su - ID47 - \xef\xbb\xbf'su root' failed",
        "{\"facility\":\"auth\",\"host\":\"host.example\",\"ident\":\"su\",\"message\":\"'su root' "
        "failed\",\"msgid\":\"ID47\",\"pri\":34,\"severity\":\"crit\"}",
        1065910455);
    reads_as(
        "structured data", "<165>1 - - app 8 - [a@1 k=\"v\\\"\\]\" l=\"\"][b@2] text",
        "{\"extradata\":{\"a@1\":{\"k\":\"v\\\"]\",\"l\":\"\"},\"b@2\":{}},\"facility\":\"local4\","
        "\"ident\":\"app\",\"message\":\"text\",\"pid\":\"8\",\"pri\":165,\"severity\":\"notice\"}",
        1772323200);
    reads_as("data that is none", "<165>1 - - app - - [a k=v] text",
             "{\"facility\":\"local4\",\"ident\":\"app\",\"message\":\"[a k=v] text\",\"pri\":165,"
             "\"severity\":\"notice\"}",
             1772323200);
    reads_as("RFC 3164", "<30>Feb  8 22:14:15 box cron[42]: ran\n",
             "{\"facility\":\"daemon\",\"host\":\"box\",\"ident\":\"cron\",\"message\":\"ran\","
             "\"pid\":\"42\",\"pri\":30,\"severity\":\"info\"}",
             1770588855);
    reads_as("of last year", "<30>Dec 31 23:59:59 box cron: ran",
             "{\"facility\":\"daemon\",\"host\":\"box\",\"ident\":\"cron\",\"message\":\"ran\","
             "\"pri\":30,\"severity\":\"info\"}",
             1767225599);
    reads_as("a long time", "<30>2026-02-08T22:14:15Z box cron: ran",
             "{\"facility\":\"daemon\",\"host\":\"box\",\"ident\":\"cron\",\"message\":\"ran\","
             "\"pri\":30,\"severity\":\"info\"}",
             1770588855);
    reads_as("no time", "<11>app: it failed",
             "{\"facility\":\"user\",\"ident\":\"app\",\"message\":\"it failed\",\"pri\":11,"
             "\"severity\":\"err\"}",
             1772323200);
    reads_as("text", "<what is this",
             "{\"facility\":\"user\",\"message\":\"<what is this\",\"pri\":13,"
             "\"severity\":\"notice\"}",
             1772323200);
}

/* Many short values in one message cost what the message costs, not its square. */
static void values_are_cheap(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf b;
    struct syslog_message m;
    buf_init(&b, SYSLOG_MAX);
    buf_puts(&b, "<165>1 - - app - - [a");
    while (b.len < SYSLOG_MAX - 100)
        buf_puts(&b, " k=\"v\"");
    buf_puts(&b, "] text");
    syslog_parse(buf_text(&b), b.len, now_ns, a, &m);
    T_EQ_STR(value_at_str(m.record, "message", ""), "text", "all of it was read");
    T_OK(arena_used(a) < (size_t)100 * SYSLOG_MAX, "memory");
}

static void frames(void)
{
    static const struct {
        const char *text, *want;
        int rc;
    } cases[] = {
        {"5 hello6 rest", "hello",   1            },
        {"hello\nrest",   "hello",   1            },
        {"5 hel",         "",        0            },
        {"5",             "",        0            },
        {"hel",           "",        0            },
        {"70000 x",       "",        ERR_TOO_LARGE},
        {"12:00 x\n",     "12:00 x", 1            },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        size_t from = 0, len = 0, used = 0;
        const char *text = cases[i].text;
        T_EQ_INT(syslog_frame(text, strlen(text), &from, &len, &used, &e), cases[i].rc, text);
        T_EQ_STR(arena_strndup(a, text + from, len), cases[i].want, text);
    }
}

static void send_udp(unsigned port, const char *text)
{
    AUTO_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    T_OK(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to, sizeof to) > 0, "send");
}

static void send_tcp(unsigned port, const char *text)
{
    AUTO(wire) struct wire *w = NULL;
    struct wire_to to = {.host = "127.0.0.1", .port = port, .timeout_s = 60};
    T_RC(wire_connect(&to, &w, &e), &e, "connect");
    T_RC(wire_write(w, text, strlen(text), &e), &e, "write");
}

/* Up to a minute. */
static void wait_for(struct syslog_in *s, uint64_t n)
{
    for (int i = 0; i < 6000 && atomic_load(&syslog_in_intake(s)->taken) < n; i++)
        (void)poll(NULL, 0, 10);
    T_EQ_INT(atomic_load(&syslog_in_intake(s)->taken), n, "taken");
}

static void listens(void)
{
    char dir[64] = "/tmp/slipway-syslog-XXXXXX";
    struct logdb *db;
    T_OK(mkdtemp(dir), "mkdtemp");
    T_RC(logdb_open(&(struct logdb_opts){.dir = dir, .clock = &clock_system}, &db, &e), &e, "open");
    for (int udp = 0; udp < 2; udp++) {
        struct syslog_in *s = NULL;
        struct syslog_in_opts o = {
            .address = "127.0.0.1:0",
            .udp = udp,
            .intake = {
                       .db = db, .clock = &clock_system, .source = "syslog", .index = "logs-syslog"}
        };
        T_RC(syslog_in_start(&o, &s, &e), &e, "start");
        if (udp)
            send_udp(syslog_in_port(s), "<11>app: by datagram");
        else
            send_tcp(syslog_in_port(s), "<11>app: one\n12 <11>app: two<11>app: open end");
        wait_for(s, udp ? 1 : 3);
        syslog_in_free(s);
    }
    AUTO(arena) struct arena *a = arena_new(0);
    struct logdb_result r;
    T_RC(logdb_query(db, &(struct logdb_query){.from_ns = 1}, a, &r, &e), &e, "query");
    T_EQ_INT(r.n, 4, "stored");
    T_OK(r.n == 4 && strstr(r.lines[3].text, "\"message\":\"by datagram\""), "as a document");
    logdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

T_MAIN(reads, values_are_cheap, frames, listens)
