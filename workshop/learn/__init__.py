"""What keeps the notebooks short: seeds, devices, progress bars, pictures, tables, kept features.

Student side: imports nothing of the engine.
"""

from workshop.learn.cache import (
    cached,
)
from workshop.learn.comparing import (
    parameter_table,
    plot_curves_with_bands,
    plot_embedding,
)
from workshop.learn.features import (
    image_features,
    text_features,
)
from workshop.learn.intervals import (
    plot_gains,
    plot_intervals,
)
from workshop.learn.pictures import (
    plot_confusion_matrix,
    plot_learning_curves,
    results_table,
    show_images,
)
from workshop.learn.running import (
    pick_device,
    progress,
    seed_everything,
)

__all__ = [
    "cached",
    "image_features",
    "parameter_table",
    "pick_device",
    "plot_confusion_matrix",
    "plot_curves_with_bands",
    "plot_embedding",
    "plot_gains",
    "plot_intervals",
    "plot_learning_curves",
    "progress",
    "results_table",
    "seed_everything",
    "show_images",
    "text_features",
]
