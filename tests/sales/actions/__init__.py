"""Tests of what people do with orders and carts."""
