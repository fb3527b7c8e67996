//! A cloud in this process on port 0 for tests, and a clock to move.
