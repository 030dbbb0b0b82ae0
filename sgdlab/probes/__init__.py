"""Probes: what is measured on a config beside training it: gradient noise, learning rates, rules of scaling."""
