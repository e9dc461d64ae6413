"""HTTP/1.1 messages of the server side: a request that was read, responses to be written. Heads are bounded."""

import urllib.parse

HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 4 * 1024 * 1024

REASONS = {
    100: "Continue", 101: "Switching Protocols", 200: "OK", 201: "Created", 204: "No Content", 302: "Found",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    407: "Proxy Authentication Required", 409: "Conflict", 410: "Gone", 422: "Unprocessable Entity",
    426: "Upgrade Required", 429: "Too Many Requests", 500: "Internal Server Error", 501: "Not Implemented",
    502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}


class Request:
    """Header names are kept in lower case; `headers` is the list as it came, `header()` finds the first."""

    def __init__(self, method, target, headers, body):
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        path, _, query = target.partition("?")
        self.raw_path = path
        self.path = urllib.parse.unquote(path)
        self.query = urllib.parse.parse_qs(query, keep_blank_values=True)

    def header(self, name, default=""):
        return next((value for key, value in self.headers if key == name), default)

    def header_list(self, name):
        return [value for key, value in self.headers if key == name]

    def param(self, name, default=""):
        return self.query.get(name, [default])[0]

    def flag(self, name):
        return self.param(name).lower() in ("1", "true", "t")

    def tokens(self, name):
        """The comma separated words of a header, in lower case."""
        return [word.strip().lower() for word in ",".join(self.header_list(name)).split(",") if word.strip()]

    def upgrade(self):
        """websocket, spdy or none."""
        if "upgrade" not in self.tokens("connection"):
            return "none"
        kind = self.header("upgrade").lower()
        return {"websocket": "websocket", "spdy/3.1": "spdy"}.get(kind, "none")

    def wants_keep_alive(self):
        return "close" not in self.tokens("connection")


class BadRequest(Exception):
    pass


async def read_request(stream):
    """The next request, or None when the client ended. Raises BadRequest for what is not HTTP."""
    try:
        head = await stream.read_until(b"\r\n\r\n", HEAD_LIMIT)
    except ValueError as error:
        raise BadRequest(str(error)) from None
    if not head:
        return None
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest(f"not a request line: {lines[0][:80]!r}")
    headers = [_header(line) for line in lines[1:] if line]
    request = Request(words[0], words[1], headers, b"")
    request.body = await _read_body(stream, request)
    return request


def _header(line):
    name, colon, value = line.partition(":")
    if not colon or not name or name != name.strip():
        raise BadRequest(f"not a header line: {line[:80]!r}")
    return name.lower(), value.strip()


async def _read_body(stream, request):
    if request.header("expect").lower() == "100-continue":
        stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if "chunked" in request.tokens("transfer-encoding"):
        return await _read_chunked(stream)
    length = int(request.header("content-length", "0") or "0")
    if length > BODY_LIMIT:
        raise BadRequest("body is too long")
    return await stream.read_exactly(length) if length else b""


async def _read_chunked(stream):
    body = b""
    while True:
        line = await stream.read_until(b"\r\n", 1024)
        size = int(line.split(b";")[0].strip() or b"0", 16)
        if len(body) + size > BODY_LIMIT:
            raise BadRequest("body is too long")
        body += await stream.read_exactly(size)
        await stream.read_exactly(2)
        if size == 0:
            return body


def head(code, headers):
    lines = [f"HTTP/1.1 {code} {REASONS.get(code, 'Status')}"] + [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def send_response(stream, code, headers=(), body=b"", content_type="application/json"):
    """A complete response with a Content-Length."""
    fields = [("Content-Type", content_type)] if content_type else []
    fields += list(headers) + [("Content-Length", str(len(body)))]
    await stream.write_all(head(code, fields) + body)


class ChunkedResponse:
    """A response of unknown length: begin(), write() pieces, end()."""

    def __init__(self, stream):
        self._stream = stream

    async def begin(self, code, headers=(), content_type="application/json"):
        fields = [("Content-Type", content_type)] + list(headers) + [("Transfer-Encoding", "chunked")]
        await self._stream.write_all(head(code, fields))

    async def write(self, data):
        if data:
            await self._stream.write_all(b"%x\r\n%s\r\n" % (len(data), data))

    async def end(self):
        await self._stream.write_all(b"0\r\n\r\n")
