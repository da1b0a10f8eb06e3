/* allow.c - slipway allow: lets one image into a protected namespace for some time. */
#include <stdio.h>

#include "base/clock.h"
#include "cli/verb.h"

enum { ALLOW };

static int allowance_of(const char *image, const char *owner, const char *reason, const char *time,
                        struct arena *a, struct value **out, struct err *e)
{
    char until[CLOCK_TEXT_MAX];
    int64_t ns;
    int r = clock_parse_duration(time, &ns, e);
    if (r == 0 && ns <= 0)
        r = err_set(e, ERR_INVALID, "--for %s is no time to come", time);
    if (r < 0)
        return r;
    clock_format_rfc3339(clock_real_ms() + ns / 1000000, until);
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "apiVersion", "slipway.dev/v1");
    (void)value_set_str(a, v, "kind", "ImageAllowance");
    (void)value_set_str(a, value_make_object(a, v, "metadata"), "generateName", "allow-");
    struct value *spec = value_make_object(a, v, "spec");
    (void)value_set_str(a, spec, "image", image);
    if (owner && *owner) /* else the server says who it is */
        (void)value_set_str(a, spec, "owner", owner);
    (void)value_set_str(a, spec, "reason", reason);
    (void)value_set_str(a, spec, "expires", until);
    *out = v;
    return 0;
}

static int run_allow(int argc, char **argv)
{
    const char *ns = "default", *reason = NULL, *time = "24h", *kubeconfig = NULL;
    const char *owner = NULL;
    const struct option table[] = {
        {"namespace",  'n', OPTION_TEXT, &ns, "NAMESPACE", "where it may start (default)"},
        {"reason", 0, OPTION_TEXT, &reason, "TEXT", "why; kept with it"},
        {"for", 0, OPTION_TEXT, &time, "DURATION", "how long: 24h"},
        {"owner",            0, OPTION_TEXT, &owner, "NAME", "who answers for it (the caller)"},
        {"kubeconfig",           0, OPTION_TEXT, &kubeconfig, "FILE", "whose API; else the data folder's"},
        {0    }
    };
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    AUTO(kube) struct kube *k = NULL;
    AUTO(object) struct object *made = NULL;
    struct arguments args;
    struct value *allowance;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_allow[ALLOW], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_allow[ALLOW]);
    int r = 0;
    if (!reason || !*reason)
        r = err_set(&e, ERR_INVALID, "there is no --reason: say why %s may start", args.items[0]);
    if (r == 0)
        r = allowance_of(args.items[0], owner, reason, time, a, &allowance, &e);
    if (r == 0)
        r = verb_connect(kubeconfig, a, &k, &e);
    if (r == 0)
        r = kube_create(k, &RES_IMAGE_ALLOWANCE, ns, allowance, &made, &e);
    if (r < 0)
        return verb_fail(&e);
    (void)printf("imageallowance %s/%s: %s until %s\n", ns, made->name, args.items[0],
                 value_at_str(made->root, "spec.expires", ""));
    return EXIT_OK;
}

const struct verb verbs_allow[] = {
    [ALLOW] = {"allow",                                                 "IMAGE -n NAMESPACE --reason TEXT [--for DURATION]",
               "let an image without proof into a protected namespace", run_allow},
    {0}
};
