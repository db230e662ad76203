"""
Settings of saved models and processors, which may be somebody else's: no code of others is named in them, and whatever
is wrong with a file is said with its name and the field.
"""

import inspect
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HFValidationError, StrictDataclassError
from transformers import PreTrainedConfig
from transformers.image_utils import ChannelDimension, PILImageResampling
from transformers.utils import TensorType

CONFIG_FILES = ("config.json",)
# Of a processor, by the library's order: the first is looked at for a field `video_processor` alone.
PROCESSOR_FILES = ("processor_config.json", "video_preprocessor_config.json", "preprocessor_config.json")

# Fields of a configuration whose values name code that transformers downloads and runs: classes and pipelines.
CODE_FIELDS = ("auto_map", "custom_pipelines")
# In a text, what divides a repository from the code in it: `owner/name--file.Class`, with or without blanks.
OTHER_REPOSITORY = "--"
# Names of classes and of the folder, which people choose and no code is loaded by.
FREE_NAMES = ("id2label", "label2id", "_name_or_path")
# Fields that choose an attention or experts by a name. Other names than words are kernels on the Hub, code of others.
IMPLEMENTATIONS = (
    *("attn_implementation", "_attn_implementation", "_attn_implementation_internal"),
    *("experts_implementation", "_experts_implementation", "_experts_implementation_internal"),
)

# Attributes of the classes that tell the library how to treat others: no settings, though the library would set them.
CLASS_FIELDS = ("attribute_map", "sub_configs", "sub_configs_defaults", "valid_kwargs")

MAX_DEPTH = 20  # of fields in fields; a frame encoder's labels are three deep
TOO_DEEP = f"its fields are nested without end; those of a model are at most {MAX_DEPTH} deep."

# The most that a processor may ask for; far more than any model takes.
MAX_FRAMES = 1_024
MAX_SIDE_PX = 4_096
# Of means, deviations and factors: outside of these, pixels of float32 may become infinite.
MIN_NUMBER, MAX_NUMBER = 1e-6, 1e6
MAX_CLIP_VALUES = 2**27  # pixel values of a clip, 512 MiB; the base model takes 602,112

# The sides by which frames can be resized and cropped, of all that the library knows.
RESIZE_SIDES = (
    *({"shortest_edge"}, {"shortest_edge", "longest_edge"}, {"height", "width"}, {"max_height", "max_width"}),
)
CROP_SIDES = ({"height", "width"},)
FILTERS = (0, 1, 2, 3)  # of PIL, by which torchvision resizes: nearest, Lanczos, bilinear, bicubic
# What each step of the processor needs.
NEEDS = {
    "do_resize": ("size", "resample"),
    "do_center_crop": ("crop_size",),
    "do_rescale": ("rescale_factor",),
    "do_normalize": ("image_mean", "image_std"),
    "do_sample_frames": ("num_frames", "frames_per_segment"),
}


