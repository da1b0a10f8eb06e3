/* Sync options and annotations, and small things every stage asks for. */
#include "base/clock.h"
#include "ctl/gitops/app_int.h"

const char *note_of(const struct value *object, const char *annotation)
{
    return value_str(value_get(value_at(object, "metadata.annotations"), annotation), "");
}

const char *app_option_text(const struct app *p, const char *name)
{
    size_t n = strlen(name);
    const char *found = NULL;
    VALUE_EACH_ITEM (o, value_at(p->spec, "syncPolicy.syncOptions")) {
        const char *text = value_str(o, "");
        if (strncmp(text, name, n) == 0 && text[n] == '=')
            found = text + n + 1;
    }
    /* An operation asked for by hand may bring its own. */
    VALUE_EACH_ITEM (o, value_at(p->status, "operationState.operation.sync.syncOptions")) {
        const char *text = value_str(o, "");
        if (strncmp(text, name, n) == 0 && text[n] == '=')
            found = text + n + 1;
    }
    return found;
}

bool app_option(const struct app *p, const char *option)
{
    const char *text = app_option_text(p, option);
    return text && strcmp(text, "true") == 0;
}

int app_options_check(const struct app *p, struct err *e)
{
    static const char *const known[] = {"ApplyOutOfSyncOnly",
                                        "ClientSideApplyMigration",
                                        "CreateNamespace",
                                        "Delete",
                                        "FailOnSharedResource",
                                        "Force",
                                        "Prune",
                                        "PruneLast",
                                        "PrunePropagationPolicy",
                                        "Replace",
                                        "RespectIgnoreDifferences",
                                        "ServerSideApply",
                                        "SkipDryRunOnMissingResource",
                                        "Validate"};
    VALUE_EACH_ITEM (o, value_at(p->spec, "syncPolicy.syncOptions")) {
        const char *text = value_str(o, "");
        size_t n = strcspn(text, "=");
        bool found = false;
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
            found |= strlen(known[i]) == n && strncmp(known[i], text, n) == 0;
        bool confirm = strcmp(text, "Prune=confirm") == 0 || strcmp(text, "Delete=confirm") == 0;
        if (!found || confirm)
            return err_set(e, ERR_UNSUPPORTED,
                           "spec.syncPolicy.syncOptions: %s is not offered here", text);
    }
    return 0;
}

/* "Prune=false, Validate=false" */
static const char *listed(const char *list, const char *name, struct arena *a)
{
    size_t n = strlen(name);
    for (const char *s = list; *s;) {
        s += strspn(s, " ,");
        size_t len = strcspn(s, ",");
        if (len > n && strncmp(s, name, n) == 0 && s[n] == '=') {
            size_t end = len;
            while (end > 0 && s[end - 1] == ' ')
                end--;
            return arena_strndup(a, s + n + 1, end - n - 1);
        }
        s += len;
    }
    return NULL;
}

bool item_option(const struct app *p, const struct value *object, const char *name, bool dflt)
{
    const char *own = listed(note_of(object, "argocd.argoproj.io/sync-options"), name, p->a);
    const char *text = own ? own : app_option_text(p, name);
    return text ? strcmp(text, "true") == 0 : dflt;
}

const char *app_tracking_prefix(const struct app *p)
{
    bool plain = strcmp(p->ns, p->g->opts.namespace) == 0;
    return plain ? arena_printf(p->a, "%s:", p->name)
                 : arena_printf(p->a, "%s_%s:", p->ns, p->name);
}

const char *app_time(const struct app *p, int64_t ms)
{
    char text[CLOCK_TEXT_MAX];
    clock_format_rfc3339(ms, text);
    return arena_strdup(p->a, text);
}

/* Argo CD's conditions have no status: being there is what they say. */
void app_condition(struct app *p, const char *type, const char *message)
{
    struct value *list = value_make_array(p->a, p->status, "conditions");
    for (size_t i = 0; i < value_count(list); i++) {
        struct value *c = &list->items[i];
        if (strcmp(value_at_str(c, "type", ""), type) != 0)
            continue;
        if (message && strcmp(value_at_str(c, "message", ""), message) == 0)
            return;
        value_remove_at(list, i);
        break;
    }
    if (message) {
        struct value *c = value_new_object(p->a);
        (void)value_set_str(p->a, c, "type", type);
        (void)value_set_str(p->a, c, "message", message);
        (void)value_set_str(p->a, c, "lastTransitionTime", app_time(p, p->now));
        (void)value_push(p->a, list, c);
    }
    if (value_count(list) == 0)
        (void)value_remove(p->status, "conditions");
}
