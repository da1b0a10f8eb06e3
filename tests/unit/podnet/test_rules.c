#include "podnet/podnet_int.h"
#include "t.h"

static const struct podnet_backend one[] = {
    {"10.88.0.2", 8080, NULL}
};
static const struct podnet_backend two[] = {
    {"10.88.0.2", 8080, NULL},
    {"10.88.0.3", 9090, NULL},
};

static bool has(const struct buf *b, const char *line)
{
    return strstr(buf_text(b), line) != NULL;
}

static void prints(void)
{
    static const struct podnet_service_port ports[] = {
        {"single", false, 80, 0,     one,  1},
        {"double", false, 81, 30081, two,  2},
        {"names",  true,  53, 0,     one,  1},
        {"empty",  false, 82, 30082, NULL, 0},
    };
    static const struct podnet_service s = {"ns", "web", "10.96.0.9", NULL, false, ports, 4};
    struct host_port hp = {
        .pod_ip = 0x0a580004, .port = {false, NULL, 8081, 80}
    };
    struct rules r = {
        .pods = {0x0a580000, 16},
        .services_range = {0x0a600000, 16},
        .services = &s,
        .n_services = 1,
        .host_ports = &hp,
        .n_host_ports = 1
    };
    static const char *const lines[] = {
        "ip daddr 10.96.0.9 tcp dport 80 dnat ip to 10.88.0.2:8080\n",
        "ip daddr 10.96.0.9 tcp dport 81 dnat ip addr . port to numgen random mod 2 map"
        " { 0 : 10.88.0.2 . 8080, 1 : 10.88.0.3 . 9090 }\n",
        "fib daddr type local tcp dport 30081 dnat ip addr . port to numgen random",
        "ip daddr 10.96.0.9 udp dport 53 dnat ip to 10.88.0.2:8080\n",
        "ip daddr 10.96.0.9 tcp dport 82 reject\n",
        "fib daddr type local tcp dport 8081 dnat ip to 10.88.0.4:80\n",
        "10.88.0.3 . 10.88.0.3",
    };
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    rules_print(&r, &b);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        T_OK(has(&b, lines[i]), lines[i]);
    T_OK(!has(&b, "30082"), "a port without backends is not translated");
}

T_MAIN(prints)
