"""What a folder may lack, or hold that somebody else has made or that was put there: nothing of it is sent."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from errors import raises_naming
from pushes import PUBLISHED, TOKEN
from safetensors.torch import load_file, save_file
from toys import run_info

from logoformer_hf import LogoFormerForVideoClassification
from logoformer_hf.evaluation.predictions import write_predictions
from logoformer_hf.hub import push as hub
from logoformer_hf.hub.push import PushError, files_to_push, push_folder


class TestFiles:
    def test_predictions_under_its_name_are_refused(self, output_dir):
        run = run_info(label_names=["happy", "sad"])
        write_predictions(output_dir / "trained_on.parquet", ["a"], [0], np.zeros((1, 2)), None, run)
        with raises_naming(PushError, output_dir / "trained_on.parquet"):
            files_to_push(output_dir)

    @pytest.mark.parametrize("name", ["model.safetensors", "eval_results.json", "confusion_matrix.png", "report.md"])
    def test_a_pickle_under_an_allowed_name_is_refused(self, output_dir, name):
        torch.save({"weight": torch.zeros(3)}, output_dir / name)
        with raises_naming(PushError, output_dir / name):
            files_to_push(output_dir)

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_weights_that_are_no_numbers_are_refused(self, output_dir, value):
        weights = load_file(output_dir / "model.safetensors")
        weights["classifier.bias"][2] = value
        save_file(weights, output_dir / "model.safetensors", metadata={"format": "pt"})
        with raises_naming(PushError, output_dir / "model.safetensors", "classifier.bias", "nothing was sent"):
            push_folder(output_dir, "me/faces", dry_run=True)

    def test_a_folder_without_a_model(self, output_dir, tmp_path):
        with raises_naming(PushError, tmp_path / "nowhere"):
            files_to_push(tmp_path / "nowhere")
        (output_dir / "model.safetensors").unlink()
        with raises_naming(PushError, output_dir, "model.safetensors"):
            files_to_push(output_dir)

    @pytest.mark.parametrize("name", ["README.md", "video_preprocessor_config.json", "modeling_logoformer.py"])
    def test_an_incomplete_folder_names_what_is_missing(self, output_dir, name):
        (output_dir / name).unlink()
        with raises_naming(PushError, output_dir, name):
            files_to_push(output_dir)

    def test_code_without_a_file_that_it_imports_is_refused(self, output_dir):
        (output_dir / "video_reading_logoformer.py").unlink()
        with raises_naming(PushError, output_dir, "video_reading_logoformer.py"):
            files_to_push(output_dir)


class TestFilesOfOthers:
    """What a folder may hold that somebody else has made or that was put there; nothing of it leaves."""

    def refused(self, output_dir: Path, *named: object) -> None:
        with raises_naming(PushError, *named):
            push_folder(output_dir, "me/faces", token=TOKEN)

    @pytest.mark.parametrize("name", ["report.md", "README.md", "model.safetensors", "recalls.png", "config.json"])
    def test_a_link_to_a_private_file_is_refused(self, hub_server, output_dir, tmp_path, name):
        """Even to one whose content would pass."""
        private = tmp_path / "private"
        private.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
        if (output_dir / name).exists():
            (output_dir / name).rename(private)
        (output_dir / name).symlink_to(private)
        self.refused(output_dir, output_dir / name, private, "link")
        assert hub_server.requests == []

    @pytest.mark.parametrize("make", [lambda path: path.mkdir(), os.mkfifo], ids=["folder", "pipe"])
    def test_what_is_no_regular_file_is_refused(self, output_dir, make):
        make(output_dir / "report.md")
        self.refused(output_dir, output_dir / "report.md")

    @pytest.mark.parametrize("name", ["model-00001-of-00002.safetensors", "model.safetensors.index.json"])
    def test_weights_of_two_models_are_refused(self, output_dir, name):
        shutil.copy(output_dir / "model.safetensors", output_dir / name)
        self.refused(output_dir, output_dir, name)

    def test_parts_that_are_not_those_of_the_index_are_refused(self, output_dir):
        model = LogoFormerForVideoClassification.from_pretrained(output_dir)
        (output_dir / "model.safetensors").unlink()
        model.save_pretrained(output_dir, max_shard_size="200KB")
        index = output_dir / "model.safetensors.index.json"
        values = json.loads(index.read_text())
        files = list(values["weight_map"].values())
        moved = dict(zip(values["weight_map"], [*files[1:], files[0]], strict=True))
        index.write_text(json.dumps(values | {"weight_map": moved}))
        self.refused(output_dir, index, "weight_map")
        index.write_text(json.dumps(values | {"note": "mine"}))
        self.refused(output_dir, index, "note")
        index.write_text(json.dumps(values))
        assert "model-00005-of-00005.safetensors" in files_to_push(output_dir)
        shutil.copy(output_dir / "model-00001-of-00005.safetensors", output_dir / "model-00007-of-00005.safetensors")
        self.refused(output_dir, output_dir, "model-0000")

    @pytest.mark.parametrize("fault", ["another", "missing", "shape", "kind"])
    def test_tensors_that_are_not_the_models_are_refused(self, output_dir, fault):
        weights = load_file(output_dir / "model.safetensors")
        if fault == "another":
            weights["secret"] = torch.zeros(3)
        elif fault == "missing":
            del weights["classifier.bias"]
        else:
            weights["classifier.bias"] = torch.zeros(8) if fault == "shape" else torch.zeros(7, dtype=torch.int32)
        save_file(weights, output_dir / "model.safetensors", metadata={"format": "pt"})
        self.refused(output_dir, output_dir, "secret" if fault == "another" else "classifier.bias")

    @pytest.mark.parametrize(
        ("name", "field", "value"),
        [
            ("config.json", "note", "mine"),
            ("config.json", "save_pretrained", 1),
            ("config.json", "hidden_act", "x y"),
            ("config.json", "architectures", ["BertModel"]),
            ("config.json", "label2id", {"me": 0}),
            ("config.json", "finetuning_task", "at home"),
            ("config.json", "backbone_config.note", "mine"),
            ("config.json", "backbone_config._name_or_path", "/home/me/private"),
            ("config.json", "backbone_config.hidden_act", "/home/me"),
            ("video_preprocessor_config.json", "note", "mine"),
            ("video_preprocessor_config.json", "image_std", [0, 0, 0]),
            ("video_preprocessor_config.json", "video_processor_type", "Other"),
        ],
    )
    def test_fields_that_its_class_does_not_have_are_refused(self, output_dir, name, field, value):
        values = json.loads((output_dir / name).read_text())
        *outer, last = field.split(".")
        (values[outer[0]] if outer else values)[last] = value
        (output_dir / name).write_text(json.dumps(values))
        self.refused(output_dir, output_dir, name, field.split(".")[-1])

    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("eval_results.json", {"test_empty_classes": ["-----BEGIN OPENSSH PRIVATE KEY-----"]}),
            ("eval_results.json", {"test_recall": {"happy": 0.5, "my password": None}}),
            ("eval_results.json", {"test_confusion_matrix": [[1, 0], [0, 1]]}),
            ("report.json", {"seeds": [], "label_names": ["happy", "my password"]}),
        ],
    )
    def test_results_of_classes_that_the_model_does_not_have_are_refused(self, output_dir, name, values):
        known = json.loads((output_dir / name).read_text()) if (output_dir / name).exists() else {}
        (output_dir / name).write_text(json.dumps(known | values))
        [field] = [field for field in values if field != "seeds"]
        self.refused(output_dir, output_dir / name, field)

    @pytest.mark.parametrize("name", ["/home/me", "C:\\x", "~/x", "a\nb", "a\u202eb", "", " ", "x" * 256])
    def test_names_of_classes_that_no_shards_have_are_refused(self, output_dir, name):
        names = [*"abcdef", name]
        values = json.loads((output_dir / "config.json").read_text())
        values["id2label"] = {str(number): each for number, each in enumerate(names)}
        values["label2id"] = {each: number for number, each in enumerate(names)}
        (output_dir / "config.json").write_text(json.dumps(values))
        self.refused(output_dir, output_dir / "config.json", "id2label", "class 6")

    def test_weights_of_a_type_that_is_not_written_are_refused(self, output_dir):
        weights = load_file(output_dir / "model.safetensors")
        weights["classifier.bias"] = weights["classifier.bias"].to(torch.float8_e4m3fn)
        save_file(weights, output_dir / "model.safetensors", metadata={"format": "pt"})
        self.refused(output_dir, output_dir / "model.safetensors", "classifier.bias", "F8_E4M3")

    @pytest.mark.parametrize(
        ("field", "value"), [("total_size", 123456789012345678901), ("total_size", 1), ("total_parameters", 10**15)]
    )
    def test_an_index_with_other_sizes_than_the_tensors_have_is_refused(self, output_dir, field, value):
        model = LogoFormerForVideoClassification.from_pretrained(output_dir)
        (output_dir / "model.safetensors").unlink()
        model.save_pretrained(output_dir, max_shard_size="20KB")
        index = output_dir / "model.safetensors.index.json"
        assert index.name in files_to_push(output_dir)
        values = json.loads(index.read_text())
        values["metadata"][field] = value
        index.write_text(json.dumps(values))
        self.refused(output_dir, index, field)

    def test_numbers_of_classes_that_are_not_their_names_are_refused_with_the_remedy(self, output_dir):
        names = {number: f"class {number}" for number in range(7)}
        model = LogoFormerForVideoClassification.from_pretrained(output_dir, id2label=names)
        model.save_pretrained(output_dir)
        self.refused(output_dir, output_dir / "config.json", "`label2id`", "set `config.label2id = {")
        model.config.label2id = {name: number for number, name in model.config.id2label.items()}
        model.save_pretrained(output_dir)
        assert set(files_to_push(output_dir)) == PUBLISHED

    def test_a_file_with_another_name_on_the_disk_is_looked_at_as_any(self, output_dir, tmp_path):
        (tmp_path / "private").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
        os.link(tmp_path / "private", output_dir / "report.md")
        self.refused(output_dir, output_dir / "report.md")
        (output_dir / "report.md").unlink()
        os.link(output_dir / "model.safetensors", tmp_path / "kept")  # as a cache of models does
        assert set(files_to_push(output_dir)) == PUBLISHED

    @pytest.mark.parametrize("name", hub.CODE)
    def test_other_code_is_refused_with_the_difference(self, output_dir, name):
        lines = (output_dir / name).read_text().splitlines(keepends=True)
        (output_dir / name).write_text("".join([*lines[:7], "import socket\n", *lines[7:]]))
        self.refused(output_dir, output_dir / name, "line 8", "import socket")
        (output_dir / name).write_text("".join(lines) + "# one more\n")
        self.refused(output_dir, output_dir / name, f"line {len(lines) + 1}", "one more")

    @pytest.mark.parametrize(
        ("name", "place", "value"),
        [
            (
                "config.json",
                "custom_pipelines",
                {"video-classification": {"impl": "evil.Pipeline", "pt": ["AutoModel"]}},
            ),
            ("config.json", "auto_map", {"AutoConfig": "evil--configuration_logoformer.LogoFormerConfig"}),
            ("config.json", "auto_map", {"AutoModel": "evil.Model"}),
            ("config.json", "auto_map", "evil.Model"),
            ("config.json", "backbone_config.auto_map", {"AutoBackbone": "someone/evil--evil.Backbone"}),
            ("config.json", "backbone_config.custom_pipelines", {"a": {"impl": "evil.Pipeline"}}),
            ("config.json", "note", ["someone/evil--evil.Class"]),
            ("config.json", "note", "someone/evil --evil.Class"),
            ("config.json", "architectures", ["x --y"]),
            ("config.json", "attn_implementation", "someone/kernels"),
            ("video_preprocessor_config.json", "auto_map", {"AutoVideoProcessor": "someone/evil--evil.Processor"}),
            ("video_preprocessor_config.json", "custom_pipelines", {"a": {"impl": "evil.Pipeline"}}),
        ],
    )
    def test_a_reference_to_other_code_is_refused(self, output_dir, name, place, value):
        values = json.loads((output_dir / name).read_text())
        *outer, last = place.split(".")
        target = values[outer[0]] if outer else values
        target[last] = value
        (output_dir / name).write_text(json.dumps(values))
        self.refused(output_dir, output_dir / name, place)

    def test_the_token_is_not_there_for_the_code(self, output_dir, tmp_path, monkeypatch):
        """Of the environment, of `hf auth login`, and of other services."""
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "token").write_text("hf_secret")
        hidden = ("HF_TOKEN", "hf_token", "WANDB_API_KEY", "APIKEY", "AWS_ACCESS_KEY_ID", "SSH_PRIVATE_KEY", "DB_PWD")
        for name in (*hidden, "GITHUB_PAT", "PASSPHRASE", "DATABASE_URL"):
            monkeypatch.setenv(name, "hf_secret")
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "home" / "token"))
        code = output_dir / "modeling_logoformer.py"
        code.write_text(
            code.read_text() + "import os, huggingface_hub\n"
            "raise RuntimeError(str(huggingface_hub.get_token()) + ' '.join(os.environ.values()))\n"
        )
        with raises_naming(PushError, "RuntimeError: None") as error:
            hub.logits_by_remote_code(output_dir)
        assert "hf_secret" not in str(error.value)
