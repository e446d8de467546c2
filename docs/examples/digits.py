"""Train a classifier of handwritten digits, kill it in the middle, resume it, and end at the very same weights.

Run it with ``make demo``, or ``python docs/examples/digits.py [--output DIRECTORY]``. It needs the extra ``demo``.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

import holdfast as tf

DATA = Path(__file__).parent / "data" / "digits.npz"
STEPS = 1500
SAVE_EVERY = 100
KILL_AFTER = 700
BATCH = 64
TEST_SIZE = 360


class Model(NamedTuple):
    """The tensors and operations that training needs."""

    images: Any
    labels: Any
    keep_prob: Any
    loss: Any
    accuracy: Any
    distance: Any
    train: Any
    global_step: Any


def load_digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return training and test images (float32 in [0, 1], 64 pixels each) and labels (int32)."""
    with np.load(DATA, allow_pickle=False) as file:
        images = file["images"].astype(np.float32) / 16.0
        labels = file["labels"].astype(np.int32)
    order = np.random.default_rng(0).permutation(len(images))
    test, train = order[:TEST_SIZE], order[TEST_SIZE:]
    return images[train], labels[train], images[test], labels[test]


def dense(x: Any, size_in: int, size_out: int, name: str) -> tuple[Any, Any]:
    """Return a fully connected layer and its weights."""
    with tf.name_scope(name):
        stddev = (2.0 / size_in) ** 0.5
        weights = tf.Variable(tf.truncated_normal([size_in, size_out], stddev=stddev), name="weights")
        biases = tf.Variable(tf.zeros([size_out]), name="biases")
        return tf.matmul(x, weights) + biases, weights


def build() -> Model:
    """Build the graph as the TensorFlow guide does: variables pinned to a device, initialised on purpose."""
    tf.set_random_seed(7)
    images = tf.placeholder(tf.float32, [None, 64], name="images")
    labels = tf.placeholder(tf.int32, [None], name="labels")
    keep_prob = tf.placeholder_with_default(1.0, [], name="keep_prob")
    with tf.device("/cpu:0"):
        hidden1, weights = dense(images, 64, 256, "hidden1")
        # A variable initialised from another one: where training began.
        start = tf.Variable(weights.initialized_value(), trainable=False, name="start")
        hidden2, _ = dense(tf.nn.dropout(tf.nn.relu(hidden1), keep_prob), 256, 128, "hidden2")
        logits, _ = dense(tf.nn.relu(hidden2), 128, 10, "logits")
        global_step = tf.train.get_or_create_global_step()
        history = tf.Variable(tf.zeros([STEPS]), trainable=False, name="loss_history")
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
    record = tf.scatter_update(history, global_step, loss)
    correct = tf.equal(tf.cast(tf.argmax(logits, 1), tf.int32), labels)
    accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))
    distance = tf.sqrt(tf.reduce_sum(tf.square(weights - start)))
    with tf.control_dependencies([record]):
        train = tf.train.AdamOptimizer(2e-3).minimize(loss, global_step=global_step)
    return Model(images, labels, keep_prob, loss, accuracy, distance, train, global_step)


