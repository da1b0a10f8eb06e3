/* pod.c - from a TaskRun and its applied spec to a Pod. */
#include "ctl/tekton/pod_int.h"

#include "base/buf.h"

enum { NAME_MAX_LEN = 63, HASH_LEN = 17, SUFFIX_KEPT = 40 };

const char *child_name(const char *base, const char *suffix, struct arena *a)
{
    const char *whole = arena_printf(a, "%s%s", base, suffix);
    size_t n = strlen(suffix);
    if (strlen(whole) <= NAME_MAX_LEN)
        return whole;
    if (n > SUFFIX_KEPT) { /* too long to be kept itself */
        base = whole;
        suffix = "";
        n = 0;
    }
    uint64_t hash = map_hash(base, strlen(base));
    return arena_printf(a, "%.*s-%016llx%s", (int)(NAME_MAX_LEN - HASH_LEN - n), base,
                        (unsigned long long)hash, suffix);
}

const char *label_value(const char *text, struct arena *a)
{
    static const char may[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t n = strlen(text);
    if (n <= 63 && strspn(text, may) == n)
        return text;
    char *out = arena_strndup(a, text, n < 63 ? n : 63);
    for (char *p = out; *p; p++)
        if (!strchr(may, *p))
            *p = '-';
    for (n = strlen(out); n > 0 && strchr("-_.", out[n - 1]);)
        out[--n] = '\0';
    return out + strspn(out, "-_.");
}

const char *pod_name(const struct value *run, struct arena *a)
{
    size_t retries = value_count(value_at(run, "status.retriesStatus"));
    const char *suffix = retries ? arena_printf(a, "-pod-retry%zu", retries) : "-pod";
    return child_name(value_at_str(run, "metadata.name", ""), suffix, a);
}

static const char *workspace_volume(const char *name, struct arena *a)
{
    return arena_printf(a, "ws-%05llx",
                        (unsigned long long)(map_hash(name, strlen(name)) & 0xfffff));
}

const struct value *pod_workspace_volumes(const struct value *run, struct arena *a)
{
    struct value *out = value_new_object(a), *claims = value_new_object(a);
    VALUE_EACH_ITEM (b, value_at(run, "spec.workspaces")) {
        const char *name = value_at_str(b, "name", "");
        const char *claim = value_at_str(b, "persistentVolumeClaim.claimName", "");
        const char *volume = value_str(value_get(claims, claim), NULL);
        if (!volume)
            volume = workspace_volume(name, a);
        if (*claim)
            (void)value_set_str(a, claims, claim, volume);
        (void)value_set_str(a, out, name, volume);
    }
    return out;
}

/* ---- volumes ---- */

static struct value *add_volume(struct value *volumes, const char *name, const char *kind,
                                const struct value *source, struct arena *a)
{
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "name", name);
    (void)value_set(a, v, kind, source ? source : value_new_object(a));
    return value_push(a, volumes, v);
}

static void add_workspace_volumes(struct making *m)
{
    static const char *const kinds[] = {
        "persistentVolumeClaim", "emptyDir", "configMap", "secret", "projected", "csi"};
    VALUE_EACH_ITEM (b, value_at(m->in->run, "spec.workspaces")) {
        const struct value *volume = value_get(m->in->volumes, value_at_str(b, "name", ""));
        if (named(m->volumes, value_str(volume, "")))
            continue;
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
            if (value_get(b, kinds[k]))
                (void)add_volume(m->volumes, value_str(volume, ""), kinds[k],
                                 value_get(b, kinds[k]), m->a);
    }
}

/* ---- the pod ---- */

static void add_tekton_volumes(struct making *m)
{
    static const char *const plain[] = {"tekton-internal-workspace", "tekton-internal-home",
                                        "tekton-internal-results", "tekton-internal-steps",
                                        "tekton-internal-artifacts"};
    struct arena *a = m->a;
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        (void)add_volume(m->volumes, plain[i], "emptyDir", NULL, a);
    for (size_t i = 0; i < m->n_steps; i++) {
        (void)add_volume(m->volumes, arena_printf(a, "tekton-internal-run-%zu", i), "emptyDir",
                         NULL, a);
        struct value *memory = value_new_object(a);
        (void)value_set_str(a, memory, "medium", "Memory");
        (void)add_volume(m->volumes, arena_printf(a, "tekton-creds-init-home-%zu", i), "emptyDir",
                         memory, a);
    }
    if (m->in->entrypoint_dir) {
        struct value *host = value_new_object(a);
        (void)value_set_str(a, host, "path", m->in->entrypoint_dir);
        (void)value_set_str(a, host, "type", "Directory");
        (void)add_volume(m->volumes, "tekton-internal-bin", "hostPath", host, a);
    } else {
        (void)add_volume(m->volumes, "tekton-internal-bin", "emptyDir", NULL, a);
    }
    if (value_count(m->scripts)) {
        struct value *source = value_new_object(a);
        (void)value_set(a, source, "items", m->scripts);
        (void)value_set_int(a, source, "defaultMode", 0755);
        (void)add_volume(m->volumes, "tekton-internal-scripts", "downwardAPI", source, a);
    }
    VALUE_EACH_ITEM (c, m->in->credentials) {
        struct value *source = value_new_object(a);
        const char *secret = value_at_str(c, "secret", "");
        const char *name = arena_printf(a, "tekton-internal-secret-volume-%s", secret);
        (void)value_set_str(a, source, "secretName", secret);
        if (!named(m->volumes, name))
            (void)add_volume(m->volumes, name, "secret", source, a);
    }
}

