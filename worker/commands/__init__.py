"""One file a command of `emotion-worker`. May import every room, and does so late: torch takes seconds."""
