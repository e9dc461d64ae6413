"""What /version, /api and /apis answer: enough for kubectl to find its way."""

from . import resource as resources

VERBS = ["get", "list", "watch"]


def version(text):
    major, _, minor = text.partition(".")
    return {"major": major, "minor": minor, "gitVersion": f"v{text}.0", "gitCommit": "0" * 40, "gitTreeState": "clean",
            "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.19", "compiler": "gc", "platform": "linux/amd64"}


def api_versions():
    return {"kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}]}


def _group(name):
    entry = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [entry], "preferredVersion": entry}


def group_list():
    names = sorted({r.group for r in resources.RESOURCES if r.group} | {"authorization.k8s.io"})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in names]}


def resource_list(group, version_name):
    """The APIResourceList of a group, or None."""
    rows = [_row(r) for r in resources.RESOURCES if (r.group, r.version) == (group, version_name)]
    if not group and version_name == "v1":
        rows.append({"name": "pods/portforward", "singularName": "", "namespaced": True, "kind": "PodPortForwardOptions",
                     "verbs": ["create", "get"]})
    if group == "authorization.k8s.io" and version_name == "v1":
        rows.append({"name": "selfsubjectaccessreviews", "singularName": "", "namespaced": False,
                     "kind": "SelfSubjectAccessReview", "verbs": ["create"]})
    if not rows:
        return None
    name = f"{group}/{version_name}" if group else version_name
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": rows}


def _row(r):
    return {"name": r.plural, "singularName": r.kind.lower(), "namespaced": r.namespaced, "kind": r.kind,
            "verbs": VERBS, "shortNames": r.short}
