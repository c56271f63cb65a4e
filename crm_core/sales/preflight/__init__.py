"""Preflight: everything that would stop or change an order, checked before anything is written to the shop."""
