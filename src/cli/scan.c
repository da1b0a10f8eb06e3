/* scan.c - what is installed, what is known about it, and whether a policy lets it pass. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/verb.h"
#include "codec/yaml.h"
#include "oci/images.h"
#include "scan/report.h"

enum { SCAN, SBOM, EXIT_POLICY = 3, FILE_MAX = 256 << 20, POLICY_MAX = 16 << 20 };

struct scan_options {
    const char *scanners, *data_dir, *db, *verify_key, *policy, *format, *output, *severity,
        *ignore_file;
    struct option_list vex, skip;
    bool fixed_only, dev;
    long exit_code;
};

static const char *data_path(const struct scan_options *o, struct arena *a, const char *name)
{
    return arena_printf(a, "%s/%s", verb_data_dir(o->data_dir), name);
}

/* ---- what is scanned ---- */

/* Where its files are, so that they can be looked at again; none of a bill of material. */
struct target {
    struct inventory inventory;
    const char *const *layers;
    size_t n_layers;
    bool is_image;
};

static int take_image(const struct scan_options *o, const char *name, struct arena *a,
                      struct target *t, struct err *e)
{
    AUTO(image_store) struct image_store *s = NULL;
    struct image_store_opts opts = {.folder = data_path(o, a, "images")};
    struct image image;
    int r = image_store_open(&opts, &s, e);
    if (r == 0)
        r = image_store_find(s, name, a, &image, e);
    if (r == 0)
        r = image_store_unpack(s, &image, a, e);
    if (r == 0) {
        t->layers = image.layer_dirs;
        t->n_layers = image.n_layers;
        r = inventory_take(t->layers, t->n_layers, a, &t->inventory, e);
    }
    return r;
}

static int take_file(const char *path, struct arena *a, struct inventory *out, struct err *e)
{
    char *text;
    size_t n;
    int r = fs_read(path, FILE_MAX, a, &text, &n, e);
    if (r == 0)
        r = sbom_is(text, n) ? sbom_read(text, n, a, out, e)
                             : inventory_read(path, text, n, NULL, a, out, e);
    return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}

/* A folder, a bill of material or lock file, else the name of an image. */
static int take(const struct scan_options *o, const char *what, struct arena *a, struct target *t,
                struct err *e)
{
    const char **folder = ARENA_ARRAY(a, const char *, 1);
    struct stat st;
    int r;
    *t = (struct target){.is_image = stat(what, &st) < 0};
    *folder = what;
    if (t->is_image) {
        r = take_image(o, what, a, t, e);
    } else if (S_ISDIR(st.st_mode)) {
        t->layers = folder;
        t->n_layers = 1;
        r = inventory_take(folder, 1, a, &t->inventory, e);
    } else {
        r = take_file(what, a, &t->inventory, e);
    }
    for (const char *const *line = t->inventory.unread; r == 0 && line && *line; line++)
        (void)fprintf(stderr, "slipway: not read: %s\n", *line);
    return r;
}

/* ---- by what it is judged ---- */

static int read_policy(const struct scan_options *o, struct arena *a, struct scan_policy *out,
                       struct err *e)
{
    char *text;
    size_t n;
    struct value *doc;
    *out = (struct scan_policy){.fail_at = SEVERITY_HIGH};
    if (!o->policy)
        return 0;
    int r = fs_read(o->policy, POLICY_MAX, a, &text, &n, e);
    if (r == 0)
        r = yaml_parse(a, text, n, 0, &doc, e);
    if (r == 0)
        r = scan_policy_parse(doc, a, out, e);
    return r < 0 ? err_wrap(e, r, "%s", o->policy) : 0;
}

static int add_file(struct scan_policy *p, const char *path, struct arena *a, struct err *e)
{
    char *text;
    size_t n;
    int r = fs_read(path, POLICY_MAX, a, &text, &n, e);
    if (r == 0)
        r = scan_policy_add(p, text, n, a, e);
    return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}

