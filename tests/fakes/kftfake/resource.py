"""The kinds of objects that the fake serves, and how a URL names them."""

import collections

Resource = collections.namedtuple("Resource", "group version plural kind namespaced short")

RESOURCES = [
    Resource("", "v1", "namespaces", "Namespace", False, ["ns"]),
    Resource("", "v1", "pods", "Pod", True, ["po"]),
    Resource("", "v1", "services", "Service", True, ["svc"]),
    Resource("", "v1", "endpoints", "Endpoints", True, ["ep"]),
    Resource("", "v1", "replicationcontrollers", "ReplicationController", True, ["rc"]),
    Resource("apps", "v1", "deployments", "Deployment", True, ["deploy"]),
    Resource("apps", "v1", "statefulsets", "StatefulSet", True, ["sts"]),
    Resource("apps", "v1", "daemonsets", "DaemonSet", True, ["ds"]),
    Resource("apps", "v1", "replicasets", "ReplicaSet", True, ["rs"]),
    Resource("batch", "v1", "jobs", "Job", True, []),
    Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", True, ["netpol"]),
    Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", True, []),
]
BY_KIND = {resource.kind: resource for resource in RESOURCES}

Address = collections.namedtuple("Address", "resource group version plural namespace name subresource")


def find(group, version, plural):
    return next((r for r in RESOURCES if (r.group, r.version, r.plural) == (group, version, plural)), None)


def api_version(resource):
    return f"{resource.group}/{resource.version}" if resource.group else resource.version


def parse_path(segments):
    """['api','v1','namespaces','d','pods','x','portforward'] -> Address, or None if it is no object path."""
    if segments[:1] == ["api"] and len(segments) > 2:
        group, version, rest = "", segments[1], segments[2:]
    elif segments[:1] == ["apis"] and len(segments) > 3:
        group, version, rest = segments[1], segments[2], segments[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = (rest + ["", ""])[:3]
    if plural == "namespaces" and name:
        namespace = name
    return Address(find(group, version, plural), group, version, plural, namespace, name, subresource)
