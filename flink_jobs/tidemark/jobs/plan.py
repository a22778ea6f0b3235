"""A job's compiled plan: Flink's JSON, made once and kept. Pure.

Flink finds an operator's state by an id. Planned anew, the same SQL gets other ids, and no checkpoint fits; a
compiled plan holds them (Flink's documentation: "Compiled Plans").
"""

import json
from collections import defaultdict
from collections.abc import Collection
from typing import Any

_FOR_EVER = "0 ms"
_BATCHES = "table.exec.mini-batch.enabled"


def with_ttl(plan: str, ttl: str, *, for_ever: Collection[str] = ()) -> str:
    """The plan with every operator's state kept for ``ttl`` (Flink's duration, "7200000 ms").

    What the setting was when the plan was compiled stands in the plan, and would win over the setting. What
    an operator remembers of the tables of ``for_ever`` has no end: reading a row does not make it younger, so
    a definition would be forgotten while it is used, or taken for a new one when it is sent again.
    """
    document = json.loads(plan)
    nodes: dict[int, dict[str, Any]] = {node["id"]: node for node in document["nodes"]}
    inputs: dict[int, list[int]] = defaultdict(list)
    for edge in document["edges"]:
        inputs[edge["target"]].append(edge["source"])
    for node in nodes.values():
        for state in node.get("state") or ():
            side = inputs[node["id"]][state["index"]] if inputs[node["id"]] else None
            state["ttl"] = _FOR_EVER if side is not None and _table(side, nodes, inputs) in for_ever else ttl
    return json.dumps(document)


def with_joins_row_by_row(plan: str) -> str:
    """The plan with mini-batches in all operators that have them but joins.

    A join with mini-batches throws when a task fails while starting, which ends the whole TaskManager.
    """
    document = json.loads(plan)
    for node in document["nodes"]:
        if node["type"].startswith("stream-exec-join"):
            node["configuration"] = (node.get("configuration") or {}) | {_BATCHES: "false"}
    return json.dumps(document)


def _table(node: int, nodes: dict[int, dict[str, Any]], inputs: dict[int, list[int]]) -> str | None:
    """The table that a node hands on, if it reads nothing else."""
    while len(inputs[node]) == 1:
        [node] = inputs[node]
    source = nodes[node].get("scanTableSource")
    return None if source is None else source["table"]["identifier"].rpartition(".")[2].strip("`")
