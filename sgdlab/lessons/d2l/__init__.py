"""The chapter on minibatch SGD (D): experiments, evidence, claims."""
