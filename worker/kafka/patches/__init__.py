"""What kafka-python does wrong or too slowly, mended by reaching into private parts of it: a file a matter.

Each file says what the client does, since when, what breaks without the patch, and what is known of it upstream. A
test in tests/worker/kafka/patches/test_still_needed.py fails on the day that the client no longer needs it. What saves
time only has its benchmark instead: polled_records.py and record_writer.py (`python -m tests.benchmarks.client`).
"""
