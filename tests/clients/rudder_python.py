"""Sends one "Ad Clicked" twice with the same message id through rudder-sdk-python, unchanged.

usage: python rudder_python.py COLLECTOR_URL CAMPAIGN_ID MESSAGE_ID
"""

import json
import sys
from datetime import UTC, datetime

from rudderstack.analytics.client import Client

url, campaign, message_id = sys.argv[1:4]
failures: list[object] = []
client = Client("tidemark", host=url, max_retries=1, on_error=lambda error, _: failures.append(error))
timestamp = datetime.now(UTC)
for _copy in range(2):
    client.track(
        user_id="rudder-python",
        event="Ad Clicked",
        properties={"campaign_id": campaign, "ad_id": "ad-1"},
        timestamp=timestamp,
        message_id=message_id,
    )
    client.flush()
client.join()
if failures:
    sys.exit(f"rudder-sdk-python failed: {failures}")
sent = {"client": "rudder-sdk-python", "message_id": message_id, "campaign_id": campaign, "sent": 2}
sys.stdout.write(json.dumps({**sent, "event": "click"}) + "\n")
