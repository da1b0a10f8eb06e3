#include "monitor/relabel.h"

#include "codec/yaml.h"
#include "t.h"

static struct err e;

/* The labels a, b and __meta_x after the rules, or "dropped". */
static const char *run(const char *rules, struct arena *a)
{
    struct label_set s = {
        .items = {{"a", "foo"}, {"b", "bar:80"}, {"__meta_x", "Y"}},
          .n = 3
    };
    AUTO(relabel) struct relabel *r = NULL;
    struct value *v;
    T_RC(yaml_parse(a, rules, strlen(rules), 0, &v, &e), &e, rules);
    if (relabel_new(v, false, &r, &e) < 0)
        return arena_strdup(a, e.msg);
    if (!relabel_apply(r, &s, a))
        return "dropped";
    struct labels l = labels_make(a, s.items, s.n);
    return labels_text(&l, a);
}

static void applies(void)
{
    static const struct {
        const char *name, *rules, *want;
    } cases[] = {
        {"none",            "[]",                                                                      "{__meta_x=\"Y\", a=\"foo\", b=\"bar:80\"}"              },
        {"replaces",
         "[{source_labels: [a, b], regex: 'f(..);(.*):.*', target_label: c, replacement: "
         "'$2-${1}'}]",                                                                                "{__meta_x=\"Y\", a=\"foo\", b=\"bar:80\", c=\"bar-oo\"}"},
        {"name from match",
         "[{source_labels: [a], regex: '(.*)', target_label: 'x_$1', replacement: '1'}]",              "{__meta_x=\"Y\", a=\"foo\", b=\"bar:80\", x_foo=\"1\"}" },
        {"does not match",  "[{source_labels: [a], regex: 'fo', target_label: c}]",
         "{__meta_x=\"Y\", a=\"foo\", b=\"bar:80\"}"                                                                                                            },
        {"takes out",       "[{target_label: a, replacement: ''}]",                                    "{__meta_x=\"Y\", b=\"bar:80\"}"                         },
        {"keeps",           "[{source_labels: [a], regex: foo, action: keep}]",
         "{__meta_x=\"Y\", a=\"foo\", b=\"bar:80\"}"                                                                                                            },
        {"keeps not",       "[{source_labels: [a], regex: fo, action: Keep}]",                         "dropped"                                                },
        {"drops",           "[{source_labels: [a], regex: 'f.*', action: drop}]",                      "dropped"                                                },
        {"equal",           "[{source_labels: [a], target_label: b, action: dropequal}]",
         "{__meta_x=\"Y\", a=\"foo\", b=\"bar:80\"}"                                                                                                            },
        {"not equal",       "[{source_labels: [a], target_label: b, action: keepequal}]",              "dropped"                                                },
        {"hash",            "[{source_labels: [a], modulus: 1000, target_label: h, action: hashmod}]",
         "{__meta_x=\"Y\", a=\"foo\", b=\"bar:80\", h=\"696\"}"                                                                                                 },
        {"maps",            "[{regex: '__meta_(.*)', action: labelmap}]",
         "{__meta_x=\"Y\", a=\"foo\", b=\"bar:80\", x=\"Y\"}"                                                                                                   },
        {"drops labels",    "[{regex: 'a|__.*', action: labeldrop}]",                                  "{b=\"bar:80\"}"                                         },
        {"keeps labels",    "[{regex: 'a|__.*', action: labelkeep}]",                                  "{__meta_x=\"Y\", a=\"foo\"}"                            },
        {"upper",           "[{source_labels: [a], target_label: a, action: uppercase}]",
         "{__meta_x=\"Y\", a=\"FOO\", b=\"bar:80\"}"                                                                                                            },
        {"no modulus",      "[{source_labels: [a], target_label: h, action: hashmod}]",
         "rule 1: relabel configuration for hashmod requires non-zero modulus"                                                                                  },
        {"no target",       "[{action: keep}, {source_labels: [a]}]",
         "rule 2: relabel configuration for replace action requires 'target_label' value"                                                                       },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        T_EQ_STR(run(cases[i].rules, a), cases[i].want, cases[i].name);
    }
}

T_MAIN(applies)
