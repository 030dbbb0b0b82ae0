"""Sources: one self-describing file each."""
