"""What a learner's notebook checks its own work with.

Each ``check_...`` looks at the learner's work and gives a :class:`Verdict`: what was found, what
was expected, and what to try next. Hidden tests use the same checks on other data. Nothing here
knows a calibrated threshold, a key or a held-out label.
"""

from checks.accuracy import (
    Measurement,
    check_accuracy,
    measure,
    wilson_interval,
)
from checks.adaptation import (
    check_balanced_accuracy,
    check_only_statistics,
    check_target_statistics,
)
from checks.augmentation import (
    check_augmented,
    check_random_flips,
    check_repeatable,
    observe_augmentation,
    probe_images,
)
from checks.batches import (
    check_changed,
    check_labels,
    check_order,
    observe_batches,
)
from checks.choice import (
    check_choice,
    check_choice_splits,
    observe_choice,
)
from checks.data import (
    check_features,
    check_normalised,
    check_value,
)
from checks.devices import (
    check_devices,
    observe_devices,
)
from checks.display import (
    show,
)
from checks.evaluation import (
    check_evaluation_mode,
    check_evaluation_result,
    observe_evaluation,
)
from checks.forgetting import (
    check_backward_transfer,
    check_continued,
    check_forgotten,
    check_learned,
    check_task_accuracy,
    measure_task,
)
from checks.freezing import (
    check_eval_mode,
    check_moved,
    check_statistics_unmoved,
    check_trainable,
    check_unchanged,
    snapshot,
)
from checks.guard import (
    CheckCrashed,
    guard,
)
from checks.head import (
    check_from_pretrained,
    check_from_scratch,
    check_head,
)
from checks.lora import (
    check_adapters,
    check_adapters_trained,
    check_lora_config,
    observe_lora,
)
from checks.lora_base import (
    check_base_untouched,
    check_trainable_share,
    trainable_count,
)
from checks.lora_layer import (
    check_lora_frozen,
    check_lora_start,
    check_lora_update,
    observe_lora_layer,
)
from checks.lora_results import (
    check_merged,
    check_same_answers,
    check_saved_adapter,
    observe_saved,
)
from checks.optimizer import (
    check_coverage,
    check_learning_rates,
    check_rates_by_part,
    check_weight_decay,
)
from checks.overview import (
    progress,
)
from checks.precision import (
    check_autocast,
    check_full_precision_weights,
    observe_mixed_precision,
)
from checks.quantisation import (
    check_quantised,
)
from checks.quiz import (
    Form,
    Key,
    check_answer,
    check_form,
)
from checks.remedies import (
    check_l2_sp,
    check_memory,
    check_mixed_batches,
    check_remedies,
)
from checks.results import (
    check_results,
)
from checks.sealing import (
    unseal,
)
from checks.shift import (
    check_chosen_by_chance,
    check_domain_weights,
    check_drop,
    check_few,
    check_remedy_gain,
    check_standardised,
)
from checks.splits import (
    check_disjoint,
    check_drawn,
    check_leaks,
    check_shares,
    contents_of,
    observe_split,
)
from checks.stopping import (
    check_best_weights,
    check_restored,
    check_stopping,
    check_stopping_loop,
    observe_early_stopping,
    observe_keeper,
)
from checks.tensors import (
    check_tensor,
)
from checks.texts import (
    check_batches,
    check_mask,
    check_padding,
    check_shuffled,
    check_tokens,
)
from checks.training import (
    check_head_training,
    check_loop_epochs,
    check_loop_mode,
    observe_head_training,
    observe_loop,
)
from checks.transfer import (
    check_crossing,
    check_gain,
    check_ranking,
    check_transfer_verdict,
)
from checks.verdict import (
    Status,
    Verdict,
)

__all__ = [
    "CheckCrashed",
    "Form",
    "Key",
    "Measurement",
    "Status",
    "Verdict",
    "check_accuracy",
    "check_adapters",
    "check_adapters_trained",
    "check_answer",
    "check_augmented",
    "check_autocast",
    "check_backward_transfer",
    "check_balanced_accuracy",
    "check_base_untouched",
    "check_batches",
    "check_best_weights",
    "check_changed",
    "check_choice",
    "check_choice_splits",
    "check_chosen_by_chance",
    "check_continued",
    "check_coverage",
    "check_crossing",
    "check_devices",
    "check_disjoint",
    "check_domain_weights",
    "check_drawn",
    "check_drop",
    "check_eval_mode",
    "check_evaluation_mode",
    "check_evaluation_result",
    "check_features",
    "check_few",
    "check_forgotten",
    "check_form",
    "check_from_pretrained",
    "check_from_scratch",
    "check_full_precision_weights",
    "check_gain",
    "check_head",
    "check_head_training",
    "check_l2_sp",
    "check_labels",
    "check_leaks",
    "check_learned",
    "check_learning_rates",
    "check_loop_epochs",
    "check_loop_mode",
    "check_lora_config",
    "check_lora_frozen",
    "check_lora_start",
    "check_lora_update",
    "check_mask",
    "check_memory",
    "check_merged",
    "check_mixed_batches",
    "check_moved",
    "check_normalised",
    "check_only_statistics",
    "check_order",
    "check_padding",
    "check_quantised",
    "check_random_flips",
    "check_ranking",
    "check_rates_by_part",
    "check_remedies",
    "check_remedy_gain",
    "check_repeatable",
    "check_restored",
    "check_results",
    "check_same_answers",
    "check_saved_adapter",
    "check_shares",
    "check_shuffled",
    "check_standardised",
    "check_statistics_unmoved",
    "check_stopping",
    "check_stopping_loop",
    "check_target_statistics",
    "check_task_accuracy",
    "check_tensor",
    "check_tokens",
    "check_trainable",
    "check_trainable_share",
    "check_transfer_verdict",
    "check_unchanged",
    "check_value",
    "check_weight_decay",
    "contents_of",
    "guard",
    "measure",
    "measure_task",
    "observe_augmentation",
    "observe_batches",
    "observe_choice",
    "observe_devices",
    "observe_early_stopping",
    "observe_evaluation",
    "observe_head_training",
    "observe_keeper",
    "observe_loop",
    "observe_lora",
    "observe_lora_layer",
    "observe_mixed_precision",
    "observe_saved",
    "observe_split",
    "probe_images",
    "progress",
    "show",
    "snapshot",
    "trainable_count",
    "unseal",
    "wilson_interval",
]
