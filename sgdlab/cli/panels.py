"""The headings under which `sgdlab --help` lists the commands."""

TRAIN = "Train"
CHOOSE = "Choose a batch size and a learning rate"
LOOK = "Look at results"
MACHINE = "Data, configs, this machine"
