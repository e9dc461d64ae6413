"""RFC 6455 frames of the server side: strict reading of client frames, unmasked writing. No extensions."""

import base64
import hashlib
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
FRAME_LIMIT = 32 * 1024 * 1024


class WebSocketError(Exception):
    pass


class Unmasked(WebSocketError):
    pass


def accept_value(key):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


def offered(request):
    """The subprotocols of the first Sec-WebSocket-Protocol line: servers read no other."""
    lines = request.header_list("sec-websocket-protocol")
    return [name.strip() for name in lines[0].split(",") if name.strip()] if lines else []


def unmask(data, key):
    """XOR with the repeated 4-byte key, as one big number."""
    count = len(data)
    stretched = (key * (count // 4 + 1))[:count]
    return (int.from_bytes(data, "little") ^ int.from_bytes(stretched, "little")).to_bytes(count, "little")


class Frame:
    __slots__ = ("final", "opcode", "payload")

    def __init__(self, final, opcode, payload):
        self.final, self.opcode, self.payload = final, opcode, payload


async def read_frame(stream):
    """The next client frame, None at the end of the stream."""
    first = await stream.read_some()
    if not first:
        return None
    stream.unread(first)
    flags, length = await stream.read_exactly(2)
    if flags & 0x70:
        raise WebSocketError("reserved bits are set")
    masked, length = length & 0x80, length & 0x7F
    if length == 126:
        length, = struct.unpack(">H", await stream.read_exactly(2))
    elif length == 127:
        length, = struct.unpack(">Q", await stream.read_exactly(8))
    if length > FRAME_LIMIT:
        raise WebSocketError(f"a frame of {length} bytes is too long")
    if not masked:
        raise Unmasked("a client frame is not masked")
    key = await stream.read_exactly(4)
    payload = await stream.read_exactly(length) if length else b""
    return Frame(bool(flags & 0x80), flags & 0x0F, unmask(payload, key))


def frame_head(opcode, length, final=True):
    first = (0x80 if final else 0) | opcode
    if length < 126:
        return bytes((first, length))
    if length < 65536:
        return struct.pack(">BBH", first, 126, length)
    return struct.pack(">BBQ", first, 127, length)


def frame(opcode, payload, final=True):
    return frame_head(opcode, len(payload), final) + payload


def close_frame(code):
    return frame(CLOSE, struct.pack(">H", code))


def pong_frame(payload):
    return frame(PONG, payload[:125])
