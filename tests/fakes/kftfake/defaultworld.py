"""The built-in world: one small cluster that has every kind of target, good and bad."""

WEB = {"app": "web"}

PODS = [
    {"name": "x", "labels": {"app": "x"}, "ports": {"http": 80, "echo": 7},
     "apps": {"80": "http", "7": "echo", "9": "discard", "19": "endless", "21": "closes-first:220 hello\r\n",
              "81": "refuse", "82": "reset", "83": "reset-after:10", "84": "late-answer:5000", "85": "stall",
              "86": "late-answer:1500", "87": "closes-first"}},
    {"name": "web-0", "labels": WEB, "ports": {"http": 80, "echo": 7}, "apps": {"80": "http", "7": "echo"},
     "owner": "ReplicaSet/web-5d9c"},
    {"name": "web-1", "labels": WEB, "ports": {"http": 80, "echo": 7}, "apps": {"80": "http", "7": "echo"},
     "owner": "ReplicaSet/web-5d9c"},
    {"name": "db-0", "labels": {"app": "db"}, "ports": {"sql": 5432}, "apps": {"5432": "echo"},
     "owner": "StatefulSet/db"},
    {"name": "agent-a", "labels": {"app": "agent"}, "ports": {"metrics": 9100}, "apps": {"9100": "http"},
     "owner": "DaemonSet/agent"},
    {"name": "batch-a", "labels": {"job-name": "batch"}, "ports": {"http": 80}, "apps": {"80": "http"},
     "owner": "Job/batch"},
    {"name": "old-a", "labels": {"app": "old"}, "ports": {"http": 80}, "apps": {"80": "http"},
     "owner": "ReplicationController/old"},
    {"name": "outside-a", "labels": {"role": "outside"}, "ports": {"http": 8080}, "apps": {"8080": "http"}},
    {"name": "dns-0", "labels": {"app": "dns"}, "udp": {"dns": 53}, "apps": {}},
    {"name": "unschedulable", "labels": {"app": "unschedulable"}, "ports": {"http": 80}, "state": "unschedulable"},
    {"name": "image-pull", "labels": {"app": "image-pull"}, "ports": {"http": 80}, "state": "image-pull"},
    {"name": "crash-loop", "labels": {"app": "crash-loop"}, "ports": {"http": 80}, "state": "crash-loop",
     "phase": "Pending"},
    {"name": "not-ready", "labels": {"app": "not-ready"}, "ports": {"http": 80}, "apps": {"80": "http"},
     "state": "not-ready"},
    {"name": "done", "labels": {"app": "done"}, "ports": {"http": 80}, "state": "succeeded"},
]

SERVICES = [
    {"name": "web", "selector": WEB, "ports": [{"name": "http", "port": 8080, "targetPort": "http"},
                                               {"name": "echo", "port": 7, "targetPort": 7}]},
    {"name": "headless", "selector": WEB, "clusterIP": "None", "ports": [{"name": "http", "port": 80,
                                                                         "targetPort": "http"}]},
    {"name": "outside", "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    {"name": "nobody", "selector": {"app": "nobody"}, "ports": [{"name": "http", "port": 80}]},
    {"name": "dns", "selector": {"app": "dns"}, "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}]},
    {"name": "stuck", "selector": {"app": "image-pull"}, "ports": [{"name": "http", "port": 80}]},
]

WORKLOADS = [
    {"kind": "Deployment", "name": "web", "selector": WEB, "replicas": 2},
    {"kind": "ReplicaSet", "name": "web-5d9c", "selector": WEB, "replicas": 2,
     "annotations": {"deployment.kubernetes.io/revision": "1"}},
    {"kind": "StatefulSet", "name": "db", "selector": {"matchExpressions": [
        {"key": "app", "operator": "In", "values": ["db"]}]}},
    {"kind": "DaemonSet", "name": "agent", "selector": {"app": "agent"}},
    {"kind": "Job", "name": "batch", "selector": {"job-name": "batch"}},
    {"kind": "ReplicationController", "name": "old", "selector": {"app": "old"}},
    {"kind": "Deployment", "name": "empty", "selector": {"app": "nobody"}, "replicas": 0},
]

SLICES = [{"name": "outside-1", "service": "outside", "ports": [{"name": "http", "port": 8080}],
           "pods": ["outside-a"]}]

USERS = [
    {"name": "admin", "groups": ["system:masters"]},
    {"name": "fake-cert", "groups": ["testers"], "rules": [{"verbs": ["*"], "resources": ["*"]}]},
    {"name": "basic", "password": "open sesame", "rules": [{"verbs": ["*"], "resources": ["*"]}]},
    {"name": "denied", "rules": []},
    {"name": "pods-only", "rules": [
        {"verbs": ["get"], "resources": ["pods"], "namespaces": ["default"]},
        {"verbs": ["get", "create"], "resources": ["pods/portforward"], "namespaces": ["default"]}]},
    {"name": "create-only", "rules": [
        {"verbs": ["get", "list", "watch"], "resources": ["pods", "services"], "namespaces": ["default"]},
        {"verbs": ["create"], "resources": ["pods/portforward"], "namespaces": ["default"]}]},
    {"name": "no-forward", "rules": [
        {"verbs": ["get", "list", "watch"], "resources": ["pods", "services"], "namespaces": ["default"]}]},
]

WORLD = {"namespaces": ["default", "kube-system", "quiet"], "pods": PODS, "services": SERVICES,
         "workloads": WORKLOADS, "slices": SLICES, "users": USERS}
EMPTY = {"namespaces": ["default"], "users": USERS}


def load(document):
    """DOCUMENT on top of what it extends ('default' unless it says 'empty'); `remove` takes away Kind/ns/name."""
    base = EMPTY if document.get("extends", "default") == "empty" else WORLD
    result = dict(document)
    for section in ("namespaces", "pods", "services", "workloads", "slices", "users", "objects"):
        own = document.get(section, [])
        names = {_name(entry) for entry in own}
        kept = [entry for entry in base.get(section, []) if _name(entry) not in names]
        result[section] = kept + own
    return result


def _name(entry):
    if not isinstance(entry, dict):
        return entry
    return (entry.get("kind"), entry.get("namespace", "default"), entry.get("name"))
