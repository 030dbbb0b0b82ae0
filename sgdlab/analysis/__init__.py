"""Analysis: one quantity per file; numbers in, small frozen results out (no torch, no files, no printing)."""
