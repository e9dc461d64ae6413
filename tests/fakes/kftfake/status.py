"""metav1.Status answers in the words of the real API server."""

import json

REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 410: "Expired",
           422: "Invalid", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}


class StatusError(Exception):
    """Ends the handling of a request with a Status."""

    def __init__(self, code, message, reason=None, details=None, headers=()):
        super().__init__(message)
        self.code = code
        self.headers = list(headers)
        self.body = status(code, message, reason, details)


def status(code, message, reason=None, details=None):
    answer = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
              "reason": reason or REASONS.get(code, "Unknown"), "code": code}
    if details:
        answer["details"] = details
    return answer


def encode(value):
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def qualified(resource):
    """pods, deployments.apps: how messages name a resource."""
    return f"{resource.plural}.{resource.group}" if resource.group else resource.plural


def unauthorized():
    return StatusError(401, "Unauthorized")


def not_found(resource, name):
    details = {"name": name, "kind": resource.plural}
    if resource.group:
        details["group"] = resource.group
    return StatusError(404, f'{qualified(resource)} "{name}" not found', details=details)


def no_such_path():
    return StatusError(404, "the server could not find the requested resource", details={})


def forbidden(user, verb, group, resource, subresource, namespace, name):
    """All parts as the authorizer saw them; NAMESPACE is empty for cluster scope."""
    plain = f"{resource}.{group}" if group else resource
    what = f'{plain} "{name}" is forbidden' if name else f"{plain} is forbidden"
    full = f"{resource}/{subresource}" if subresource else resource
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    message = f'{what}: User "{user}" cannot {verb} resource "{full}" in API group "{group}" {where}'
    details = {"kind": resource}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    return StatusError(403, message, details=details)


def forbidden_path(user, verb, path):
    return StatusError(403, f'forbidden: User "{user}" cannot {verb} path "{path}"', details={})


def expired(requested, oldest):
    return StatusError(410, f"too old resource version: {requested} ({oldest})")


def expired_continue():
    return StatusError(410, "The provided continue parameter is too old to display a consistent list result. You can "
                            "start a new list without the continue parameter.")


def too_many_requests(seconds):
    return StatusError(429, "Too many requests, please try again later.", details={"retryAfterSeconds": seconds},
                       headers=[("Retry-After", str(seconds))])


def by_code(code, message=None, reason=None, retry_after=None):
    """For faults: a Status of any code, with the usual words unless MESSAGE is given."""
    if code == 429 and message is None:
        return too_many_requests(retry_after or 1)
    words = {401: "Unauthorized", 500: "Internal error occurred: etcdserver: request timed out",
             503: "apiserver not ready", 410: "too old resource version: 1 (2)"}
    headers = [("Retry-After", str(retry_after))] if retry_after else []
    return StatusError(code, message or words.get(code, "the request failed"), reason, headers=headers)
