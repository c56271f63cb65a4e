"""`make run`: what it says when it can't start."""
