/* helm_objects.h - the objects Helm hands to templates: .Chart, .Files, .Capabilities, .Values.
 *
 * Model      Each is a value of the Go type that Helm uses, with its fields and methods, so that
 *            printing, typeOf and misuse give what Helm gives.
 * Lifetime   The arena's; texts are borrowed.                                             */
#pragma once
#include "template/go_value.h"

extern const struct go_type helm_values_type; /* chartutil.Values: a map with methods */

/* .Values, .Template: m as chartutil.Values. */
struct go_value helm_values(struct go_map *m);

/* .Chart, from a parsed Chart.yaml. */
struct go_value helm_chart(struct arena *a, const struct value *chart_yaml, bool is_root);

/* .Files, from name and bytes. */
struct helm_file {
    const char *name;
    const char *bytes;
    size_t n;
};
struct go_value helm_files(struct arena *a, const struct helm_file *files, size_t n);

/* .Capabilities: kube_version as "v1.32.4" (major and minor are taken from it), helm_version as
 * "v3.22.0". */
struct helm_capabilities {
    const char *kube_version;
    const char *const *api_versions;
    size_t n_api_versions;
    const char *helm_version, *git_commit, *git_tree_state, *go_version;
};
struct go_value helm_capabilities(struct arena *a, const struct helm_capabilities *c);

/* What Helm takes a cluster to have when it asks none; ends with NULL. */
extern const char *const helm_default_api_versions[];
enum { HELM_DEFAULT_API_VERSIONS = 57 };
