"""What the benchmarks share: texts, a broker whose CPU is counted, streams, and one way to report."""
