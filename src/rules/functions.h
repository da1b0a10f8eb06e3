/* functions.h - the functions of alerts' templates, for other templates that have some of them.
 * Those that ask the store work in rules/ only. */
#pragma once
#include "template/template.h"

extern const struct go_func rule_functions[]; /* ends with a nameless one */