static struct value *pod_metadata(struct making *m)
{
    struct arena *a = m->a;
    const struct value *run = m->in->run, *meta = value_get(run, "metadata");
    struct value *out = value_new_object(a), *labels = value_new_object(a);
    VALUE_EACH_MEMBER (l, value_get(meta, "labels"))
        (void)value_set(a, labels, l->key, &l->value);
    (void)value_set_str(a, labels, "app.kubernetes.io/managed-by", "tekton-pipelines");
    (void)value_set_str(a, labels, "tekton.dev/taskRun",
                        label_value(value_at_str(meta, "name", ""), a));
    (void)value_set_str(a, labels, "tekton.dev/taskRunUID", value_at_str(meta, "uid", ""));
    if (*m->in->task)
        (void)value_set_str(a, labels, "tekton.dev/task", label_value(m->in->task, a));
    VALUE_EACH_MEMBER (x, value_get(meta, "annotations"))
        if (strcmp(x->key, "kubectl.kubernetes.io/last-applied-configuration") != 0)
            (void)value_set(a, m->annotations, x->key, &x->value);

    struct value *owners = value_new_array(a), *owner = value_new_object(a);
    (void)value_set_str(a, owner, "apiVersion", "tekton.dev/v1");
    (void)value_set_str(a, owner, "kind", "TaskRun");
    (void)value_set_str(a, owner, "name", value_at_str(meta, "name", ""));
    (void)value_set_str(a, owner, "uid", value_at_str(meta, "uid", ""));
    (void)value_set_bool(a, owner, "controller", true);
    (void)value_set_bool(a, owner, "blockOwnerDeletion", true);
    (void)value_push(a, owners, owner);

    (void)value_set_str(a, out, "name", pod_name(run, a));
    (void)value_set_str(a, out, "namespace", value_at_str(meta, "namespace", ""));
    (void)value_set(a, out, "labels", labels);
    (void)value_set(a, out, "annotations", m->annotations);
    (void)value_set(a, out, "ownerReferences", owners);
    return out;
}

/* The TaskRun's podTemplate, whose fields are a PodSpec's, but for env. */
static void apply_template(struct making *m, struct value *spec, struct value *containers)
{
    struct arena *a = m->a;
    const struct value *template = value_at(m->in->run, "spec.podTemplate");
    VALUE_EACH_MEMBER (t, template) {
        if (strcmp(t->key, "volumes") == 0) {
            VALUE_EACH_ITEM (v, &t->value)
                (void)value_push(a, m->volumes, v);
        } else if (strcmp(t->key, "env") == 0) {
            for (size_t i = 0; i < value_count(containers); i++) {
                struct value *c = &containers->items[i];
                (void)value_set(a, c, "env",
                                pod__merge_list(&t->value, value_get(c, "env"), "name", a));
            }
        } else {
            (void)value_set(a, spec, t->key, &t->value);
        }
    }
}

/* Images that only this machine knows by that name, as others pull them. */
static void rename_images(struct making *m, struct value *containers)
{
    static const char local[] = "slipway.local/";
    for (size_t i = 0; m->in->registry && i < value_count(containers); i++) {
        const char *image = value_at_str(&containers->items[i], "image", "");
        if (strncmp(image, local, sizeof local - 1) == 0)
            (void)value_set(
                m->a, &containers->items[i], "image",
                value_new_strf(m->a, "%s/%s", m->in->registry, image + sizeof local - 1));
    }
}

int pod_make(const struct pod_input *in, struct arena *a, struct value **out, struct err *e)
{
    struct making m = {in,
                       a,
                       value_new_object(a),
                       value_new_array(a),
                       value_new_array(a),
                       value_count(value_get(in->spec, "steps")),
                       0};
    struct value *spec = value_new_object(a);
    struct value *init = value_new_array(a), *containers = value_new_array(a);
    int r = pod__make_containers(&m, init, containers, e);
    if (r < 0)
        return r;
    rename_images(&m, init);
    rename_images(&m, containers);
    VALUE_EACH_ITEM (v, value_get(in->spec, "volumes"))
        (void)value_push(a, m.volumes, v);
    add_workspace_volumes(&m);
    add_tekton_volumes(&m);

    const char *account = value_at_str(in->run, "spec.serviceAccountName", "");
    (void)value_set_str(a, spec, "restartPolicy", "Never");
    (void)value_set_str(a, spec, "serviceAccountName", *account ? account : "default");
    apply_template(&m, spec, containers);
    if (value_count(init))
        (void)value_set(a, spec, "initContainers", init);
    (void)value_set(a, spec, "containers", containers);
    (void)value_set(a, spec, "volumes", m.volumes);

    struct value *pod = value_new_object(a);
    (void)value_set_str(a, pod, "apiVersion", "v1");
    (void)value_set_str(a, pod, "kind", "Pod");
    (void)value_set(a, pod, "metadata", pod_metadata(&m));
    (void)value_set(a, pod, "spec", spec);
    *out = pod;
    return 0;
}
