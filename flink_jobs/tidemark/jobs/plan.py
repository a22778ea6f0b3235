"""A job's compiled plan: Flink's JSON, made once and kept. Pure.

Flink finds an operator's state by an id. Planned anew, the same SQL gets other ids, and no checkpoint fits; a
compiled plan holds them (Flink's documentation: "Compiled Plans").
"""

import json


def with_ttl(plan: str, ttl: str) -> str:
    """The plan with every operator's state kept for ``ttl`` (Flink's duration, "7200000 ms").

    What the setting was when the plan was compiled stands in the plan, and would win over the setting.
    """
    document = json.loads(plan)
    for node in document["nodes"]:
        for state in node.get("state") or ():
            state["ttl"] = ttl
    return json.dumps(document)
