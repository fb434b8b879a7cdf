"""What `gpumix guard` wrote, in lines of text."""

from __future__ import annotations

from gpumix.domain.guard import GuardAnswer
from gpumix.errors import printable


def guard_lines(answer: GuardAnswer) -> str:
    """Files with what they hold, then what was left out and why."""
    lines = [
        f"{answer.plan} as of {answer.as_of}, sha256 {answer.plan_sha256[:12]}: "
        f"{len(answer.files)} files in {answer.folder}"
    ]
    width = max((len(one.name) for one in answer.files), default=0)
    lines += [f"  {one.name:<{width}}  {one.objects:,} objects" for one in answer.files]
    if answer.left_out:
        lines += ["", "Not written:"]
        lines += [f"  {one.target}: {one.what}: {one.why}" for one in answer.left_out]
    return "\n".join(printable(line) for line in lines)
