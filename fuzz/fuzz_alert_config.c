/* Properties: matchers that parse print to text that parses to the same; what is shown of a
 * configuration is one, and shows the same. */
#include "alert/config.h"
#include "fuzz.h"

static void check_matchers(struct arena *a, const char *text)
{
    struct alert_matchers m, again;
    if (alert_matchers_parse(a, text, &m, NULL) < 0)
        return;
    const char *printed = alert_matchers_text(a, &m);
    for (size_t i = 0; i < m.n; i++) {
        const char *name = m.items[i].name;
        if (!*name || name[strcspn(name, "=!~ \t\n,{}\"")])
            return; /* a quoted name is printed without its quotes, as upstream prints it */
    }
    MUST(alert_matchers_parse(a, printed, &again, NULL) == 0);
    MUST(strcmp(printed, alert_matchers_text(a, &again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(alert_config) struct alert_config *c = NULL;
    AUTO(alert_config) struct alert_config *again = NULL;
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    check_matchers(a, arena_strndup(a, (const char *)data, size));
    if (alert_config_read((const char *)data, size, &c, NULL) < 0)
        return 0;
    MUST(alert_config_read(c->shown, strlen(c->shown), &again, NULL) == 0);
    MUST(strcmp(c->shown, again->shown) == 0);
    return 0;
}
