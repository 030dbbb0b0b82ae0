"""The notebook on minibatch SGD and MNIST (P): experiments, evidence, claims."""
