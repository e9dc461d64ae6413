"""What of a case is secret: what its kubeconfigs, fakes, plugins and environment hold."""

import re

# Shorter ones may occur by chance, as "user" or "x".
LEAST = 6
PATTERNS = (
    re.compile(r"""["']?(?:token|password|client-key-data|id-token|refresh-token|client-secret|access-token)["']?\s*[:=]\s*"""
               r"""["']?([^"'\s,}]+)"""),
    re.compile(r"://[^/@\s:]*:([^/@\s]+)@"),
    re.compile(r"\blogin=[^:\s]+:(\S+)"),
)


def find(text):
    """Secrets that TEXT (a file, a section of a case) holds."""
    found = {match[1] for pattern in PATTERNS for match in pattern.finditer(text)}
    return {secret for secret in found if len(secret) >= LEAST and not secret.startswith(("$", "/"))}


def of_users(users):
    """Those of the fake's users."""
    found = set()
    for user in users:
        found |= {secret for secret in (user.token, user.password) if secret and len(secret) >= LEAST}
    return found


def check(secrets, lines):
    """The first line with one of SECRETS, with the secret struck out; None if there is none."""
    for line in lines:
        for secret in secrets:
            if secret in line:
                return line.replace(secret, "<SECRET>")
    return None
