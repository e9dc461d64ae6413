"""An HTTP proxy that only knows CONNECT, optionally with Basic authentication and behind TLS."""

import base64

from . import bytestream, httpmessage, listener


class HttpProxy(listener.Listener):
    """LOGIN is 'user:password' or None; REFUSE a status code for every CONNECT."""

    def __init__(self, login=None, certs=None, refuse=None):
        super().__init__(certs)
        self._login = login
        self._refuse = refuse

    async def serve(self, stream):
        while True:
            request = await httpmessage.read_request(stream)
            if request is None:
                return
            self.note(f"{request.method} {request.target}")
            if not self._admitted(request):
                self.note("no login")
                await httpmessage.send_response(stream, 407, [("Proxy-Authenticate", 'Basic realm="fake"')],
                                                b"login, please\n", "text/plain")
            elif request.method != "CONNECT" or self._refuse:
                await httpmessage.send_response(stream, self._refuse or 405, [], b"<html>proxy says no</html>\n",
                                                "text/html")
            else:
                await self._connect(request, stream)
                return

    def _admitted(self, request):
        if self._login is None:
            return True
        wanted = "Basic " + base64.b64encode(self._login.encode()).decode()
        return request.header("proxy-authorization") == wanted

    async def _connect(self, request, stream):
        host, _, port = request.target.rpartition(":")
        try:
            other = await bytestream.open_stream(loopback(host), int(port))
        except OSError as error:
            await httpmessage.send_response(stream, 502, [], f"{error}\n".encode(), "text/plain")
            return
        await stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await listener.relay(stream, other)


def loopback(host):
    """Every name means this machine; so tests can prove that the proxy, not the client, resolved it."""
    bare = host.strip("[]")
    return bare if bare in ("127.0.0.1", "::1") else "127.0.0.1"
