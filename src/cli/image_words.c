#include "cli/image_words.h"

const char *const *option_list_ended(const struct option_list *list, struct arena *a)
{
    const char **out = ARENA_ARRAY(a, const char *, list->n + 1);
    for (size_t i = 0; i < list->n; i++)
        out[i] = list->items[i];
    return out;
}

int image_words_open(const struct image_words *w, struct arena *a, struct image_store **out,
                     struct err *e)
{
    struct image_store_opts o = {.folder =
                                     arena_printf(a, "%s/images", verb_data_dir(w->data_dir))};
    int rc = image_sources_read(option_list_ended(&w->mirrors, a),
                                option_list_ended(&w->aliases, a), a, &o, e);
    return rc < 0 ? rc : image_store_open(&o, out, e);
}
