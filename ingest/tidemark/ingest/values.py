"""JSON values: read with their digits kept, turned into texts for ``properties``, and shown in a reason."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

_SHOWN: Final = 60
_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_KINDS: Final = {bool: "a boolean", int: "a number", Decimal: "a number", float: "a number", str: "a string",
                 list: "an array", dict: "an object", type(None): "null"}  # fmt: skip


class NotJson(ValueError):  # noqa: N818 - named by what the text is
    """The text is not one JSON value; the message is a part of a sentence that says why."""


def read(text: bytes | msgspec.Raw) -> object:
    """One JSON value; numbers with a fraction or an exponent come as `Decimal`, so that no digit is lost.

    Raises:
        NotJson: malformed, not UTF-8, more than one value, or nested too deeply.
    """
    try:
        return _decoder.decode(text)
    except RecursionError:
        raise NotJson("it is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise NotJson(f"it is not UTF-8 (byte 0x{error.object[error.start]:02x})") from None
    except msgspec.DecodeError as error:
        message = str(error).removeprefix("JSON is malformed: ")
        if message.startswith("trailing characters"):
            raise NotJson("more follows after the first value; put each event on a line of its own") from None
        raise NotJson(message) from None


def text(value: object) -> str:
    """A JSON value as the text kept in ``properties``: a string as it is, anything else as JSON writes it."""
    return value if isinstance(value, str) else _encoder.encode(value).decode()


def texts(values: Mapping[str, object]) -> dict[str, str]:
    """All values as texts; null is the same as absent."""
    return {name: text(value) for name, value in values.items() if value is not None}


def shown(value: object) -> str:
    """A value as a reason quotes it: as JSON writes it, cut when it is long."""
    whole = _encoder.encode(value).decode()
    return whole if len(whole) <= _SHOWN else f"{whole[:_SHOWN]}…"


def kind(value: object) -> str:
    """What a value is in JSON's words, with its article."""
    return _KINDS.get(type(value), "something else")


def has_nul(value: object) -> bool:
    """Whether a NUL character (U+0000) stands anywhere in a value."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(has_nul(name) or has_nul(item) for name, item in value.items())
    return isinstance(value, list) and any(has_nul(item) for item in value)
