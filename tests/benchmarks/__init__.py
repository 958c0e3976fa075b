"""What `make bench` runs: our figures beside a yardstick, both measured in one run."""
