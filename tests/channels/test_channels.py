"""Channels: setting up, changing, pausing, opening."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from crm_core.errors import BadInput, ChannelError, NotFound, PermissionMissing, SetupError, SignInFailed, StoreUnusable
from crm_core.magento.auth import AdminPassword, Bearer, OAuth
from crm_core.settings import settings
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.sync import channels, setting_up
from crm_core.sync.channels import Channel, channel_by_name, open_shop
from crm_core.sync.rules import Rules
from crm_core.sync.stores import synchronise_stores
from tests.channels.conftest import connect
from tests.served import Served


def read_stores(store: Store, channel: Channel) -> None:
    synchronise_stores(store, open_shop(store, channel))


def column(store: Store, name: str) -> object:
    with store.reading() as connection:
        return connection.scalar(select(tables.channel.c[name]))


def test_a_channel_keeps_what_was_said_about_it(store: Store, served: Served) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rules = Rules(
        admin_url=f"{served.url}/admin_x/", allow_writes=True, every_seconds=60, connections=3, start_date=start
    )
    made = connect(store, f"{served.url}/rest/V1/", "  My   shop ", rules)
    found = channel_by_name(store, "my shop")
    assert found == made
    assert found.name == "My shop"
    assert found.base_url == served.url
    assert found.rules == replace(rules, admin_url=f"{served.url}/admin_x")
    assert found.created_by == "anna"


def test_a_channel_is_read_only_until_someone_allows_writes(channel: Channel) -> None:
    assert not channel.allow_writes


def test_credentials_are_encrypted_in_the_store_and_never_in_a_repr(store: Store, served: Served) -> None:
    secrets = ("key-1234567", "secret-1234567", "token-1234567", "token-secret-1234567")
    made = setting_up.add_channel(store, "Shop", served.url, OAuth(*secrets), person="anna", check_first=False)
    sealed = column(store, "credentials")
    assert isinstance(sealed, bytes)
    for secret in secrets:
        assert secret.encode() not in sealed
        assert secret not in repr(made)
        assert secret not in repr(open_shop(store, made))
    assert column(store, "credentials_kind") == "oauth"


def test_the_same_url_is_the_same_shop_and_its_channels_must_not_overlap(store: Store, served: Served) -> None:
    first = connect(store, served.url, "One", Rules(websites=("base",)))
    with pytest.raises(BadInput, match="already reads this shop"):
        connect(store, served.url, "Two")
    with pytest.raises(BadInput, match="already reads this shop"):
        connect(store, served.url, "Two", Rules(websites=("1",)))
    second = connect(store, f"{served.url}/", "Two", Rules(websites=("us",)))
    assert second.shop_id == first.shop_id
    assert first.website_ids == frozenset({1})
    assert second.website_ids == frozenset({2})


def test_an_unknown_website_names_those_that_exist(store: Store, served: Served) -> None:
    with pytest.raises(BadInput, match="It has: base, us"):
        connect(store, served.url, "Shop", Rules(websites=("uk",)))
    assert channels.channels(store) == []


@pytest.mark.usefixtures("channel")
def test_a_name_is_taken_whatever_its_case(store: Store) -> None:
    with pytest.raises(BadInput, match="already a channel “Shop”"):
        connect(store, "https://other.example", "SHOP")


@pytest.mark.parametrize(
    "rules",
    [
        Rules(every_seconds=1),
        Rules(connections=0),
        Rules(page_size=100_000),
        Rules(overlap_seconds=-1),
        Rules(admin_url="javascript:alert(1)"),
        Rules(admin_url="https://user:password@shop.example/admin"),
        Rules(start_date=datetime(2026, 1, 1)),  # noqa: DTZ001 (the naive time is the point)
        Rules(websites=()),
    ],
)
def test_rules_that_cannot_be_are_refused_and_nothing_is_saved(store: Store, served: Served, rules: Rules) -> None:
    with pytest.raises(BadInput):
        connect(store, served.url, "Shop", rules)
    assert channels.channels(store) == []


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "bell\a"])
def test_a_name_must_be_one_that_can_be_shown(store: Store, name: str) -> None:
    with pytest.raises(BadInput, match="name of 1 to 80"):
        connect(store, "https://shop.example", name)


@pytest.mark.usefixtures("channel")
def test_an_unknown_channel_is_told_with_those_that_exist(store: Store) -> None:
    with pytest.raises(NotFound, match=r"no channel “Ship”. Channels: Shop\."):
        channel_by_name(store, "Ship")


def test_a_shop_is_checked_before_it_is_added(store: Store, served: Served) -> None:
    with pytest.raises(ChannelError, match="token"):
        setting_up.add_channel(store, "Shop", served.url, Bearer("wrong-token"), person="anna")
    with pytest.raises(ChannelError, match="reached"):
        setting_up.add_channel(store, "Shop", "http://127.0.0.1:1", Bearer("demo"), person="anna")
    assert channels.channels(store) == []
    made = setting_up.add_channel(store, "Shop", served.url, Bearer("demo"), person="anna")
    assert channels.channels(store) == [made]


def test_a_changed_rule_leaves_the_others(store: Store, channel: Channel) -> None:
    changed = setting_up.change_channel(store, "Shop", lambda rules: replace(rules, allow_writes=True), new_name="Desk")
    assert changed == replace(channel, allow_writes=True, name="Desk")


def test_of_two_people_who_change_a_channel_at_once_neither_undoes_the_other(store: Store, served: Served) -> None:
    made = connect(store, served.url)
    read_stores(store, made)

    def narrow(rules: Rules) -> Rules:
        if rules == made.rules:  # what this person saw; another one is quicker
            setting_up.change_channel(store, "Shop", lambda quicker: replace(quicker, every_seconds=60))
        return replace(rules, websites=("us",))

    narrowed = setting_up.change_channel(store, "Shop", narrow)
    assert (narrowed.website_ids, narrowed.every_seconds) == (frozenset({2}), 60)

    def allow(rules: Rules) -> Rules:
        if rules.websites is not None:
            setting_up.change_channel(store, "Shop", lambda quicker: replace(quicker, websites=None))
        return replace(rules, allow_writes=True)

    allowed = setting_up.change_channel(store, "Shop", allow)
    assert (allowed.website_ids, allowed.allow_writes, allowed.every_seconds) == (None, True, 60)


def test_more_in_scope_is_read_anew_once_and_less_is_not(store: Store, served: Served) -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    made = connect(store, served.url, "Shop", Rules(websites=("base",), start_date=start))

    def asked_anew(rules: Rules) -> bool:
        with store.writing() as connection:
            connection.execute(update(tables.sync_state).values(requested_full=False))
        setting_up.change_channel(store, "Shop", lambda _: rules)
        with store.reading() as connection:
            return bool(
                connection.scalar(
                    select(tables.sync_state.c.requested_full).where(tables.sync_state.c.entity == "orders")
                )
            )

    assert not asked_anew(replace(made.rules, allow_writes=True))
    assert asked_anew(replace(made.rules, websites=None))
    assert not asked_anew(made.rules)
    assert asked_anew(replace(made.rules, start_date=datetime(2026, 5, 1, tzinfo=UTC)))
    assert not asked_anew(made.rules)


def test_the_same_shop_at_a_new_address_keeps_its_mirror(store: Store, channel: Channel) -> None:
    moved = setting_up.change_channel(store, "Shop", lambda rules: rules, new_url="https://new.example/")
    assert (moved.shop_id, moved.base_url) == (channel.shop_id, "https://new.example")
    connect(store, "https://other.example", "Other")
    with pytest.raises(BadInput, match="another shop already"):
        setting_up.change_channel(store, "Shop", lambda rules: rules, new_url="https://other.example")


def test_a_paused_channel_stays_so_when_a_rule_changes_and_resumes_at_a_new_address(
    store: Store, channel: Channel
) -> None:
    channels.pause(store, channel.id, "The sign-in failed.")
    changed = setting_up.change_channel(store, "Shop", lambda rules: replace(rules, every_seconds=60), new_name="Desk")
    assert (changed.rules.every_seconds, changed.paused_reason) == (60, "The sign-in failed.")
    moved = setting_up.change_channel(store, "Desk", lambda rules: rules, new_url="https://new.example")
    assert moved.paused_at is None


def test_new_credentials_are_used_from_then_on_and_resume_the_channel(store: Store, served: Served) -> None:
    made = connect(store, served.url, token="wrong")
    before = open_shop(store, made).magento
    assert open_shop(store, made).magento is before
    channels.pause(store, made.id, "The sign-in failed.")
    resumed = setting_up.set_credentials(store, "Shop", Bearer("demo"))
    assert resumed.paused_at is None
    after = open_shop(store, made).magento
    assert after is not before
    assert [website.code for website in after.websites()] == ["base", "us"]


def test_wrong_new_credentials_are_refused_and_the_old_ones_stand(store: Store, channel: Channel) -> None:
    with pytest.raises(ChannelError):
        setting_up.set_credentials(store, "Shop", Bearer("wrong"))
    assert [website.code for website in open_shop(store, channel).magento.websites()] == ["base", "us"]


def test_a_paused_channel_is_not_opened_and_says_why(store: Store, channel: Channel) -> None:
    channels.pause(store, channel.id, "The sign-in failed.")
    channels.pause(store, channel.id, "Something later.")
    with pytest.raises(ChannelError, match=r"paused: The sign-in failed\."):
        open_shop(store, channel)
    channels.resume(store, channel.id)
    assert open_shop(store, channel).channel.paused_at is None


def test_a_check_that_passes_resumes_and_one_that_fails_does_not(store: Store, served: Served) -> None:
    served.shop.add_token("later")
    made = connect(store, served.url, token="later")
    channels.pause(store, made.id, "The sign-in failed.")
    served.shop.remove_token("later")
    assert not setting_up.check_channel(store, "Shop").is_usable
    assert channel_by_name(store, "Shop").paused_reason == "The sign-in failed."
    served.shop.add_token("later")
    assert setting_up.check_channel(store, "Shop").is_usable
    assert channel_by_name(store, "Shop").paused_at is None


def test_trouble_that_a_person_must_mend_pauses_but_a_missing_permission_or_a_busy_store_does_not(
    store: Store, channel: Channel
) -> None:
    with pytest.raises(PermissionMissing), channels.pausing_on_trouble(store, channel):
        raise PermissionMissing("The permission is missing.", "Magento_Cart::manage")
    with pytest.raises(StoreUnusable), channels.pausing_on_trouble(store, channel):
        raise StoreUnusable("The store is busy.")
    assert channel_by_name(store, "Shop").paused_at is None
    with pytest.raises(SignInFailed), channels.pausing_on_trouble(store, channel):
        raise SignInFailed("The password is wrong.")
    assert channel_by_name(store, "Shop").paused_reason == "The password is wrong."


def test_a_wrong_password_is_sent_once_then_the_channel_rests(store: Store, served: Served) -> None:
    served.shop.add_admin("anna", "right")
    made = setting_up.add_channel(
        store, "Shop", served.url, AdminPassword("anna", "wrong"), person="anna", check_first=False
    )
    for _ in range(3):
        with pytest.raises(ChannelError), channels.pausing_on_trouble(store, made):
            read_stores(store, made)
    assert sum("integration/admin/token" in request for request in served.shop.requests) == 1


@pytest.mark.parametrize("by", ["a check", "resume"])
def test_a_sign_in_that_was_refused_is_tried_anew_by_a_worker_once_a_person_sets_the_channel_going(
    store: Store, served: Served, by: str
) -> None:
    served.shop.add_admin("anna", "another")
    made = setting_up.add_channel(
        store, "Shop", served.url, AdminPassword("anna", "right"), person="anna", check_first=False
    )

    def work() -> None:
        with channels.opened(store, made) as shop:
            shop.magento.websites()

    for refusal in ("Enter them again", "is paused"):
        with pytest.raises(ChannelError, match=refusal):
            work()
    served.shop.add_admin("anna", "right")  # or half an hour has passed, after which Magento unlocks an account
    if by == "resume":
        channels.resume(store, made.id)
    else:
        assert setting_up.check_channel(store, "Shop").is_usable
    for _ in range(2):
        work()
    assert channel_by_name(store, "Shop").paused_at is None


def test_credentials_sealed_with_another_key_ask_for_the_key_or_new_credentials(
    store: Store, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_SECRET_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
    settings.cache_clear()
    with pytest.raises(SetupError, match="credentials of each channel again"):
        open_shop(store, channel)


def test_an_open_shop_has_the_store_views_in_scope_with_zone_and_currency(store: Store, served: Served) -> None:
    one = connect(store, served.url, "One", Rules(websites=("base",)))
    two = connect(store, served.url, "Two", Rules(websites=("us",)))
    read_stores(store, one)
    views = open_shop(store, one).store_views
    assert {view.website_id for view in views.values()} == {1}
    assert all(view.base_currency == "EUR" and view.timezone.key for view in views.values())
    us = open_shop(store, two).store_views
    assert us
    assert not set(us) & set(views)
    assert channels.channel_of_store(store, one.shop_id, next(iter(us))) == two
    assert channels.channel_of_store(store, one.shop_id, 999) is None


def test_the_demo_channel_stands_only_while_no_other_does(store: Store, served: Served) -> None:
    assert setting_up.ensure_demo_channel(store, "http://127.0.0.1:8599", is_allowed=True)
    demo = channel_by_name(store, "Demo store")
    assert demo.is_demo
    assert demo.allow_writes
    assert demo.every_seconds == 30
    assert setting_up.ensure_demo_channel(store, "http://127.0.0.1:8600", is_allowed=True)
    assert channel_by_name(store, "Demo store") == replace(demo, base_url="http://127.0.0.1:8600")
    assert not setting_up.ensure_demo_channel(store, "http://127.0.0.1:8600", is_allowed=False)
    assert "CRM_DEMO" in str(channel_by_name(store, "Demo store").paused_reason)
    assert setting_up.ensure_demo_channel(store, "http://127.0.0.1:8600", is_allowed=True)
    connect(store, served.url)
    assert not setting_up.ensure_demo_channel(store, "http://127.0.0.1:8600", is_allowed=True)
    assert channel_by_name(store, "Demo store").paused_at is not None


def test_a_demo_store_of_somebody_s_own_is_left_alone(store: Store, served: Served) -> None:
    theirs = setting_up.add_channel(
        store, "Demo store", served.url, Bearer("demo"), person="anna", is_demo=True, check_first=False
    )
    assert not setting_up.ensure_demo_channel(store, "http://127.0.0.1:8599", is_allowed=True)
    assert channels.channels(store) == [theirs]


def test_no_demo_channel_is_added_beside_a_real_one(store: Store, channel: Channel) -> None:
    assert not setting_up.ensure_demo_channel(store, "http://127.0.0.1:8599", is_allowed=True)
    assert channels.channels(store) == [channel]


@pytest.mark.usefixtures("channel")
def test_a_channel_in_the_store_is_read_as_the_store_has_it(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(update(tables.channel).values(website_ids="[2]"))
    assert not channel_by_name(store, "Shop").covers(1)
    assert channel_by_name(store, "Shop").covers(2)


def test_of_people_who_add_the_same_shop_at_once_one_does(store: Store) -> None:
    ready = threading.Barrier(4)

    def add(name: str) -> str:
        ready.wait()
        try:
            setting_up.add_channel(
                store, name, "https://shop.example", Bearer("token"), person="anna", check_first=False
            )
        except BadInput as refused:
            return str(refused)
        return "added"

    with ThreadPoolExecutor(4) as people:
        outcomes = list(people.map(add, ["North", "South", "East", "East"]))
    assert outcomes.count("added") == 1
    assert all("already" in outcome for outcome in outcomes if outcome != "added")
