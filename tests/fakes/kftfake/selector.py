"""Label selectors and field selectors as query parameters: parsing and matching."""

import re

SET_TERM = re.compile(r"^\s*(\S+?)\s+(in|notin)\s*\(([^)]*)\)\s*$")
EQUALITY_TERM = re.compile(r"^\s*([^=!\s]+)\s*(==|=|!=)\s*([^=!\s]*)\s*$")


class SelectorError(ValueError):
    pass


def split_terms(text):
    """Splits at commas that are not inside parentheses."""
    terms, depth, start = [], 0, 0
    for index, char in enumerate(text):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and depth == 0:
            terms.append(text[start:index])
            start = index + 1
    return [term for term in terms + [text[start:]] if term.strip()]


def parse_labels(text):
    """A function labels -> bool."""
    terms = [_label_term(term) for term in split_terms(text)]
    return lambda labels: all(term(labels) for term in terms)


def _label_term(term):
    found = SET_TERM.match(term)
    if found:
        key, operator, values = found.group(1), found.group(2), {v.strip() for v in found.group(3).split(",")}
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    found = EQUALITY_TERM.match(term)
    if found:
        key, operator, value = found.groups()
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    name = term.strip()
    if name.startswith("!"):
        return lambda labels, key=name[1:].strip(): key not in labels
    if re.match(r"^[A-Za-z0-9][-A-Za-z0-9_./]*$", name):
        return lambda labels: name in labels
    raise SelectorError(f"unable to parse requirement: {term!r}")


FIELDS = {"metadata.name", "metadata.namespace", "spec.nodeName", "spec.restartPolicy", "status.phase", "status.podIP",
          "spec.serviceAccountName", "spec.schedulerName", "status.nominatedNodeName"}


def parse_fields(text):
    """A function object -> bool."""
    terms = []
    for term in split_terms(text):
        found = EQUALITY_TERM.match(term)
        if not found or found.group(1) not in FIELDS:
            raise SelectorError(f"field label not supported: {term.split('=')[0]}")
        key, operator, value = found.groups()
        terms.append((key.split("."), operator == "!=", value))
    return lambda item: all((_field(item, keys) == value) != negated for keys, negated, value in terms)


def _field(item, keys):
    for key in keys:
        item = item.get(key, {}) if isinstance(item, dict) else {}
    return item if isinstance(item, str) else ""


def matcher(labels_text, fields_text):
    """A function object -> bool of both selectors; raises SelectorError."""
    labels = parse_labels(labels_text)
    fields = parse_fields(fields_text)
    return lambda item: labels(item["metadata"].get("labels") or {}) and fields(item)
