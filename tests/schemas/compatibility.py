"""Whether a schema may follow another one, without either side of the topic being upgraded first."""

from typing import Any

_ANNOTATIONS = {"$defs", "$schema", "default", "description", "examples", "title"}
_AT_LEAST = {"minItems", "minLength"}  # whoever reads may ask for less


def breaks(old: dict[str, Any], new: dict[str, Any], sent: bool) -> list[str]:
    """The places at which `new` breaks what `old` promised; empty if it only adds.

    Args:
        old: The released schema.
        new: Today's.
        sent: Whether the worker writes such messages, so that their readers must get all that they got before; else
            it reads them, so that it must not ask for more than it asked for before.
    """
    return _breaks(_inlined(old, old), _inlined(new, new), sent, "$")


def _breaks(old: Any, new: Any, sent: bool, path: str) -> list[str]:
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [found for a, b in zip(old, new, strict=True) for found in _breaks(a, b, sent, f"{path}[]")]
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [] if old == new else [path]
    found = []
    for keyword in sorted((old.keys() | new.keys()) - _ANNOTATIONS):
        place = f"{path}.{keyword}"
        if keyword == "required":
            asked, ask = set(old.get(keyword, ())), set(new.get(keyword, ()))
            found += [f"{place}.{name}" for name in (asked - ask if sent else ask - asked)]
        elif keyword not in old or keyword not in new:
            found.append(place)
        elif keyword in _AT_LEAST and not sent and new[keyword] < old[keyword]:
            continue
        elif keyword == "properties":
            for name, schema in old[keyword].items():
                found += _breaks(schema, new[keyword].get(name), sent, f"{place}.{name}")
        else:
            found += _breaks(old[keyword], new[keyword], sent, place)
    return found


def _inlined(node: Any, root: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(item, root) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(root["$defs"][node["$ref"].removeprefix("#/$defs/")], root)
    return {name: _inlined(item, root) for name, item in node.items() if name not in ("$defs", "default", "examples")}
