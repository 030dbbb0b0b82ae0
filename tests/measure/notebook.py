"""The notebook's four-size experiment as one plain PyTorch script, data from a local file: the peer of `sgdlab sweep`.

Usage: python notebook.py MNIST10K.NPZ FIGURE.PNG     (the loop, its metrics and its figure as the notebook has them)
"""

import copy
import sys

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

data = np.load(sys.argv[1])
X, y = data["images"].reshape(-1, 784) / 256, data["labels"].astype(np.int64)
rows = np.random.randint(0, len(X), len(X))
shuffled = np.random.permutation(len(X))
X, y = torch.tensor(X[rows][shuffled]).float(), torch.tensor(y[rows][shuffled])
X_train, X_val, y_train, y_val = X[:8000], X[8000:], y[:8000], y[8000:]


def train(batch_size: int, epochs: int = 51) -> tuple[torch.Tensor, nn.Module, float]:
    """One run: history [epochs, 4] of last batch's loss, validation loss and both accuracies; the best model."""
    model = nn.Sequential(nn.Linear(784, 50), nn.ReLU(), nn.Linear(50, 10), nn.Softmax(dim=1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    history, best_loss, best_model = [], float("inf"), model
    for _ in range(epochs):
        order = torch.randperm(len(X_train))
        xs, ys, total = X_train[order], y_train[order], 0.0
        for p in range(0, len(xs), batch_size):
            loss = F.cross_entropy(model(xs[p : p + batch_size]), ys[p : p + batch_size])
            total += loss.detach().item()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            train_accuracy = (model(X_train).argmax(1) == y_train).float().mean()
            predicted = model(X_val)
            val_loss = F.cross_entropy(predicted, y_val)
            val_accuracy = (predicted.argmax(1) == y_val).float().mean()
        history.append((loss.item(), val_loss, train_accuracy, val_accuracy))
        if val_loss < best_loss:
            best_loss, best_model = val_loss.item(), copy.deepcopy(model)
    return torch.tensor(history), best_model, best_loss


figure, axes = plt.subplots(1, 4, figsize=(12, 2.5))
for size, ax in zip((8, 64, 128, 256), axes, strict=True):
    history, model, best = train(size)
    accuracy = (model(X_val).argmax(1) == y_val).float().mean()
    print(f"batch size {size}: best validation loss {best:.3f}, accuracy {accuracy:.3f}")
    ax.set_title(f"batch size {size}, accuracy {accuracy:.3f}")
    ax.plot(history[:, 0], label="train")
    ax.plot(history[:, 1], label="validation")
    ax.set_ylim(0, 2)
    ax.legend()
plt.tight_layout()
plt.savefig(sys.argv[2])
