"""LOGO-Former configuration: all numbers of the architecture, with checks of their values."""

import math
from typing import TYPE_CHECKING, Any

from huggingface_hub.dataclasses import strict
from transformers import CONFIG_MAPPING, AutoConfig, PreTrainedConfig, ResNetConfig
from transformers.activations import ACT2FN

from .saved_settings_logoformer import (
    CONFIG_FILES,
    check_are_settings,
    check_dtype,
    check_implementations,
    check_model_type,
    check_outputs,
    check_weights_of,
    drop_code_references,
    error_of_field,
    errors_of_file,
    shown,
)

# `save_pretrained` copies the file of the saved class and all files that its lines `from .x import` name. With these
# lines it copies all files of the model, whichever class is saved.
if TYPE_CHECKING:
    from .modeling_logoformer import LogoFormerModel  # noqa: F401
    from .video_processing_logoformer import LogoFormerVideoProcessor  # noqa: F401

# Where the Auto classes find the code in a saved folder or a repository. The video processor's own file names its own.
AUTO_MAP = {
    "AutoConfig": "configuration_logoformer.LogoFormerConfig",
    "AutoModel": "modeling_logoformer.LogoFormerModel",
    "AutoModelForVideoClassification": "modeling_logoformer.LogoFormerForVideoClassification",
}

# The most of each that a configuration may ask for: far more than any model of this kind has, and little enough that a
# file of somebody else cannot fill the memory of whoever loads it.
MOST = {
    "num_frames": 1_024,
    "image_size": 4_096,
    "num_channels": 64,
    "feature_stride": 1_024,
    "hidden_size": 16_384,
    "num_hidden_layers": 256,
    "num_attention_heads": 256,
    "intermediate_size": 65_536,
}
# The fields by which frame encoders of transformers say how many layers they have, or how many in each stage.
LAYERS_OF_BACKBONES = ("depths", "num_hidden_layers", "num_layers", "num_blocks", "layer_repeats", "stage_num_blocks")
LEAST = {"num_hidden_layers": 0}  # of the others: 1
MAX_LABELS = 10_000
MAX_WEIGHTS = 10**9  # estimated; the base model has 15 million
MAX_TOKEN_VALUES = 2**28  # of all tokens of a clip, with the padding to whole windows; the base model has 401,408
MAX_BACKBONE_NUMBER = 2**17  # any number in the configuration of a frame encoder

# Of fields that saved configurations of older models do not have: what those models do.
OLD_VALUES: dict[str, Any] = {"resample_partial_windows": False, "use_summary_positions": False}

# The order of the labels in the whole package: DFEW's official 1-7. Other orders are converted when data is read.
EXPRESSIONS = ("happy", "sad", "neutral", "angry", "surprise", "disgust", "fear")


