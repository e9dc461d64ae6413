"""SPDY/3.1 frames and header blocks, written from the draft: layout, zlib with the preset dictionary."""

import hashlib
import struct
import zlib

SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, PING, GOAWAY, HEADERS, WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 8, 9
FIN = 0x01
PROTOCOL_ERROR, CANCEL = 1, 5
MAX_HEADERS, MAX_TEXT = 1000, 1 << 20

WORDS = """options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age
allow authorization cache-control connection content-base content-encoding content-language content-length
content-location content-md5 content-range content-type date etag expect expires from host if-match
if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma
proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade
user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie
keep-alive origin"""
TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.")


def _dictionary():
    words = [word.replace("_", " ").encode() for word in WORDS.split()]
    found = b"".join(struct.pack(">I", len(word)) + word for word in words) + TAIL.encode()
    if hashlib.sha256(found).hexdigest() != "51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02":
        raise AssertionError("the SPDY dictionary is not the one of the draft")
    return found


DICTIONARY = _dictionary()


class SpdyError(Exception):
    """The connection cannot go on."""


class HeaderReader:
    """Inflates the header blocks of one direction, in wire order."""

    def __init__(self):
        self._inflater = zlib.decompressobj(15, DICTIONARY)

    def read(self, block):
        try:
            plain = self._inflater.decompress(block, 4 * MAX_TEXT)
        except zlib.error as error:
            raise SpdyError(f"header block: {error}") from None
        try:
            return _parse_headers(plain)
        except (struct.error, IndexError):
            raise SpdyError("header block is truncated") from None


def _parse_headers(plain):
    count, = struct.unpack_from(">I", plain, 0)
    if count > MAX_HEADERS:
        raise SpdyError("too many headers")
    headers, at = {}, 4
    for _ in range(count):
        name, at = _text(plain, at)
        value, at = _text(plain, at)
        if name != name.lower() or not name:
            raise SpdyError(f"header name {name!r} is not lower case")
        if name in headers:
            raise SpdyError(f"header {name!r} comes twice")
        headers[name] = value
    if at != len(plain):
        raise SpdyError("bytes after the last header")
    return headers


def _text(plain, at):
    length, = struct.unpack_from(">I", plain, at)
    end = at + 4 + length
    if length > MAX_TEXT or end > len(plain):
        raise SpdyError("header text is too long")
    return plain[at + 4:end].decode("utf-8", "replace"), end


class HeaderWriter:
    def __init__(self):
        self._deflater = zlib.compressobj(9, zlib.DEFLATED, 15, 8, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)

    def write(self, headers):
        plain = struct.pack(">I", len(headers))
        for name, value in headers.items():
            for text in (name.encode(), value.encode()):
                plain += struct.pack(">I", len(text)) + text
        return self._deflater.compress(plain) + self._deflater.flush(zlib.Z_SYNC_FLUSH)


def control(kind, payload, flags=0):
    return struct.pack(">HHI", 0x8003, kind, flags << 24 | len(payload)) + payload


def data_head(stream_id, length, flags=0):
    return struct.pack(">II", stream_id, flags << 24 | length)


def rst_stream(stream_id, code):
    return control(RST_STREAM, struct.pack(">II", stream_id, code))


def ping(number):
    return control(PING, struct.pack(">I", number))


def goaway(last_id, code=0):
    return control(GOAWAY, struct.pack(">II", last_id, code))


class FrameReader:
    """Cuts a byte stream into frames: feed() bytes, next() gives (kind, id, flags, payload); kind 0 is DATA."""

    def __init__(self):
        self._buffer = bytearray()

    def feed(self, data):
        self._buffer += data

    def next(self):
        if len(self._buffer) < 8:
            return None
        first, second = struct.unpack_from(">II", self._buffer, 0)
        flags, length = second >> 24, second & 0xFFFFFF
        if len(self._buffer) < 8 + length:
            return None
        payload = bytes(memoryview(self._buffer)[8:8 + length])
        del self._buffer[:8 + length]
        if not first & 0x80000000:
            return 0, first, flags, payload
        return first & 0xFFFF, 0, flags, payload
