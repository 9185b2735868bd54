"""What kafka-python 3.0.12 does wrong or too slowly, mended; each file says what it changes and why."""
