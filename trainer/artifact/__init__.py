"""The model folder: loaded, written, exported, pushed to the hub. May import data, preprocessing."""