def batch_at(step: int, size: int) -> np.ndarray:
    """Return the indices of a step's batch: a function of the step alone, so that a resumed run sees the same."""
    per_epoch = size // BATCH
    order = np.random.default_rng(step // per_epoch).permutation(size)
    start = step % per_epoch * BATCH
    return order[start : start + BATCH]


def train(directory: Path) -> None:
    """Train to the last step, from the latest checkpoint if there is one."""
    images, labels, test_images, test_labels = load_digits()
    model = build()
    saver = tf.train.Saver(max_to_keep=3)
    with tf.Session() as sess:
        latest = tf.train.latest_checkpoint(directory)
        if latest is None:
            sess.run(tf.global_variables_initializer())
            print(f"{directory.name}: initialised", flush=True)
        else:
            saver.restore(sess, latest)
            print(f"{directory.name}: resumed from {Path(latest).name}", flush=True)
        first = int(sess.run(model.global_step))
        for step in tqdm(range(first, STEPS), initial=first, total=STEPS, desc=directory.name, mininterval=0.5):
            batch = batch_at(step, len(images))
            feed = {model.images: images[batch], model.labels: labels[batch], model.keep_prob: 0.5}
            sess.run(model.train, feed)
            if (step + 1) % SAVE_EVERY == 0:
                saver.save(sess, directory / "digits.ckpt", global_step=step + 1)
        accuracy, distance = sess.run(
            [model.accuracy, model.distance], {model.images: test_images, model.labels: test_labels}
        )
        print(f"{directory.name}: test accuracy {accuracy:.4f}, first layer moved by {distance:.2f}", flush=True)
        if accuracy < 0.97:
            sys.exit(f"{directory.name}: the accuracy should be at least 0.97")


def spawn(directory: Path) -> subprocess.Popen[bytes]:
    """Start a process that trains in a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen([sys.executable, __file__, "--train", str(directory)])


def run_to_end(directory: Path) -> None:
    """Train in a process of its own, to the end."""
    if spawn(directory).wait() != 0:
        sys.exit(f"training in {directory} failed")


def kill_in_the_middle(directory: Path) -> None:
    """Start training and kill the process, without warning, after some checkpoints."""
    process = spawn(directory)
    while process.poll() is None:
        # Before the first save has named its file there, asking would scan the directory, and log what it finds.
        state = tf.train.get_checkpoint_state(directory) if (directory / "checkpoint").exists() else None
        if state is not None and int(state.model_checkpoint_path.rsplit("-", 1)[1]) >= KILL_AFTER:
            process.send_signal(signal.SIGKILL)
            process.wait()
            latest = Path(state.model_checkpoint_path).name
            print(f"\n{directory.name}: killed (signal {-process.returncode}) after {latest}", flush=True)
            return
        time.sleep(0.01)
    sys.exit("training ended before it could be killed")


def compare(first: Path, second: Path) -> None:
    """Show that two runs ended at the same weights, bit for bit."""
    with tf.checkpoint.open_checkpoint(first) as ours, tf.checkpoint.open_checkpoint(second) as theirs:
        names = sorted(ours.entries)
        same = [ours.read(name).tobytes() == theirs.read(name).tobytes() for name in names]
    print(f"\n{sum(same)} of {len(names)} tensors are equal bit for bit in {first.name} and {second.name}")
    if not all(same):
        sys.exit(f"they differ in {[n for n, equal in zip(names, same, strict=True) if not equal]}")


def restore_into_another_model(prefix: str) -> None:
    """Restore two layers into a different model, by a dict of names."""
    with tf.Graph().as_default(), tf.Session() as sess:
        encoder = tf.Variable(tf.zeros([64, 256]), name="encoder")
        encoder_bias = tf.Variable(tf.zeros([256]), name="encoder_bias")
        code = tf.Variable(tf.zeros([256, 128]), name="code")
        code_bias = tf.Variable(tf.zeros([128]), name="code_bias")
        decoder = tf.Variable(tf.random_normal([128, 64], stddev=0.1), name="decoder")
        saver = tf.train.Saver(
            {
                "hidden1/weights": encoder,
                "hidden1/biases": encoder_bias,
                "hidden2/weights": code,
                "hidden2/biases": code_bias,
            }
        )
        saver.restore(sess, prefix)
        sess.run(tf.variables_initializer([decoder]))
        norms = sess.run([tf.norm(v) for v in (encoder, code, decoder)])
        print("restored two layers into an autoencoder: norms", ", ".join(f"{n:.3f}" for n in norms))


def draw(prefix: str, path: Path) -> None:
    """Draw the loss curve and the first layer's weights, both from the checkpoint."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    with tf.checkpoint.open_checkpoint(prefix) as checkpoint:
        losses, weights = checkpoint.read("loss_history"), checkpoint.read("hidden1/weights")
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5))
    left.plot(losses, linewidth=0.6, alpha=0.5)
    left.plot(np.convolve(losses, np.ones(25) / 25, mode="valid"), linewidth=1.8)
    left.axvline(KILL_AFTER, color="grey", linestyle=":", label="killed about here")
    left.set(xlabel="step", ylabel="loss", yscale="log", title="Training loss")
    left.legend()
    tiles = weights[:, :64].T.reshape(8, 8, 8, 8).transpose(0, 2, 1, 3)
    tiles = np.pad(tiles, ((0, 0), (0, 1), (0, 0), (0, 1)), constant_values=np.nan).reshape(72, 72)
    limit = np.nanmax(np.abs(tiles))
    right.imshow(tiles, cmap="RdBu", vmin=-limit, vmax=limit)
    right.set(title="First-layer weights (64 of 256 units)", xticks=[], yticks=[])
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    print(f"wrote {path}")


def main() -> None:
    """Train twice, once with a kill in the middle, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="where to write (emptied first)")
    parser.add_argument("--train", type=Path, metavar="DIRECTORY", help="only train, in this directory")
    args = parser.parse_args()
    if args.train is not None:
        train(args.train)
        return
    shutil.rmtree(args.output, ignore_errors=True)
    uninterrupted, interrupted = args.output / "uninterrupted", args.output / "interrupted"
    run_to_end(uninterrupted)
    kill_in_the_middle(interrupted)
    run_to_end(interrupted)
    compare(uninterrupted, interrupted)
    prefix = tf.train.latest_checkpoint(interrupted)
    subprocess.run([sys.executable, "-m", "holdfast.cli", "inspect", prefix, "--stats"], check=True)
    restore_into_another_model(prefix)
    draw(prefix, args.output / "digits.png")


if __name__ == "__main__":
    main()
