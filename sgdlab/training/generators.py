"""torch's own generators, from which dropout and the like draw: seeded, kept, put back."""

from contextlib import AbstractContextManager

import torch

from sgdlab.streams import torch_seed


def undisturbed(device: torch.device) -> AbstractContextManager[None]:
    """A block after which the generators stand where they stood before it."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


def begin(seed: int, states: dict[str, torch.Tensor] | None, device: torch.device) -> None:
    """Put the generators where a run draws from: as a checkpoint holds them, or seeded for a new run."""
    if states is None:
        torch.manual_seed(torch_seed(seed, "noise"))
        return
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.type == "mps":
        torch.mps.set_rng_state(states["mps"])


def states_of(device: torch.device) -> dict[str, torch.Tensor]:
    """The states of the generators that a run on this device draws from, as `begin` takes them."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states
