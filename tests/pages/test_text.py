"""What the screens write: text of a shop letter for letter, amounts and times as people read them."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pages.widgets.text import (
    LABEL_LENGTH,
    ago,
    breakable,
    chart_pair,
    chart_text,
    escaped,
    mail_link,
    message,
    money,
    percent,
    plain,
    quantity,
    when,
    whole_money,
)

_MARKDOWN = MarkdownIt("gfm-like", {"html": False, "linkify": False})
_FOUND_IN_TEXT = re.compile(
    r"https?://|www\.|\w@\w|:[a-z0-9_+\-]+:|:(red|blue|green|gray|orange|violet|material|color)|<-|->|--|>=|<=|~="
)
"""What Streamlit or GitHub's Markdown turn into links, icons, emoji, colours and arrows wherever they stand in text."""

_NASTY = st.lists(
    st.sampled_from(
        [
            *"\\`*_{}[]()<>#+-.!|:~$^=@&\"'/ \n\t",
            "**b**",
            "# h",
            "1. a",
            "[x](http://e.com)",
            "![x](http://e.com/i.png)",
            "<script>alert(1)</script>",
            "&lt;b&gt;",
            ":smile:",
            ":material/home:",
            ":red[x]",
            ":blue-badge[x]",
            "www.evil.com",
            "a@evil.com",
            "https://evil.com",
            "$x^2$",
            "->",
            "<-",
            "--",
            "~~s~~",
            "|a|b|",
            "Müller",
            "محمد",
            "🛒",
            "a",
            "7",
        ]
    ),
    max_size=12,
).map("".join)


def _shown(markdown: str) -> str:
    """The text a reader sees; fails if anything but one plain paragraph comes out."""
    rendered = _MARKDOWN.render(f"x {markdown} x").strip()
    assert rendered.startswith("<p>")
    assert rendered.endswith("</p>")
    inner = rendered[3:-4]
    assert "<" not in inner, f"{markdown!r} became {inner!r}"
    return html.unescape(inner)[2:-2]


@given(_NASTY | st.text(max_size=40))
def test_escaped_text_is_shown_letter_for_letter(text: str) -> None:
    assert _shown(escaped(text)).replace("\u2060", "").strip() == plain(text)


@given(_NASTY)
def test_nothing_in_escaped_text_looks_like_a_link_an_icon_or_an_arrow(text: str) -> None:
    assert not _FOUND_IN_TEXT.search(_shown(escaped(text)))


@given(_NASTY | st.text("äx́👩\u200d🔬-م& ", min_size=20, max_size=90))
def test_a_name_that_may_be_broken_is_shown_letter_for_letter_too(text: str) -> None:
    shown = _shown(breakable(text))
    assert shown.replace("\u2060", "").replace("\u200b", "").strip() == plain(text)
    assert not _FOUND_IN_TEXT.search(shown)


def test_only_long_words_may_be_broken_and_not_between_a_letter_and_its_mark() -> None:
    assert breakable("Donaudampfschifffahrt") == "Donaudampfschifffahrt"
    assert breakable("Stoneware " * 6) == ("Stoneware " * 6).strip()
    assert breakable("n" * 30) == "\u200b".join(["n" * 6] * 5)
    accented = "e\u0301" * 20
    assert all(not part.startswith("\u0301") for part in breakable(accented).split("\u200b"))
    assert len(breakable(accented).split("\u200b")) > 2


def test_long_names_are_cut_and_right_to_left_text_cannot_turn_the_line() -> None:
    assert len(plain("n" * 10_000)) == 200
    assert plain("a\u202eevil\u200b\nb") == "aevil b"
    assert plain("محمد") == "\u2068محمد\u2069"
    assert plain(None) == ""


def test_a_message_keeps_its_lines() -> None:
    assert message("One *line*\n\nand another") == "One \\*line\\*  \nand another"


def test_only_a_plain_address_becomes_a_mail_link() -> None:
    assert mail_link("anna_l@example.com") == "[anna\\_l\\@example\\.com](mailto:anna_l@example.com)"
    for odd in ("x@y.z)[evil](http://e.com", "javascript:alert(1)", "a b@c.de", "", "a@b"):
        assert "](" not in mail_link(odd).replace("\\]\\(", "")


def test_chart_labels_hold_no_tags() -> None:
    assert chart_text("<a href='http://e.com'>x</a>", 60) == "&lt;a href='http://e.com'&gt;x&lt;/a&gt;"


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("1184.765", "EUR", "€1,184.77"),
        ("-61.985", "EUR", "−€61.99"),
        ("-0.001", "EUR", "€0.00"),
        ("1200.4", "JPY", "JP¥1,200"),
        ("12", "CHF", "CHF\u00a012.00"),
        ("5", "XXQ", "XXQ\u00a05.00"),
        ("900719925474099.1234", "GBP", "£900,719,925,474,099.12"),
    ],
)
def test_money_is_rounded_half_up_in_its_own_currency(amount: str, currency: str, expected: str) -> None:
    assert money(Decimal(amount), currency) == expected


def test_an_amount_that_is_not_known_is_a_dash() -> None:
    assert money(None, "EUR") == "—"
    assert whole_money(Decimal("412318.5"), "EUR") == "€412,319"


def test_of_a_charts_label_in_two_parts_the_second_is_told_whole() -> None:
    assert chart_pair("Harbour", "English") == "Harbour · English"
    assert chart_pair("Nordlicht Outfitters", "Nederlands") == "Nordlicht Outf… · Nederlands"
    assert chart_pair("Nordlicht Outfitters", "Österreich und die Schweiz") == "Nordlic… · Österreich und d…"
    assert all(len(chart_pair("Nordlicht" * 9, "x" * length)) == LABEL_LENGTH for length in (1, 17, 90))


def test_quantities_and_ratios() -> None:
    assert [quantity(Decimal(each)) for each in ("2.0000", "1.5000", "100.0000", "-1")] == ["2", "1.5", "100", "−1"]
    assert [percent(Decimal(each)) for each in ("0.124", "-0.046", "0")] == ["+12.4%", "−4.6%", "0.0%"]
    assert [percent(Decimal(each)) for each in ("0.9994", "0.9995", "-1", "12.0061")] == [
        "+99.9%",
        "+100%",
        "−100%",
        "+1,201%",
    ]


def test_times_are_in_the_readers_zone() -> None:
    now = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    berlin = ZoneInfo("Europe/Berlin")
    assert when(now - timedelta(minutes=20), berlin, now) == "00:10"
    assert when(now - timedelta(hours=3), berlin, now) == "21 Nov, 21:30"
    assert when(now - timedelta(days=400), berlin, now) == "18 Oct 2025"
    assert when(datetime(9999, 12, 31, 23, 30, tzinfo=UTC), berlin, now) == "31 Dec 9999"
    assert ago(now - timedelta(minutes=5), berlin, now) == "5 min ago"
    assert ago(now - timedelta(days=3), berlin, now) == "19 Nov, 00:30"
    assert ago(None, berlin, now) == "never"
