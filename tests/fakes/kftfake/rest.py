"""The ordinary REST answers: discovery, get, list in chunks, access reviews. Watches are in watch.py."""

import base64
import gzip
import json

from . import discovery, httpmessage, manifest, resource as resources, review, selector, status, user as users

GZIP_FROM = 128 * 1024
TINY = 7


class Rest:
    def __init__(self, server):
        self._server = server

    async def answer(self, request, stream, user):
        """Handles every path that is neither a watch nor an upgrade; may raise StatusError."""
        segments = [part for part in request.path.split("/") if part]
        static = self._static(request, segments, user)
        if static is not None:
            await self._send(request, stream, 200, static)
            return
        found = review.answer(request, user, self._server.settings)
        if found is not None:
            await self._send(request, stream, 201, found)
            return
        await self._objects(request, stream, user, segments)

    def _static(self, request, segments, user):
        found = _static_document(segments, self._server.settings.version)
        if found is None:
            return None
        if user.name == "system:anonymous" and segments[0] in ("api", "apis"):
            raise status.forbidden_path(user.name, request.method.lower(), request.path)
        return found

    async def _objects(self, request, stream, user, segments):
        address = resources.parse_path(segments)
        if address is None:
            raise status.no_such_path()
        if request.method != "GET":
            users.check(user, {"POST": "create", "DELETE": "delete"}.get(request.method, "update"), address)
            if address.resource is not None and address.resource.kind == "Pod" and not address.subresource:
                if request.method == "POST" and not address.name:
                    await self._send(request, stream, 201, self._create_pod(request, address))
                    return
                if request.method == "DELETE" and address.name:
                    await self._send(request, stream, 200, self._delete_pod(request, address))
                    return
            raise status.StatusError(405, "the server does not allow this method on the requested resource",
                                     "MethodNotAllowed")
        users.check(user, "get" if address.name else "list", address)
        if (address.plural, address.subresource) == ("pods", "log"):
            await self._send_log(request, stream, address)
            return
        if address.resource is None or address.subresource:
            raise status.no_such_path()
        if address.name:
            await self._send(request, stream, 200, self._get(address))
            return
        await self._list(request, stream, user, address)

    def _create_pod(self, request, address):
        """The pod gets at once the state and the applications that the setting `created` says."""
        item = json.loads(request.body)
        meta = item["metadata"]
        if self._server.world.get("Pod", address.namespace, meta["name"]) is not None:
            raise status.StatusError(409, f'pods "{meta["name"]}" already exists', "AlreadyExists")
        meta["namespace"] = address.namespace
        return self._server.world.put(manifest.run_pod(item, self._server.settings.created))

    def _delete_pod(self, request, address):
        item = self._get(address)
        options = json.loads(request.body) if request.body else {}
        wanted = (options.get("preconditions") or {}).get("uid")
        if wanted not in (None, item["metadata"]["uid"]):
            raise status.StatusError(409, "the UID in the precondition does not match the UID in record", "Conflict")
        return self._server.world.delete("Pod", address.namespace, address.name)

    async def _send_log(self, request, stream, address):
        """The text in the pod's annotation, in the manner of tailLines."""
        text = (self._get(address)["metadata"].get("annotations") or {}).get(manifest.LOG, "")
        lines = text.splitlines(keepends=True)[-int(request.param("tailLines", "10000")):]
        await httpmessage.send_response(stream, 200, [], "".join(lines).encode(), "text/plain")

    def _get(self, address):
        where = address.namespace if address.resource.namespaced else ""
        item = self._server.world.get(address.resource.kind, where, address.name)
        if item is None:
            raise status.not_found(address.resource, address.name)
        return item

    async def _list(self, request, stream, user, address):
        deeds = self._server.faults.take("list", method=request.method, path=request.path, user=user.name,
                                         query=request.target.partition("?")[2])
        if any(fault.deed == "gone" for fault in deeds):
            raise status.expired_continue() if request.param("continue") else status.expired(
                request.param("resourceVersion") or "0", self._server.world.version)
        document = self._list_document(request, address)
        tiny = next((fault for fault in deeds if fault.deed == "tiny-chunks"), None)
        if tiny is None:
            await self._send(request, stream, 200, document)
            return
        await _send_in_pieces(stream, status.encode(document), tiny.get("size", TINY))

    def _list_document(self, request, address):
        found = self._select(request, address)
        start, limit = _window(request)
        page = found[start:start + limit] if limit else found[start:]
        meta = {"resourceVersion": str(self._server.world.version)}
        if start + len(page) < len(found):
            token = {"v": "meta.k8s.io/v1", "rv": self._server.world.version, "start": start + len(page)}
            meta["continue"] = base64.urlsafe_b64encode(json.dumps(token).encode()).decode()
            if not request.param("labelSelector") and not request.param("fieldSelector"):
                meta["remainingItemCount"] = len(found) - start - len(page)
        bare = [{k: v for k, v in item.items() if k not in ("kind", "apiVersion")} for item in page]
        return {"kind": address.resource.kind + "List", "apiVersion": resources.api_version(address.resource),
                "metadata": meta, "items": bare}

    def _select(self, request, address):
        namespace = address.namespace if address.resource.namespaced else ""
        fits = selection(request)
        return [item for item in self._server.world.items(address.resource.kind, namespace) if fits(item)]

    async def _send(self, request, stream, code, document):
        body = status.encode(document)
        headers = [("Audit-Id", "00000000-0000-0000-0000-000000000000"), ("Cache-Control", "no-cache, private")]
        if len(body) > GZIP_FROM and "gzip" in request.tokens("accept-encoding"):
            body = gzip.compress(body, 1)
            headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        await httpmessage.send_response(stream, code, headers, body)


def _static_document(segments, version):
    if segments == ["version"]:
        return discovery.version(version)
    if segments in (["healthz"], ["livez"], ["readyz"]):
        return "ok"
    if segments == ["api"]:
        return discovery.api_versions()
    if segments == ["apis"]:
        return discovery.group_list()
    if len(segments) == 2 and segments[0] == "api":
        return discovery.resource_list("", segments[1])
    if len(segments) == 3 and segments[0] == "apis":
        return discovery.resource_list(segments[1], segments[2])
    return None


def selection(request):
    """The matcher of a list or watch request, or the 400 Status."""
    try:
        return selector.matcher(request.param("labelSelector"), request.param("fieldSelector"))
    except selector.SelectorError as error:
        raise status.StatusError(400, str(error)) from None


def _window(request):
    """(start, limit) of a chunked list."""
    limit = int(request.param("limit", "0") or "0")
    token = request.param("continue")
    if not token:
        return 0, 0 if request.param("resourceVersion") == "0" else limit
    if request.param("resourceVersion"):
        raise status.StatusError(400, "specifying resource version is not allowed when using continue")
    try:
        return int(json.loads(base64.urlsafe_b64decode(token))["start"]), limit
    except (ValueError, KeyError, TypeError):
        raise status.StatusError(400, "continue key is not valid") from None


async def _send_in_pieces(stream, body, size):
    response = httpmessage.ChunkedResponse(stream)
    await response.begin(200)
    for start in range(0, len(body), size):
        await response.write(body[start:start + size])
    await response.end()
