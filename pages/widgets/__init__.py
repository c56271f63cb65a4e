"""What several screens draw: grid, filter bar, charts, record header, timeline, action dialogs."""
