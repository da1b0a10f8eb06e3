#!/usr/bin/env python3
"""Take the facts of Kubernetes' OpenAPI v3 documents into schemas/k8s/*.schema.

    tools/schema-import.py FOLDER schemas/k8s

FOLDER holds documents as an API server serves them under /openapi/v3. Only structure is taken:
names, types, formats, defaults, list and patch strategies; no descriptions.
schemas/README.md describes the form written.
"""
import collections
import json
import pathlib
import sys

SCALARS = {
    "api.resource.Quantity": "quantity",
    "util.intstr.IntOrString": "intstr",
    "meta.v1.Time": "time",
    "meta.v1.MicroTime": "microtime",
    "pkg.runtime.RawExtension": "raw",
    "meta.v1.FieldsV1": "raw",
    "meta.v1.Patch": "any",
    "apiextensions.v1.JSON": "any",
    "apiextensions.v1.JSONSchemaPropsOrArray": "any",
    "apiextensions.v1.JSONSchemaPropsOrBool": "any",
    "apiextensions.v1.JSONSchemaPropsOrStringArray": "any",
    "apiextensions.v1.CustomResourceSubresourceStatus": "raw",
}
PRIMITIVES = {
    ("string", None): "string",
    ("string", "byte"): "byte",
    ("integer", "int32"): "int32",
    ("integer", "int64"): "int64",
    ("integer", None): "int64",
    ("number", "double"): "double",
    ("number", None): "double",
    ("boolean", None): "bool",
}

# Optional scalars that are pointers in Go: their zero value is a wish and is kept. The documents
# do not tell; by field name, or type and field where a name is used both ways.
POINTERS = set(
    """
    automountServiceAccountToken allowPrivilegeEscalation privileged readOnlyRootFilesystem
    runAsNonRoot enableServiceLinks shareProcessNamespace setHostnameAsFQDN hostUsers optional
    controller blockOwnerDeletion immutable suspend manualSelector allocateLoadBalancerNodePorts
    serving terminating orphanDependents started hostProcess
    terminationGracePeriodSeconds activeDeadlineSeconds runAsUser runAsGroup fsGroup defaultMode
    mode progressDeadlineSeconds revisionHistoryLimit parallelism completions backoffLimit
    ttlSecondsAfterFinished priority tolerationSeconds deletionGracePeriodSeconds
    gracePeriodSeconds partition expirationSeconds startingDeadlineSeconds
    successfulJobsHistoryLimit failedJobsHistoryLimit collisionCount minReplicas
    averageUtilization leaseDurationSeconds leaseTransitions stabilizationWindowSeconds
    minDomains endPort maxFailedIndexes backoffLimitPerIndex targetCPUUtilizationPercentage
    currentCPUUtilizationPercentage
    ingressClassName storageClassName loadBalancerClass zone timeZone completionMode
    podReplacementPolicy managedBy holderIdentity preemptionPolicy runtimeClassName volumeMode
    mountPropagation recursiveReadOnly procMount fsGroupChangePolicy supplementalGroupsPolicy
    localhostProfile internalTrafficPolicy ipFamilyPolicy reclaimPolicy volumeBindingMode
    allowVolumeExpansion unhealthyPodEvictionPolicy nodeAffinityPolicy nodeTaintsPolicy
    selectPolicy volumeAttributesClassName currentVolumeAttributesClassName appProtocol scope
    ipMode error failedIndexes runAsUserName gmsaCredentialSpec gmsaCredentialSpecName
    strategy.holderIdentity policy attachRequired podInfoOnMount storageCapacity
    requiresRepublish seLinuxMount exitCode.containerName preferredHolder
    maxLength minLength maxItems minItems maxProperties minProperties maximum minimum multipleOf
    x-kubernetes-preserve-unknown-fields x-kubernetes-list-type x-kubernetes-map-type
    labelSelectorPath deprecationWarning optionalOldSelf reason propagationPolicy
    resourceVersionMatch
    """.split()
) - {"reason"}
POINTER_FIELDS = set(
    """
    apps.v1.DeploymentSpec.replicas apps.v1.ReplicaSetSpec.replicas
    apps.v1.StatefulSetSpec.replicas core.v1.ReplicationControllerSpec.replicas
    core.v1.ClientIPConfig.timeoutSeconds core.v1.Container.restartPolicy
    core.v1.EphemeralContainer.restartPolicy core.v1.HostPathVolumeSource.type
    core.v1.TypedLocalObjectReference.apiGroup core.v1.TypedObjectReference.apiGroup
    core.v1.TypedObjectReference.namespace core.v1.GRPCAction.service
    core.v1.PodDNSConfigOption.value core.v1.CSIVolumeSource.readOnly
    core.v1.CSIVolumeSource.fsType core.v1.LocalVolumeSource.fsType
    core.v1.EndpointAddress.nodeName discovery.v1.Endpoint.nodeName
    discovery.v1.Endpoint.hostname discovery.v1.EndpointPort.name
    discovery.v1.EndpointPort.port discovery.v1.EndpointPort.protocol
    discovery.v1.EndpointConditions.ready batch.v1.JobStatus.ready batch.v1.JobStatus.terminating
    networking.v1.NetworkPolicyPort.protocol networking.v1.IngressClassParametersReference.apiGroup
    networking.v1.IngressClassParametersReference.namespace
    coordination.v1.LeaseSpec.strategy apiextensions.v1.ServiceReference.path
    apiextensions.v1.ServiceReference.port apiextensions.v1.WebhookClientConfig.url
    apiextensions.v1.ValidationRule.reason autoscaling.v2.HorizontalPodAutoscalerStatus.observedGeneration
    autoscaling.v1.HorizontalPodAutoscalerStatus.observedGeneration
    meta.v1.Preconditions.uid meta.v1.Preconditions.resourceVersion
    core.v1.PodSpec.hostnameOverride core.v1.ImageVolumeSource.x
    core.v1.ClusterTrustBundleProjection.name core.v1.ClusterTrustBundleProjection.signerName
    core.v1.PodResourceClaim.resourceClaimName core.v1.PodResourceClaim.resourceClaimTemplateName
    core.v1.AzureDiskVolumeSource.cachingMode core.v1.AzureDiskVolumeSource.fsType
    core.v1.AzureDiskVolumeSource.readOnly core.v1.AzureDiskVolumeSource.kind
    core.v1.ISCSIVolumeSource.initiatorName core.v1.ISCSIPersistentVolumeSource.initiatorName
    core.v1.FCVolumeSource.lun apiextensions.v1.JSONSchemaProps.$ref
    apiextensions.v1.CustomResourceDefinitionVersion.deprecationWarning
    """.split()
)

