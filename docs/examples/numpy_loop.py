"""Train a classifier with NumPy alone, kill it at a random step, resume it, and end at the very same bits.

Run it with ``python docs/examples/numpy_loop.py [--output DIRECTORY]``. There is no graph and no session: `train` is a
plain loop, and the lines that checkpoints add to it are marked.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from holdfast.checkpoint import CheckpointDirectory, load  # checkpoints

DATA = Path(__file__).parent / "data" / "digits.npz"
STEPS = 400
SAVE_EVERY = 20
BATCH = 64
RATE, MOMENTUM = 0.05, 0.9


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return images (float32 in [0, 1], 64 pixels each) and labels."""
    with np.load(DATA, allow_pickle=False) as file:
        return file["images"].astype(np.float32) / 16, file["labels"]


def initial_parameters(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the weights and biases of two layers."""
    return {
        "hidden": rng.normal(0, (2 / 64) ** 0.5, (64, 96)).astype(np.float32),
        "hidden_bias": np.zeros(96, np.float32),
        "logits": rng.normal(0, (2 / 96) ** 0.5, (96, 10)).astype(np.float32),
        "logits_bias": np.zeros(10, np.float32),
    }


def gradients(
    parameters: dict[str, np.ndarray], images: np.ndarray, labels: np.ndarray
) -> tuple[float, dict[str, np.ndarray]]:
    """Return the mean cross entropy of a batch, and its gradients."""
    hidden = np.maximum(images @ parameters["hidden"] + parameters["hidden_bias"], 0)
    logits = hidden @ parameters["logits"] + parameters["logits_bias"]
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    error = odds / odds.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -np.log(error[rows, labels]).mean()
    error[rows, labels] -= 1
    error /= len(labels)
    back = (error @ parameters["logits"].T) * (hidden > 0)
    return float(loss), {
        "hidden": images.T @ back,
        "hidden_bias": back.sum(axis=0),
        "logits": hidden.T @ error,
        "logits_bias": error.sum(axis=0),
    }


def train(directory: Path) -> None:
    """Train to the last step, from the latest checkpoint if there is one."""
    images, labels = load_digits()
    rng = np.random.default_rng(2024)
    parameters = initial_parameters(rng)
    velocity = {name: np.zeros_like(array) for name, array in parameters.items()}
    order, position, step = rng.permutation(len(images)), 0, 0

    checkpoints = CheckpointDirectory(directory, keep=3)  # checkpoints
    if checkpoints.latest() is not None:  # checkpoints
        state = checkpoints.load()  # checkpoints
        parameters, velocity = state["parameters"], state["velocity"]  # checkpoints
        order, position, step = state["order"], state["position"], state["step"]  # checkpoints
        rng.bit_generator.state = state["rng"]  # checkpoints

    while step < STEPS:
        if position + BATCH > len(images):  # an epoch ends: shuffle again
            order, position = rng.permutation(len(images)), 0
        batch = order[position : position + BATCH]
        position += BATCH
        noisy = images[batch] + rng.normal(0, 0.1, (BATCH, 64)).astype(np.float32)
        loss, slopes = gradients(parameters, noisy, labels[batch])
        for name, slope in slopes.items():
            velocity[name] *= MOMENTUM
            velocity[name] -= RATE * slope
            parameters[name] += velocity[name]
        step += 1
        if step % SAVE_EVERY == 0:  # checkpoints
            state = {"parameters": parameters, "velocity": velocity, "order": order}  # checkpoints
            state |= {"position": position, "step": step, "rng": rng.bit_generator.state}  # checkpoints
            checkpoints.save(state, step=step, metrics={"loss": loss}, block=False)  # checkpoints
        print(f"step {step}", flush=True)
    checkpoints.wait()  # checkpoints


def run(directory: Path, kill_at: int | None = None) -> None:
    """Train in a process of its own; kill it, without warning, when it has made a step."""
    process = subprocess.Popen([sys.executable, __file__, "--train", directory], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if kill_at is not None and line == f"step {kill_at}\n":
            process.kill()  # SIGKILL: nothing of it runs any more
            break
    process.stdout.close()
    code = process.wait()
    if kill_at is None and code != 0:
        sys.exit(f"training in {directory} failed")
    steps = CheckpointDirectory(directory).steps
    print(f"{directory.name}: {'finished' if kill_at is None else f'killed at step {kill_at}'}, checkpoints {steps}")


def leaves(tree: Any) -> list[Any]:
    """Return the leaves of nested dicts: arrays as bytes, everything else as it is."""
    if isinstance(tree, dict):
        return [leaf for branch in tree.values() for leaf in leaves(branch)]
    return [tree.tobytes() if isinstance(tree, np.ndarray) else tree]


def main() -> None:
    """Train twice, once with a kill in the middle, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("numpy-loop-output"), help="where to write (emptied first)")
    parser.add_argument("--train", type=Path, metavar="DIRECTORY", help="only train, in this directory")
    args = parser.parse_args()
    if args.train is not None:
        train(args.train)
        return
    shutil.rmtree(args.output, ignore_errors=True)
    uninterrupted, interrupted = args.output / "uninterrupted", args.output / "interrupted"
    run(uninterrupted)
    run(interrupted, kill_at=int(np.random.default_rng().integers(1, STEPS)))
    run(interrupted)

    ours, theirs = leaves(load(uninterrupted)), leaves(load(interrupted))
    same = sum(a == b for a, b in zip(ours, theirs, strict=True))
    print(f"{same} of {len(ours)} leaves are equal bit for bit, the state of the random numbers among them")
    if same < len(ours):
        sys.exit("the resumed run differs")
    images, labels = load_digits()
    loss, _ = gradients(load(interrupted, names="parameters"), images, labels)
    print(f"mean cross entropy of all digits: {loss:.3f}")


if __name__ == "__main__":
    main()
