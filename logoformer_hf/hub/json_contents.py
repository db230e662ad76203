"""Checks that JSON files of a model, before they are published, have what this package writes, and nothing else."""

import json
import math
import re
from collections.abc import Collection
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from transformers import CONFIG_MAPPING

from .._files import read_json_object
from ..configuration_logoformer import AUTO_MAP, LogoFormerConfig
from ..data.facts import DataFacts
from ..data.json_fields import check_fields, fields_of_class, shown, without_twins
from ..data.published import HumanScores
from ..data.trained_on import SeenClips
from ..evaluation.groups import GroupScores
from ..evaluation.predictions import FACTS_OF_ONE_RUN, RunInfo
from ..evaluation.published import PublishedResult
from ..evaluation.report import BesideRuns, OverSeeds, ProjectionNote, SeedReport, TestedClips
from ..image_reading_logoformer import first_line
from ..saved_settings_logoformer import FREE_NAMES, find_code_references
from ..video_processing_logoformer import LogoFormerVideoProcessor
from .cards import hub_repo
from .name_contents import MAX_NAME, check_text
from .result_contents import check_matrix_size, check_results

CONFIG_FILE, PROCESSOR_FILE = "config.json", "video_preprocessor_config.json"
RESULTS_FILE, REPORT_FILE = "eval_results.json", "report.json"
INDEX_FILE = "model.safetensors.index.json"
# References to code that a configuration of this package has, all of them to files beside it.
_REFERENCES = {
    CONFIG_FILE: AUTO_MAP,
    PROCESSOR_FILE: {"AutoVideoProcessor": "video_processing_logoformer.LogoFormerVideoProcessor"},
}
# A field that each file has; another file under its name lacks it.
_NEEDED = {
    CONFIG_FILE: "model_type",
    PROCESSOR_FILE: "video_processor_type",
    RESULTS_FILE: "test_uar",
    REPORT_FILE: "seeds",
    INDEX_FILE: "weight_map",
}
# Of a configuration that another version of transformers has written: without a text in them.
_OF_OTHER_VERSIONS = frozenset(
    (
        *("add_cross_attention", "bos_token_id", "cross_attention_hidden_size", "decoder_start_token_id"),
        *("eos_token_id", "finetuning_task", "is_decoder", "output_attentions", "pad_token_id", "prefix"),
        *("pruned_heads", "sep_token_id", "task_specific_params", "tf_legacy_loss", "tie_encoder_decoder"),
        *("tie_word_embeddings", "tokenizer_class", "torch_dtype", "torchscript", "use_bfloat16", "use_cache"),
    )
)
# Of a configuration that somebody has edited: how attention is computed, by names of the library.
_ATTENTION_FIELDS = ("attn_implementation", "_attn_implementation")
_ATTENTIONS = ("sdpa", "eager", "flash_attention_2", "flash_attention_3", "flex_attention")
_ALWAYS = ("auto_map", "model_type", "transformers_version", "torch_dtype")
# What other values than names of classes are: names of activations, stages, classes of Python, versions.
_WORD = re.compile(r"[\w.-]{0,200}")
# Numbers among the results: times and memory of `Trainer`, scores, losses and calibration.
_TIMES = "runtime|(?:samples|steps|tokens)_per_second|model_preparation_time|jit_compilation_time"
_SCORES = "uar|war|macro_f1|num_clips|views|cross_entropy|compact_loss|(?:ece|nll|brier|mean_score)(?:_calibrated)?"
_NUMBERS = re.compile(
    rf"epoch|(?:train|test)_(?:loss|{_TIMES})|test_(?:{_SCORES})|before_init_mem_[cg]pu"
    r"|(?:init|train|test)_mem_[cg]pu_(?:alloc|peaked)_delta"
)
# Losses of somebody's own `LogoFormerTrainer`, by names that say nothing else.
_OWN_LOSS = re.compile("test_[a-z_]{1,24}")
_MAX_OWN_LOSSES = 4
_RESULTS = {
    "test_recall": dict[str, float | None],
    "test_confusion_matrix": list[list[int]],
    "test_empty_classes": list[str],
    "score_temperature": float | None,
    "seen_clips": SeenClips,
    "clips_per_split": dict[str, int],
    "chosen_on_test_set": bool,
}
_INDEX = {"metadata": {"total_size": float, "total_parameters": int}, "weight_map": dict[str, str]}


