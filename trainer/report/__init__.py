"""What an artifact brings for people: card, plots, data report. May import the rooms up to evaluation."""
