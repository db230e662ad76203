"""
LOGO-Former, dynamic facial expression recognition from video, as a Hugging Face model package.

Importing the package registers the model with the Auto classes of transformers. The modules of training, data and
evaluation are imported at the first access to one of their names.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from transformers import AutoConfig, AutoModel, AutoModelForVideoClassification, AutoVideoProcessor

from .configuration_logoformer import EXPRESSIONS, LogoFormerConfig
from .image_reading_logoformer import VideoReadError
from .modeling_logoformer import LogoFormerForVideoClassification, LogoFormerModel, LogoFormerPreTrainedModel
from .video_processing_logoformer import LogoFormerVideoProcessor

if TYPE_CHECKING:
    from .data.clips import ClipDataset
    from .data.collator import collate_clips
    from .data.sources.arguments import SourceArguments
    from .data.sources.gather import load_source
    from .data.splits import split_clips
    from .data.transforms import TrainingTransforms
    from .evaluation import METRIC_FILE
    from .evaluation.predictions import load_runs, read_predictions
    from .evaluation.scorer import Scorer
    from .models.loading import load_model, load_trained_model, new_model
    from .timeline.recognizer import ExpressionRecognizer
    from .timeline.timeline import Timeline
    from .training.arguments import RECIPES, LogoFormerTrainingArguments
    from .training.trainer import LogoFormerTrainer

__version__ = "0.2.0"

# Module of each name that is imported at its first access.
_ON_DEMAND = {
    "ClipDataset": ".data.clips",
    "ExpressionRecognizer": ".timeline.recognizer",
    "LogoFormerTrainer": ".training.trainer",
    "LogoFormerTrainingArguments": ".training.arguments",
    "METRIC_FILE": ".evaluation",
    "RECIPES": ".training.arguments",
    "Scorer": ".evaluation.scorer",
    "SourceArguments": ".data.sources.arguments",
    "Timeline": ".timeline.timeline",
    "TrainingTransforms": ".data.transforms",
    "collate_clips": ".data.collator",
    "load_model": ".models.loading",
    "load_runs": ".evaluation.predictions",
    "load_source": ".data.sources.gather",
    "load_trained_model": ".models.loading",
    "new_model": ".models.loading",
    "read_predictions": ".evaluation.predictions",
    "split_clips": ".data.splits",
}

__all__ = [
    "EXPRESSIONS",
    "METRIC_FILE",
    "RECIPES",
    "ClipDataset",
    "ExpressionRecognizer",
    "LogoFormerConfig",
    "LogoFormerForVideoClassification",
    "LogoFormerModel",
    "LogoFormerPreTrainedModel",
    "LogoFormerTrainer",
    "LogoFormerTrainingArguments",
    "LogoFormerVideoProcessor",
    "Scorer",
    "SourceArguments",
    "Timeline",
    "TrainingTransforms",
    "VideoReadError",
    "collate_clips",
    "load_model",
    "load_runs",
    "load_source",
    "load_trained_model",
    "new_model",
    "read_predictions",
    "split_clips",
]

AutoConfig.register("logoformer", LogoFormerConfig)
AutoModel.register(LogoFormerConfig, LogoFormerModel)
AutoModelForVideoClassification.register(LogoFormerConfig, LogoFormerForVideoClassification)
AutoVideoProcessor.register(LogoFormerConfig, LogoFormerVideoProcessor)

# `save_pretrained` then copies the code into the folder, so that it loads with `trust_remote_code=True`.
LogoFormerConfig.register_for_auto_class()
LogoFormerModel.register_for_auto_class("AutoModel")
LogoFormerForVideoClassification.register_for_auto_class("AutoModelForVideoClassification")
LogoFormerVideoProcessor.register_for_auto_class()


def __getattr__(name: str) -> Any:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_ON_DEMAND[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
