"""Engines: what executes steps. base.py is the protocol, eager.py the reference."""
