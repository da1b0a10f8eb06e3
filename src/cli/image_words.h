/* image_words.h - the options of verbs that work on this machine's images without a server: where
 * those are kept, and where the ones that are not here come from. */
#pragma once
#include "cli/verb.h"
#include "oci/images.h"

struct image_words {
    const char *data_dir;
    struct option_list mirrors, aliases;
};

#define PLACE_OPTION(w)                                                                            \
    {                                                                                              \
        "data-dir", 'd', OPTION_TEXT, &(w).data_dir, "DIR",                                        \
            "where everything is kept (" VERB_DEFAULT_DIR ")"                                      \
    }
#define SOURCE_OPTIONS(w)                                                                          \
    {"registry-mirror", 0,          OPTION_LIST,                                                   \
     &(w).mirrors,      "HOST=URL", "pull images of HOST from URL; * for every host"},             \
    {                                                                                              \
        "image-alias", 0, OPTION_LIST, &(w).aliases, "FROM=TO",                                    \
            "use image TO where FROM is asked for; FROM ending in / is a prefix"                   \
    }

int image_words_open(const struct image_words *w, struct arena *a, struct image_store **out,
                     struct err *e) MUST_CHECK;
/* The list as the modules take lists: ended by NULL. */
const char *const *option_list_ended(const struct option_list *list, struct arena *a);
