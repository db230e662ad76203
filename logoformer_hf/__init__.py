"""LOGO-Former, dynamic facial expression recognition from video, as a Hugging Face model package."""

from transformers import AutoConfig, AutoModel, AutoModelForVideoClassification, AutoVideoProcessor

from .configuration_logoformer import EXPRESSIONS, LogoFormerConfig
from .modeling_logoformer import LogoFormerForVideoClassification, LogoFormerModel, LogoFormerPreTrainedModel
from .video_processing_logoformer import LogoFormerVideoProcessor, VideoReadError

__all__ = [
    "EXPRESSIONS",
    "LogoFormerConfig",
    "LogoFormerForVideoClassification",
    "LogoFormerModel",
    "LogoFormerPreTrainedModel",
    "LogoFormerVideoProcessor",
    "VideoReadError",
]
__version__ = "0.1.0"

AutoConfig.register("logoformer", LogoFormerConfig)
AutoModel.register(LogoFormerConfig, LogoFormerModel)
AutoModelForVideoClassification.register(LogoFormerConfig, LogoFormerForVideoClassification)
AutoVideoProcessor.register(LogoFormerConfig, LogoFormerVideoProcessor)

# Without this, what is saved would leave the code behind that others load it with.
LogoFormerConfig.register_for_auto_class()
LogoFormerModel.register_for_auto_class("AutoModel")
LogoFormerForVideoClassification.register_for_auto_class("AutoModelForVideoClassification")
LogoFormerVideoProcessor.register_for_auto_class()
