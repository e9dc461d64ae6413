"""Full Kubernetes objects from the short notation of world files.

Which simulated application answers on a pod's port stands in the pod's annotations (APP_PREFIX + port), so it
travels with the object through put, patch and replace.
"""

import copy

from . import resource as resources

APP_PREFIX = "fake.kftray/app-"
LOG = "fake.kftray/log"
NODE = "node-1"
IMAGE = "registry.invalid/sample:1"
BEGUN = "2026-01-01T00:00:00Z"


def namespace(name):
    return {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name},
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}


def pod(spec):
    """SPEC: name, namespace, labels, ports {name: number}, udp {name: number}, apps {port: app}, state, ip, owner."""
    ports = [{"name": name, "containerPort": number, "protocol": "TCP"} for name, number in spec.get("ports", {}).items()]
    ports += [{"name": name, "containerPort": number, "protocol": "UDP"} for name, number in spec.get("udp", {}).items()]
    meta = {"name": spec["name"], "namespace": spec.get("namespace", "default"),
            "labels": spec.get("labels", {}), "creationTimestamp": spec.get("created", BEGUN),
            "annotations": {APP_PREFIX + port: app for port, app in spec.get("apps", {}).items()}}
    if "uid" in spec:
        meta["uid"] = spec["uid"]
    if "owner" in spec:
        kind, name = spec["owner"].split("/")
        meta["ownerReferences"] = [{"apiVersion": resources.api_version(resources.BY_KIND[kind]), "kind": kind,
                                    "name": name, "uid": f"uid-of-{kind}-{name}", "controller": True}]
    item = {"kind": "Pod", "apiVersion": "v1", "metadata": meta,
            "spec": {"nodeName": NODE, "restartPolicy": "Always", "serviceAccountName": "default",
                     "containers": [{"name": "main", "image": IMAGE, "ports": ports}]}}
    item["spec"].update(spec.get("spec", {}))
    POD_STATES[spec.get("state", "running")](item, spec)
    return item


def run_pod(item, spec):
    """What becomes of a pod that a client created: SPEC as for pod(), state, apps and log."""
    item["spec"]["nodeName"] = NODE
    annotations = item["metadata"].setdefault("annotations", {})
    annotations.update({APP_PREFIX + port: app for port, app in spec.get("apps", {}).items()})
    if "log" in spec:
        annotations[LOG] = spec["log"]
    POD_STATES[spec.get("state", "running")](item, dict(spec, name=item["metadata"]["name"]))
    return item


def _container(ready, state, restarts=0, last=None):
    return [{"name": "main", "image": IMAGE, "imageID": "", "ready": ready, "started": ready,
             "restartCount": restarts, "state": state, "lastState": last or {}}]


def _conditions(scheduled="True", initialized="True", ready="False", reason=None, message=None):
    broken = {"reason": reason, "message": message} if reason else {}
    rows = [{"type": "PodScheduled", "status": scheduled, "lastTransitionTime": BEGUN}]
    if scheduled != "True":
        rows[0].update(broken)
        return rows
    for kind, value in (("Initialized", initialized), ("ContainersReady", ready), ("Ready", ready)):
        row = {"type": kind, "status": value, "lastTransitionTime": BEGUN}
        rows.append(dict(row, **broken) if value != "True" else row)
    return rows


def _running(item, spec):
    ip = spec.get("ip", "10.1.0.%d" % (10 + sum(map(ord, spec["name"])) % 200))
    item["status"] = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "hostIP": "192.0.2.1",
                      "startTime": BEGUN, "conditions": _conditions(ready="True"),
                      "containerStatuses": _container(True, {"running": {"startedAt": BEGUN}}, spec.get("restarts", 0))}


def _not_ready(item, spec):
    _running(item, spec)
    item["status"]["conditions"] = _conditions(reason="ContainersNotReady",
                                               message="containers with unready status: [main]")
    item["status"]["containerStatuses"][0]["ready"] = False


def _terminating(item, spec):
    _running(item, spec)
    item["metadata"]["deletionTimestamp"] = "2026-01-01T01:00:00Z"
    item["metadata"]["deletionGracePeriodSeconds"] = 30


def _unschedulable(item, spec):
    del item["spec"]["nodeName"]
    message = spec.get("message", "0/1 nodes are available: 1 Insufficient memory.")
    item["status"] = {"phase": "Pending", "conditions": _conditions("False", reason="Unschedulable", message=message)}


def _waiting(item, reason, message, restarts=0, last=None, phase="Pending"):
    item["status"] = {"phase": phase, "hostIP": "192.0.2.1", "startTime": BEGUN,
                      "conditions": _conditions(reason="ContainersNotReady",
                                                message="containers with unready status: [main]"),
                      "containerStatuses": _container(False, {"waiting": {"reason": reason, "message": message}},
                                                      restarts, last)}


def _container_creating(item, spec):
    _waiting(item, "ContainerCreating", "")


def _image_pull(item, spec):
    _waiting(item, "ImagePullBackOff", f'Back-off pulling image "{IMAGE}"')


def _crash_loop(item, spec):
    last = {"terminated": {"exitCode": 1, "reason": "Error", "startedAt": BEGUN, "finishedAt": BEGUN}}
    _waiting(item, "CrashLoopBackOff", "back-off 5m0s restarting failed container=main pod=" + spec["name"], 7, last,
             phase=spec.get("phase", "Running"))