@strict
class LogoFormerConfig(PreTrainedConfig):
    """
    Configuration of a LOGO-Former (Ma, Sun, Li, ICASSP 2023, arXiv 2305.03343). The defaults are the base model.

    Values of a wrong type raise `huggingface_hub.errors.StrictDataclassFieldValidationError`, impossible ones
    `StrictDataclassClassValidationError`; both name the field, the value and what would be accepted. Read from a file,
    both are a `ValueError` that names the file, too.

    From a public port (of unknown authorship): frames, image size, the frame encoder, width, depth, heads,
    feed-forward, drop path. Summaries by a strided depth-wise convolution are as in that port and in DualFormer (arXiv
    2112.04674). No source for these was available to us, so they are our choice: window size, pre-norm residuals, mean
    pooling. Window and pooling were chosen by the ablation on synthetic clips, `docs/ablation.md`.

    Args:
        num_frames (`int`): frames of a clip; the length of the learned time embedding. Other lengths interpolate it.
        image_size (`int`): height and width in pixels for which the space embedding is learned. Others interpolate it.
        num_channels (`int`): colour channels of a frame.
        backbone_config (`PreTrainedConfig` or `dict`): the frame encoder, any backbone of transformers that gives one
            feature map. By default a ResNet-18 that ends at stage 3; the fourth stage is never built.
        feature_stride (`int`): pixels per side of one token, the frame encoder's total stride. With `image_size` it
            sets the size of the learned space embedding.
        hidden_size (`int`): width of a token.
        num_hidden_layers (`int`): number of `LogoFormerLayer`s; with 0 the tokens of the frame encoder are projected,
            normalised and averaged, which is what `logoformer pretrain-frames` trains.
        num_attention_heads (`int`): heads of both attentions; divides `hidden_size`.
        intermediate_size (`int`): width inside the feed-forward part.
        window_size (`tuple` of three `int`): tokens of a window along (frames, height, width). Where it does not
            divide the grid, the windows at the end have fewer tokens. The default spans all frames and 2 x 2 tokens of
            each: on synthetic clips its UAR is 15 points higher than that of (4, 4, 4).
        summary_size (`tuple` of three `int`): tokens of a window that has one summary, along (frames, height, width).
            None: `window_size`, so that the windows of both attentions are the same.
        resample_partial_windows (`bool`): what becomes of a last window that the frames of a clip do not fill. True:
            the weights of its summary are resampled to the frames that it has, and global attention counts it as the
            share of a window that it is. False: the weights of missing frames are left out, and it counts as a whole
            window, so that one frame more can change the logits a lot. A saved configuration without it means False.
        use_summary_positions (`bool`): whether global attention adds learned embeddings of the windows' places, in
            space and in time, to the summaries before they become keys. Values are without them. A saved configuration
            without it means False.
        use_local_attention (`bool`): attention inside the windows. False leaves it out, for ablation.
        use_global_attention (`bool`): attention to the summaries of all windows. False leaves it out, for ablation.
        hidden_act (`str`): activation of the feed-forward part.
        hidden_dropout_prob (`float`): dropout after embeddings, attentions and feed-forward.
        attention_probs_dropout_prob (`float`): dropout on attention weights.
        drop_path_rate (`float`): probability that a residual branch is dropped for a clip, rising linearly from 0 to
            this value over the layers.
        initializer_range (`float`): standard deviation of the initial weights outside the frame encoder.
        layer_norm_eps (`float`): epsilon of every LayerNorm.
        score_temperature (`float`): number, finite and more than 0, that logits are divided by before the softmax for
            calibrated scores (Guo et al., ICML 2017). Training fits it on validation clips. The model does not use
            it: its logits and the scores of a pipeline stay as they are. None: not calibrated.
    """

    model_type = "logoformer"
    sub_configs = {"backbone_config": AutoConfig}  # noqa: RUF012 (transformers reads it from the class)
    # Trainer's evaluation would gather these from every batch; the metric needs the logits alone.
    keys_to_ignore_at_inference = ["embedding", "hidden_states", "local_attentions", "global_attentions"]  # noqa: RUF012

    num_frames: int = 16
    image_size: int = 112
    num_channels: int = 3

    backbone_config: dict | PreTrainedConfig | None = None
    feature_stride: int = 16

    hidden_size: int = 512
    num_hidden_layers: int = 4
    num_attention_heads: int = 8
    intermediate_size: int = 2048
    window_size: list[int] | tuple[int, ...] = (16, 2, 2)
    summary_size: list[int] | tuple[int, ...] | None = None
    resample_partial_windows: bool = True
    use_summary_positions: bool = True
    use_local_attention: bool = True
    use_global_attention: bool = True

    hidden_act: str = "gelu"
    hidden_dropout_prob: float | int = 0.0
    attention_probs_dropout_prob: float | int = 0.0
    drop_path_rate: float | int = 0.1
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-6

    score_temperature: float | int | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        check_implementations([kwargs, self.backbone_config])
        check_are_settings(type(self), kwargs)
        check_num_labels(kwargs.get("num_labels", 0), self.id2label)  # before the library makes a name for each
        check_dtype(self.dtype, "dtype")
        check_dtype(kwargs.get("torch_dtype"), "torch_dtype")
        check_weights_of(kwargs)
        check_outputs({**kwargs, "output_hidden_states": self.output_hidden_states, "return_dict": self.return_dict})
        check_model_type(kwargs.get("model_type", self.model_type))
        if self.backbone_config is None:
            self.backbone_config = resnet18_to_stage3(num_channels=self.num_channels)
        elif isinstance(self.backbone_config, dict):
            self.backbone_config = backbone_from_fields(self.backbone_config)
        self.window_size = tuple(self.window_size)  # JSON gives a list
        self.summary_size = None if self.summary_size is None else tuple(self.summary_size)
        if self.id2label is None and kwargs.get("num_labels") in (None, len(EXPRESSIONS)):
            self.id2label = dict(enumerate(EXPRESSIONS))
            self.label2id = {name: index for index, name in self.id2label.items()}
        super().__post_init__(**kwargs)
        # transformers would keep them in all that is saved from this model, and run the code that they name.
        drop_code_references(self)
        self.auto_map = dict(AUTO_MAP)  # the library would write the saved class only

    def validate_sizes(self) -> None:
        """Checks that sizes are in their range, heads divide the width, and windows have three sizes."""
        for field, most in MOST.items():
            value = getattr(self, field)
            least = LEAST.get(field, 1)
            if isinstance(value, bool) or not least <= value <= most:  # huggingface_hub 1 takes True for an int
                raise ValueError(f"`{field}` is {value}; it must be an int of at least {least}, and at most {most:,}.")
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"`hidden_size` is {self.hidden_size}; it must be a multiple of `num_attention_heads`, "
                f"{self.num_attention_heads}."
            )
        for field in ("window_size", "summary_size"):
            size = getattr(self, field)
            if size is not None and (len(size) != 3 or min(size) < 1):
                raise ValueError(
                    f"`{field}` is {size}; it must be three numbers (frames, height, width), each at least 1."
                )

    def validate_weights(self) -> None:
        """Checks that neither the weights nor the tokens of a clip fill a memory."""
        grid = (self.num_frames, self.grid_size, self.grid_size)
        summary_size = self.summary_size or self.window_size
        for field, size in (("window_size", self.window_size), ("summary_size", summary_size)):
            padded = math.prod(-(-tokens // window) * window for tokens, window in zip(grid, size, strict=True))
            if padded * self.hidden_size > MAX_TOKEN_VALUES:
                raise ValueError(
                    f"`num_frames`, `image_size`, `feature_stride` and `{field}` give {padded:,} tokens of width "
                    f"{self.hidden_size:,} with the padding to whole windows; these must be at most "
                    f"{MAX_TOKEN_VALUES:,} values."
                )
        each = 8 * self.hidden_size + 2 * self.intermediate_size + math.prod(summary_size)
        others = self.num_frames + self.grid_size**2 + len(self.id2label or ())
        each += self.use_summary_positions * (self.num_frames + self.grid_size**2)
        weights = (each * self.num_hidden_layers + others) * self.hidden_size + backbone_weights(self.backbone_config)
        if weights > MAX_WEIGHTS:
            raise ValueError(
                f"`hidden_size`, `intermediate_size`, `num_hidden_layers`, `window_size` and `backbone_config` give "
                f"about {weights:,} weights; there must be at most {MAX_WEIGHTS:,}."
            )

    def validate_numbers(self) -> None:
        """Checks that the numbers of the initialisation and of LayerNorm are finite and not negative."""
        for field in ("initializer_range", "layer_norm_eps"):
            if not 0 <= getattr(self, field) < math.inf:
                raise ValueError(f"`{field}` is {getattr(self, field)}; it must be finite and at least 0.")

    def validate_labels(self) -> None:
        """Checks that the classes are numbered from 0 and have names."""
        names: dict[Any, str] = dict(self.id2label or {})
        if sorted(names) != list(range(len(names))) or not all(isinstance(name, str) for name in names.values()):
            raise ValueError("`id2label` must have a name for every number from 0 on.")

    def validate_hidden_act(self) -> None:
        """Checks that transformers has the activation."""
        if self.hidden_act not in ACT2FN:
            raise ValueError(f"`hidden_act` is {self.hidden_act!r}; it must be one of {', '.join(ACT2FN)}.")

    def validate_probabilities(self) -> None:
        """Checks that every dropout rate is at least 0 and less than 1."""
        for field in ("hidden_dropout_prob", "attention_probs_dropout_prob", "drop_path_rate"):
            if not 0 <= getattr(self, field) < 1:
                raise ValueError(f"`{field}` is {getattr(self, field)}; it must be at least 0 and less than 1.")

    def validate_score_temperature(self) -> None:
        """Checks that the temperature is None, or finite and more than 0."""
        value = self.score_temperature
        if value is not None and (isinstance(value, bool) or not 0 < value < math.inf):
            raise ValueError(
                f"`score_temperature` is {value}; it must be a finite number of more than 0, or None for a model that "
                "is not calibrated."
            )

    def validate_backbone(self) -> None:
        """Checks that the frame encoder takes frames of `num_channels` channels and returns one feature map."""
        out_features = getattr(self.backbone_config, "out_features", None)
        if out_features is None or len(out_features) != 1:
            raise ValueError(
                f"`backbone_config.out_features` is {out_features}; the frame encoder must be a backbone of "
                "transformers with exactly one feature map, e.g. ResNetConfig(out_features=['stage3'])."
            )
        check_backbone_layers(self.backbone_config)
        check_backbone_activation(self.backbone_config)
        channels = getattr(self.backbone_config, "num_channels", self.num_channels)
        if channels != self.num_channels:
            raise ValueError(
                f"`num_channels` is {self.num_channels} but `backbone_config.num_channels` is {channels}; they must "
                "be equal."
            )

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:
        """As in the library. Whatever is wrong with the file is a `ValueError` that names it and the field."""
        with errors_of_file(pretrained_model_name_or_path, CONFIG_FILES, **kwargs):
            return super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)

    @classmethod
    def from_json_file(cls, json_file: Any) -> Any:
        """As in the library, from a file, with the values of older models as in `from_dict`."""
        return cls.from_dict(cls._dict_from_json_file(json_file))

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """As in the library. Where a field is missing that older models do not have, it gets the value they had."""

        def build(values: dict[str, Any]) -> Any:
            return super(LogoFormerConfig, cls).from_dict(dict(values), **kwargs)

        # The Auto classes read the file themselves, and say here alone which one it is.
        with errors_of_file(kwargs.get("name_or_path"), CONFIG_FILES, **kwargs):
            if not isinstance(config_dict, dict):
                raise ValueError(f"a configuration is {shown(config_dict)}; it must be an object, fields with values.")
            values = OLD_VALUES | config_dict
            try:
                return build(values)
            except (ImportError, MemoryError, OSError):
                raise
            except Exception as error:
                raise error_of_field(error, values, build) from error

    @property
    def grid_size(self) -> int:
        """Tokens along each side of a frame of `image_size` pixels."""
        return -(-self.image_size // self.feature_stride)

    # `output_attentions` switches on both: this model has two attentions where the library expects one.
    @property
    def output_local_attentions(self) -> bool:
        """Whether the outputs have the weights of local attention."""
        return self.output_attentions and self.use_local_attention

    @property
    def output_global_attentions(self) -> bool:
        """Whether the outputs have the weights of global attention."""
        return self.output_attentions and self.use_global_attention

    # A plain name applies to LOGO-Former only: a frame encoder without attention (any ResNet) raises an error for it.
    @property
    def _attn_implementation(self) -> Any:
        return self._attn_implementation_internal

    @_attn_implementation.setter
    def _attn_implementation(self, value: str | dict[str, str] | None) -> None:
        check_implementations({"attn_implementation": value})
        PreTrainedConfig._attn_implementation.fset(self, {"": value} if isinstance(value, str) else value)

    @classmethod
    def small(cls, **kwargs: Any) -> "LogoFormerConfig":
        """The base model at half the width: four layers of width 256."""
        defaults: dict[str, Any] = {"hidden_size": 256, "intermediate_size": 1024}
        return cls(**defaults | kwargs)

    @classmethod
    def tiny(cls, **kwargs: Any) -> "LogoFormerConfig":
        """Two layers of width 64 on a three-block ResNet, 64 x 64 pixels: for demo and tests on a CPU."""
        defaults: dict[str, Any] = {
            "image_size": 64,
            "backbone_config": resnet18_to_stage3(
                num_channels=kwargs.get("num_channels", 3),
                embedding_size=16,
                hidden_sizes=[16, 32, 64],
                depths=[1, 1, 1],
            ),
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 128,
            "initializer_range": 0.1,  # near 1 / sqrt(hidden_size); the default of 0.02 is for larger widths
        }
        return cls(**defaults | kwargs)


def check_num_labels(num_labels: Any, id2label: Any) -> None:
    """Raises a `ValueError` for more classes than a model may have."""
    if id2label is not None and not isinstance(id2label, dict):
        raise ValueError("`id2label` must be an object: the names of the classes by their numbers.")
    for number in id2label or ():
        if not (isinstance(number, int) or (isinstance(number, str) and number.isascii() and number.isdigit())):
            raise ValueError(
                f"`id2label` has a class {shown(number)}; it must have a name for every number from 0 on."
            )
    for name, number in (("num_labels", num_labels), ("id2label", len(id2label or {}))):
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MAX_LABELS:
            raise ValueError(f"`{name}` has {shown(number)} classes; it must be an int of at most {MAX_LABELS:,}.")


def backbone_from_fields(fields: dict[str, Any]) -> PreTrainedConfig:
    """The configuration of a frame encoder. Raises a `ValueError` for one that transformers does not have."""
    model_type = fields.get("model_type")
    if not isinstance(model_type, str) or model_type not in CONFIG_MAPPING:
        raise ValueError(
            f"`backbone_config` has model_type {shown(model_type)}; it must be one of transformers, e.g. 'resnet'."
        )
    values = {name: value for name, value in fields.items() if name != "model_type"}
    check_backbone_numbers(values)
    check_are_settings(CONFIG_MAPPING[model_type], values)
    for name in ("dtype", "torch_dtype"):
        check_dtype(values.get(name), f"backbone_config.{name}")
    check_outputs(values, "backbone_config.")

    def build(values: dict[str, Any]) -> PreTrainedConfig:
        config: PreTrainedConfig = AutoConfig.for_model(model_type, **values)
        return config

    try:
        return build(values)
    except (ImportError, MemoryError, OSError):
        raise
    except Exception as error:  # of any kind: fields that the library does not check
        raise error_of_field(error, values, build, "backbone_config.") from error


def check_backbone_activation(config: Any) -> None:
    """Raises a `ValueError` for a frame encoder with an activation that transformers does not have."""
    for name in ("hidden_act", "hidden_activation", "activation_function"):
        value = getattr(config, name, None)
        if isinstance(value, str) and value not in ACT2FN:
            raise ValueError(
                f"`backbone_config.{name}` is {shown(value)}; it must be one of {', '.join(sorted(ACT2FN))}."
            )


def check_backbone_numbers(values: Any, where: str = "backbone_config") -> None:
    """Raises a `ValueError` for a number in the configuration of a frame encoder that none has."""
    if isinstance(values, (dict, list)):
        if len(values) > MAX_LABELS:
            raise ValueError(f"`{where}` has {len(values):,} values; at most {MAX_LABELS:,}.")
        for name, value in values.items() if isinstance(values, dict) else enumerate(values):
            check_backbone_numbers(value, f"{where}.{name}" if isinstance(values, dict) else where)
    elif isinstance(values, (int, float)) and not -MAX_BACKBONE_NUMBER <= values <= MAX_BACKBONE_NUMBER:
        raise ValueError(f"`{where}` has the number {shown(values)}; it must be at most {MAX_BACKBONE_NUMBER:,}.")


def check_backbone_layers(config: Any) -> None:
    """Raises a `ValueError` for a frame encoder with more layers than a model may have."""
    most = MOST["num_hidden_layers"]
    for name in LAYERS_OF_BACKBONES:
        value = getattr(config, name, None)
        each = value if isinstance(value, (list, tuple)) else [value]
        number = sum(layers for layers in each if isinstance(layers, int))
        if number > most:
            raise ValueError(f"`backbone_config.{name}` has {number:,} layers; a frame encoder has at most {most}.")


def backbone_weights(config: Any) -> int:
    """
    About how many weights a frame encoder has, by the fields that most of them have: stages of convolutions, or layers
    of attention over patches.
    """

    def field(name: str) -> Any:
        value = getattr(config, name, None)
        return value if isinstance(value, (int, list, tuple)) and value else 1

    def numbers(name: str) -> list[int]:
        value = field(name)
        return [
            number for number in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(number, int)
        ]

    stages = zip(numbers("hidden_sizes"), numbers("depths"), strict=False)
    convolutions = sum(depth * 18 * width**2 for width, depth in stages)
    width, layers = max(numbers("hidden_size")), max(numbers("num_hidden_layers"))
    attention = layers * (4 * width + 2 * max(numbers("intermediate_size"))) * width
    patches = (max(numbers("image_size")) // min(numbers("patch_size"))) ** 2 if hasattr(config, "patch_size") else 1
    return convolutions + attention + patches * width + 49 * max(numbers("embedding_size"))


def resnet18_to_stage3(**kwargs: Any) -> ResNetConfig:
    """A ResNet-18 without its last stage and classifier: stride 16 pixels, 256 channels (He et al., CVPR 2016)."""
    defaults: dict[str, Any] = {
        "layer_type": "basic",
        "embedding_size": 64,
        "hidden_sizes": [64, 128, 256],
        "depths": [2, 2, 2],
        "out_features": ["stage3"],
    }
    return ResNetConfig(**defaults | kwargs)
