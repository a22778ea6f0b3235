"""Who asks."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """The one value that says who asks; everything that is counted or limited a caller gets it.

    Attributes:
        id: ``key:…`` (a digest, never the key itself) or ``address:…``; for logs and for counting.
    """

    id: str

    @classmethod
    def of(cls, *, key: str | None, address: str) -> "Caller":
        """The API key says who it is, else the address does."""
        if key:
            return cls(f"key:{hashlib.sha256(key.encode()).hexdigest()[:16]}")
        return cls(f"address:{address}")
