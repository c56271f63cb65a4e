"""The commands of `python -m crm_core`, one noun a module."""
