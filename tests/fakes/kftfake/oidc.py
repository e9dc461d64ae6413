"""An OpenID Connect issuer over HTTPS: discovery and the refresh_token grant. Tokens are JWTs with an idle signature."""

import base64
import json
import time
import urllib.parse

from . import httpmessage, listener


def make_jwt(claims):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
    return f"{part({'alg': 'none'})}.{part(claims)}.c2lnbmF0dXJl"


class Oidc(listener.Listener):
    """Hands out ID_TOKEN (also what the API server must be told to accept) for the right refresh token."""

    def __init__(self, certs, refresh_token="refresh-1", next_refresh_token=None, refuse=None):
        super().__init__(certs)
        self.id_token = make_jwt({"iss": "fake", "sub": "admin", "exp": int(time.time()) + 3600})
        self.refresh_token = refresh_token
        self._next = next_refresh_token
        self._refuse = refuse

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    async def serve(self, stream):
        while True:
            request = await httpmessage.read_request(stream)
            if request is None:
                return
            self.note(f"{request.method} {request.path}")
            code, answer = self._answer(request)
            await httpmessage.send_response(stream, code, [], json.dumps(answer).encode())

    def _answer(self, request):
        if request.path == "/.well-known/openid-configuration":
            return 200, {"issuer": self.url, "token_endpoint": self.url + "/token"}
        if request.path != "/token" or request.method != "POST":
            return 404, {"error": "not_found"}
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        if self._refuse or form.get("grant_type") != "refresh_token" or form.get("refresh_token") != self.refresh_token:
            return self._refuse or 400, {"error": "invalid_grant", "error_description": "the refresh token is not valid"}
        answer = {"id_token": self.id_token, "access_token": "unused", "token_type": "Bearer", "expires_in": 3600}
        if self._next:
            answer["refresh_token"] = self.refresh_token = self._next
        return 200, answer
