//! The whole hub on one machine: run, demo, bench.
