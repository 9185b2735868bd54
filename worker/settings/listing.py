"""The settings as people read them: what was changed, and the page of all."""

from worker.settings.all_settings import GROUPS, Settings, variable


def changed_settings(settings: Settings) -> dict[str, str]:
    """What differs from the defaults, by variable; secrets are masked."""
    fields = {name: field for group in GROUPS.values() for name, field in group.model_fields.items()}
    values = {name: (getattr(settings, name), field.default) for name, field in fields.items()}
    return {variable(name): str(value) for name, (value, default) in values.items() if value != default}


def markdown_table(group: str) -> str:
    """A group as the page of settings shows it, under its heading."""
    lines = [f"## {group}", "", "| setting | default | meaning |", "| --- | --- | --- |"]
    for name, field in GROUPS[group].model_fields.items():
        value = ",".join(field.default) if isinstance(field.default, tuple) else field.default
        default = "–" if value in (None, "") else f"`{value}`"
        meaning = " ".join((field.description or "").split())
        lines.append(f"| `{variable(name)}` | {default} | {meaning} |")
    return "\n".join(lines)
