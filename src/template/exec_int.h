/* exec_int.h - a run, between the executor and the functions. */
#pragma once
#include "template/parse_int.h"

struct variable {
    struct ident name;
    struct go_value value;
};

/* An error's text in pieces, outermost first: wrapping a long one copies nothing. */
struct fault {
    const char *text;
    struct fault *inner;
};

struct random {
    unsigned char key[32];
    uint64_t counter;
};

struct template_run {
    struct arena *arena;
    const struct template_set *set; /* where names are looked for: the set, or that of a tpl */
    struct template_options options;
    struct variable *vars;
    size_t n_vars, cap_vars;
    struct buf out, scratch;
    struct fault *fault;
    const char *error; /* the fault in one piece */
    uint64_t steps;
    const char *stack;        /* where the run began */
    int depth;                /* of {{template}} */
    struct go_map *included;  /* how often each name is being included */
    struct go_map *tpl_cache; /* text: struct tpl in opaque */
    struct go_map *regexes;
    struct random random;
    struct template_trace *trace; /* NULL: nobody asks where output comes from */
};

/* Notes where the output goes on from: a node of that source. */
void trace__note(struct template_run *r, const struct source *in, const struct node *n);

/* Runs a tree over dot, appending to run->out; the fault says what went wrong. */
int exec__tree(struct template_run *r, const struct tree *t, const struct go_value *dot);

/* What reflect.ValueOf() makes of data that came as an interface{}: of a nil one, nothing. */
static inline struct go_value exec__dot(struct go_value v)
{
    return go_kind_of(&v) == GO_INTERFACE ? (struct go_value){.type = NULL} : v;
}

/* A new fault, or one around what is there. */
int run__fail(struct template_run *r, const char *fmt, ...) PRINTF(2, 3);
int run__wrap(struct template_run *r, const char *fmt, ...) PRINTF(2, 3);
const char *run__error(struct template_run *r);

/* ---- what functions use ---- */

/* An empty buffer, the run's own: one at a time. */
struct buf *call__scratch(struct go_call *c);
/* Its text as the result. */
int call__finish(struct go_call *c, struct go_value *out);
/* Room for `size` bytes that a template asked for. */
int call__alloc(struct go_call *c, size_t size, void **out);
/* Work that takes longer than its arguments show; a step is about 15 ns. */
int call__spend(struct go_call *c, uint64_t steps);
/* A copy, and a string of it. */
struct go_value call__text(struct go_call *c, const char *s, size_t n);

/* fmt.Print of one value; Sprintf. */
void fmt__print(struct template_run *r, struct buf *b, const struct go_value *v);
void fmt__printf(struct template_run *r, struct buf *b, const char *format, size_t n,
                 const struct go_value *args, size_t n_args);
/* Sprint: blanks between operands when neither is a string; with line: always, and a line's end. */
void fmt__print_all(struct template_run *r, struct buf *b, const struct go_value *args, size_t n,
                    bool line);
/* The text of a Stringer or error; false: it is none. */
bool fmt__stringer(struct template_run *r, const struct go_value *v, struct go_value *out);

/* Sprig's strval, borrowed or in the arena. */
struct go_value call__strval(struct go_call *c, const struct go_value *v);

/* Where a value's letter in a signature stands for. */
const struct go_type *letter__type(char letter);