def check_json(file: Path) -> None:
    """Raises a ValueError for JSON with other fields than this package writes, or a reference to other code."""
    values = read_json_object(file)
    check_is_plain(file)
    field = _NEEDED.get(file.name)
    if field is not None and field not in values:
        raise ValueError(f"it has no field {field!r}, which the file of this name has")
    if file.name in _REFERENCES:
        check_references(values, _REFERENCES[file.name])
    if file.name == CONFIG_FILE:
        own: Any = LogoFormerConfig
        check_names(values, names_of(own), "")
        check_architectures(values)
    elif file.name == PROCESSOR_FILE:
        check_names(values, names_of_processor(), "")
        check_processor(values)
    elif file.name == RESULTS_FILE:
        check_fields(values, numbers_among(values) | _RESULTS)
        check_results(values)
    elif file.name == REPORT_FILE:
        check_fields(values, fields_of_report())
    elif file.name == INDEX_FILE:
        check_fields(values, _INDEX)


def numbers_among(results: Collection[str]) -> dict[str, Any]:
    """Names of numbers among those of results, with their types: those of this package, and a few losses besides."""
    known = [name for name in results if _NUMBERS.fullmatch(name)]
    own = [name for name in results if name not in known and name not in _RESULTS and _OWN_LOSS.fullmatch(name)]
    return dict.fromkeys([*known, *own[:_MAX_OWN_LOSSES]], float | None)


def check_classes(file: Path, names: Collection[str]) -> None:
    """
    Checks that results are those of a model with these classes.

    Args:
        file: `eval_results.json` or `report.json`.
        names: of the classes.

    Raises:
        ValueError: a name in it is that of no class, or its confusion matrix has another number of them; the message
            names the file.
    """
    values = read_json_object(file)
    for field in ("test_recall", "test_empty_classes", "label_names"):
        if strange := [name for name in values.get(field) or () if name not in names]:
            raise ValueError(f"{file}: `{field}` has {shown(strange[0])}, which is no class of the model.")
    try:
        check_matrix_size(values, names)
    except ValueError as error:
        raise ValueError(f"{file}: {error}.") from error


def check_processor(values: dict[str, Any]) -> None:
    """Raises a ValueError for settings of another class than this package's, or settings that give no pixels."""
    kind = values["video_processor_type"]
    if kind != LogoFormerVideoProcessor.__name__:
        raise ValueError(f"`video_processor_type` is {shown(kind)}; it must be {LogoFormerVideoProcessor.__name__!r}")
    try:
        LogoFormerVideoProcessor.from_dict(values)
    except Exception as error:  # of many kinds, for values that the library does not check
        raise ValueError(f"its settings cannot be used: {first_line(error)}") from error


def check_is_plain(file: Path) -> None:
    """Raises a ValueError for JSON in which a field is there twice, or a number is infinite or NaN."""
    json.loads(
        file.read_text(encoding="utf-8"),
        object_pairs_hook=without_twins,
        parse_float=finite_number,
        parse_constant=finite_number,
    )


