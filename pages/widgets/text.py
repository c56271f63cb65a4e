"""Words, amounts and times as the screens show them; the one place where text of a shop becomes Markdown.

Streamlit renders Markdown in titles, captions, tables, labels and messages. Whatever comes from a shop or from a person
goes through `escaped` first. Escaping alone is not enough: addresses, e-mails, icon names, emoji names and arrows are
found in the finished text, so they are broken up with a word joiner, which has no width.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, date, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from babel import Locale
from babel.core import UnknownLocaleError
from babel.numbers import get_currency_symbol

from crm_core.insight.amounts import rounded
from crm_core.insight.counts import Sum
from crm_core.insight.spans import span

_LOCALE = "en_GB"
_MINUS = "−"
_JOINER = "\u2060"
_MAY_BREAK = "\u200b"
_NBSP = "\u00a0"
_ISOLATE = "\u2068", "\u2069"

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|:~$^=@&\"'])")
_ARROWS = re.compile(r"(?<=[<\-~>=])(?=[\-=>])")
_WWW = re.compile(r"(?<=www)(?=\.)", re.IGNORECASE)
_AFTER = re.compile(r"(?<=[:@])")
_MAIL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+\-]{0,63}@[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)+")
_SPACE = re.compile(r"\s+")
_LONG_WORD = re.compile(r"[^\s\-]{25,}")
_PIECE = 6
_LEAST_OF_A_PAIR = 8
_READS_AS_ONE = Decimal("0.9995")


@lru_cache(maxsize=8_192)
def plain(text: str | None, limit: int = 200) -> str:
    """One line of at most `limit` characters, without control and direction characters; "" for None.

    Right-to-left text is isolated, so that it cannot turn the words around it. For places that show text as it is:
    grids, select boxes, page titles.
    """
    if not text:
        return ""
    if len(text) > limit * 4:
        text = text[: limit * 4]
    line = _SPACE.sub(" ", text)
    if not line.isascii():
        line = "".join(c for c in line if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"} or c == "\u200d")
    elif not line.isprintable():
        line = "".join(c for c in line if c.isprintable())
    line = _SPACE.sub(" ", line).strip()
    if len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    if not line.isascii() and any(unicodedata.bidirectional(c) in {"R", "AL"} for c in line):
        line = line.join(_ISOLATE)
    return line


def escaped(text: str | None, limit: int = 200) -> str:
    """Markdown that shows `text` letter for letter on one line: no HTML, link, image, icon, emoji name or colour."""
    return _markdown(plain(text, limit))


def breakable(text: str | None, limit: int = 200) -> str:
    """The same, where a word too long for a column on a phone may be broken, without a sign of it.

    For names and sentences: what is copied as an identifier must not hold a character that nobody sees.
    """
    return _markdown(_LONG_WORD.sub(_with_places_to_break, plain(text, limit)))


def _markdown(line: str) -> str:
    line = _ARROWS.sub(_JOINER, line)
    line = _WWW.sub(_JOINER, line)
    line = _AFTER.sub(_JOINER, line)
    return _SPECIAL.sub(r"\\\1", line)


def _with_places_to_break(word: re.Match[str]) -> str:
    """The word in pieces; none begins with a mark that belongs to the letter before, or within a joined emoji."""
    broken, since, before = "", 0, ""
    for letter in word[0]:
        belongs = unicodedata.category(letter) in {"Mn", "Mc", "Me", "Sk"} or "\u200d" in (letter, before)
        if since >= _PIECE and not belongs:
            broken, since = broken + _MAY_BREAK, 0
        broken, since, before = broken + letter, since + 1, letter
    return broken


def message(text: str, limit: int = 2_000) -> str:
    """Markdown that shows the lines of `text` letter for letter: for messages of the core, which may quote a shop."""
    lines = [escaped(line, limit) for line in text[: limit * 2].splitlines()]
    return "  \n".join(line for line in lines if line)


def mail_link(email: str | None) -> str:
    """Markdown of a link that writes to `email`; of the bare text where it is not plainly an e-mail address."""
    address = (email or "").strip()
    if len(address) > 120 or not _MAIL.fullmatch(address):
        return escaped(email, 80)
    shown = _SPECIAL.sub(r"\\\1", address)
    return f"[{shown}](mailto:{address})"


LABEL_LENGTH = 28
"""Characters of a chart's label."""


def chart_text(text: str | None, limit: int = LABEL_LENGTH) -> str:
    """Text for a Plotly label, which would otherwise read a few HTML tags."""
    return html.escape(plain(text, limit), quote=False)


