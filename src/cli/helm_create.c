/* helm_create.c - slipway helm create: a chart to begin with. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "cli/helm.h"

enum { NAME_MAX_BYTES = 250 };

/* "@@" stands for the chart's name. */
static const struct {
    const char *path, *text;
} files[] = {
    {".helmignore",
     "# What stays out of the packed chart, a pattern a line.\n"
     ".git/\n.gitignore\n.DS_Store\n*.swp\n*.bak\n*.tmp\n*.orig\n*~\n.idea/\n.vscode/\n"                               },
    {"Chart.yaml",                    "apiVersion: v2\n"
                   "name: @@\n"
                   "description: A Helm chart for Kubernetes\n"
                   "type: application\n"
                   "# Of the chart: goes up with every change of it.\n"
                   "version: 0.1.0\n"
                   "# Of what it installs.\n"
                   "appVersion: \"1.16.0\"\n"                                                        },
    {"values.yaml",                   "replicaCount: 1\n\n"
                    "image:\n"
                    "  repository: nginx\n"
                    "  pullPolicy: IfNotPresent\n"
                    "  # The chart's appVersion when it is empty.\n"
                    "  tag: \"\"\n\n"
                    "imagePullSecrets: []\n"
                    "nameOverride: \"\"\n"
                    "fullnameOverride: \"\"\n\n"
                    "serviceAccount:\n"
                    "  create: true\n"
                    "  automount: true\n"
                    "  annotations: {}\n"
                    "  # Made of the release's name when it is empty.\n"
                    "  name: \"\"\n\n"
                    "podAnnotations: {}\n"
                    "podLabels: {}\n"
                    "podSecurityContext: {}\n"
                    "securityContext: {}\n\n"
                    "service:\n"
                    "  type: ClusterIP\n"
                    "  port: 80\n\n"
                    "ingress:\n"
                    "  enabled: false\n"
                    "  className: \"\"\n"
                    "  annotations: {}\n"
                    "  hosts:\n"
                    "    - host: chart-example.local\n"
                    "      paths:\n"
                    "        - path: /\n"
                    "          pathType: ImplementationSpecific\n"
                    "  tls: []\n\n"
                    "resources: {}\n\n"
                    "livenessProbe:\n"
                    "  httpGet: {path: /, port: http}\n"
                    "readinessProbe:\n"
                    "  httpGet: {path: /, port: http}\n\n"
                    "autoscaling:\n"
                    "  enabled: false\n"
                    "  minReplicas: 1\n"
                    "  maxReplicas: 100\n"
                    "  targetCPUUtilizationPercentage: 80\n\n"
                    "volumes: []\n"
                    "volumeMounts: []\n"
                    "nodeSelector: {}\n"
                    "tolerations: []\n"
                    "affinity: {}\n"                                                                },
    {"templates/_helpers.tpl",
     "{{- define \"@@.name\" -}}\n"
     "{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix \"-\" }}\n"
     "{{- end }}\n\n"
     "{{/* Names are cut to 63 characters, as some kinds allow no more. */}}\n"
     "{{- define \"@@.fullname\" -}}\n"
     "{{- $name := include \"@@.name\" . }}\n"
     "{{- $full := contains $name .Release.Name | ternary .Release.Name (printf \"%s-%s\" "
     ".Release.Name "
     "$name) }}\n"
     "{{- .Values.fullnameOverride | default $full | trunc 63 | trimSuffix \"-\" }}\n"
     "{{- end }}\n\n"
     "{{- define \"@@.chart\" -}}\n"
     "{{- printf \"%s-%s\" .Chart.Name .Chart.Version | replace \"+\" \"_\" | trunc 63 | "
     "trimSuffix \"-\" }}\n"
     "{{- end }}\n\n"
     "{{- define \"@@.selectorLabels\" -}}\n"
     "app.kubernetes.io/name: {{ include \"@@.name\" . }}\n"
     "app.kubernetes.io/instance: {{ .Release.Name }}\n"
     "{{- end }}\n\n"
     "{{- define \"@@.labels\" -}}\n"
     "helm.sh/chart: {{ include \"@@.chart\" . }}\n"
     "{{ include \"@@.selectorLabels\" . }}\n"
     "{{- with .Chart.AppVersion }}\n"
     "app.kubernetes.io/version: {{ . | quote }}\n"
     "{{- end }}\n"
     "app.kubernetes.io/managed-by: {{ .Release.Service }}\n"
     "{{- end }}\n\n"
     "{{- define \"@@.serviceAccountName\" -}}\n"
     "{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "
     "\"@@.fullname\" .) \"default\") }}\n"
     "{{- end }}\n"                                                                                                    },
    {"templates/deployment.yaml",
     "apiVersion: apps/v1\n"
     "kind: Deployment\n"
     "metadata:\n"
     "  name: {{ include \"@@.fullname\" . }}\n"
     "  labels:\n"
     "    {{- include \"@@.labels\" . | nindent 4 }}\n"
     "spec:\n"
     "  {{- if not .Values.autoscaling.enabled }}\n"
     "  replicas: {{ .Values.replicaCount }}\n"
     "  {{- end }}\n"
     "  selector:\n"
     "    matchLabels:\n"
     "      {{- include \"@@.selectorLabels\" . | nindent 6 }}\n"
     "  template:\n"
     "    metadata:\n"
     "      {{- with .Values.podAnnotations }}\n"
     "      annotations:\n"
     "        {{- toYaml . | nindent 8 }}\n"
     "      {{- end }}\n"
     "      labels:\n"
     "        {{- include \"@@.labels\" . | nindent 8 }}\n"
     "        {{- with .Values.podLabels }}\n"
     "        {{- toYaml . | nindent 8 }}\n"
     "        {{- end }}\n"
     "    spec:\n"
     "      {{- with .Values.imagePullSecrets }}\n"
     "      imagePullSecrets:\n"
     "        {{- toYaml . | nindent 8 }}\n"
     "      {{- end }}\n"
     "      serviceAccountName: {{ include \"@@.serviceAccountName\" . }}\n"
     "      {{- with .Values.podSecurityContext }}\n"
     "      securityContext:\n"
     "        {{- toYaml . | nindent 8 }}\n"
     "      {{- end }}\n"
     "      containers:\n"
     "        - name: {{ .Chart.Name }}\n"
     "          image: \"{{ .Values.image.repository }}:{{ .Values.image.tag | default "
     ".Chart.AppVersion }}\"\n"
     "          imagePullPolicy: {{ .Values.image.pullPolicy }}\n"
     "          ports:\n"
     "            - name: http\n"
     "              containerPort: {{ .Values.service.port }}\n"
     "              protocol: TCP\n"
     "          {{- range $field := list \"securityContext\" \"livenessProbe\" \"readinessProbe\" "
     "\"resources\" \"volumeMounts\" }}\n"
     "          {{- with index $.Values $field }}\n"
     "          {{ $field }}:\n"
     "            {{- toYaml . | nindent 12 }}\n"
     "          {{- end }}\n"
     "          {{- end }}\n"
     "      {{- range $field := list \"volumes\" \"nodeSelector\" \"affinity\" \"tolerations\" }}\n"
     "      {{- with index $.Values $field }}\n"
     "      {{ $field }}:\n"
     "        {{- toYaml . | nindent 8 }}\n"
     "      {{- end }}\n"
     "      {{- end }}\n"                                                                                              },
    {"templates/service.yaml",        "apiVersion: v1\n"
                               "kind: Service\n"
                               "metadata:\n"
                               "  name: {{ include \"@@.fullname\" . }}\n"
                               "  labels:\n"
                               "    {{- include \"@@.labels\" . | nindent 4 }}\n"
                               "spec:\n"
                               "  type: {{ .Values.service.type }}\n"
                               "  ports:\n"
                               "    - port: {{ .Values.service.port }}\n"
                               "      targetPort: http\n"
                               "      protocol: TCP\n"
                               "      name: http\n"
                               "  selector:\n"
                               "    {{- include \"@@.selectorLabels\" . | nindent 4 }}\n"},
    {"templates/serviceaccount.yaml",
     "{{- if .Values.serviceAccount.create }}\n"
     "apiVersion: v1\n"
     "kind: ServiceAccount\n"
     "metadata:\n"
     "  name: {{ include \"@@.serviceAccountName\" . }}\n"
     "  labels:\n"
     "    {{- include \"@@.labels\" . | nindent 4 }}\n"
     "  {{- with .Values.serviceAccount.annotations }}\n"
     "  annotations:\n"
     "    {{- toYaml . | nindent 4 }}\n"
     "  {{- end }}\n"
     "automountServiceAccountToken: {{ .Values.serviceAccount.automount }}\n"
     "{{- end }}\n"                                                                                                    },
    {"templates/ingress.yaml",        "{{- if .Values.ingress.enabled }}\n"
                               "apiVersion: networking.k8s.io/v1\n"
                               "kind: Ingress\n"
                               "metadata:\n"
                               "  name: {{ include \"@@.fullname\" . }}\n"
                               "  labels:\n"
                               "    {{- include \"@@.labels\" . | nindent 4 }}\n"
                               "  {{- with .Values.ingress.annotations }}\n"
                               "  annotations:\n"
                               "    {{- toYaml . | nindent 4 }}\n"
                               "  {{- end }}\n"
                               "spec:\n"
                               "  {{- with .Values.ingress.className }}\n"
                               "  ingressClassName: {{ . }}\n"
                               "  {{- end }}\n"
                               "  {{- with .Values.ingress.tls }}\n"
                               "  tls:\n"
                               "    {{- toYaml . | nindent 4 }}\n"
                               "  {{- end }}\n"
                               "  rules:\n"
                               "    {{- range .Values.ingress.hosts }}\n"
                               "    - host: {{ .host | quote }}\n"
                               "      http:\n"
                               "        paths:\n"
                               "          {{- range .paths }}\n"
                               "          - path: {{ .path }}\n"
                               "            pathType: {{ .pathType }}\n"
                               "            backend:\n"
                               "              service:\n"
                               "                name: {{ include \"@@.fullname\" $ }}\n"
                               "                port:\n"
                               "                  number: {{ $.Values.service.port }}\n"
                               "          {{- end }}\n"
                               "    {{- end }}\n"
                               "{{- end }}\n"                                            },
    {"templates/hpa.yaml",
     "{{- if .Values.autoscaling.enabled }}\n"
     "apiVersion: autoscaling/v2\n"
     "kind: HorizontalPodAutoscaler\n"
     "metadata:\n"
     "  name: {{ include \"@@.fullname\" . }}\n"
     "  labels:\n"
     "    {{- include \"@@.labels\" . | nindent 4 }}\n"
     "spec:\n"
     "  scaleTargetRef:\n"
     "    apiVersion: apps/v1\n"
     "    kind: Deployment\n"
     "    name: {{ include \"@@.fullname\" . }}\n"
     "  minReplicas: {{ .Values.autoscaling.minReplicas }}\n"
     "  maxReplicas: {{ .Values.autoscaling.maxReplicas }}\n"
     "  metrics:\n"
     "    - type: Resource\n"
     "      resource:\n"
     "        name: cpu\n"
     "        target:\n"
     "          type: Utilization\n"
     "          averageUtilization: {{ .Values.autoscaling.targetCPUUtilizationPercentage }}\n"
     "{{- end }}\n"                                                                                                    },
    {"templates/NOTES.txt",           "{{ include \"@@.fullname\" . }} answers inside the cluster on port {{ "
     ".Values.service.port }}.\n"
                            "From here:\n\n"
                            "  kubectl -n {{ .Release.Namespace }} port-forward svc/{{ include "
                            "\"@@.fullname\" . }} 8080:{{ "
                            ".Values.service.port }}\n"                                                                                            },
    {"templates/tests/test-connection.yaml",
     "apiVersion: v1\n"
     "kind: Pod\n"
     "metadata:\n"
     "  name: \"{{ include \"@@.fullname\" . }}-test-connection\"\n"
     "  labels:\n"
     "    {{- include \"@@.labels\" . | nindent 4 }}\n"
     "  annotations:\n"
     "    helm.sh/hook: test\n"
     "spec:\n"
     "  containers:\n"
     "    - name: wget\n"
     "      image: busybox\n"
     "      command: [wget]\n"
     "      args: [\"{{ include \"@@.fullname\" . }}:{{ .Values.service.port }}\"]\n"
     "  restartPolicy: Never\n"},
};