static int policy_of(const struct scan_options *o, struct arena *a, struct scan_policy *out,
                     struct err *e)
{
    int r = read_policy(o, a, out, e);
    if (r == 0 && o->severity)
        r = severity_parse(o->severity, &out->fail_at, e);
    out->fixed_only = out->fixed_only || o->fixed_only;
    out->dev = out->dev || o->dev;
    if (r == 0 && o->ignore_file)
        r = add_file(out, o->ignore_file, a, e);
    else if (r == 0 && access(".trivyignore", R_OK) == 0)
        r = add_file(out, ".trivyignore", a, e);
    for (size_t i = 0; r == 0 && i < o->vex.n; i++)
        r = add_file(out, o->vex.items[i], a, e);
    const char **skips = ARENA_ARRAY(a, const char *, o->skip.n + out->n_skip + 1);
    for (size_t i = 0; i < out->n_skip; i++)
        skips[i] = out->skip[i];
    for (size_t i = 0; i < o->skip.n; i++)
        skips[out->n_skip + i] = o->skip.items[i];
    out->skip = skips;
    out->n_skip += o->skip.n;
    return r;
}

/* ---- the commands ---- */

static int write_out(const struct scan_options *o, const struct buf *b, struct err *e)
{
    int r = buf_check(b, e);
    if (r < 0)
        return r;
    if (o->output)
        return fs_write_atomic(o->output, 0644, b->data, b->len, e);
    return fwrite(buf_text(b), 1, b->len, stdout) == b->len && fflush(stdout) == 0
               ? 0
               : err_sys(e, errno, "write the report");
}

static int report(const struct scan_options *o, const struct scan_report *r, const char *what,
                  bool is_image, struct arena *a, struct err *e)
{
    AUTO_BUF struct buf b;
    enum report_format format;
    struct sbom_about about = {what, VERB_VERSION, is_image, clock_real_ms()};
    buf_init(&b, 1 << 30);
    int rc = report_format_parse(o->format, &format, e);
    if (rc < 0)
        return rc;
    report_print(r, format, &about, a, &b);
    return write_out(o, &b, e);
}

static int kinds_of(const char *scanners, unsigned *out, bool *vulnerabilities, struct err *e)
{
    static const char known[] = ",vuln,secret,config,";
    AUTO(arena) struct arena *a = arena_new(0);
    char *rest = arena_strdup(a, scanners);
    *out = 0;
    *vulnerabilities = false;
    for (char *word; (word = strsep(&rest, ","));) {
        if (!*word || !strstr(known, arena_join(a, ",", word, ",", NULL)))
            return err_set(e, ERR_INVALID, "--scanners: \"%s\" is none of vuln, secret, config",
                           word);
        *vulnerabilities = *vulnerabilities || *word == 'v';
        *out |= *word == 's' ? ISSUE_SECRET : *word == 'c' ? ISSUE_CONFIG : 0u;
    }
    return 0;
}

/* Without a database there is nothing to say of packages; without `vuln` none is opened. */
static int scan_packages(const struct scan_options *o, const struct target *t,
                         const struct scan_policy *policy, struct advisories **db, struct arena *a,
                         struct scan_report *out, struct err *e)
{
    int r = advisories_open_trusted(verb_data_dir(o->data_dir), o->db, o->verify_key, db, e);
    return r < 0 ? r : scan_run(&t->inventory, *db, policy, clock_real_ms(), a, out, e);
}

static int scan(const struct scan_options *o, const char *what, struct arena *a, bool *passed,
                struct err *e)
{
    AUTO(advisories) struct advisories *db = NULL;
    struct scan_policy policy;
    struct scan_report r = {.passed = true, .summary = ""};
    struct issue_list issues;
    struct target t;
    unsigned kinds;
    bool vulnerabilities;
    int rc = policy_of(o, a, &policy, e);
    if (rc == 0)
        rc = kinds_of(o->scanners, &kinds, &vulnerabilities, e);
    if (rc == 0)
        rc = take(o, what, a, &t, e);
    if (rc == 0 && vulnerabilities)
        rc = scan_packages(o, &t, &policy, &db, a, &r, e);
    if (rc == 0 && !vulnerabilities)
        r.inventory = t.inventory;
    if (rc == 0 && kinds && t.layers)
        rc = issues_find(t.layers, t.n_layers, kinds, a, &issues, e);
    if (rc == 0 && kinds && t.layers)
        scan_add_issues(&r, &issues, &policy, clock_real_ms(), a);
    if (rc == 0)
        rc = report(o, &r, what, t.is_image, a, e);
    if (rc == 0)
        *passed = r.passed;
    return rc;
}

