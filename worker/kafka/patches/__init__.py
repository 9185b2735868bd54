"""What kafka-python does wrong or too slowly, mended by reaching into private parts of it: a file a matter.

Each file says what the client does, since when, what breaks without the patch, and what is known of it upstream. For
each, tests/worker/kafka/patches/test_still_needed.py fails on the day that the client no longer needs it.
"""
