"""Training: the algorithm, the engines that execute it, and one run from its config to its folder."""
