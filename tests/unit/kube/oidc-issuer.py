"""An OpenID Connect issuer on loopback whose manners depend on the issuer's path: /basic wants the client's
secret in the Authorization field, /body in the form, /public none; /revoked, /down, /silent (no id_token),
/rubbish and /leak (a token_endpoint that is not private) fail; /stuck never gives tokens. Refresh tokens are good
once: refresh-1, refresh-2, ... of each path. ID tokens end 1000 s after START and count in "n"."""

import base64
import http.server
import json
import signal
import sys
import threading
import urllib.parse

START = int(sys.argv[1])
ROUNDS = {}


def make_jwt(claims):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
    return f"{part({'alg': 'none'})}.{part(claims)}.sEcReT"


def has_client(manner, headers, form):
    basic = "Basic " + base64.b64encode(b"client%20id:sEcReT%3A1").decode()
    if manner == "body":
        return "Authorization" not in headers and form.get("client_secret") == "sEcReT:1"
    if manner == "public":
        return "Authorization" not in headers and "client_secret" not in form and form.get("client_id") == "client id"
    return headers.get("Authorization") == basic and "client_secret" not in form


def answer_tokens(manner, headers, form):
    n = ROUNDS.get(manner, 1)
    if manner == "down":
        return 503, {}
    if not has_client(manner, headers, form):
        return 401, {"error": "invalid_client"}
    if manner == "revoked" or form.get("grant_type") != "refresh_token" \
            or form.get("refresh_token") != f"refresh-sEcReT-{n}":
        return 400, {"error": "invalid_grant", "error_description": "Token is not\nactive"}
    if manner == "silent":
        return 200, {"access_token": "sEcReT"}
    ROUNDS[manner] = n + 1
    return 200, {"id_token": make_jwt({"exp": START + 1000 * n, "n": n}),
                 "refresh_token": f"refresh-sEcReT-{n + 1}"}


class Handler(http.server.BaseHTTPRequestHandler):
    def reply(self, status, answer):
        body = b"<html>sEcReT" if self.path.startswith("/rubbish/") else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        manner = self.path.split("/")[1]
        if self.path != f"/{manner}/.well-known/openid-configuration":
            self.reply(404, {})
            return
        base = "http://192.0.2.1" if manner == "leak" else f"http://127.0.0.1:{self.server.server_port}"
        self.reply(200, {"token_endpoint": f"{base}/{manner}/token?x=1"})

    def do_POST(self):
        path = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = dict(urllib.parse.parse_qsl(body))
        if path.query != "x=1" or self.headers["Content-Type"] != "application/x-www-form-urlencoded":
            self.reply(404, {})
            return
        print(f"POST {path.path}", flush=True)
        manner = path.path.split("/")[1]
        if manner == "stuck":
            threading.Event().wait()
        self.reply(*answer_tokens(manner, self.headers, form))

    def log_message(self, format, *args):
        pass


signal.signal(signal.SIGTERM, signal.SIG_DFL)  # no handler: Python may run one late, or in the middle of an answer
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"ready port={server.server_port}", flush=True)
server.serve_forever()
