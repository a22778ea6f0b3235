"""What is known of campaigns beside their events, from ``catalogue/campaigns.yaml``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tidemark.declared.entry import Document, Entry, MistakeError, Node, Sheet, compose, items
from tidemark.declared.problem import Problem, shown
from tidemark.declared.values import key, maybe, number, text

FILE = "campaigns.yaml"
MAX_CAMPAIGNS = 2_000
MAX_ID, MAX_LABEL = 200, 120
"""Characters of an id, as events carry it, and of what people read."""
MAX_BUDGET = 1e12

_DOCUMENT = Document(
    noun="the list of campaigns",
    levels="two",
    root="the file is a list of campaigns; begin with - {id: a-1, name: Spring sale}",
    most=262_144,
    is_list=True,
)


@dataclass(frozen=True, slots=True)
class Campaign:
    """One.

    Attributes:
        id: as events carry it.
        name: for people.
        owner: who is asked about it; '' where nobody is named.
        daily_budget: currency units; None where it has none.
    """

    id: str
    name: str
    owner: str = ""
    daily_budget: float | None = None


@dataclass(frozen=True, slots=True)
class Campaigns:
    """What the file declares.

    Attributes:
        by_id: those that are right.
        problems: everything that is wrong, in the order of the lines.
    """

    by_id: Mapping[str, Campaign] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def load(path: Path) -> Campaigns:
    """Read the file; one that there is not declares none."""
    try:
        with path.open("rb") as file:
            content = file.read(_DOCUMENT.most + 1)
    except FileNotFoundError:
        return Campaigns()
    except OSError as error:
        told = f"the file cannot be read: {error.strerror}; correct that or remove it"
        return Campaigns({}, (Problem(path.name, 1, told),))
    return check(path.name, content)


def check(file: str, content: bytes) -> Campaigns:
    """The campaigns in a file's bytes."""
    sheet = Sheet(file)
    node = compose(content, sheet, _DOCUMENT)
    found: dict[str, Campaign] = {}
    if node is not None:
        try:
            for item in items(node, MAX_CAMPAIGNS):
                _add(sheet, item, found)
        except MistakeError as mistake:
            sheet.add(mistake.line, f"the list {mistake.sentence}")
    return Campaigns(found, tuple(sorted(sheet.problems)))


def _add(sheet: Sheet, node: Node, found: dict[str, Campaign]) -> None:
    before = len(sheet.problems)
    try:
        entry = Entry(sheet, node, ("id", "name", "owner", "daily_budget"))
    except MistakeError as mistake:
        sheet.add(mistake.line, f"a campaign {mistake.sentence}")
        return
    known = entry.need("id", key(MAX_ID), "", "write what events carry as campaign_id")
    if known in found:
        entry.add("id", f"the campaign {shown(known)} stands there twice; leave one of them out")
    campaign = Campaign(
        id=known,
        name=entry.read("name", text(MAX_LABEL), known),
        owner=entry.read("owner", text(MAX_LABEL), ""),
        daily_budget=entry.read("daily_budget", maybe(number(0, MAX_BUDGET, above=True)), None),
    )
    if len(sheet.problems) == before:
        found[known] = campaign