static const char *filled(const char *text, const char *name, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    for (const char *mark; (mark = strstr(text, "@@")); text = mark + 2) {
        buf_add(&b, text, (size_t)(mark - text));
        buf_puts(&b, name);
    }
    buf_puts(&b, text);
    return arena_strdup(a, buf_text(&b));
}

static bool name_ok(const char *name)
{
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
            return false;
    return *name && strlen(name) <= NAME_MAX_BYTES && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static int create(const char *path, struct helm_log *log, struct err *e)
{
    struct arena *a = log->arena;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    struct stat st;
    if (!name_ok(name))
        return helm_fail(log, e, ERR_INVALID,
                         "chart name must match the regular expression \"^[a-zA-Z0-9._-]+$\"");
    if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
        return helm_fail(log, e, ERR_EXISTS, "file %s already exists and is not a directory", path);
    int rc = fs_mkdirs(arena_printf(a, "%s/charts", path), 0755, e);
    if (rc == 0)
        rc = fs_mkdirs(arena_printf(a, "%s/templates/tests", path), 0755, e);
    for (size_t i = 0; i < ARRAY_LEN(files) && rc == 0; i++) {
        const char *text = filled(files[i].text, name, a);
        rc = fs_write_atomic(arena_printf(a, "%s/%s", path, files[i].path), 0644, text,
                             strlen(text), e);
    }
    return rc;
}

int helm_cli_create(int argc, char **argv, const struct verb *verb)
{
    struct helm_cli_globals globals = {0};
    const struct option table[] = {HELM_CLI_GLOBALS(globals), {0}};
    AUTO(arena) struct arena *a = arena_new(0);
    struct helm_log log = {.arena = a};
    struct arguments args;
    struct err e = {0};
    int code;
    const struct helm_cli_usage usage = {verb, table, 1, 1};
    if (!helm_cli_begin(&usage, argc, argv, &log, &args, &code))
        return code;
    (void)printf("Creating %s\n", args.items[0]);
    return create(args.items[0], &log, &e) < 0 ? helm_cli_fail(&log, &e) : EXIT_OK;
}
