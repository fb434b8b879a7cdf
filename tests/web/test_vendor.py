"""What of others is served: each file as THIRD_PARTY.md states it, and nothing beside."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "src" / "gpumix" / "web" / "static" / "vendor"
ROW = re.compile(
    r"^\| `([^`]+)` \|.*\| ([\d.]+) \| (.+?) \|.*\| ([\d,]+) \| `([0-9a-f]{64})` \|$", re.M
)


def test_every_vendored_file_is_stated_with_licence_version_size_and_hash() -> None:
    text = (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8")
    rows = {row[1]: row for row in ROW.finditer(text)}
    found = {str(path.relative_to(ROOT)) for path in VENDOR.iterdir()}
    assert rows.keys() == found
    for name, row in rows.items():
        raw = (ROOT / name).read_bytes()
        assert len(raw) == int(row[4].replace(",", ""))
        assert hashlib.sha256(raw).hexdigest() == row[5]
        assert row[3]


def test_no_style_or_script_of_ours_asks_another_host() -> None:
    for path in [*(VENDOR.parent).glob("*.css"), *(VENDOR.parent).glob("*.js")]:
        assert not re.search(r"https?://|@import|url\(", path.read_text(encoding="utf-8")), path
