"""What a shop says when it refuses, with its parameters filled in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crm_core.magento.messages import read_refusal
from tests.recorded import recorded


def told(body: Any) -> str | None:
    refusal = read_refusal(json.dumps(body).encode())
    return refusal.message if refusal else None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("auth_none_carts", "The consumer isn't authorized to access Magento_Cart::manage."),
        ("place_customer_ready_again", "No such entity with cartId = 83"),
        ("shipping_information_bad_carrier", "Carrier with such method not found: dhlx, x"),
        ("place_guest_without_email", "Failed address validation:\nEmail has a wrong format"),
        ("limit_page_size_over", "Maximum SearchCriteria pageSize is 50"),
        (
            "place_customer_no_address",
            "Some addresses can't be used due to the configurations for specific countries.",
        ),
        (
            "place_no_lastname",
            'Please check the shipping address information. "lastname" is required. Enter and try again.',
        ),
    ],
)
def test_31_a_running_magento_is_quoted_in_full(name: str, message: str) -> None:
    assert told(recorded(name)["response"]["body"]) == message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"message": "100% of %1", "parameters": ["x"]}, "100% of x"),
        ({"message": "%1 %2 %10", "parameters": ["a"]}, "a %2 %10"),
        ({"message": "%name", "parameters": {"name": "%1"}}, "%1"),
        ({"message": "%fieldName", "parameters": [""]}, "%fieldName"),
        ({"message": "plain", "parameters": "odd"}, "plain"),
        ({"message": "plain", "parameters": None}, "plain"),
        (
            {
                "message": "Failed",
                "errors": [{"message": "no %1", "parameters": ["city"]}, {"message": "no street"}, 5],
            },
            "Failed\nno city\nno street",
        ),
        ({"messages": {"error": [{"code": 500, "message": "Fatal"}]}}, "Fatal"),
        ({"messages": {"error": []}}, None),
        ({"message": 5}, None),
        ({"error": "x"}, None),
        ([], None),
        (None, None),
    ],
)
def test_placeholders_are_filled_from_lists_and_objects(body: Any, message: str | None) -> None:
    assert told(body) == message


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"message": "cut', b"\xff", b"[" * 100_000])
def test_what_is_no_refusal_is_none(body: bytes) -> None:
    assert read_refusal(body) is None


def test_parameters_keep_their_names_and_lists_count_from_one() -> None:
    named = read_refusal(b'{"message": "m", "parameters": {"max": 50}}')
    listed = read_refusal(b'{"message": "m", "parameters": ["a", "b"]}')
    assert named is not None
    assert named.parameters == {"max": 50}
    assert listed is not None
    assert listed.parameters == {"1": "a", "2": "b"}


def test_a_huge_message_is_cut() -> None:
    assert len(told({"message": "x" * 100_000}) or "") == 2000


def test_the_character_nul_is_replaced_because_messages_are_kept() -> None:
    refusal = read_refusal(b'{"message": "a\\u0000%1", "parameters": ["b\\u0000"]}')
    assert refusal is not None
    assert refusal.message == "a\ufffdb\ufffd"
