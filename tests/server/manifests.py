#!/usr/bin/python3
"""The manifests for admins: what Pod Security "restricted" asks for, and only variables that the server
knows. kubectl reads the files and needs no cluster for it. Ends with 77 without kubectl.

    manifests.py KFTRAY-SERVER"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "packaging" / "kubernetes"


def documents():
    """All objects, by way of kustomize, as JSON."""
    text = subprocess.run(["kubectl", "kustomize", FOLDER], capture_output=True, text=True, check=True).stdout
    read = subprocess.run(["kubectl", "annotate", "--local", "-f", "-", "-o", "json", "checked=yes"], input=text,
                          capture_output=True, text=True, check=True).stdout
    decoder, at = json.JSONDecoder(), 0
    while at < len(read):
        value, at = decoder.raw_decode(read, at)
        yield from value["items"] if value["kind"] == "List" else [value]
        while at < len(read) and read[at].isspace():
            at += 1


def restricted_complaints(pod):
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/, Baseline and Restricted."""
    context = pod.get("securityContext", {})
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield name
    if context.get("runAsNonRoot") is not True or context.get("runAsUser") == 0:
        yield "runAsNonRoot"
    if context.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "seccompProfile"
    for volume in pod.get("volumes", []):
        if "hostPath" in volume:
            yield "hostPath"
    for container in pod["containers"]:
        own = container.get("securityContext", {})
        if own.get("privileged") or own.get("allowPrivilegeEscalation") is not False:
            yield "allowPrivilegeEscalation"
        if own.get("capabilities", {}).get("drop") != ["ALL"] or own["capabilities"].get("add"):
            yield "capabilities"
        if any("hostPort" in port for port in container.get("ports", [])):
            yield "hostPort"


def complaints(known):
    objects = {(o["kind"], o["metadata"]["name"]): o for o in documents()}
    deployment = objects["Deployment", "kftray-server"]["spec"]
    pod = deployment["template"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    yield from (f"not restricted: {name}" for name in restricted_complaints(pod))
    container = pod["containers"][0]
    for variable in container["env"]:
        if variable["name"] not in known:
            yield f"the server knows no {variable['name']}"
    if pod.get("automountServiceAccountToken") is not False or not container["securityContext"]["readOnlyRootFilesystem"]:
        yield "token or file system"
    for kind, place in (("Service", ["selector"]), ("PodDisruptionBudget", ["selector", "matchLabels"]),
                        ("NetworkPolicy", ["podSelector", "matchLabels"])):
        selector = objects[kind, "kftray-server"]["spec"]
        for key in place:
            selector = selector[key]
        if not selector or not selector.items() <= labels.items():
            yield f"the {kind} does not select the pods"
    for (kind, name), item in objects.items():
        if kind in ("Role", "ClusterRole") and "*" in json.dumps(item["rules"]):
            yield f"{name} allows everything of something"


def main():
    if shutil.which("kubectl") is None:
        print("no kubectl", file=sys.stderr)
        return 77
    usage = subprocess.run([sys.argv[1], "--help"], capture_output=True, text=True, check=True).stdout
    found = list(complaints(set(re.findall(r"^  ([A-Z_]+)", usage, re.M))))
    print("\n".join(found) if found else "manifests: ok")
    return 1 if found else 0


sys.exit(main())
