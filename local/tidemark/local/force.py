"""Which settings a cluster runs with: those of this terminal made absolute, or those it was started with."""

import json

from pydantic import ValidationError

from tidemark.local.layout import Layout, layout
from tidemark.settings import Settings

_PREFIX = "; {"


def resolved(settings: Settings, recorded_brokers: int | None) -> Settings:
    """The settings with absolute folders, so that they hold in any working folder.

    A cluster that was made with several brokers keeps them where ``TIDEMARK_BROKERS`` says nothing.
    """
    where = layout(settings)
    changes: dict[str, object] = {
        "home": where.home,
        "lib": where.lib,
        "catalogue": settings.catalogue.expanduser().resolve(),
    }
    if recorded_brokers is not None and "brokers" not in settings.model_fields_set:
        changes["brokers"] = recorded_brokers
    return settings.model_copy(update=changes)


def environment(settings: Settings) -> dict[str, str]:
    """The settings as the variables from which another process reads the same. Pure."""
    values = settings.model_dump(mode="json")
    return {
        f"TIDEMARK_{name.upper()}": _variable(value) for name, value in values.items() if value is not None
    }


def _variable(value: object) -> str:
    """A setting's value as its variable is written: words with commas between them, limits as JSON."""
    if isinstance(value, list):
        return ",".join(value)
    return json.dumps(value) if isinstance(value, dict) else str(value)


def in_force(where: Layout) -> Settings | None:
    """The settings with which the cluster was last started; None if it never was, or by another version."""
    try:
        text = where.configuration.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    line = next((line for line in text.splitlines() if line.startswith(_PREFIX)), None)
    if line is None:
        return None
    try:
        return Settings(**json.loads(line.removeprefix("; ")))
    except (ValidationError, ValueError):
        return None
