#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct option *find_long(const struct option *table, const char *name, size_t n)
{
    for (; table->name; table++)
        if (strlen(table->name) == n && strncmp(table->name, name, n) == 0)
            return table;
    return NULL;
}

static const struct option *find_short(const struct option *table, char letter)
{
    for (; table->name; table++)
        if (table->letter && table->letter == letter)
            return table;
    return NULL;
}

static int set_number(const struct option *o, const char *value, struct err *e)
{
    char *end;
    errno = 0;
    long v = strtol(value, &end, 10);
    if (errno || end == value || *end)
        return err_set(e, ERR_INVALID, "--%s: \"%s\" is not a number", o->name, value);
    *(long *)o->into = v;
    return 0;
}

static int set(const struct option *o, const char *value, struct arena *a, struct err *e)
{
    switch (o->kind) {
    case OPTION_FLAG:
        if (value && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
            return err_set(e, ERR_INVALID, "--%s is a flag: \"%s\" is neither true nor false",
                           o->name, value);
        *(bool *)o->into = !value || strcmp(value, "true") == 0;
        return 0;
    case OPTION_MAYBE:
    case OPTION_TEXT:
        *(const char **)o->into = value ? value : "";
        return 0;
    case OPTION_NUMBER:
        return set_number(o, value, e);
    case OPTION_LIST: {
        struct option_list *l = o->into;
        size_t had = l->n * sizeof *l->items;
        l->items = arena_grow(a, (void *)l->items, had, had + sizeof *l->items);
        l->items[l->n++] = value;
        return 0;
    }
    }
    return 0;
}

/* Takes the option at argv[*i], and its value where it has one. */
static int take(const struct option *table, int argc, char **argv, int *i, struct arena *a,
                struct err *e)
{
    const char *word = argv[*i], *value = NULL;
    const struct option *o;
    if (word[1] == '-') {
        const char *equals = strchr(word, '=');
        size_t n = equals ? (size_t)(equals - word - 2) : strlen(word + 2);
        o = find_long(table, word + 2, n);
        value = equals ? equals + 1 : NULL;
    } else {
        o = find_short(table, word[1]);
        value = word[2] ? word + 2 : NULL;
    }
    if (!o) {
        (void)err_set(e, ERR_INVALID, "there is no option %s", word);
        return err_hint(e, "--help lists the options");
    }
    if (o->kind != OPTION_FLAG && o->kind != OPTION_MAYBE && !value) {
        if (*i + 1 >= argc)
            return err_set(e, ERR_INVALID, "--%s needs a value: %s", o->name, o->value);
        value = argv[++*i];
    }
    return set(o, value, a, e);
}

int options_parse(const struct option *table, int argc, char **argv, struct arena *a,
                  struct arguments *out, struct err *e)
{
    struct arguments args = {.items = ARENA_ARRAY(a, const char *, (size_t)argc + 1)};
    bool only_arguments = false;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (only_arguments || word[0] != '-' || word[1] == '\0') {
            args.items[args.n++] = word;
        } else if (strcmp(word, "--") == 0) {
            only_arguments = true;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            args.help = true;
        } else {
            int r = take(table, argc, argv, &i, a, e);
            if (r < 0)
                return r;
        }
    }
    *out = args;
    return 0;
}

void options_print(const struct option *table)
{
    for (const struct option *o = table; o->name; o++) {
        char left[64], letter[8] = "    ";
        if (o->letter)
            (void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
        (void)snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->value ? " " : "",
                       o->value ? o->value : "");
        (void)printf("  %-32s %s\n", left, o->doc);
    }
}
