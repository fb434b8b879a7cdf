"""Constants and conversions, nothing else.

Inside gpumix every quantity is a float in a base unit (seconds, bytes, FLOP, watts, USD) unless
its name says otherwise; these are the factors between the base units and what people write.
"""

from typing import Final

HOURS_PER_DAY: Final = 24.0
HOURS_PER_WEEK: Final = 168.0
HOURS_PER_MONTH: Final = 730.0
HOURS_PER_YEAR: Final = 8760.0
MONTHS_PER_YEAR: Final = 12.0
SECONDS_PER_MINUTE: Final = 60.0
SECONDS_PER_HOUR: Final = 3600.0
SECONDS_PER_DAY: Final = 86_400.0

KILO: Final = 1e3
MEGA: Final = 1e6
GIGA: Final = 1e9
TERA: Final = 1e12
GIB: Final = float(2**30)
"""Bytes in a GiB. GPU memory as sold is a count of GiB; bandwidth is in decimal GB/s."""

PERCENT: Final = 0.01
MS: Final = 1e-3
