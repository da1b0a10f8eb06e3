"""What bench/render.py renders: overlays and charts, written into a folder, of any size."""
from pathlib import Path

APP = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: 2
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      containers:
        - name: web
          image: registry.example.com/web:1.0.0
          args: ["--listen", ":8080"]
          ports:
            - containerPort: 8080
          envFrom:
            - configMapRef:
                name: {name}
          resources:
            limits:
              memory: 128Mi
          volumeMounts:
            - name: settings
              mountPath: /etc/web
      volumes:
        - name: settings
          configMap:
            name: {name}
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector:
    app: {name}
  ports:
    - port: 80
      targetPort: 8080
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
data:
  greeting: hello from {name}
  settings.yaml: |
    log: info
    backends: [a, b]
"""

SMALL = """apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namePrefix: staging-
namespace: staging
resources: [../base]
images:
  - name: registry.example.com/web
    newTag: 1.1.0
patches:
  - target: {kind: Deployment}
    patch: |
      - op: replace
        path: /spec/replicas
        value: 3
"""

MANY = """apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namePrefix: prod-
labels:
  - pairs: {team: web}
    includeSelectors: true
resources:
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def small_overlay(folder):
    write(folder / "base/app.yaml", APP.format(name="web"))
    write(folder / "base/kustomization.yaml", "resources: [app.yaml]\n")
    write(folder / "staging/kustomization.yaml", SMALL)
    return folder / "staging"


def many_resources(folder, resources):
    """Three to a file, every Deployment naming its ConfigMap."""
    names = [f"app-{i:05}" for i in range(resources // 3)]
    for name in names:
        write(folder / f"{name}.yaml", APP.format(name=name))
    write(folder / "kustomization.yaml", MANY + "".join(f"- {name}.yaml\n" for name in names))
    return folder


# ---- charts ----

HELPERS = """{{{{- define "{name}.fullname" -}}}}
{{{{- printf "%s-%s" .Release.Name (tpl .Values.name .) | trunc 63 | trimSuffix "-" }}}}
{{{{- end }}}}
{{{{- define "{name}.labels" -}}}}
app.kubernetes.io/name: {{{{ include "{name}.fullname" . }}}}
app.kubernetes.io/instance: {{{{ .Release.Name }}}}
{{{{- with .Values.global.labels }}}}
{{{{ tpl (toYaml .) $ }}}}
{{{{- end }}}}
{{{{- end }}}}
"""

MANIFESTS = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{{{ include "{name}.fullname" . }}}}
  labels:
    {{{{- include "{name}.labels" . | nindent 4 }}}}
spec:
  replicas: {{{{ .Values.replicas | default .Values.global.replicas }}}}
  selector:
    matchLabels:
      {{{{- include "{name}.labels" . | nindent 6 }}}}
  template:
    metadata:
      labels:
        {{{{- include "{name}.labels" . | nindent 8 }}}}
      annotations:
        checksum/config: {{{{ include (print $.Template.BasePath "/config.yaml") . | sha256sum }}}}
    spec:
      containers:
        - name: {{{{ .Chart.Name }}}}
          image: {{{{ tpl .Values.image . | quote }}}}
          env:
            {{{{- range $key, $value := .Values.env }}}}
            - name: {{{{ $key | upper }}}}
              value: {{{{ tpl $value $ | quote }}}}
            {{{{- end }}}}
          {{{{- with .Values.resources }}}}
          resources:
            {{{{- toYaml . | nindent 12 }}}}
          {{{{- end }}}}
"""

CONFIG = """apiVersion: v1
kind: ConfigMap
metadata:
  name: {{{{ include "{name}.fullname" . }}}}
  labels:
    {{{{- include "{name}.labels" . | nindent 4 }}}}
data:
  app.yaml: |
    {{{{- tpl .Values.config . | nindent 4 }}}}
"""

SERVICE = """apiVersion: v1
kind: Service
metadata:
  name: {{{{ include "{name}.fullname" . }}}}
spec:
  selector:
    {{{{- include "{name}.labels" . | nindent 4 }}}}
  ports:
    {{{{- toYaml .Values.ports | nindent 4 }}}}
"""

VALUES = """name: "{{ .Chart.Name }}"
image: "{{ .Values.global.registry }}/{{ .Chart.Name }}:{{ .Chart.AppVersion }}"
ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: metrics, port: 9090, targetPort: 9090}
env:
  host: "{{ .Release.Name }}.{{ .Release.Namespace }}.svc"
  url: "https://{{ tpl .Values.name . }}.{{ .Values.global.domain }}/"
  log_level: "{{ .Values.global.logLevel | default \\"info\\" }}"
  region: "{{ .Values.global.region }}"
resources:
  limits: {cpu: 100m, memory: 128Mi}
  requests: {cpu: 10m, memory: 64Mi}
config: |
  listen: :8080
  name: {{ tpl .Values.name . }}
  {{- range $i, $p := .Values.ports }}
  port-{{ $i }}: {{ $p.name }}={{ $p.port }}
  {{- end }}
  database: postgres://{{ .Release.Name }}-db.{{ .Release.Namespace }}/{{ .Chart.Name }}
"""

GLOBAL = """global:
  registry: registry.example.com/apps
  domain: example.com
  region: eu-1
  logLevel: debug
  replicas: 2
  labels:
    team: "{{ .Release.Name }}-team"
    part-of: platform
"""


def umbrella_chart(folder, charts):
    names = [f"service-{i:04}" for i in range(charts)]
    write(folder / "Chart.yaml", "apiVersion: v2\nname: umbrella\nversion: 1.0.0\ndependencies:\n" + "".join(
        f"- {{name: {name}, version: 1.0.0, condition: {name}.enabled}}\n" for name in names))
    write(folder / "values.yaml", GLOBAL + "".join(
        f"{name}:\n  enabled: true\n  replicas: {i % 5 + 1}\n" for i, name in enumerate(names)))
    for name in names:
        chart = folder / "charts" / name
        write(chart / "Chart.yaml", f"apiVersion: v2\nname: {name}\nversion: 1.0.0\nappVersion: 2.3.4\n")
        write(chart / "values.yaml", VALUES)
        write(chart / "templates/_helpers.tpl", HELPERS.format(name=name))
        write(chart / "templates/deployment.yaml", MANIFESTS.format(name=name))
        write(chart / "templates/config.yaml", CONFIG.format(name=name))
        write(chart / "templates/service.yaml", SERVICE.format(name=name))
    return folder


def copies_of(chart, folder, count):
    """One chart with that many copies of another below it."""
    names = [f"copy{i:03}" for i in range(count)]
    write(folder / "Chart.yaml", "apiVersion: v2\nname: copies\nversion: 1.0.0\ndependencies:\n" + "".join(
        f"- {{name: web, alias: {name}, version: 0.1.0}}\n" for name in names))
    for file in Path(chart).rglob("*"):
        if file.is_file():
            write(folder / "charts/web" / file.relative_to(chart), file.read_text())
    return folder
