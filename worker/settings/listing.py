"""The settings as people read them: what was changed, and the page of all."""

from collections.abc import Iterator

from pydantic.fields import FieldInfo

from worker.settings.settings import GROUPS, Settings, variable


def changed_settings(settings: Settings) -> dict[str, str]:
    """What differs from the defaults, by variable; secrets are masked."""
    values = {name: (getattr(settings, name), field.default) for _, name, field in _described()}
    return {variable(name): str(value) for name, (value, default) in values.items() if value != default}


def markdown_tables() -> str:
    """The settings as their page shows them, a table for each group."""
    lines: list[str] = []
    shown = ""
    for group, name, field in _described():
        if group != shown:
            lines += [f"\n## {group}\n", "| setting | default | meaning |", "| --- | --- | --- |"]
            shown = group
        default = "–" if field.default in (None, ()) else f"`{field.default}`"
        meaning = " ".join((field.description or "").split())
        lines.append(f"| `{variable(name)}` | {default} | {meaning} |")
    return "\n".join(lines).strip()


def _described() -> Iterator[tuple[str, str, FieldInfo]]:
    """Group, name and field of each setting, in the order of the groups."""
    for group, settings in GROUPS.items():
        for name, field in settings.model_fields.items():
            yield group, name, field
