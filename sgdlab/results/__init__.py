"""Results: runs and sweeps as opened, listed, compared, drawn and used."""
