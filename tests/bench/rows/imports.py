"""What an import costs."""

from __future__ import annotations

from tests.bench.row import Row, Target
from tests.bench.workloads.imports import importing

_USED = "import holdfast as tf; tf.Session, tf.Variable, tf.matmul, tf.train.AdamOptimizer, tf.train.Saver"

ROWS = [
    Row(
        "import",
        "import holdfast; baseline: import numpy",
        {"numpy": importing("import numpy"), "holdfast": importing("import holdfast")},
        baseline="numpy",
        peers=("tf1", "torch", "jax"),
        targets=[Target(1.3, "numpy")],
        group="Imports",
    ),
    Row(
        "import-used",
        "import holdfast and what a training program names; baseline: import numpy",
        {"numpy": importing("import numpy"), "holdfast": importing(_USED)},
        baseline="numpy",
        group="Imports",
    ),
]
