"""Writes the kubeconfig by which clients reach the fake: one context per user, `fake` for the administrator."""

import base64
import json
import os

KEY_KINDS = ("ec", "rsa", "ed25519")


def document(server, current="fake"):
    """The kubeconfig as a plain structure. `cluster` is shared by all contexts."""
    cluster = {"server": server.url}
    if server.settings.tls:
        cluster["certificate-authority-data"] = _file_data(server.certs, "ca.crt")
    people = dict(_user_entries(server))
    contexts = [_context(_context_name(name), name) for name in people]
    return {"apiVersion": "v1", "kind": "Config", "current-context": current,
            "clusters": [{"name": "fake", "cluster": cluster}],
            "users": [{"name": name, "user": entry} for name, entry in people.items()],
            "contexts": contexts}


def _user_entries(server):
    for name, user in server.users.users.items():
        if user.password is not None:
            yield name, {"username": name, "password": user.password}
        elif name != "fake-cert":  # that one is the subject of the client certificates
            yield name, {"token": user.token}
    yield "bad-token", {"token": "no-such-token"}
    yield "nobody", {}
    for kind in KEY_KINDS if server.certs else ():
        yield f"cert-{kind}", {"client-certificate-data": _file_data(server.certs, f"client-{kind}.crt"),
                               "client-key-data": _file_data(server.certs, f"client-{kind}.key")}


def _context_name(user):
    return "fake" if user == "admin" else f"fake-{user}"


def _context(name, user):
    return {"name": name, "context": {"cluster": "fake", "user": user, "namespace": "default"}}


def _file_data(directory, name):
    with open(os.path.join(directory, name), "rb") as file:
        return base64.b64encode(file.read()).decode()


def to_yaml(value, indent=0):
    """Block style for maps and lists, JSON for everything else: what people expect of a kubeconfig."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        return "".join(_pair(pad, key, item, indent) for key, item in value.items())
    if isinstance(value, list) and value:
        return "".join(f"{pad}- {to_yaml(item, indent + 1).lstrip()}" for item in value)
    return f"{pad}{json.dumps(value)}\n"


def _pair(pad, key, item, indent):
    if isinstance(item, (dict, list)) and item:
        return f"{pad}{key}:\n{to_yaml(item, indent + 1)}"
    return f"{pad}{key}: {json.dumps(item)}\n"


def write(path, value):
    """Mode 0600, complete before it has its name."""
    temporary = f"{path}.new"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(to_yaml(value))
    os.replace(temporary, path)
