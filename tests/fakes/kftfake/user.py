"""Who may do what: authentication by token, password or client certificate, impersonation, and RBAC rules."""

import base64
import secrets

from . import status

OPEN_PATHS = ("/version", "/healthz", "/livez", "/readyz")


class User:
    def __init__(self, spec):
        self.name = spec["name"]
        self.groups = list(spec.get("groups", []))
        self.rules = spec.get("rules", [])
        self.token = spec.get("token") or secrets.token_hex(16)
        self.password = spec.get("password")
        self.extra = {}

    def may(self, verb, group, resource, subresource, namespace, name):
        if "system:masters" in self.groups:
            return True
        full = f"{resource}/{subresource}" if subresource else resource
        return any(_allows(rule, verb, group, full, namespace, name) for rule in self.rules)


def _allows(rule, verb, group, resource, namespace, name):
    def fits(key, value, missing="*"):
        values = rule.get(key, missing)
        return "*" in values or value in values
    return (fits("verbs", verb, "") and fits("resources", resource, "") and fits("groups", group)
            and fits("namespaces", namespace) and fits("names", name))


ANONYMOUS = {"name": "system:anonymous", "groups": ["system:unauthenticated"]}


class UserTable:
    def __init__(self, specs, anonymous=True):
        self.users = {spec["name"]: User(spec) for spec in specs}
        self._anonymous = anonymous

    def authenticate(self, request, certificate):
        """The effective User, or raises the 401 or 403 Status."""
        user = self._real_user(request, certificate)
        wanted = request.header("impersonate-user")
        if not wanted:
            if any(name.startswith("impersonate-") for name, _ in request.headers):
                raise status.StatusError(500, "Internal error occurred: requested impersonation without a user")
            return user
        return self._impersonated(user, wanted, request)

    def by_name(self, name):
        return self.users.get(name)

    def rotate_token(self, name, token=None):
        """Makes the old token worthless; returns the new one."""
        user = self.users[name]
        user.token = token or secrets.token_hex(16)
        return user.token

    def _real_user(self, request, certificate):
        scheme, _, credential = request.header("authorization").partition(" ")
        if scheme.lower() == "bearer":
            return self._by_secret("token", lambda user: user.token == credential.strip())
        if scheme.lower() == "basic":
            return self._by_secret("password", lambda user: user.password is not None and base64.b64encode(
                f"{user.name}:{user.password}".encode()).decode() == credential.strip())
        name = _common_name(certificate)
        if name:
            return self.users.get(name) or User({"name": name})
        if self._anonymous:
            return User(ANONYMOUS)
        raise status.unauthorized()

    def _by_secret(self, _kind, fits):
        for user in self.users.values():
            if fits(user):
                return user
        raise status.unauthorized()

    def _impersonated(self, user, wanted, request):
        if not user.may("impersonate", "", "users", "", "", wanted):
            raise status.forbidden(user.name, "impersonate", "", "users", "", "", wanted)
        known = self.users.get(wanted)
        acting = User({"name": wanted, "groups": request.header_list("impersonate-group"),
                       "rules": known.rules if known else []})
        if known and not acting.groups:
            acting.groups = known.groups
        acting.extra = {name: value for name, value in request.headers if name.startswith("impersonate-extra-")}
        return acting


def _common_name(certificate):
    for group in (certificate or {}).get("subject", ()):
        for key, value in group:
            if key == "commonName":
                return value
    return ""


def check(user, verb, address):
    """Raises the 403 Status unless USER may VERB what ADDRESS (a resource.Address) names."""
    if not user.may(verb, address.group, address.plural, address.subresource, address.namespace, address.name):
        raise status.forbidden(user.name, verb, address.group, address.plural, address.subresource,
                               address.namespace, address.name)
