"""Store from shop: channels, windows, mapping, quarantine, audit, schedule and jobs."""
