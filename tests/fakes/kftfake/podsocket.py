"""A TCP connection inside a pod: what the application and what the runtime hold of it."""

from .pipe import Pipe

SOCKET_BUFFER = 256 * 1024


class PodSocket:
    """The application's end: recv, send, finish (half-close), close, reset. `pod` and `port` say where it is."""

    def __init__(self, pod, port):
        self.pod = pod
        self.port = port
        self.to_app = Pipe(SOCKET_BUFFER)
        self.from_app = Pipe(SOCKET_BUFFER)

    async def recv(self, most=1 << 30):
        return await self.to_app.read(most)

    async def send(self, data):
        await self.from_app.write(data)

    def finish(self):
        self.from_app.finish()

    def close(self):
        self.from_app.finish()
        self.to_app.stop_reading()

    def reset(self):
        self.from_app.fail(ConnectionResetError("read: connection reset by peer"))
        self.to_app.stop_reading()

    def close_by_runtime(self):
        """The runtime's end closes: the application reads to the end, then sees FIN; what it sends is lost."""
        self.to_app.finish()
        self.from_app.stop_reading()
