"""The commands of `emotion-trainer`, one file each. May import every room; what is heavy, only as it runs."""
