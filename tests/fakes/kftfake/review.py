"""SelfSubjectReview and SelfSubjectAccessReview: who the caller is, and what the caller may."""

import json

from . import status

ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
IDENTITY = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
ANONYMOUS = "system:anonymous"


def answer(request, user, settings):
    """The document of the answer, or None if the path is neither; may raise StatusError."""
    if request.path.startswith(ACCESS):
        return _access(request, user)
    if request.path.startswith(IDENTITY):
        return _identity(user, settings)
    return None


def _identity(user, settings):
    if not settings.at_least(1, 28):
        raise status.no_such_path()
    if user.name == ANONYMOUS:
        raise status.forbidden(user.name, "create", "authentication.k8s.io", "selfsubjectreviews", "", "", "")
    return {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {},
            "status": {"userInfo": {"username": user.name, "groups": user.groups + ["system:authenticated"]}}}


def _access(request, user):
    document = json.loads(request.body or b"{}")
    wanted = document.get("spec", {}).get("resourceAttributes", {})
    allowed = user.may(wanted.get("verb", ""), wanted.get("group", ""), wanted.get("resource", ""),
                       wanted.get("subresource", ""), wanted.get("namespace", ""), wanted.get("name", ""))
    return {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {},
            "spec": document.get("spec", {}), "status": {"allowed": allowed}}
