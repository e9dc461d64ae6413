"""A small endpoints controller: keeps Endpoints and EndpointSlices of services with a selector true to the pods."""

SUFFIX = "-auto"


class EndpointsController:
    def __init__(self, world):
        self._world = world
        for service in world.items("Service"):
            self._update(service)
        world.add_listener(self._on_change)

    def _on_change(self, change):
        item = change.new or change.old
        if item["kind"] == "Service" and change.new is not None:
            self._update(item)
        if item["kind"] == "Pod":
            for service in self._world.items("Service", item["metadata"].get("namespace", "")):
                self._update(service)

    def _update(self, service):
        selector = service["spec"].get("selector")
        if not selector:
            return
        meta = service["metadata"]
        pods = [pod for pod in self._world.items("Pod", meta["namespace"]) if _selected(pod, selector)]
        pods = [pod for pod in pods if pod.get("status", {}).get("podIP")]
        points = [_endpoint(service, pod) for pod in pods]
        self._put({"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4",
                   "metadata": {"name": meta["name"] + SUFFIX, "namespace": meta["namespace"],
                                "labels": {"kubernetes.io/service-name": meta["name"]}},
                   "endpoints": points, "ports": _ports(service, pods)})
        self._put({"kind": "Endpoints", "apiVersion": "v1",
                   "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
                   "subsets": _subsets(points, _ports(service, pods))})

    def _put(self, item):
        meta = item["metadata"]
        old = self._world.get(item["kind"], meta["namespace"], meta["name"])
        unchanged = old is not None and all(old.get(key) == value for key, value in item.items() if key != "metadata")
        if not unchanged:
            self._world.put(item)


def _selected(pod, selector):
    labels = pod["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in selector.items())


def _endpoint(service, pod):
    meta = pod["metadata"]
    conditions = pod.get("status", {}).get("conditions", [])
    serving = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    terminating = "deletionTimestamp" in meta
    ready = (serving and not terminating) or bool(service["spec"].get("publishNotReadyAddresses"))
    return {"addresses": [pod["status"]["podIP"]], "nodeName": pod["spec"].get("nodeName", ""),
            "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
            "targetRef": {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}}


def _ports(service, pods):
    rows = []
    for port in service["spec"].get("ports", []):
        number = _resolve(port, pods)
        if number is not None:
            rows.append({"name": port.get("name", ""), "port": number, "protocol": port.get("protocol", "TCP")})
    return rows


def _resolve(port, pods):
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    declared = [p for pod in pods for c in pod["spec"]["containers"] for p in c.get("ports", [])]
    return next((p["containerPort"] for p in declared if p.get("name") == target), None)


def _subsets(points, ports):
    if not points:
        return []
    rows = [{"ip": p["addresses"][0], "targetRef": p["targetRef"]} for p in points if p["conditions"]["ready"]]
    return [{"addresses": rows, "ports": ports}]
