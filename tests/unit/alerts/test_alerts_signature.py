"""Webhooks are signed as Standard Webhooks says."""

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tidemark.alerts.signature import headers, keys

KEY = b"0123456789abcdef01234567"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
BODY = '{"summary":"Größe"}'.encode()
NOW = int(datetime.now(UTC).timestamp())


def test_the_example_of_the_specification_has_its_signature() -> None:
    key = keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    found = headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_librarys_verifier_takes_a_signature_and_refuses_what_was_changed() -> None:
    verifier = Webhook(SECRET)
    signed = headers(keys(SECRET), "id", NOW, BODY)
    verifier.verify(BODY, signed)
    for name, value in {"webhook-id": "other", "webhook-timestamp": str(NOW - 1)}.items():
        with pytest.raises(WebhookVerificationError):
            verifier.verify(BODY, {**signed, name: value})
    with pytest.raises(WebhookVerificationError):
        verifier.verify(BODY + b" ", signed)


def test_while_a_secret_is_replaced_both_verify() -> None:
    other = f"whsec_{base64.b64encode(b'x' * 64).decode()}"
    signed = headers(keys(f"{other}  {SECRET}\n"), "id", NOW, BODY)
    Webhook(SECRET).verify(BODY, signed)
    Webhook(other).verify(BODY, signed)


@pytest.mark.parametrize(
    "secret",
    ["", " ", "whsec_", SECRET.removeprefix("whsec_"), "whsec_!!!", f"whsec_{'A' * 30}", "whsec_" + "A" * 88],
)
def test_what_is_no_secret_is_told_without_showing_it(secret: str) -> None:
    with pytest.raises(ValueError, match=r"is (empty|no whsec_)") as told:
        keys(secret)
    assert "AAAA" not in str(told.value)
