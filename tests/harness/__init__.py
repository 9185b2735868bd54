"""What the tests stand on: real brokers, an independent client, and ways to break the network between them."""
