"""Watches: events from a version on, bookmarks, the time limit, 410, and the faults of a watch."""

import asyncio
import time

from . import httpmessage, resource as resources, rest, status

DEFAULT_SECONDS = 1800
INITIAL_END = {"k8s.io/initial-events-end": "true"}


class Watch:
    def __init__(self, server, request, stream, user, address):
        self._server, self._request, self._stream = server, request, stream
        self._world = server.world
        self._kind = address.resource.kind
        self._api_version = resources.api_version(address.resource)
        self._namespace = address.namespace if address.resource.namespaced else ""
        self._fits = rest.selection(request)
        self._response = httpmessage.ChunkedResponse(stream)
        self._deeds = {fault.deed: fault for fault in server.faults.take(
            "watch", method="GET", path=request.path, user=user.name, query=request.target.partition("?")[2])}
        self._sent = 0
        self._initial = request.flag("sendInitialEvents")
        self._bookmarks = request.flag("allowWatchBookmarks") and "no-bookmarks" not in self._deeds

    async def run(self):
        """Runs until the time limit; returns whether the connection can be kept."""
        self._refuse_what_is_not_spoken()
        version = self._start_version()
        await self._response.begin(200, [("Cache-Control", "no-cache, private")])
        self._server.journal.count("watches")
        if "gone-event" in self._deeds or (version is not None and version < self._world.oldest_version(self._kind)):
            await self._event("ERROR", status.expired(version, self._world.oldest_version(self._kind)).body)
            return await self._end()
        if "error-event" in self._deeds:
            fault = self._deeds["error-event"]
            await self._event("ERROR", status.by_code(fault.get("code", 500), fault.get("message")).body)
            return await self._end()
        if version is None:
            version = await self._send_existing()
        return await self._follow(version)

    def _refuse_what_is_not_spoken(self):
        if "gone-status" in self._deeds:
            raise status.expired(self._request.param("resourceVersion"), self._world.oldest_version(self._kind))
        if self._initial and not self._server.settings.watch_list:
            raise status.StatusError(422, 'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: '
                                          "sendInitialEvents is forbidden for watch unless the WatchList feature gate "
                                          "is enabled")

    def _start_version(self):
        """None: begin with what exists."""
        text = self._request.param("resourceVersion")
        if text in ("", "0") or self._initial:
            return None
        try:
            return int(text)
        except ValueError:
            raise status.StatusError(400, f"Invalid value: {text!r}: a resource version is a number") from None

    async def _send_existing(self):
        version = self._world.version
        for item in self._world.items(self._kind, self._namespace):
            if self._fits(item):
                await self._event("ADDED", item)
        if self._initial:
            await self._bookmark(version, INITIAL_END)
        return version

    async def _follow(self, version):
        seconds = int(self._request.param("timeoutSeconds", "0") or "0") or DEFAULT_SECONDS
        end = time.monotonic() + seconds
        pause = self._server.settings.bookmark_ms / 1000
        next_bookmark = time.monotonic() + pause
        while not self._stream.is_closing():
            if self._ended_by_fault():
                return await self._end()
            now = time.monotonic()
            if now >= end:
                await self._bookmark(version)
                return await self._end()
            if now >= next_bookmark:
                await self._bookmark(version)
                next_bookmark = now + pause
            version = await self._wait_and_send(version, min(end, next_bookmark) - now)
        return False

    def _ended_by_fault(self):
        fault = self._deeds.get("end")
        return fault is not None and self._sent >= fault.get("events", 0)

    async def _wait_and_send(self, version, seconds):
        changed = asyncio.ensure_future(self._world.wait_change(version, seconds))
        try:
            await asyncio.wait({changed, self._stream.closed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
        newest = self._world.version
        for change in self._world.changes_since(self._kind, version):
            kind, item = self._seen_as(change)
            if kind and not self._ended_by_fault():
                await self._event(kind, item)
        return newest

    def _seen_as(self, change):
        """How a change looks through the namespace and the selectors."""
        old, new = change.old, change.new
        sample = new or old
        if self._namespace and sample["metadata"].get("namespace", "") != self._namespace:
            return None, None
        was, now = old is not None and self._fits(old), new is not None and self._fits(new)
        if was and now:
            return "MODIFIED", new
        if now:
            return "ADDED", new
        if was:
            gone = dict(old, metadata=dict(old["metadata"], resourceVersion=str(change.version)))
            return "DELETED", gone
        return None, None

    async def _bookmark(self, version, annotations=None):
        if not self._bookmarks:
            return
        meta = {"resourceVersion": str(version)}
        if annotations:
            meta["annotations"] = annotations
        self._server.journal.count("bookmarks")
        await self._write(status.encode({"type": "BOOKMARK", "object": {
            "kind": self._kind, "apiVersion": self._api_version, "metadata": meta}}))

    async def _event(self, kind, item):
        self._sent += 1
        self._server.journal.count("watch_events")
        if "rubbish" in self._deeds:
            await self._write(self._deeds["rubbish"].get("text", '{"type":"ADD\x01').encode() + b"\n")
            return
        await self._write(status.encode({"type": kind, "object": item}))

    async def _write(self, line):
        if "silence" in self._deeds and self._sent > self._deeds["silence"].get("events", 0):
            return
        size = self._deeds["split"].get("size", 3) if "split" in self._deeds else len(line)
        for start in range(0, len(line), size):
            await self._response.write(line[start:start + size])

    async def _end(self):
        await self._response.end()
        return True
