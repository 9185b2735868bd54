"""`emotion-worker run` as it is with brokers that refuse a batch and do not say for which of its records.

`python -m tests.harness.terse_brokers run`. Apache Kafka names them since 2.4; others of its protocol need not.
"""

import sys

from kafka.producer.sender import Sender

from worker.__main__ import main

MODULE = "tests.harness.terse_brokers"

if __name__ in ("__main__", "__mp_main__"):  # the second is what a child of the supervisor calls it
    Sender._record_exceptions_fn = lambda _self, error, _record_errors, _message: lambda _: error
if __name__ == "__main__":
    sys.exit(main())
