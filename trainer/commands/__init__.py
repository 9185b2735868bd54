"""The commands of `emotion-trainer`, one file each. May import every room, heavy ones only as they run."""
