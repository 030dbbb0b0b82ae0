"""`sgdlab probe`: what is measured on a config beside training it."""

from importlib import import_module

from sgdlab.cli.commands import CHOOSE, add_group

group = add_group("probe", "Probes of a config: its gradient noise, the rates that it bears, rules of scaling.", CHOOSE)

for name in ("noise_scale", "lr_range", "scaling_rule"):
    import_module(f"{__name__}.{name}")
