#include "cli/cli.h"
#include "cli/promtool.h"

#include <stdio.h>
#include <string.h>

#include "cli/verb.h"

static const struct {
    const char *title;
    const struct verb *verbs;
} groups[] = {
    {"Run it",                     verbs_server         },
    {"Follow a push",              verbs_loop           },
    {"Build and move images",      verbs_build          },
    {"Images",                     verbs_image          },
    {"What is in them",            verbs_scan           },
    {"What flaws are known",       verbs_db             },
    {"What a new flaw concerns",   verbs_affected       },
    {"Render charts",              verbs_helm           },
    {"Charts of elsewhere",        verbs_helm_net       },
    {"Render overlays",            verbs_kustomize      },
    {"See before you push",        verbs_render         },
    {"Change releases of charts",  verbs_release        },
    {"Look at releases of charts", verbs_release_show   },
    {"Check metrics' rules",       verbs_promtool       },
    {"Check dashboards",           verbs_dashboard      },
    {"Sign and verify images",     verbs_sign_image     },
    {"Sign and verify files",      verbs_sign_blob      },
    {"Protect namespaces",         verbs_allow          },
    {"The registry here",          verbs_registry       },
    {"What it refuses",            verbs_registry_policy},
    {"In a pipeline's steps",      verbs_step           },
};

static void print_help(FILE *to)
{
    (void)fputs("slipway: from git push to a healthy deployment, and back by itself\n\n"
                "usage: slipway VERB [options]\n",
                to);
    for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
        (void)fprintf(to, "\n%s:\n", groups[g].title);
        for (const struct verb *v = groups[g].verbs; v->name; v++)
            if (v->usage)
                (void)fprintf(to, "  %-18s %s\n", v->name, v->summary);
    }
    (void)fputs("\nslipway VERB --help tells more. Exit codes: 0 done, 1 failed, 2 wrong use.\n",
                to);
}

static const struct verb *find(int argc, char **argv, int *out_words)
{
    const struct verb *best = NULL;
    *out_words = 0;
    for (size_t g = 0; g < ARRAY_LEN(groups); g++)
        for (const struct verb *v = groups[g].verbs; v->name; v++) {
            int words = verb_words(v, argc, argv);
            if (words > *out_words) {
                best = v;
                *out_words = words;
            }
        }
    return best;
}

int cli_main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0) {
        print_help(argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_USAGE : EXIT_OK;
    }
    if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0) {
        (void)puts("slipway " VERB_VERSION);
        return EXIT_OK;
    }
    int words;
    const struct verb *v = find(argc - 1, argv + 1, &words);
    if (!v) {
        (void)fprintf(stderr, "slipway: there is no verb \"%s\"\n  slipway help lists them\n",
                      argv[1]);
        return EXIT_USAGE;
    }
    return v->run(argc - 1 - words, argv + 1 + words);
}
