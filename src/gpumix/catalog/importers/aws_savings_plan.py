"""AWS savings plans, `index.csv`: the hourly rate of a SKU under a plan, a row each."""

from __future__ import annotations

import re
from typing import Final

from gpumix.catalog.importers.cells import day_in, months_in
from gpumix.catalog.importers.reading import NO_GPU, Quote, Reading, Source, committed, table_in

COLUMNS: Final = frozenset({"discountedsku", "discountedrate", "purchaseoption"})
UPFRONT_SHARE: Final = {"no upfront": 0.0, "partial upfront": 0.5, "all upfront": 1.0}
"""Share of the commitment paid at its start; of a partial one AWS asks half."""
_PLAIN_USAGE = re.compile(r"(?:^|-)boxusage:", re.I)


def read(source: Source) -> Reading:
    """Committed quotes; the machine is named with the SKU that the plan discounts.

    Raises: InputError where it is no such table.
    """
    reading = Reading()
    grid = table_in(source, COLUMNS, reading)
    published = day_in(grid.preamble.get("publication date", ""))
    for line in grid.lines:
        usage = line.text("discountedusagetype")
        machine = line.text("discountedinstancetype") or usage.rpartition(":")[2]
        lease, unit = line.text("leasecontractlength"), line.text("leasecontractlengthunit")
        months = months_in(
            f"{lease} {unit or 'year'}" if lease.replace(".", "").isdigit() else lease
        )
        option = line.text("purchaseoption")
        if line.text("discountedservicecode").lower() not in ("amazonec2", ""):
            reading.refuse(line.place, "another service than EC2", machine)
        elif not machine:
            reading.refuse(line.place, NO_GPU)
        elif usage and not _PLAIN_USAGE.search(usage):
            reading.refuse(line.place, "dedicated or reserved capacity", f"{machine}, {usage}")
        elif line.text("discountedoperation").lower() not in ("runinstances", ""):
            reading.refuse(line.place, "another operating system", machine)
        elif months is None:
            reading.refuse(line.place, "commitment without a stated term", machine)
        else:
            purchase, length = committed(months)
            kind = (
                "EC2 Instance"
                if line.text("instance family").lower() not in ("", "any")
                else "Compute"
            )
            reading.quotes.append(
                Quote(
                    place=line.place,
                    provider="aws",
                    instance=machine,
                    gpu="",
                    gpus=None,
                    region=line.text("discountedregioncode"),
                    purchase=purchase,
                    price=line.number("discountedrate"),
                    as_of=published or day_in(line.text("effectivedate")),
                    since=day_in(line.text("effectivedate")),
                    currency=line.text("currency") or "USD",
                    term_months=length,
                    upfront_share=UPFRONT_SHARE.get(option.lower(), 0.0),
                    note=f"{kind} Savings Plan, {option.lower()}",
                )
            )
    return reading
