"""Exports: written by the command, run by `--runtime`, for other batches, frames and sizes than the examples'."""

import base64
import importlib.util
import json
import shutil
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from errors import raises_naming
from paths import HUB_CARD
from scripted_footage import push_all, times_at
from toys import save_model, toy_config, toy_model

from logoformer_hf import LogoFormerForVideoClassification
from logoformer_hf.cli import main
from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.evaluation.predictions import read_predictions
from logoformer_hf.export.arguments import ExportArguments
from logoformer_hf.export.command import check_folder, export_model
from logoformer_hf.export.folder import remove_export
from logoformer_hf.export.graphs import GRAPHS, example, prepare, trace
from logoformer_hf.export.runtimes import ExportedModel, load_torch_export
from logoformer_hf.timeline.recognizer import ExpressionRecognizer
from logoformer_hf.training.evaluate import evaluate_model
from logoformer_hf.training.evaluation_arguments import EvaluationArguments

# batch, frames, height, width: more and fewer than in the examples, one of each, windows that do not divide
SIZES = [(1, 4, 48, 48), (3, 9, 80, 33), (1, 1, 16, 16), (2, 16, 64, 112)]


def clips_of(batch_size, num_frames, height, width):
    return torch.rand(batch_size, num_frames, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    """A model with logits that differ from clip to clip."""
    folder = tmp_path_factory.mktemp("model")
    model = save_model(folder, toy_config(num_hidden_layers=1))
    with torch.no_grad():
        model.classifier.weight.mul_(20)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def clips(ferv39k_tree, tmp_path_factory):
    """Arguments of a data set of few clips."""
    return {"dataset": "ferv39k", "data_dir": str(ferv39k_tree), "cache_dir": str(tmp_path_factory.mktemp("cache"))}


@pytest.fixture(scope="module")
def exported(model_folder, clips, tmp_path_factory):
    """An export to ONNX by the command."""
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name, reason=f"{name} is not installed: the extra onnx has it")
    folder = tmp_path_factory.mktemp("exported") / "onnx"
    settings = {"format": "onnx", "output_dir": str(folder), "compare_clips": "5", **clips}
    main(["export", str(model_folder), *(option for name in settings for option in (f"--{name}", settings[name]))])
    return folder


def check_agrees(exported_model, model, atol=1e-5, sizes=SIZES):
    for size in sizes:
        pixel_values = clips_of(*size)
        with torch.inference_mode():
            expected = model(pixel_values=pixel_values)
            whole = exported_model(pixel_values=pixel_values)
            tokens = exported_model.encode_frames(pixel_values)
            assert tokens.shape == model.encode_frames(pixel_values).shape
            pair = exported_model(inputs_embeds=tokens)
        for found in (whole, pair):
            torch.testing.assert_close(found.logits, expected.logits, rtol=1e-5, atol=atol)
            torch.testing.assert_close(found.embedding, expected.embedding, rtol=1e-5, atol=atol)


def trained(model_folder):
    return LogoFormerForVideoClassification.from_pretrained(model_folder).eval()


def test_onnx_gives_the_same_for_other_batches_frames_and_sizes(exported, model_folder):
    check_agrees(ExportedModel(exported, "onnx"), trained(model_folder))


def test_what_was_measured_is_beside_the_files(exported):
    written = json.loads((exported / "export.json").read_text())
    agreement = written["agreement"]
    assert (agreement["num_clips"], agreement["same_label"]) == (5, 1.0)
    assert 0 <= agreement["max_difference"] < 1e-5 < agreement["max_logit"]
    assert agreement["uar"]["model"] == agreement["uar"]["exported"]
    assert set(written["files"]) == {f"{name}.onnx" for name in GRAPHS}
    assert written["versions"]["torch"] == torch.__version__.partition("+")[0]


def test_the_file_alone_names_inputs_outputs_and_axes(exported):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(exported / "model.onnx"))
    [given] = session.get_inputs()
    assert (given.name, given.shape) == ("pixel_values", ["batch", "frames", 3, "image_height", "image_width"])
    assert [output.name for output in session.get_outputs()] == ["logits", "embedding"]


def test_footage_is_read_by_it_as_by_the_model(exported, model_folder):
    """Also one window and several in a batch."""
    windows = [
        push_all(ExpressionRecognizer(model, detector="none", device="cpu", runtime=runtime).open(), times_at(10, 3))
        for model, runtime in ((model_folder, "torch"), (exported, "onnx"))
    ]
    assert len(windows[0]) == len(windows[1]) > 3
    for plain, found in zip(*windows, strict=True):
        assert list(found.scores) == list(plain.scores)
        np.testing.assert_allclose(list(found.scores.values()), list(plain.scores.values()), atol=1e-5)