static int run_scan(int argc, char **argv)
{
    struct scan_options o = {
        .format = "table", .scanners = "vuln,secret,config", .exit_code = EXIT_POLICY};
    const struct option table[] = {
        {"data-dir",                               'd', OPTION_TEXT, &o.data_dir, "DIR",
         "where everything is kept (" VERB_DEFAULT_DIR ")"},
        {"db",                             0, OPTION_TEXT, &o.db, "FILE", "the database (DIR/advisories.db)"},
        {"verify-key",                                   0, OPTION_TEXT, &o.verify_key, "FILE",
         "who must have signed it (DIR/advisories.pub, if it is there)"},
        {"format",                                        'f', OPTION_TEXT, &o.format, "FORMAT", "table, json, sarif, cyclonedx or spdx"},
        {"output",           'o', OPTION_TEXT, &o.output, "FILE", "gets the report"},
        {"policy",                                   0, OPTION_TEXT, &o.policy, "FILE", "a scan policy"},
        {"severity",      's', OPTION_TEXT, &o.severity, "LEVEL",
         "fail at this and above: low, medium, high, critical (high)"},
        {"fixed-only",                             0, OPTION_FLAG, &o.fixed_only, NULL,
         "fail only for what a newer version mends"},
        {"dev",                             0, OPTION_FLAG, &o.dev, NULL, "development dependencies, too"},
        {"include-dev-deps",                                  0, OPTION_FLAG, &o.dev, NULL, "the same"},
        {"ignore-file",                                        0, OPTION_TEXT, &o.ignore_file, "FILE", "(.trivyignore)"},
        {"vex",0, OPTION_LIST, &o.vex, "FILE", "OpenVEX or CycloneDX statements; may be repeated"},
        {"scanners",                               0, OPTION_TEXT, &o.scanners, "LIST", "of vuln, secret, config (all)"},
        {"skip", 0, OPTION_LIST, &o.skip, "GLOB", "paths that do not count"},
        {"exit-code",                                 0, OPTION_NUMBER, &o.exit_code, "N", "when the policy is not met (3)"},
        {0                            }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct arguments args;
    struct err e = {0};
    bool passed = false;
    int code;
    if (!verb_begin(&verbs_scan[SCAN], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_scan[SCAN]);
    if (scan(&o, args.items[0], a, &passed, &e) < 0)
        return verb_fail(&e);
    return passed ? EXIT_OK : (int)o.exit_code;
}

static int run_sbom(int argc, char **argv)
{
    struct scan_options o = {.format = "cyclonedx"};
    const struct option table[] = {
        {"data-dir",   'd', OPTION_TEXT, &o.data_dir, "DIR",
         "where everything is kept (" VERB_DEFAULT_DIR ")"},
        {"format", 'f', OPTION_TEXT, &o.format, "FORMAT", "cyclonedx or spdx"},
        {"output",       'o', OPTION_TEXT, &o.output, "FILE", "gets the document"},
        {0           }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct scan_report r = {0};
    struct arguments args;
    struct err e = {0};
    struct target t;
    int code;
    if (!verb_begin(&verbs_scan[SBOM], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1 || (strcmp(o.format, "cyclonedx") != 0 && strcmp(o.format, "spdx") != 0))
        return verb_usage(&verbs_scan[SBOM]);
    if (take(&o, args.items[0], a, &t, &e) < 0)
        return verb_fail(&e);
    r.inventory = t.inventory;
    if (report(&o, &r, args.items[0], t.is_image, a, &e) < 0)
        return verb_fail(&e);
    return EXIT_OK;
}

const struct verb verbs_scan[] = {
    [SCAN] = {"scan",                            "IMAGE|FOLDER|FILE [options]", "look for known vulnerabilities", run_scan},
    [SBOM] = {"sbom", "IMAGE|FOLDER|FILE [options]", "write the bill of material", run_sbom},
    {0                                }
};