def chart_pair(first: str, second: str) -> str:
    """Such as "Nordlicht Outf… · Deutsch": a chart's label, `first` cut so that `second`, which tells more, is not."""
    last = plain(second, LABEL_LENGTH - _LEAST_OF_A_PAIR - 3)
    return f"{plain(first, LABEL_LENGTH - len(last) - 3)} · {last}"


@lru_cache(maxsize=256)
def currency_symbol(currency: str) -> str:
    """Such as "€": what stands before an amount of `currency`."""
    try:
        symbol = get_currency_symbol(currency, locale=Locale.parse(_LOCALE))
    except (UnknownLocaleError, ValueError, KeyError):
        symbol = currency
    symbol = plain(symbol, 8)
    return symbol + _NBSP if symbol and symbol[-1].isalpha() else symbol


def money(amount: Decimal | None, currency: str) -> str:
    """Such as "€1,184.76": an amount of `currency`, rounded half up to its own decimal places; "—" for None."""
    if amount is None:
        return "—"
    shown = rounded(amount, currency)
    return f"{_MINUS if shown < 0 else ''}{currency_symbol(currency)}{abs(shown):,f}"


def joined_money(sums: Iterable[Sum]) -> str:
    """Such as "€1,184.76 + $20.00": amounts of several currencies, which are never added up; "" for none."""
    return " + ".join(money(each.amount, each.currency) for each in sums)


def whole_money(amount: Decimal, currency: str) -> str:
    """Such as "€412,318": an amount without decimal places, for figures where they would be noise."""
    shown = amount.quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return f"{_MINUS if shown < 0 else ''}{currency_symbol(currency)}{abs(shown):,f}"


def quantity(value: Decimal | None) -> str:
    """Such as "2" or "1.5": a quantity of goods without trailing zeros; "" for None."""
    if value is None:
        return ""
    number = value.normalize()
    return f"{number:,f}".replace("-", _MINUS)


def plural(number: int, one: str, many: str | None = None) -> str:
    """Such as "1 cart" or "7,003 carts"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def percent(ratio: Decimal) -> str:
    """Such as "+12.4%" for 0.124, with a real minus sign; from 100% on without decimals, which tell nothing there."""
    places = Decimal("0.1") if abs(ratio) < _READS_AS_ONE else Decimal(1)
    shown = (ratio * 100).quantize(places, rounding=ROUND_HALF_UP)
    sign = "+" if shown > 0 else _MINUS if shown < 0 else ""
    return f"{sign}{abs(shown):,f}%"


def unbroken(text: str) -> str:
    """The text, kept on one line where a narrow place would break it."""
    return text.replace(" ", _NBSP)


def age(moment: datetime | None, now: datetime | None = None) -> str:
    """Such as "5 min", "3 h", "2 d": how long ago `moment` was; "now" within a minute, "—" for None."""
    if moment is None:
        return "—"
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    return "now" if seconds < 60 else span(seconds)


def ago(moment: datetime | None, zone: tzinfo, now: datetime | None = None) -> str:
    """Such as "just now", "5 min ago", "3 h ago", or after two days the date, in the reader's zone; "never": None."""
    if moment is None:
        return "never"
    current = now or datetime.now(UTC)
    seconds = (current - moment).total_seconds()
    if seconds < 5:
        return "just now"
    if seconds < 2 * 86_400:
        return f"{span(seconds)} ago"
    return when(moment, zone, current)


def when(moment: datetime | None, zone: tzinfo, now: datetime | None = None) -> str:
    """Such as "14:32" today, "19 Nov, 09:12" this year, else "19 Nov 2025", in the reader's zone; "—" for None."""
    if moment is None:
        return "—"
    return _told(moment, zone, (now or datetime.now(UTC)).astimezone(zone).date())


def times(moments: Iterable[datetime | None], zone: tzinfo) -> list[str | None]:
    """Each of them as `when` tells it now; None stays None."""
    today = datetime.now(zone).date()
    return [None if each is None else _told(each, zone, today) for each in moments]


@lru_cache(maxsize=4096)
def _told(moment: datetime, zone: tzinfo, today: date) -> str:
    """Remembered, for a list tells a hundred times whenever it is drawn."""
    try:
        local = moment.astimezone(zone)
    except OverflowError:  # at the first or the last day there is
        local = moment
    if local.date() == today:
        return f"{local:%H:%M}"
    if local.year == today.year:
        return f"{local.day} {local:%b, %H:%M}"
    return f"{local.day} {local:%b %Y}"


def dotted(parts: Iterable[str]) -> str:
    """The parts that are not empty, with middle dots between them."""
    return " · ".join(part for part in parts if part)
