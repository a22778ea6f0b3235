"""Who plays in the demo: its campaigns, countries and devices."""

from dataclasses import dataclass

MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign of the department.

    Attributes:
        name: what its id begins with.
        channels: where it is shown.
        share: its part of all events, relative to the others'.
        click_rate: clicks among its events, of 1.
        conversion_rate: conversions among its events, of 1.
        cost_micros: what one of its spend events costs, about.
        basket_micros: what one of its conversions is worth, about.
    """

    name: str
    channels: tuple[str, ...]
    share: int
    click_rate: float
    conversion_rate: float
    cost_micros: int
    basket_micros: int


CAMPAIGNS = (
    Campaign("spring-sale", ("search", "social"), 24, 0.27, 0.016, 6 * MICROS, 42 * MICROS),
    Campaign("video-launch", ("video", "social"), 20, 0.22, 0.013, 9 * MICROS, 65 * MICROS),
    Campaign("brand-search", ("search",), 16, 0.34, 0.026, 3 * MICROS, 38 * MICROS),
    Campaign("retargeting", ("display", "social"), 14, 0.18, 0.011, 4 * MICROS, 51 * MICROS),
    Campaign("newsletter", ("email",), 12, 0.30, 0.022, 1 * MICROS, 29 * MICROS),
    Campaign("affiliate", ("affiliate", "display"), 9, 0.20, 0.012, 5 * MICROS, 47 * MICROS),
    Campaign("app-install", ("social", "video"), 8, 0.25, 0.021, 7 * MICROS, 12 * MICROS),
    Campaign("loyalty", ("email", "push"), 7, 0.28, 0.030, 1 * MICROS, 55 * MICROS),
    Campaign("influencer", ("social",), 6, 0.21, 0.011, 8 * MICROS, 36 * MICROS),
    Campaign("holiday-teaser", ("display", "video"), 5, 0.16, 0.007, 6 * MICROS, 72 * MICROS),
    Campaign("student-offer", ("social", "search"), 4, 0.26, 0.018, 2 * MICROS, 18 * MICROS),
    Campaign("partner-network", ("affiliate",), 3, 0.19, 0.011, 3 * MICROS, 44 * MICROS),
)
"""In the order in which ``--campaigns`` takes them."""

FAILING = 1
"""The campaign that begins to fail, where there is more than one."""
EXPERIMENT = "checkout-button"
"""The A/B test: all users are in it, whatever campaign brought them."""
VARIANTS = ("control", "treatment")


@dataclass(frozen=True, slots=True)
class Country:
    """A market: ISO 3166-1 alpha-2, its size relative to the others, and its offset from UTC in hours."""

    code: str
    size: int
    utc_offset: int


COUNTRIES = (
    Country("US", 34, -6),
    Country("DE", 16, 1),
    Country("GB", 14, 0),
    Country("IN", 12, 5),
    Country("BR", 10, -3),
    Country("JP", 8, 9),
    Country("AU", 6, 10),
)

DEVICES = (("mobile", "mobile", 58), ("web", "desktop", 34), ("web", "tablet", 8))
"""``source``, ``platform`` and how frequent."""
