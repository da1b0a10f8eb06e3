/* functions_int.h - the tables of functions, each in the file of its subject. */
#pragma once
#include "template/exec_int.h"

extern const struct go_func builtin_functions[]; /* text/template's own */
extern const struct go_func compare_functions[];
extern const struct go_func encode_functions[];
extern const struct go_func base_functions[];
extern const struct go_func text_functions[];
extern const struct go_func case_functions[];
extern const struct go_func list_functions[];
extern const struct go_func dict_functions[];
extern const struct go_func type_functions[];
extern const struct go_func math_functions[];
extern const struct go_func decimal_functions[];
extern const struct go_func semver_functions[];
extern const struct go_func regex_functions[];
extern const struct go_func url_functions[];
extern const struct go_func date_functions[];
extern const struct go_func random_functions[];
extern const struct go_func crypto_functions[];
extern const struct go_func cert_functions[];
extern const struct go_func toml_functions[];
extern const struct go_func helm_functions[];

#define FUNCTION_TABLES                                                                            \
    compare_functions, encode_functions, base_functions, text_functions, case_functions,           \
        list_functions, dict_functions, type_functions, math_functions, decimal_functions,         \
        semver_functions, regex_functions, url_functions, date_functions, random_functions,        \
        crypto_functions, cert_functions, toml_functions

/* "<no value>" is cut out of a text, in place. */
void text__cut_no_value(char *s, size_t *n);

/* sigs.k8s.io/yaml's form; last_line: with the line's end at the end. */
int encode__yaml(struct go_call *c, const struct go_value *v, bool last_line, struct go_value *out);

/* Why a text is no JSON, as encoding/json says it. */
const char *json__error(struct arena *a, const char *s, size_t n);

/* Standard base64 of bytes, as a string. */
int base__encode64(struct go_call *c, const struct go_value *bytes, struct go_value *out);

/* Standard base64 with padding; false: *bad is the byte that is wrong. */
bool base__decode64(struct buf *b, const char *s, size_t n, size_t *bad);

/* A pattern of .Files.Glob; NULL: malformed. */
struct regex *wildcard__regex(struct arena *a, const char *pattern, size_t n);

/* What Go's regexp says of a pattern; NULL: nothing. */
const char *regex__error(struct arena *a, const char *s, size_t n);
