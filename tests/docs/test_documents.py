from __future__ import annotations

import re
from pathlib import Path

import pytest

from crm_core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(\[[a-z]+\])?==")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    targets = [target for target in _LINK.findall(document.read_text()) if "://" not in target]
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert missing == []


def test_every_setting_is_documented_and_nothing_else() -> None:
    documented = set(re.findall(r"^\| `(CRM_[A-Z_]+)` \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE))
    assert documented == {f"CRM_{name.upper()}" for name in Settings.model_fields}


def test_every_library_is_pinned_and_its_reason_given() -> None:
    reasons = (ROOT / "docs/dependencies.md").read_text().casefold()
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = [line for line in (ROOT / name).read_text().splitlines() if line and line[0] not in "-#"]
        for line in lines:
            pinned = _PINNED.match(line)
            assert pinned, f"{line} in {name} is not pinned"
            assert f"| {pinned[1]}{pinned[2] or ''} |".casefold() in reasons, f"{pinned[1]} has no reason"


def test_the_product_stands_alone() -> None:
    elsewhere = re.compile(rf"\.\./shared|{re.escape(str(ROOT))}")
    parts = ("crm_core", "pages", "demo_store")
    code = [*ROOT.glob("*.py"), *(path for part in parts for path in (ROOT / part).rglob("*.py"))]
    assert [str(path) for path in code if elsewhere.search(path.read_text())] == []
