"""Several carts at once: checked together, the ready ones ordered one after the other.

A run of orders lives within the script run that the press on the button began: any other run, be it Stop, a reload or
another tab, ends it after the cart in hand and shows where it stands. What came of each cart is read from the attempts,
from the moment in the address on, so a reload shows it too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from crm_core.errors import BadInput
from crm_core.sales.placing import settle
from crm_core.sales.several import (
    Candidate,
    Checked,
    NotReady,
    Ready,
    Result,
    candidates,
    check_several,
    convert,
    results_since,
)
from pages.widgets import desk, listing
from pages.widgets.layout import card, nothing_here, row, spread
from pages.widgets.record_header import draw_way_back
from pages.widgets.several_cards import KINDS, cart_title, draw_not_ready, draw_ready, draw_result, sums
from pages.widgets.text import ago, plain, plural

_FOR = "several-for"
_CHECKED = "several-checked"
_SAID = "several-said"
_TO_CHECK = "several-to-check"
_TO_PLACE = "several-to-place"
_TICKS = "several-ticks"
_SEEN = "several-seen"
_LOOK_AGAIN_SECONDS = 2
_LONGEST_AGO = timedelta(days=7)


@desk.guarded
def _screen() -> None:
    # Taken first: a run that fails before it places anything must not leave the order to a later one.
    ready: tuple[Ready, ...] = st.session_state.pop(_TO_PLACE, ())
    here, _ = listing.read("carts")
    draw_way_back(here, None)
    with spread():
        st.title("Check and convert carts", width="content", anchor=False)
    picked = {each.cart_key: each for each in candidates(desk.store(), _keys())}
    if not picked:
        with nothing_here("shopping_cart_off", "No carts were picked", "Tick carts in the list of carts first."):
            st.page_link(
                "pages/sales/carts.py",
                label="Show the open carts",
                icon=":material/shopping_cart:",
                query_params=listing.everything("carts", statuses=("open",)).params(),
            )
        return
    _begin(tuple(picked))
    ready = tuple(each for each in ready if each.cart_key in picked)
    if not ready:  # what was pressed is placed: placing reads each cart anew, and stops at what nobody agreed to
        _forget_outdated(picked)
    person = desk.person()
    waiting = _waiting(picked)
    if not waiting and not ready:
        st.empty()
        with st.container():
            results = _results(picked)
            _draw_results(picked, results)
            _draw_open(picked, results)
        return
    working = st.container()
    st.empty()  # where the run before drew its cards: they would stay there, faded, as long as this one works
    with working:
        if ready:
            _place(picked, ready, person)
        else:
            _check(waiting, person)


def _keys() -> list[int]:
    ids = [each for each in st.query_params.get("ids", "").split(",") if each]
    if not all(each.isdecimal() and len(each) < 19 for each in ids):
        raise BadInput("The address does not name carts. Tick carts in the list of carts.")
    return [int(each) for each in ids]


def _begin(keys: tuple[int, ...]) -> None:
    """Other carts than before start anew: all that are still open are checked."""
    if st.session_state.get(_FOR) == keys:
        return
    for key in [key for key in st.session_state if str(key).startswith("several-")]:
        del st.session_state[key]
    st.session_state[_FOR] = keys
    st.session_state[_CHECKED] = {}
    st.session_state[_SAID] = {}
    st.session_state[_SEEN] = {}
    st.session_state[_TICKS] = {}
    placed = {key for key, result in _since(keys).items() if result.kind in {"placed", "unclear"}}
    st.session_state[_TO_CHECK] = (tuple(key for key in keys if key not in placed), False)


def _forget_outdated(picked: Mapping[int, Candidate]) -> None:
    """A cart that was read again since its check, on its own screen or by the worker, is checked again."""
    seen: dict[int, datetime] = st.session_state[_SEEN]
    checked: dict[int, Checked] = st.session_state[_CHECKED]
    known = {key: each.synchronised_at for key, each in picked.items() if key in checked}
    outdated = tuple(key for key, moment in known.items() if seen.setdefault(key, moment) != moment)
    if outdated:
        _check_again(outdated)


# ---- checking -------------------------------------------------------------------------------------------------------


def _waiting(picked: Mapping[int, Candidate]) -> list[int]:
    keys, _ = st.session_state.get(_TO_CHECK, ((), False))
    return [key for key in keys if key in picked and key not in st.session_state[_CHECKED]]


def _check(waiting: Sequence[int], person: str) -> None:
    """Checks what is to be checked; an interrupted run goes on where it was, unless the person stopped it."""
    keys, recalculate = st.session_state[_TO_CHECK]
    checked: dict[int, Checked] = st.session_state[_CHECKED]
    done = len(keys) - len(waiting)
    bar = _draw_progress(_progress("Checked", done, len(keys)), "Stop", "several-stop-checking", _stop_checking)
    with closing(check_several(desk.store(), waiting, person, recalculate=recalculate)) as coming:
        for each in coming:
            checked[each.cart_key] = each  # before anything is drawn: drawing is where a press on Stop ends this run
            done += 1
            bar.progress(done / len(keys), text=_progress("Checked", done, len(keys)))
    st.session_state.pop(_TO_CHECK, None)
    st.rerun()


def _draw_progress(text: str, stop: str, key: str, on_stop: Callable[[], None]) -> DeltaGenerator:
    """A bar with Stop beside it; the Stop that Streamlit shows while it works comes to the same."""
    with spread(wrap=False, vertical_alignment="bottom"):
        bar = st.progress(0.0, text=text)
        st.button(stop, icon=":material/stop:", key=key, on_click=on_stop)
    st.caption("The Stop at the top of the page does the same.")
    _notice_end(on_stop)
    return bar


def _notice_end(on_stop: Callable[[], None]) -> None:
    """Shows where it stands once this run was ended from outside.

    Streamlit's own Stop ends a run and draws nothing after it. The timer of a fragment goes on, and waits while a run
    is under way: so when it comes to run, the run that drew it has ended without drawing the screen anew.
    """
    drawn: list[bool] = []

    @st.fragment(run_every=_LOOK_AGAIN_SECONDS)
    def notice() -> None:
        if drawn:
            on_stop()
            st.rerun()
        drawn.append(True)

    notice()


def _progress(done: str, count: int, of: int) -> str:
    return f"{done} {count} of {plural(of, 'cart')}"


def _stop_checking() -> None:
    st.session_state.pop(_TO_CHECK, None)


def _check_again(keys: tuple[int, ...], recalculate: bool = False) -> None:
    for key in keys:
        st.session_state[_CHECKED].pop(key, None)
        st.session_state[_SEEN].pop(key, None)
    st.session_state[_TO_CHECK] = (keys, recalculate)


# ---- placing --------------------------------------------------------------------------------------------------------


def _start(ready: Sequence[Ready]) -> None:
    if "since" not in st.query_params:
        st.query_params["since"] = str(int(datetime.now(UTC).timestamp()))
    st.session_state[_TO_PLACE] = tuple(ready)


def _place(picked: Mapping[int, Candidate], ready: Sequence[Ready], person: str) -> None:
    """Places what the press on the button named, one after the other, within this run alone."""
    checked: dict[int, Checked] = st.session_state[_CHECKED]
    said: dict[int, Result] = st.session_state[_SAID]
    seen: dict[int, datetime] = st.session_state[_SEEN]
    first = f"Placing the order of {cart_title(picked[ready[0].cart_key])}"
    # The press alone is enough: it begins another run, which ends this one.
    bar = _draw_progress(first, "Stop after this cart", "several-stop-placing", lambda: None)
    block = st.container(gap="xsmall")
    with closing(convert(desk.store(), ready, person)) as coming:
        for done, result in enumerate(coming, start=1):
            # Noted before anything is drawn: drawing is where a press on Stop ends this run.
            said[result.cart_key] = result
            checked.pop(result.cart_key, None)
            seen.pop(result.cart_key, None)
            if result.again is not None:
                checked[result.cart_key] = result.again
            with block:
                draw_result(picked[result.cart_key], result)
            following = picked[ready[done].cart_key] if done < len(ready) else None
            text = f"Placing the order of {cart_title(following)}" if following else "Done"
            bar.progress(done / len(ready), text=f"{_progress('Tried', done, len(ready))} · {text}")
    st.rerun()


def _results(picked: Mapping[int, Candidate]) -> dict[int, Result]:
    """What came of the carts so far: by the attempts, in the words that this session was told where it knows more."""
    results = _since(tuple(picked))
    for key, said in st.session_state[_SAID].items():
        if key not in results or said.kind == results[key].kind == "refused":
            results[key] = said
    return results


def _since(keys: Sequence[int]) -> dict[int, Result]:
    text = st.query_params.get("since", "")
    if not (text.isdecimal() and len(text) < 12):
        return {}
    since = datetime.fromtimestamp(int(text), UTC)
    return results_since(desk.store(), keys, max(since, datetime.now(UTC) - _LONGEST_AGO))


# ---- what came of it ------------------------------------------------------------------------------------------------


def _draw_results(picked: Mapping[int, Candidate], results: Mapping[int, Result]) -> None:
    if not results:
        return
    awaited = _awaited(results)
    st.fragment(run_every=_LOOK_AGAIN_SECONDS if awaited else None)(_results_card)(picked, results, awaited)


def _awaited(results: Mapping[int, Result]) -> list[int]:
    """The carts of which it is still to come what came of them, or the number of their order.

    A run that was stopped leaves one of them: the order in hand is placed, and read back a moment later.
    """
    return [
        key
        for key, result in results.items()
        if result.kind == "unclear" or (result.kind == "placed" and result.increment_id is None)
    ]


@desk.guarded
def _results_card(picked: Mapping[int, Candidate], results: Mapping[int, Result], awaited: Sequence[int]) -> None:
    if awaited:
        settle(desk.store(), awaited)
        results = _results(picked)
        if not _awaited(results):
            st.rerun()
    counts = Counter(result.kind for result in results.values())
    tally = ", ".join(f"{words} {counts[kind]}" for kind, words in KINDS.items() if counts[kind])
    amount = sums((each.currency, each.total) for each in results.values() if each.total is not None)
    with card(f"{tally[:1].upper()}{tally[1:]}", amount):
        for key, result in results.items():
            draw_result(picked[key], result)


# ---- what is still to be ordered ------------------------------------------------------------------------------------


def _draw_open(picked: Mapping[int, Candidate], results: Mapping[int, Result]) -> None:
    finished = {key for key, result in results.items() if result.kind != "refused"}
    checked: dict[int, Checked] = st.session_state[_CHECKED]
    here = [checked[key] for key in picked if key in checked and key not in finished]
    unchecked = tuple(key for key in picked if key not in checked and key not in finished)
    if here:
        with spread(vertical_alignment="bottom"):
            method = _choose_payment(here)
            judged = [each.with_payment(method) for each in here]
            ready = [each for each in judged if isinstance(each, Ready)]
            wanted = _wanted(ready, results)
            if ready:
                _draw_place([each for each in ready if wanted[each.cart_key]])
        _draw_ready(picked, ready, wanted)
        stopped = [each for each in judged if isinstance(each, NotReady)]
        draw_not_ready(picked, stopped, partial(_check_again, recalculate=True))
    with row(gap="xsmall"):
        if unchecked:
            label = "Check the other cart" if len(unchecked) == 1 else f"Check the other {len(unchecked)} carts"
            _draw_check_again("several-check-rest", label, unchecked)
        if here:
            keys = tuple(each.cart_key for each in here)
            _draw_check_again("several-check-again", "Check again", keys)
            checked_at = min((each.preflight.at for each in here if each.preflight), default=None)
            if checked_at:
                st.caption(f"Checked {ago(checked_at, desk.reader_zone())}", width="content")


def _draw_check_again(key: str, label: str, keys: tuple[int, ...]) -> None:
    st.button(label, key=key, icon=":material/refresh:", type="tertiary", on_click=_check_again, args=(keys,))


def _choose_payment(checked: Sequence[Checked]) -> str | None:
    """The way to pay all of them with, chosen by the person; each option says for how many carts the shop offers it."""
    able = [each for each in checked if not each.is_free and isinstance(each.with_payment(None), Ready)]
    offered = Counter(option.code for each in able for option in each.payments)
    titles = {option.code: option.title for each in able for option in each.payments}
    if not offered:
        return None
    labels = {
        code: plain(titles[code], 60) + ("" if count == len(able) else f" · {count} of {plural(len(able), 'cart')}")
        for code, count in offered.most_common()
    }
    if st.session_state.get("several-payment") not in labels:
        st.session_state.pop("several-payment", None)
    chosen: str | None = st.selectbox(
        "Pay with",
        list(labels),
        index=0 if len(labels) == 1 else None,
        placeholder="Choose for all of them",
        format_func=labels.__getitem__,
        key="several-payment",
        width=420,
        help="Only methods that need nothing from the customer",
    )
    return chosen


def _wanted(ready: Sequence[Ready], results: Mapping[int, Result]) -> dict[int, bool]:
    """Whether each is ticked; from the start it is where nothing speaks against it and nobody has tried it yet."""
    ticks: dict[int, bool] = st.session_state[_TICKS]
    return {each.cart_key: ticks.get(each.cart_key, not each.looks and each.cart_key not in results) for each in ready}


def _draw_ready(picked: Mapping[int, Candidate], ready: Sequence[Ready], wanted: Mapping[int, bool]) -> None:
    ticks: dict[int, bool] = st.session_state[_TICKS]
    passing = [each for each in ready if not each.looks]
    looking = [each for each in ready if each.looks]
    draw_ready("Ready", "ordered as they are", passing, picked, wanted, ticks)
    draw_ready("Look first", "the shop would take them; tick those to order", looking, picked, wanted, ticks)


def _draw_place(ticked: Sequence[Ready]) -> None:
    """The button that places what is ticked; it stands above the lists, which may be longer than the screen."""
    missing = ""
    if not ticked:
        missing = "Tick a cart first."
    elif any(each.choice is None for each in ticked):
        missing = "Choose how to pay first."
    amount = sums((each.currency, each.total) for each in ticked)
    with row(width="content", gap="xsmall"):
        if missing:
            st.caption(missing, width="content")
        st.button(
            f"Place {plural(len(ticked), 'order')} · {amount}" if ticked else "Place orders",
            type="primary",
            icon=":material/lock:" if missing else ":material/check:",
            key="several-place",
            disabled=bool(missing),
            on_click=_start,
            args=(ticked,),
        )


_screen()
