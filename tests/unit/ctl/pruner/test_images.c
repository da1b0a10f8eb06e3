#include "ctl/pruner/images.h"

#include <string.h>

#include "base/buf.h"
#include "codec/yaml.h"
#include "t.h"

enum { HEX = 64 };

/* "a" stands for sha256:aaa…; in tags "@a.sig" for sha256-aaa….sig. */
static const char *digest_of(char c, struct arena *a)
{
    char hex[HEX + 1];
    memset(hex, c, HEX);
    hex[HEX] = '\0';
    return arena_printf(a, "sha256:%s", hex);
}

/* Tags as "repository:tag=digest[+child]/minutes ago". */
static struct image_tag tag_of(const char *text, int64_t now_ms, struct arena *a)
{
    char repository[32], tag[32], digest, child = 0;
    int ago;
    const char **children = ARENA_ARRAY(a, const char *, 2);
    if (sscanf(text, "%31[^:]:%31[^=]=%c+%c/%d", repository, tag, &digest, &child, &ago) != 5) {
        child = 0;
        T_EQ_INT(sscanf(text, "%31[^:]:%31[^=]=%c/%d", repository, tag, &digest, &ago), 4, text);
    }
    children[0] = child ? digest_of(child, a) : NULL;
    children[1] = NULL;
    const char *name = tag[0] == '@'
                           ? arena_printf(a, "sha256-%s%s", digest_of(tag[1], a) + 7, tag + 2)
                           : arena_strdup(a, tag);
    return (struct image_tag){arena_strdup(a, repository), name, digest_of(digest, a), children,
                              now_ms - ago * 60000};
}

static const char *plan_text(const char *config, const char *tags, const char *objects,
                             int busy_min, struct arena *a)
{
    static char text[512];
    struct image_tag list[16];
    struct map used;
    struct err e;
    struct value *parsed = NULL, *tree = NULL;
    struct image_prune_view v = {.tags = list, .used = &used, .now_ms = 1767225600000};
    v.busy_since_ms = busy_min ? v.now_ms - busy_min * 60000 : INT64_MAX;
    char *copy = arena_strdup(a, tags), *save = NULL;
    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        list[v.n_tags++] = tag_of(w, v.now_ms, a);
    if (config)
        T_RC(yaml_parse(a, config, strlen(config), 0, &parsed, &e), &e, config);
    map_init(&used);
    if (objects) {
        T_RC(yaml_parse(a, objects, strlen(objects), 0, &tree, &e), &e, objects);
        image_prune_use(&used, value_get(tree, "pod"), true);
        image_prune_use(&used, value_get(tree, "other"), false);
    }
    v.config = parsed;
    struct image_prune_plan plan;
    image_prune_plan(&v, a, &plan);
    map_done(&used);
    text[0] = '\0';
    size_t n = 0;
    for (size_t i = 0; i < plan.n; i++) {
        const char *tag = plan.remove[i].tag->tag;
        bool about = strncmp(tag, "sha256-", 7) == 0;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s:%s%.1s%s", i ? " " : "",
                              plan.remove[i].tag->repository, about ? "@" : "",
                              about ? tag + 7 : tag, about ? tag + 7 + HEX : tag + 1);
    }
    return text;
}

