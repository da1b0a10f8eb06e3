/* call_int.h - calls of functions and methods, between exec.c and call.c. */
#pragma once
#include "template/exec_int.h"

/* One template being executed. */
struct state {
    struct template_run *run;
    const struct tree *tree;
    const struct node *node; /* what errors point at */
    size_t base;             /* its variables begin here */
};

/* Fields to follow, and the node they stand in. */
struct path {
    const struct node *node;
    const struct ident *idents;
    uint32_t n;
};

/* Errors at the state's node; wrap puts a text in front of what is there. */
int state__fail(struct state *s, const char *fmt, ...) PRINTF(2, 3);
int state__wrap(struct state *s, const char *fmt, ...) PRINTF(2, 3);
const char *state__node_text(struct state *s, const struct node *n);
const char *state__value_text(struct state *s, const struct go_value *v);

int exec__pipeline(struct state *s, const struct go_value *dot, const struct node *pipe,
                   struct go_value *out);
/* FIELD, CHAIN and VARIABLE with the words after them; `final` is what came through the pipe. */
int exec__word(struct state *s, const struct go_value *dot, const struct node *n,
               const struct node *args, const struct go_value *final, struct go_value *out);
int exec__constant(struct state *s, const struct node *n, struct go_value *out);

/* Evaluates a word as an argument of the type a signature's letter says (0: any). */
int call__arg(struct state *s, const struct go_value *dot, char letter, const struct node *n,
              struct go_value *out);
/* Follows fields; the last may be a method with arguments. */
int call__path(struct state *s, const struct go_value *dot, const struct go_value *receiver,
               const struct path *path, const struct node *args, const struct go_value *final,
               struct go_value *out);
/* NODE_FUNCTION `n`; errors of the call itself point at `at`; args are the words behind it. */
int call__function(struct state *s, const struct go_value *dot, const struct node *n,
                   const struct node *at, const struct node *args, const struct go_value *final,
                   struct go_value *out);
