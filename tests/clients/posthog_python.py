"""Sends one "Ad Clicked" twice with the same message id through posthog, unchanged.

PostHog takes UUIDs only, so the message id becomes one by its name (UUID version 5).
usage: python posthog_python.py COLLECTOR_URL CAMPAIGN_ID MESSAGE_ID
"""

import json
import sys
import uuid
from datetime import UTC, datetime

from posthog import Posthog

url, campaign, message_id = sys.argv[1:4]
failures: list[object] = []
client = Posthog(
    "tidemark", host=url, gzip=True, max_retries=1, on_error=lambda error, _: failures.append(error)
)
timestamp = datetime.now(UTC)
identifier = uuid.uuid5(uuid.NAMESPACE_URL, message_id)
for _copy in range(2):
    client.capture(
        "Ad Clicked",
        distinct_id="posthog-python",
        properties={"campaign_id": campaign, "ad_id": "ad-1"},
        timestamp=timestamp,
        uuid=identifier,
    )
    client.flush()
client.shutdown()
if failures:
    sys.exit(f"posthog failed: {failures}")
sent = {"client": "posthog", "message_id": str(identifier), "campaign_id": campaign, "sent": 2}
sys.stdout.write(json.dumps({**sent, "event": "click"}) + "\n")