# Always printed by Go, though the documents do not say so.
ALWAYS_NULL = {
    "core.v1.TypedLocalObjectReference.apiGroup",
    "core.v1.TypedObjectReference.apiGroup",
    "autoscaling.v2.HorizontalPodAutoscalerStatus.currentMetrics",
    "discovery.v1.EndpointSlice.ports",
    "core.v1.Event.eventTime",
    "core.v1.Event.firstTimestamp",
    "core.v1.Event.lastTimestamp",
    "core.v1.EventSeries.lastObservedTime",
    "core.v1.ContainerStateRunning.startedAt",
    "core.v1.ContainerStateTerminated.startedAt",
    "core.v1.ContainerStateTerminated.finishedAt",
    "rbac.v1.Role.rules",
    "rbac.v1.ClusterRole.rules",
    "apiextensions.v1.CustomResourceDefinitionStatus.conditions",
}
NO_DEFAULT = {"core.v1.ReplicationControllerSpec.minReadySeconds"}
ALWAYS_ZERO_QUANTITY = {"core.v1.ResourceFieldSelector.divisor"}


def short(name):
    """io.k8s.api.core.v1.Pod -> core.v1.Pod"""
    return ".".join(name.split(".")[-3:])


def type_text(node):
    ref = node.get("$ref") or next((x["$ref"] for x in node.get("allOf", []) if "$ref" in x), None)
    if ref:
        name = short(ref.rsplit("/", 1)[1])
        return SCALARS.get(name, name)
    kind = node.get("type")
    if kind == "array":
        return "[]" + type_text(node["items"])
    if kind == "object":
        inner = node.get("additionalProperties")
        return "map[]" + type_text(inner) if isinstance(inner, dict) else "raw"
    if kind is None:
        return "any"
    return PRIMITIVES[(kind, node.get("format"))]


def attributes(node):
    out = []
    list_type = node.get("x-kubernetes-list-type")
    if list_type == "map":
        out.append("map=" + ",".join(node["x-kubernetes-list-map-keys"]))
    elif list_type:
        out.append(list_type)
    if node.get("x-kubernetes-map-type") == "atomic":
        out.append("atomic")
    strategy = node.get("x-kubernetes-patch-strategy", "").split(",")
    if "merge" in strategy:
        key = node.get("x-kubernetes-patch-merge-key")
        out.append("merge=" + key if key else "merge")
    if "retainKeys" in strategy:
        out.append("retainKeys")
    if "default" in node:
        out.append("default=" + json.dumps(node["default"], separators=(",", ":")))
    return out


def write_type(name, node, out):
    head = ["type", name]
    for gvk in node.get("x-kubernetes-group-version-kind", []):
        if gvk["kind"] == name.rsplit(".", 1)[1] and (
            not name.startswith("meta.") or gvk["group"] == ""
        ):
            head.append("/".join(x for x in (gvk["group"], gvk["version"]) if x))
    head += attributes({k: v for k, v in node.items() if k != "default"})
    out.append(" ".join(head))
    required = set(node.get("required", []))
    for field, sub in sorted(node.get("properties", {}).items()):
        mark = "!" if field in required else ""
        attrs = attributes(sub)
        stamp = name.endswith("Condition") and field.endswith("Time") and type_text(sub) == "time"
        if name + "." + field in NO_DEFAULT:
            attrs = [x for x in attrs if not x.startswith("default=")]
        if name + "." + field in ALWAYS_NULL or stamp:
            attrs.append("always")
        if name + "." + field in ALWAYS_ZERO_QUANTITY:
            attrs.append('default="0"')
        scalar = type_text(sub) in ("string", "int32", "int64", "double", "bool")
        if scalar and (field in POINTERS or name + "." + field in POINTER_FIELDS):
            attrs.append("pointer")
        out.append("  " + " ".join([field + mark, type_text(sub)] + attrs))


def main():
    source, target = map(pathlib.Path, sys.argv[1:3])
    types = {}
    for doc in sorted(source.rglob("*.json")):
        for name, node in json.loads(doc.read_text())["components"]["schemas"].items():
            types.setdefault(short(name), node)
    files = collections.defaultdict(list)
    for name, node in sorted(types.items()):
        if name not in SCALARS:
            write_type(name, node, files[name.rsplit(".", 1)[0]])
    target.mkdir(parents=True, exist_ok=True)
    for package, lines in files.items():
        (target / (package + ".schema")).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