static void limits(void)
{
    static const char three[] = "app:v1=a/30 app:v2=b/20 app:v3=c/10";
    static const char by_digest[] =
        "pod: {image: "
        "\"x/y@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}";
    static const struct {
        const char *name, *config, *tags, *objects;
        int busy_min; /* the oldest run that goes on began so long ago */
        const char *want;
    } cases[] = {
        {"no configuration",               NULL,                                                        three,                                                       NULL,                0,  ""             },
        {"empty",                          "{}",                                                        three,                                                       NULL,                0,  ""             },
        {"by number",                      "{historyLimit: 2}",                                         three,                                                       NULL,                0,  "app:v1"       },
        {"by age",                         "{ttlSeconds: 900}",                                         three,                                                       NULL,                0,  "app:v1 app:v2"},
        {"the newest stays",               "{ttlSeconds: 60}",                                          three,                                                       NULL,                0,  "app:v1 app:v2"},
        {"either",                         "{historyLimit: 1, ttlSeconds: 9000}",                       three,                                                       NULL,                0,  "app:v1 app:v2"},
        {"by repository",                  "{historyLimit: 1, repositories: {app: {historyLimit: 2}}}",
         "app:v1=a/30 app:v2=b/20 web:v1=c/30 web:v2=d/20",                                                                                                          NULL,                0,  "web:v1"       },
        {"by a pattern of repositories",
         "{historyLimit: 1, repositories: {\"shop/**\": {historyLimit: 2}}}",                           "shop/a/b:v1=a/30 shop/a/b:v2=b/20 web:v1=c/30 web:v2=d/20", NULL,                0,  "web:v1"       },
        {"itself before a pattern",
         "{repositories: {\"**\": {historyLimit: 1}, web: {historyLimit: 2}}}",                         "app:v1=a/30 app:v2=b/20 web:v1=c/30 web:v2=d/20",           NULL,                0,  "app:v1"       },
        {"tags that are kept",             "{historyLimit: 1, keepTags: [\"v*\"]}",
         "app:v1=a/30 app:w1=a/30 app:x1=c/25 app:w2=b/20",                                                                                                          NULL,                0,  "app:x1"       },
        {"a repository's own",
         "{historyLimit: 1, keepTags: [\"*\"], repositories: {web: {keepTags: []}}}",                   "app:v1=a/30 app:v2=b/20 web:v1=c/30 web:v2=d/20",           NULL,                0,  "web:v1"       },
        {"repositories count apart",       "{historyLimit: 1}",                                         "app:v1=a/30 web:v1=a/20",                                   NULL,                0,  ""             },
        {"tags of one image count once",   "{historyLimit: 2}",
         "app:v1=a/30 app:v2=b/20 app:w2=b/15 app:v3=c/10",                                                                                                          NULL,                0,  "app:v1"       },
        {"a new tag makes an image young", "{historyLimit: 1}",
         "app:v1=a/30 app:v2=b/20 app:latest=a/5",                                                                                                                   NULL,                0,  "app:v2"       },
        {"all tags of it go",              "{historyLimit: 1}",                                         "app:v1=a/30 app:w1=a/30 app:v2=b/20",                       NULL,                0,
         "app:v1 app:w1"                                                                                                                                                                                     },
        {"a pod's digest",                 "{historyLimit: 1}",                                         three,                                                       by_digest,           0,  "app:v2"       },
        {"a pod's tag, of any host",       "{historyLimit: 1}",                                         three,
         "pod: {spec: {containers: [{image: \"10.88.0.1:5000/app:v1\"}]}}",                                                                                                               0,  "app:v2"       },
        {"a name alone",                   "{historyLimit: 1}",                                         "app:latest=a/30 app:v2=b/20",                               "pod: {image: app}", 0,
         ""                                                                                                                                                                                                  },
        {"a pod's arguments do not count", "{historyLimit: 1}",                                         three,
         "pod: {args: [\"slipway.local/app:v1\"]}",                                                                                                                                       0,  "app:v1 app:v2"},
        {"a template's do",                "{historyLimit: 1}",                                         three,
         "other: {args: [\"--image=slipway.local/app:v1 -x\"]}",                                                                                                                          0,  "app:v2"       },
        {"an index by its child",          "{historyLimit: 1}",                                         "app:v1=e+a/30 app:v2=b/20",                                 by_digest,           0,
         ""                                                                                                                                                                                                  },
        {"another tag of a used image",    "{historyLimit: 1}",                                         "app:v1=a/30 app:w1=a/30 app:v2=b/20",
         "pod: {image: \"slipway.local/app:w1\"}",                                                                                                                                        0,  ""             },
        {"pushed by a run that goes on",   "{historyLimit: 1}",                                         three,                                                       NULL,                25, "app:v1"       },
        {"signatures go with it",          "{historyLimit: 1}",
         "app:v1=a/30 app:@a.sig=d/30 app:@a.att=f/29 app:v2=b/20 app:@b.sig=e/19",                                                                                  NULL,                0,
         "app:v1 app:@a.sig app:@a.att"                                                                                                                                                                      },
        {"signatures stay with it",        "{historyLimit: 1}",                                         "app:v1=a/30 app:@a.sig=d/30 app:v2=b/20",
         by_digest,                                                                                                                                                                       0,  ""             },
        {"of a child",                     "{historyLimit: 1}",                                         "app:v1=e+a/30 app:@a.sig=d/30 app:v2=b/20",                 NULL,                0,
         "app:v1 app:@a.sig"                                                                                                                                                                                 },
        {"a child of two",                 "{historyLimit: 1}",                                         "app:v1=e+a/30 app:@a.sig=d/30 app:v2=b+a/20",               NULL,
         0,                                                                                                                                                                                   "app:v1"       },
        {"of nothing with a tag",          "{historyLimit: 1}",                                         "app:@c.sig=d/30 app:v2=b/20",                               NULL,                0,  ""             },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        T_EQ_STR(plan_text(cases[i].config, cases[i].tags, cases[i].objects, cases[i].busy_min, a),
                 cases[i].want, cases[i].name);
    }
}

/* The next look comes when the next image is too old, not before. */
static void waits(void)
{
    static const struct {
        const char *name, *config;
        int64_t want_ms;
    } cases[] = {
        {"one hour",                "{ttlSeconds: 3600}", 2400000  },
        {"none goes by age",        "{historyLimit: 5}",  INT64_MAX},
        {"all that will have gone", "{ttlSeconds: 60}",   INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        struct image_tag tags[] = {tag_of("app:v1=a/20", 1767225600000, a),
                                   tag_of("app:v2=b/10", 1767225600000, a),
                                   tag_of("app:v3=c/5", 1767225600000, a)};
        struct map used;
        struct value *config;
        struct err e;
        T_RC(yaml_parse(a, cases[i].config, strlen(cases[i].config), 0, &config, &e), &e, "config");
        map_init(&used);
        struct image_prune_view v = {config, tags, 3, &used, INT64_MAX, 1767225600000};
        struct image_prune_plan plan;
        image_prune_plan(&v, a, &plan);
        map_done(&used);
        T_EQ_INT(plan.next_ms, cases[i].want_ms, cases[i].name);
    }
}

T_MAIN(limits, waits)