def find_code_references(values: Any, where: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """
    The fields of a configuration, nested ones too, that name code: `auto_map`, `custom_pipelines`, kernels, and every
    text with a reference to another repository.

    Yields:
        path of the field, and its value.
    """
    if isinstance(values, dict):
        for name, value in values.items():
            inner = (*where, str(name))
            is_code = name in CODE_FIELDS or (where and where[-1] in CODE_FIELDS)
            if (name in IMPLEMENTATIONS and not is_word(value)) or (
                is_code and not (name in CODE_FIELDS and isinstance(value, dict))
            ):
                yield inner, value
            elif name not in FREE_NAMES:
                yield from find_code_references(value, inner)
    elif isinstance(values, (list, tuple)):
        for number, value in enumerate(values):
            yield from find_code_references(value, (*where, str(number)))
    elif isinstance(values, str) and OTHER_REPOSITORY in values:
        yield where, values


def drop_code_references(config: Any) -> None:
    """
    Removes the references to code from a configuration or a processor in place, and from the configurations in it.

    A model of somebody else may carry some, and whatever is saved from it would carry them on. Those to the code of
    this model, which lies beside its weights, are written again when it is saved.
    """
    for name, value in list(vars(config).items()):
        if hasattr(value, "to_dict"):
            drop_code_references(value)
        elif name in CODE_FIELDS or any(find_code_references({name: value})):
            delattr(config, name)


def check_implementations(values: Any, depth: int = 0) -> None:
    """
    Checks that no field of a configuration, nested ones too, names kernels on the Hub, which are code of others.

    Raises:
        ValueError: one does, or fields are nested without end; the message names it.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"its fields are nested more than {MAX_DEPTH} deep, as those of no model are.")
    if isinstance(values, (list, tuple)):
        values = dict(enumerate(values))
    elif isinstance(values, PreTrainedConfig):
        values = vars(values)
    if not isinstance(values, dict):
        return
    for name, value in values.items():
        if name in IMPLEMENTATIONS and not is_word(value):
            raise ValueError(
                f"`{name}` is {repr(value)[:200]}; it must be a name of transformers, e.g. 'sdpa' or 'eager'. Kernels "
                "of the Hub are code of others: whoever wants one names it with `model.set_attn_implementation`."
            )
        check_implementations(value, depth + 1)


def is_word(value: Any) -> bool:
    """Whether this is the name of an implementation in one word, a name for each part of a model, or None."""
    if isinstance(value, dict):
        return all(is_word(name) for name in value.values())
    return value is None or (isinstance(value, str) and re.fullmatch(r"[\w-]+", value) is not None)


@contextmanager
def errors_of_file(name_or_path: Any, names: Sequence[str], /, **options: Any) -> Iterator[None]:
    """
    What is raised for the settings of a saved model becomes a `ValueError` that begins with the name of their file. An
    `OSError`, as for a file that is not there, stays one; missing libraries and memory are no fault of a file.

    Args:
        name_or_path: folder, file, or name on the Hub; None or an empty text for settings that are from no file.
        names: of the files that may hold the settings.
        options: of `from_pretrained`; `subfolder`, `cache_dir` and `revision` say where the file is.
    """
    try:
        yield
    except (ImportError, MemoryError):
        raise
    except Exception as error:  # of any kind: the library takes a file for what it expects
        shown, file = place_of_settings(name_or_path, names, **options)
        fault = None if file is None else fault_of_file(file)
        is_named = isinstance(error, ValueError) and shown and shown in str(error)
        if fault is None and (isinstance(error, OSError) or is_named):
            raise
        kind = OSError if isinstance(error, OSError) else ValueError
        raise kind(f"{shown}: {fault or reason_of(error)}".removeprefix(": ")) from error


def place_of_settings(
    name_or_path: Any,
    names: Sequence[str],
    /,
    subfolder: str | None = None,
    cache_dir: Any = None,
    revision: str | None = None,
    **_: Any,
) -> tuple[str, Path | None]:
    """The file with the settings of a model, as it is named in a message, and where it can be read, if at all."""
    if not name_or_path:
        return "", None
    place = Path(str(name_or_path))
    if place.is_file():
        return str(place), place
    folder = place / (subfolder or "")
    files = {name: folder / name for name in names}
    if not place.is_dir():
        for name in names:
            try:
                cached = try_to_load_from_cache(
                    str(name_or_path), f"{subfolder or ''}/{name}".lstrip("/"), cache_dir=cache_dir, revision=revision
                )
            except HFValidationError:  # no name of a repository
                break
            if isinstance(cached, str):
                files[name] = Path(cached)
    for name, file in files.items():
        if file.is_file() and (name != "processor_config.json" or has_video_processor(file)):
            return str(folder / name), file
    return str(folder / names[-1 if len(names) == 1 else 1]), None


def has_video_processor(file: Path) -> bool:
    """Whether the library takes the settings of a video processor from this file, or breaks down on it."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return True
    return not isinstance(values, dict) or "video_processor" in values


def fault_of_file(file: Path) -> str | None:
    """Why a file holds no settings at all; None where it holds fields with values."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if file.name == "processor_config.json" and isinstance(values, dict):
            values = values["video_processor"]
    except (OSError, KeyError):
        return None
    except UnicodeDecodeError as error:
        return f"it is no text in UTF-8: byte {error.start} is none."
    except json.JSONDecodeError as error:
        return f"it is not JSON: {error}."
    except ValueError:
        return "it has a number of more digits than Python reads; settings are far smaller numbers."
    except RecursionError:
        return TOO_DEEP
    if isinstance(values, dict):
        return None
    return (
        f"it holds {shown(values)}; it must hold an object, fields with their values, as `save_pretrained` writes it."
    )


def reason_of(error: BaseException) -> str:
    """What an error says, in one line; its class, too, where it is none that speaks of values."""
    if isinstance(error, StrictDataclassError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, RecursionError):
        return TOO_DEEP
    text = " ".join(str(error).split()).partition(" Errors: ")[0]
    text = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", text)[:600]
    return text if text and isinstance(error, (ValueError, TypeError)) else f"{type(error).__name__} {text}".rstrip()


def error_of_field(
    error: Exception, values: Mapping[str, Any], build: Callable[[dict[str, Any]], Any], where: str = ""
) -> ValueError:
    """
    The error with the name of the field that it is about, which errors of libraries often lack: the one without which
    there is none.

    Args:
        error: raised by `build(values)`.
        values: fields.
        build: makes something of fields.
        where: path of the fields, with a dot at its end.
    """
    reason = reason_of(error)
    if any(f"{quote}{where}{name}" in reason for name in values for quote in "`'"):
        return ValueError(reason)
    for name in values:
        try:
            build({each: value for each, value in values.items() if each != name})
        except Exception:  # another field is at fault, or this one is needed
            continue
        return ValueError(
            f"`{where}{name}` is {shown(values[name])}, which cannot be used ({reason}); without it, its default is "
            "taken."
        )
    return ValueError(f"`{where.rstrip('.')}` cannot be used: {reason}" if where else reason)


def shown(value: Any) -> str:
    """A value in a message, cut off where it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python does not write numbers of more than 4,300 digits
        text = "a number of thousands of digits"
    return text if len(text) <= 80 else f"{text[:80]}..."


def check_are_settings(kind: type, names: Iterable[str]) -> None:
    """Raises a `ValueError` for a field by whose name a method or something else of the class would be replaced."""
    for name in names:
        found = inspect.getattr_static(kind, name, None)
        is_fixed = callable(found) or isinstance(found, (classmethod, staticmethod)) or name.startswith("__")
        if is_fixed or name in CLASS_FIELDS or (isinstance(found, property) and found.fset is None):
            raise ValueError(f"`{name}` is no setting, but a part of the class {kind.__name__}; leave it out.")


def check_dtype(value: Any, name: str) -> None:
    """Raises a `ValueError` for a text that names no type of weights."""
    kind = getattr(torch, value, None) if isinstance(value, str) else value
    if kind is None and value is None:
        return
    if not isinstance(kind, torch.dtype) or not kind.is_floating_point or kind.itemsize < 2:
        raise ValueError(f"`{name}` is {shown(value)}; it must be 'float32', 'float64', 'float16' or 'bfloat16'.")


def check_model_type(value: Any) -> None:
    """Raises a `ValueError` for a kind of model that is no text, by which the library looks up how to load weights."""
    if not isinstance(value, str):
        raise ValueError(f"`model_type` is {shown(value)}; it must be a text, for this model 'logoformer'.")


def check_outputs(values: Mapping[str, Any], where: str = "") -> None:
    """Raises a `ValueError` for fields on the outputs of a model and on its division that the library cannot take."""
    for name in ("output_attentions", "output_hidden_states", "return_dict"):
        if values.get(name) is not None and not isinstance(values[name], bool):
            raise ValueError(f"`{where}{name}` is {shown(values[name])}; it must be true or false.")
    if where and values.get("return_dict") not in (None, True):
        raise ValueError(f"`{where}return_dict` is false; the outputs of a frame encoder are read by their names.")
    for name in ("tp", "pp", "ep", "fsdp"):
        plan = values.get(f"base_model_{name}_plan")
        if plan is not None and not isinstance(plan, dict):
            raise ValueError(f"`{where}base_model_{name}_plan` is {shown(plan)}; it must be an object.")


def check_weights_of(values: Mapping[str, Any]) -> None:
    """Raises a `ValueError` for fields on the file of the weights that the library cannot read."""
    file, quantisation = values.get("transformers_weights"), values.get("quantization_config")
    if file is not None and not (isinstance(file, str) and file.endswith((".safetensors", ".safetensors.index.json"))):
        raise ValueError(f"`transformers_weights` is {shown(file)}; it must be the name of a file of safetensors.")
    if quantisation is None or hasattr(quantisation, "to_dict"):
        return
    if not isinstance(quantisation, dict) or not isinstance(quantisation.get("quant_method"), str):
        raise ValueError(
            f"`quantization_config` is {shown(quantisation)}; it must be an object with `quant_method`, the name of a "
            "method of transformers."
        )


def check_sizes(settings: Mapping[str, Any]) -> None:
    """Raises a `ValueError` for a size that is neither a number nor two, nor has sides by their names."""
    for name in ("size", "crop_size"):
        value = settings.get(name)
        is_pair = isinstance(value, (list, tuple)) and len(value) == 2
        if isinstance(value, (str, float)) or (isinstance(value, (list, tuple)) and not is_pair):
            raise ValueError(
                f"`{name}` is {shown(value)}; it must be an int, two ints (height, width), or an object with names "
                "of the sides."
            )


def check_steps(processor: Any) -> None:
    """
    Checks the settings by which a `LogoFormerVideoProcessor` would break down on its first clip.

    Raises:
        ValueError: a setting that the library does not have, or one that a step needs is missing; the message names
            the field.
    """
    settings = {name: getattr(processor, name, None) for name in processor.valid_kwargs.__annotations__}
    for name, value in settings.items():
        is_step = name.startswith("do_") or name in ("default_to_square", "return_metadata", "safe_decode")
        if is_step and value is not None and value not in (True, False):
            raise ValueError(f"`{name}` is {shown(value)}; it must be true or false.")
    for step, needed in NEEDS.items():
        for name in needed:
            if settings[step] and settings[name] is None:
                raise ValueError(f"`{name}` is null, which `{step}` needs; give a value, or set `{step}` to false.")
    for name, sides in (("size", RESIZE_SIDES), ("crop_size", CROP_SIDES)):
        given = {side for side, value in dict(settings[name] or {}).items() if value is not None}
        if given and given not in sides:
            accepted = " or ".join("+".join(sorted(each)) for each in sides)
            raise ValueError(f"`{name}` has the sides {', '.join(sorted(given))}; it must have {accepted}.")
    size = dict(settings["size"] or {})
    if (size.get("longest_edge") or math.inf) < (size.get("shortest_edge") or 0):
        raise ValueError("`size` has a `longest_edge` of less than its `shortest_edge`.")
    if settings["resample"] not in (None, *FILTERS):
        raise ValueError(f"`resample` is {shown(settings['resample'])}; it must be a number of PIL's filters, 0 to 3.")
    for name, kind, accepted in (
        ("fps", type(None), "null: LOGO-Former samples clips by segments, `num_frames` of them all"),
        ("generator", torch.Generator, "null in a file, a `torch.Generator` in Python"),
    ):
        if settings[name] is not None and not isinstance(settings[name], kind):
            raise ValueError(f"`{name}` is {shown(settings[name])}; it must be {accepted}.")
    for name, choices in (("input_data_format", ChannelDimension), ("return_tensors", TensorType)):
        names = [choice.value for choice in choices]
        if settings[name] not in (None, *names):
            raise ValueError(f"`{name}` is {shown(settings[name])}; it must be one of {', '.join(names)}.")
    if not is_device(settings["device"]):
        raise ValueError(
            f"`device` is {shown(settings['device'])}; it must be the name of a device, e.g. cpu or cuda."
        )


def is_device(value: Any) -> bool:
    """Whether torch has a device of this name, which computes; None is the one where the frames are."""
    if value is None or isinstance(value, torch.device):
        return True
    try:
        return isinstance(value, str) and torch.device(value).type != "meta"
    except RuntimeError:
        return False


def check_settings(processor: Any) -> None:
    """
    Checks the settings of a processor, which may be from somebody else.

    Raises:
        ValueError: a number that gives no pixels, or more than a memory holds; the message names the field.
    """
    check_normalisation(*(getattr(processor, name, None) for name in ("image_mean", "image_std", "rescale_factor")))
    numbers: dict[str, Any] = {name: getattr(processor, name, None) for name in ("num_frames", "frames_per_segment")}
    for field in ("size", "crop_size"):
        numbers |= {f"{field}.{side}": value for side, value in dict(getattr(processor, field, None) or {}).items()}
    numbers = {name: value for name, value in numbers.items() if value is not None}
    for name, value in numbers.items():
        most = MAX_SIDE_PX if "size" in name else MAX_FRAMES
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise ValueError(f"`{name}` is {shown(value)}; it must be an int from 1 to {most:,}.")
    resample = getattr(processor, "resample", None)
    if resample is not None and resample not in list(PILImageResampling):
        raise ValueError(f"`resample` is {shown(resample)}; it must be a number of PIL's filters, 0 to 5.")
    side = max((value for name, value in numbers.items() if name.startswith("crop_size.")), default=1)
    if numbers.get("num_frames", 1) * 3 * side**2 > MAX_CLIP_VALUES:
        raise ValueError(
            f"`num_frames` {processor.num_frames} and `crop_size` {side} give more than {MAX_CLIP_VALUES:,} values of "
            "a clip."
        )


def check_normalisation(image_mean: Any, image_std: Any, rescale_factor: Any) -> None:
    """Raises a `ValueError` for numbers by which pixels become infinite or NaN."""
    for name, value, least in (("image_mean", image_mean, -MAX_NUMBER), ("image_std", image_std, MIN_NUMBER)):
        numbers = value if isinstance(value, (list, tuple)) else [value]
        if value is None:
            continue
        if len(numbers) not in (1, 3) or not all(is_number(number, least) for number in numbers):
            raise ValueError(
                f"`{name}` is {shown(value)}; it must be a finite number from {least:g} to {MAX_NUMBER:g}, or one "
                "for each of 3 channels; a deviation of 0 is none."
            )
    if rescale_factor is not None and not is_number(rescale_factor, MIN_NUMBER):
        raise ValueError(
            f"`rescale_factor` is {shown(rescale_factor)}; it must be a finite number from {MIN_NUMBER:g} to "
            f"{MAX_NUMBER:g}."
        )


def is_number(value: Any, least: float) -> bool:
    """Whether this is a finite number from `least` to `MAX_NUMBER`."""
    is_real = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_real and least <= value <= MAX_NUMBER
