"""Tests of placing one cart."""