def _ended(phase, code, reason):
    def build(item, spec):
        item["spec"]["restartPolicy"] = "Never"
        ended = {"terminated": {"exitCode": code, "reason": reason, "startedAt": BEGUN, "finishedAt": BEGUN}}
        item["status"] = {"phase": phase, "hostIP": "192.0.2.1", "startTime": BEGUN,
                          "conditions": _conditions(reason="PodCompleted", message=""),
                          "containerStatuses": _container(False, ended)}
    return build


def _evicted(item, spec):
    item["status"] = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory.",
                      "startTime": BEGUN}


POD_STATES = {
    "running": _running, "not-ready": _not_ready, "terminating": _terminating, "unschedulable": _unschedulable,
    "container-creating": _container_creating, "image-pull": _image_pull, "crash-loop": _crash_loop,
    "succeeded": _ended("Succeeded", 0, "Completed"), "failed": _ended("Failed", 1, "Error"), "evicted": _evicted,
}


def service(spec):
    """SPEC: name, namespace, selector, ports [{name, port, targetPort, protocol}], type, clusterIP, publishNotReady,
    annotations, externalName."""
    cluster_ip = spec.get("clusterIP", "10.96.0.%d" % (10 + sum(map(ord, spec["name"])) % 200))
    ports = [dict({"protocol": "TCP", "targetPort": port["port"]}, **port) for port in spec.get("ports", [])]
    item = {"kind": "Service", "apiVersion": "v1",
            "metadata": {"name": spec["name"], "namespace": spec.get("namespace", "default"),
                         "labels": spec.get("labels", {}), "annotations": spec.get("annotations", {}),
                         "creationTimestamp": BEGUN},
            "spec": {"type": spec.get("type", "ClusterIP"), "clusterIP": cluster_ip, "clusterIPs": [cluster_ip],
                     "ports": ports, "sessionAffinity": "None"},
            "status": {"loadBalancer": {}}}
    if spec.get("selector"):
        item["spec"]["selector"] = spec["selector"]
    if spec.get("type") == "ExternalName":
        for key in ("clusterIP", "clusterIPs"):
            del item["spec"][key]
        item["spec"]["externalName"] = spec.get("externalName", "elsewhere.invalid")
    if spec.get("publishNotReady"):
        item["spec"]["publishNotReadyAddresses"] = True
    return item


def workload(spec):
    """SPEC: kind (Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, ReplicationController), name, selector, replicas,
    ports {name: number}."""
    kind = spec["kind"]
    ports = [{"name": name, "containerPort": number, "protocol": "TCP"} for name, number in spec.get("ports", {}).items()]
    selector = spec["selector"]
    if kind != "ReplicationController" and not ({"matchLabels", "matchExpressions"} & set(selector)):
        selector = {"matchLabels": selector}
    labels = copy.deepcopy(selector.get("matchLabels", selector if kind == "ReplicationController" else {}))
    count = spec.get("replicas", 1)
    return {"kind": kind, "apiVersion": resources.api_version(resources.BY_KIND[kind]),
            "metadata": {"name": spec["name"], "namespace": spec.get("namespace", "default"),
                         "uid": f"uid-of-{kind}-{spec['name']}", "creationTimestamp": BEGUN,
                         "annotations": spec.get("annotations", {})},
            "spec": {"replicas": count, "selector": selector,
                     "template": {"metadata": {"labels": labels},
                                  "spec": {"containers": [{"name": "main", "image": IMAGE, "ports": ports}]}}},
            "status": {"replicas": count, "readyReplicas": count}}


def endpoint_slice(spec):
    """SPEC: name, namespace, service, ports [{name, port}], pods [names] or addresses [ip], ready."""
    where = spec.get("namespace", "default")
    ready = {"conditions": {"ready": spec.get("ready", True)}}
    points = [dict({"addresses": [f"10.2.0.{n + 1}"],
                    "targetRef": {"kind": "Pod", "namespace": where, "name": name}}, **ready)
              for n, name in enumerate(spec.get("pods", []))]
    points += [dict({"addresses": [address]}, **ready) for address in spec.get("addresses", [])]
    return {"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4",
            "metadata": {"name": spec["name"], "namespace": where,
                         "labels": {"kubernetes.io/service-name": spec["service"]}},
            "endpoints": points,
            "ports": [dict({"protocol": "TCP", "name": ""}, **port) for port in spec.get("ports", [])]}


def crowd(spec):
    """COUNT pods NAME-00000 ... with the LABELS and state of SPEC: for lists that come in chunks."""
    return [pod(dict(spec, name=f"{spec['name']}-{number:05}")) for number in range(spec["count"])]


SECTIONS = {"namespaces": lambda spec: namespace(spec), "pods": pod, "services": service, "workloads": workload,
            "slices": endpoint_slice, "objects": lambda spec: spec}


def build_objects(document):
    """All objects of a world document, in an order in which nothing refers to what comes later."""
    found = []
    for section, build in SECTIONS.items():
        found += [build(spec) for spec in document.get(section, [])]
    for spec in document.get("crowds", []):
        found += crowd(spec)
    return found