def finite_number(text: str) -> float:
    """The number that a text says. Raises a ValueError for one that is infinite or NaN, which JSON does not have."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"it has the number {text[:60]}, and JSON has none that is infinite or NaN")
    return number


def check_references(values: dict[str, Any], own: dict[str, str]) -> None:
    """Raises a ValueError for a reference to code that is not among the own ones."""
    known = [("auto_map", *pair) for pair in own.items()]
    for where, value in find_code_references(values):
        if (*where, value) not in known:
            raise ValueError(
                f"`{'.'.join(where)}` is {value!r}, a reference to code that is not this model's; load the model with "
                "this package and save it again, which drops it"
            )


def check_names(values: dict[str, Any], known: frozenset[str], where: str) -> None:
    """
    Checks the fields of a configuration or of a processor; its class checks their values.

    Args:
        values: of the file, or of the frame encoder in it.
        known: names of its fields.
        where: path of the fields, for the message; with a dot at its end.

    Raises:
        ValueError: a field that its class does not have, or a text that is no name.
    """
    for name, value in values.items():
        if name == "backbone_config" and isinstance(value, dict):
            kind: Any = CONFIG_MAPPING[value["model_type"]] if value.get("model_type") in CONFIG_MAPPING else None
            check_names(value, frozenset() if kind is None else names_of(kind), "backbone_config.")
        elif name == "_name_or_path" and value not in ("", None):
            if not isinstance(value, str) or hub_repo(value) is None:
                raise ValueError(f"`{where}{name}` is {shown(value)}, a place on this machine")
        elif name in _ATTENTION_FIELDS and (value is None or value in _ATTENTIONS):
            continue
        elif name in _OF_OTHER_VERSIONS and not isinstance(value, str):
            check_words(value, where + name)
        elif name not in known:
            raise ValueError(
                f"it has the field `{where}{name[:100]}`, which its class does not have; load the model with this "
                "package, delete the attribute from its configuration and save it again"
            )
        elif name not in FREE_NAMES:
            check_words(value, where + name)
    labels, inverse = values.get("id2label"), values.get("label2id")
    if labels is not None:
        check_labels(labels, f"{where}id2label")
    if labels is not None and inverse is not None:
        numbers = {name: int(number) for number, name in labels.items()} if all(map(str.isdigit, labels)) else None
        if inverse != numbers:
            raise ValueError(
                f"`{where}label2id` has not the names and numbers of `{where}id2label`; load the model with this "
                f"package, set `config.{where}label2id = {{name: number for number, name in "
                f"config.{where}id2label.items()}}` and save it again"
            )


def check_labels(labels: Any, where: str) -> None:
    """Raises a ValueError for names of classes that are none, as the names of classes in shards are checked."""
    check_fields(labels, dict[str, str], where)
    for number, name in labels.items():
        try:
            check_text(name, MAX_NAME)
            if not name.strip():
                raise ValueError("empty")
        except ValueError as error:
            raise ValueError(f"`{where}`: the name of class {number[:20]} is {error}") from error


def check_words(value: Any, where: str) -> None:
    """Raises a ValueError for a value with a text that is no word, as the names of activations and classes are."""
    if isinstance(value, dict):
        for name, each in value.items():
            check_words(name, where)
            check_words(each, where)
    elif isinstance(value, list):
        for each in value:
            check_words(each, where)
    elif isinstance(value, str) and not _WORD.fullmatch(value):
        raise ValueError(f"`{where}` has the text {shown(value)}, and not a name in one word")


def check_architectures(values: dict[str, Any]) -> None:
    """Raises a ValueError for a configuration of another class than this package's."""
    check_fields(values.get("architectures"), list[str] | None, "architectures")
    strange = {*(values.get("architectures") or ())} - {each.rpartition(".")[2] for each in AUTO_MAP.values()}
    if strange:
        raise ValueError(f"`architectures` has {min(strange)[:100]!r}, which is no class of this package")


@cache
def names_of(kind: Any) -> frozenset[str]:
    """Names of the fields of a class of configurations."""
    declared = {field.name for field in fields(kind)} if is_dataclass(kind) else set()
    return frozenset({*declared, *kind().to_dict(), *_ALWAYS, *FREE_NAMES})


@cache
def names_of_processor() -> frozenset[str]:
    """Names of the settings of the processor."""
    options = LogoFormerVideoProcessor.valid_kwargs.__annotations__
    return frozenset({*options, *LogoFormerVideoProcessor().to_dict(), "auto_map", "processor_class"})


@cache
def fields_of_report() -> dict[str, Any]:
    """The fields of `report.json`, see `Report.to_json`."""
    facts = {**fields_of_class(RunInfo), **fields_of_class(DataFacts)}
    return {name: kind for name, kind in facts.items() if name not in ("data", *FACTS_OF_ONE_RUN)} | {
        "version": int,
        "chosen_on_test_set": bool,
        "seen_clips": SeenClips | None,
        "folds": list[int | None],
        "complete": bool,
        "clips": TestedClips,
        "seeds": list[SeedReport],
        "over_seeds": OverSeeds | None,
        "projection": ProjectionNote,
        "beside": BesideRuns | None,
        "published": list[PublishedResult],
        "groups": list[GroupScores],
        "human": HumanScores | None,
    }