@pytest.mark.parametrize("views", [1, 4])
def test_evaluation_by_it_gives_the_same_predictions(exported, model_folder, clips, tmp_path, views):
    for model, runtime in ((model_folder, "torch"), (exported, "onnx")):
        labels = ["fear", "happy", "sad"]  # other classes in another order
        shared = {"num_workers": 0, "use_cpu": True, "test_views": views}
        args = EvaluationArguments(str(model), str(tmp_path / runtime), runtime=runtime, **shared)
        evaluate_model(args, SourceArguments(**clips, labels=labels))
    plain, found = (read_predictions(tmp_path / runtime / "predictions.parquet") for runtime in ("torch", "onnx"))
    assert plain.clip_ids == found.clip_ids and plain.scores.shape[1] == 3
    np.testing.assert_allclose(found.scores, plain.scores, atol=1e-5)
    np.testing.assert_allclose(found.embeddings, plain.embeddings, atol=1e-5)


def test_the_handler_runs_it(exported, model_folder, write_video, tmp_path, monkeypatch):
    shutil.copytree(exported, tmp_path / "onnx")
    video = write_video(tmp_path / "clip.mp4", 20)
    spec = importlib.util.spec_from_file_location("handler", HUB_CARD / "handler.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv("LOGOFORMER_SAFE_DECODE", "0")
    request = {"inputs": base64.b64encode(video.read_bytes()).decode(), "parameters": {"faces": False}}
    expected = {each["label"]: each["score"] for each in module.EndpointHandler(str(model_folder))(request)}
    monkeypatch.setenv("LOGOFORMER_RUNTIME", "onnx")
    found = {each["label"]: each["score"] for each in module.EndpointHandler(str(tmp_path))(request)}
    assert found == pytest.approx(expected, abs=1e-5) and max(expected.values()) > 0.2
    monkeypatch.setenv("LOGOFORMER_RUNTIME", "onxx")
    with raises_naming(ValueError, "LOGOFORMER_RUNTIME", "onxx", "openvino"):
        module.EndpointHandler(str(tmp_path))


@pytest.mark.parametrize("runtime", ["openvino", "torch-export"])
def test_another_runtime_is_refused(exported, runtime):
    with raises_naming(ValueError, str(exported), "--runtime onnx"):
        ExportedModel(exported, runtime)


def test_a_model_that_is_no_export_is_refused(model_folder):
    with raises_naming(ValueError, str(model_folder), "export.json", "logoformer export"):
        ExpressionRecognizer(model_folder, detector="none", runtime="onnx")


def test_a_file_that_is_missing_is_named(exported, tmp_path):
    shutil.copy(exported / "export.json", tmp_path)
    with raises_naming(ValueError, str(tmp_path), "model.onnx"):
        ExportedModel(tmp_path, "onnx")


def test_a_device_is_refused(exported):
    with raises_naming(ValueError, "cuda", "onnx"):
        ExpressionRecognizer(exported, detector="none", device="cuda", runtime="onnx")


@pytest.mark.parametrize(
    ("form", "precision", "words"),
    [("onnx", "bf16", ["bf16", "float32 or int8"]), ("torch-export", "int8", ["int8", "float32 or bf16"])],
)
def test_a_precision_that_a_format_lacks_is_named(form, precision, words, model_folder, tmp_path):
    with raises_naming(ValueError, "--precision", *words):
        export_model(str(model_folder), ExportArguments(form, str(tmp_path / "x"), precision), SourceArguments())


def test_an_export_that_was_interrupted_is_made_anew_and_does_not_run(exported, tmp_path):
    shutil.copy(exported / "model.onnx", tmp_path)
    for name in (".model.onnx", ".prepared-model.onnx", ".partial-export.json"):  # of a kill
        (tmp_path / name).touch()
    with raises_naming(ValueError, str(tmp_path), "export.json"):
        ExportedModel(tmp_path, "onnx")
    check_folder(tmp_path)
    remove_export(tmp_path)
    assert not tmp_path.exists()


def test_what_a_graph_of_torch_does_not_take_is_said(tmp_path):
    """torch.export puts checks of sizes into a program."""

    class Twice(torch.nn.Module):
        def forward(self, value):
            rows, sides = value.shape
            return (2 * value if rows // 2 > 0 and sides // 3 > 0 else value,)

    axes = dict.fromkeys((0, 1), torch.export.Dim.DYNAMIC)
    program = torch.export.export(Twice(), (torch.ones(4, 3),), dynamic_shapes=(axes,), strict=False)
    file = tmp_path / "model.pt2"
    torch.export.save(program, file)
    run = load_torch_export(file, "float32")
    assert run(torch.ones(3, 3))[0].tolist() == [[2.0] * 3] * 3  # (3, 3)
    assert run(torch.ones(1, 4))[0].tolist() == [[2.0] * 4]  # one clip, which the program does not take alone
    with raises_naming(ValueError, str(file), "(3, 2)", "larger than one window", "--format onnx"):
        run(torch.ones(3, 2))


@pytest.mark.parametrize(
    "changes", [{}, {"window_size": (16, 4, 4)}, {"summary_size": (32, 8, 5)}, {"feature_stride": 8}]
)
def test_an_example_is_larger_than_a_window(changes):
    """Otherwise their number would be a fixed one in the graph."""
    config = toy_config(num_hidden_layers=1, **changes)
    tokens = example(LogoFormerForVideoClassification(config), "clip_encoder", torch.float32)
    height, width = tokens.shape[2:4]
    sizes = [config.window_size, config.summary_size or config.window_size]
    assert height > max(size[1] for size in sizes) and width > max(size[2] for size in sizes) and height != width


def test_files_of_others_are_never_removed(exported, tmp_path):
    shutil.copytree(exported, tmp_path / "x")
    for name in ("thesis.docx", "trained_on.parquet"):
        (tmp_path / "x" / name).touch()
    check_folder(tmp_path / "x")
    remove_export(tmp_path / "x")
    assert [file.name for file in (tmp_path / "x").iterdir()] == ["thesis.docx"]
    (tmp_path / "x" / "model.onnx").touch()  # of something else
    with raises_naming(ValueError, "--output_dir", str(tmp_path / "x")):
        check_folder(tmp_path / "x")


def test_a_file_that_is_not_the_one_exported_is_named(exported, tmp_path):
    shutil.copytree(exported, tmp_path / "x")
    shutil.copy(exported / "frame_encoder.onnx", tmp_path / "x" / "clip_encoder.onnx")
    with raises_naming(ValueError, "clip_encoder.onnx", "not the file that was exported"):
        ExportedModel(tmp_path / "x", "onnx")


def test_nothing_else_is_overwritten(model_folder):
    with raises_naming(ValueError, "--output_dir", str(model_folder)):
        export_model(str(model_folder), ExportArguments("torch-export", str(model_folder)), SourceArguments())
    assert (model_folder / "model.safetensors").is_file()


@pytest.mark.slow
def test_a_graph_of_torch_is_for_every_grid():
    """The same graphs that the other formats are made of, without their libraries."""
    model = toy_model(num_hidden_layers=1)
    program, _ = trace(prepare(model), "model")
    run = program.module()
    with torch.inference_mode():
        for size in SIZES:
            if min(size[2:]) <= model.config.feature_stride:
                continue  # torch.export keeps a guard: two tokens a side at least
            pixel_values = clips_of(*size)
            logits, embedding = run(pixel_values)
            expected = model(pixel_values=pixel_values)
            torch.testing.assert_close(logits, expected.logits, rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(embedding, expected.embedding, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "precision", "least"),
    [
        ("openvino", "float32", 1.0),
        ("openvino", "bf16", 0.8),
        ("openvino", "int8", 0.6),
        ("onnx", "int8", 0.6),
        ("torch-export", "bf16", 0.8),
    ],
)
def test_other_formats_agree_on_labels(form, precision, least, model_folder, clips, tmp_path):
    for name in {"openvino": ("openvino", "nncf", "onnxscript"), "onnx": ("onnxruntime", "onnxscript")}.get(form, ()):
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed: the extra {form} has it")
    args = ExportArguments(form, str(tmp_path / "x"), precision, calibration_clips=14)
    agreement = export_model(str(model_folder), args, SourceArguments(**clips))["agreement"]
    assert agreement["same_label"] >= least and agreement["max_logit"] > 0.1
    if precision == "float32":
        check_agrees(ExportedModel(tmp_path / "x", form), trained(model_folder))
    else:
        assert agreement["max_difference"] > 1e-6  # it does compute with fewer bits
