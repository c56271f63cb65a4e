"""Who is at the desk, and secrets at rest."""
