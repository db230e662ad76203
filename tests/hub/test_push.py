"""What is sent: pushes go to a Hub on this machine (`hub_server`), which fails where a test makes it."""

import json
import shutil

import huggingface_hub
import pytest
import torch
from errors import check_named, raises_naming
from hub_server import Fault, running_hub
from huggingface_hub import HfApi
from paths import TESTS
from PIL import Image
from processes import run_python
from pushes import CARD, PUBLISHED, REPORT, TOKEN, commit
from safetensors.torch import load_file
from without_package import run_without_package

from logoformer_hf import LogoFormerForVideoClassification
from logoformer_hf.data.trained_on import TrainedOn, write_trained_on
from logoformer_hf.hub import push as hub
from logoformer_hf.hub.json_contents import check_json
from logoformer_hf.hub.push import PushError, commit_files, files_to_push, push_folder
from logoformer_hf.hub.wheel import build_wheel

WHEEL = build_wheel()[0]


class TestFiles:
    def test_only_what_is_meant_for_others_leaves(self, output_dir):
        assert set(files_to_push(output_dir)) == PUBLISHED

    def test_shards_and_reports_leave_too(self, output_dir):
        model = LogoFormerForVideoClassification.from_pretrained(output_dir)
        (output_dir / "model.safetensors").unlink()
        model.save_pretrained(output_dir, max_shard_size="200KB")
        (output_dir / "report.md").write_text(REPORT)
        (output_dir / "report.json").write_text('{"seeds": []}')
        names = set(files_to_push(output_dir))
        assert {"model-00001-of-00005.safetensors", "model.safetensors.index.json", "report.md", "report.json"} < names

    def test_the_record_of_training_clips_leaves_too_and_that_of_an_earlier_push_does_not_stay(self, output_dir):
        write_trained_on(output_dir / "trained_on.parquet", TrainedOn())
        assert "trained_on.parquet" in files_to_push(output_dir) and "trained_on.parquet" in hub.REPLACED

    def test_a_folder_of_version_0_1_with_three_files_of_code_can_be_pushed(self, tmp_path):
        """Its processing file reads videos by itself."""
        old = tmp_path / "old"
        shutil.copytree(TESTS / "before_the_move" / "run", old)
        assert not (old / "video_reading_logoformer.py").exists()
        files = files_to_push(old)
        assert {name for name in files if name.endswith("logoformer.py")} == {*hub.CODE[:3]}
        assert {"README.md", "config.json", "model.safetensors", "report.json", "LICENSE", "handler.py"} < set(files)
        assert not [name for name in files if "checkpoint" in name or name.endswith((".parquet", ".pt", ".bin"))]
        assert len(hub.logits_by_remote_code(str(old))) == 3  # happy, sad, neutral

    def test_a_folder_behind_a_link_may_be_pushed(self, output_dir, tmp_path):
        (tmp_path / "link").symlink_to(output_dir)
        assert set(files_to_push(tmp_path / "link")) == PUBLISHED

    def test_pictures_of_other_names_stay(self, output_dir):
        Image.new("RGB", (8, 8)).save(output_dir / "passport.png")
        assert set(files_to_push(output_dir)) == PUBLISHED

    @pytest.mark.parametrize(
        "name", ["model-secret-of-me.safetensors", "model-00001-of-0000\uff12.safetensors", "model-1-of-2.safetensors"]
    )
    def test_weights_of_other_names_stay(self, output_dir, name):
        shutil.copy(output_dir / "model.safetensors", output_dir / name)
        assert set(files_to_push(output_dir)) == PUBLISHED

    def test_names_of_classes_may_be_any(self, output_dir):
        model = LogoFormerForVideoClassification.from_pretrained(output_dir)
        names = {number: f"class -- {number}/é, a" for number in range(7)}
        model.config.id2label, model.config.label2id = names, {name: number for number, name in names.items()}
        model.save_pretrained(output_dir)
        assert set(files_to_push(output_dir)) == PUBLISHED

    @pytest.mark.parametrize("value", ["sdpa", "eager", "flash_attention_2", "flash_attention_3", "flex_attention"])
    @pytest.mark.parametrize("field", ["attn_implementation", "_attn_implementation"])
    def test_a_named_attention_passes(self, output_dir, field, value):
        file = output_dir / "config.json"
        values = json.loads(file.read_text())
        values[field] = values["backbone_config"][field] = value
        file.write_text(json.dumps(values))
        check_json(file)


class TestPush:
    def test_json_is_sent_as_it_is_written_here(self, hub_server, output_dir, monkeypatch):
        monkeypatch.setattr(hub, "logits_by_remote_code", lambda *args, **kwargs: [0.5])
        for name in ("config.json", "eval_results.json"):
            values = json.loads((output_dir / name).read_text())
            (output_dir / name).write_text(json.dumps(values, indent="\t \t") + " \t " * 100)
        push_folder(output_dir, "me/faces", token=TOKEN)
        sent = hub_server.repos["models", "me/faces"].files
        for name in ("config.json", "eval_results.json"):
            text = sent[name].content.decode()
            assert "\t" not in text and json.loads(text) == json.loads((output_dir / name).read_text())

    def test_a_dry_run_prints_the_files_and_sends_nothing(self, hub_server, output_dir, capsys):
        assert push_folder(output_dir, "me/faces", space=True, dry_run=True) is None
        printed = capsys.readouterr().out
        size_mb = (output_dir / "model.safetensors").stat().st_size / 1e6
        [weights] = [line for line in printed.splitlines() if line.endswith(" model.safetensors")]
        assert f"{size_mb:.3f} MB" in weights
        model, demo = (
            {line.split()[-1] for line in part.splitlines()[1:]} for part in printed.split("spaces/me/faces")
        )
        assert model == PUBLISHED | {WHEEL}
        assert demo == {*hub.space_files(), WHEEL} and "app.py" in demo
        assert hub_server.requests == []

    @pytest.mark.parametrize("repo_id", ["me/faces/again", "me//faces", "-me/faces", "me/faces.git", ""])
    def test_an_impossible_name(self, output_dir, repo_id):
        with raises_naming(PushError, repr(repo_id)):
            push_folder(output_dir, repo_id, dry_run=True)

    def test_without_a_token(self, hub_server, output_dir, monkeypatch):
        monkeypatch.setattr(hub, "get_token", lambda: None)
        with raises_naming(PushError, hub.TOKEN_PAGE, "hf auth login", "HF_TOKEN"):
            push_folder(output_dir, "me/faces")
        assert hub_server.requests == []

    def test_offline(self, hub_server, output_dir, monkeypatch):
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        with raises_naming(PushError, "HF_HUB_OFFLINE"):
            commit(hub_server, output_dir)

    def test_a_folder_that_does_not_load_is_not_sent(self, hub_server, output_dir):
        config = json.loads((output_dir / "config.json").read_text())
        (output_dir / "config.json").write_text(json.dumps(config | {"hidden_act": "none of them"}))
        with raises_naming(PushError, output_dir, "config.json", "hidden_act"):
            push_folder(output_dir, "me/faces", token=TOKEN)
        assert hub_server.requests == []

    def test_logits_that_are_no_numbers_are_not_equal(self, hub_server, output_dir, monkeypatch):
        nan = [json.loads("NaN")] * 7  # one object, as json gives it, which a list counts as equal to itself
        monkeypatch.setattr(hub, "logits_by_remote_code", lambda *args, **kwargs: nan)
        with raises_naming(PushError, output_dir, "NaN", "nothing was sent"):
            push_folder(output_dir, "me/faces", token=TOKEN)
        assert not hub_server.repos

    def test_other_logits_on_the_hub_are_an_error(self, hub_server, output_dir, monkeypatch):
        answers = iter([[0.25, 0.5], [0.25, 0.5000001]])
        monkeypatch.setattr(hub, "logits_by_remote_code", lambda *args, **kwargs: next(answers))
        with raises_naming(PushError, "me/faces/commit/", output_dir):
            push_folder(output_dir, "me/faces", token=TOKEN)


class TestCommit:
    def test_one_commit_with_everything_large_files_by_lfs(self, hub_server, output_dir):
        info = commit(hub_server, output_dir)
        repo = hub_server.repos["models", "me/faces"]
        assert (info.oid, info.repo_url.repo_id) == (repo.head, "me/faces")
        assert hub_server.count("POST .*/commit/main") == 1
        assert set(repo.files) == PUBLISHED
        assert not repo.private
        for name, path in files_to_push(output_dir).items():
            assert repo.files[name].content == path.read_bytes()
        assert repo.files["model.safetensors"].is_lfs

    def test_a_name_alone_is_put_under_the_own_name(self, hub_server, output_dir):
        assert commit(hub_server, output_dir, "faces").repo_url.repo_id == "me/faces"

    def test_the_same_again_is_no_new_commit_and_a_new_card_sends_no_weights(self, hub_server, output_dir):
        first = commit(hub_server, output_dir)
        assert commit(hub_server, output_dir).oid == first.oid
        (output_dir / "README.md").write_text(CARD + "More.\n")
        assert commit(hub_server, output_dir).oid != first.oid
        assert hub_server.count("POST .*/commit/main") == 2
        assert hub_server.count("PUT /lfs/") == 2  # the weights and a picture, once

    def test_weights_of_an_earlier_push_go_other_files_stay(self, hub_server, output_dir):
        commit(hub_server, output_dir)
        repo = hub_server.repos["models", "me/faces"]
        readme = repo.files["README.md"]
        repo.commit(repo.files | {"mine.md": readme, "logoformer_hf-0.1.0-py3-none-any.whl": readme})
        part, index = "model-00001-of-00001.safetensors", "model.safetensors.index.json"
        names = load_file(output_dir / "model.safetensors")
        (output_dir / index).write_text(json.dumps({"weight_map": dict.fromkeys(names, part)}))
        (output_dir / "model.safetensors").rename(output_dir / part)
        commit(hub_server, output_dir)
        assert set(repo.files) == PUBLISHED - {"model.safetensors"} | {part, index, "mine.md"}

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/api/repos/create"),
            ("POST", "/api/validate-yaml"),
            ("POST", "/preupload/"),
            ("POST", "/objects/batch"),
            ("PUT", "/lfs/"),
            ("POST", "/lfs/verify"),
            ("POST", "/commit/main"),
        ],
    )
    @pytest.mark.parametrize("status", [None, 503], ids=["dropped", "503"])
    def test_a_passing_fault_anywhere_is_survived(self, hub_server, output_dir, monkeypatch, method, path, status):
        monkeypatch.setattr("time.sleep", lambda seconds: None)  # of the library's own attempts
        hub_server.faults.append(Fault(method, path, status))
        commit(hub_server, output_dir)
        assert hub_server.faults[0].times == 0
        assert set(hub_server.repos["models", "me/faces"].files) == PUBLISHED

    def test_after_an_interruption_what_was_uploaded_is_not_sent_again(self, hub_server, output_dir, capsys):
        hub_server.faults.append(Fault("POST", "/commit/main", None, times=100))
        with raises_naming(PushError, "me/faces"):
            commit(hub_server, output_dir)
        printed = capsys.readouterr().out.splitlines()
        assert len(printed) == 4
        for number, line in enumerate(printed, start=1):
            check_named(line, f"{number} of 5")
        assert hub_server.count("POST .*/commit/main") == 5
        hub_server.faults.clear()
        commit(hub_server, output_dir)
        assert hub_server.count("PUT /lfs/") == 2
        assert set(hub_server.repos["models", "me/faces"].files) == PUBLISHED

    def test_a_token_that_the_hub_does_not_know(self, hub_server, output_dir, capsys):
        with raises_naming(PushError, "me/faces", hub.TOKEN_PAGE) as error:
            commit(hub_server, output_dir, token="hf_unknown")
        assert hub_server.count("/api/repos/create") == 1  # no use in trying again
        assert "hf_unknown" not in str(error.value) + str(error.value.__cause__) + "".join(capsys.readouterr())

    def test_another_owners_name(self, hub_server, output_dir):
        with raises_naming(PushError, "me/faces", hub.TOKEN_PAGE):
            commit(hub_server, output_dir, token="hf_of_another")
        commit(hub_server, output_dir)
        with raises_naming(PushError, "me/faces", hub.TOKEN_PAGE):
            commit(hub_server, output_dir, token="hf_of_another")

    def test_a_broken_card_is_refused_with_its_reason(self, hub_server, output_dir):
        card = b"---\ntags: [one\n---\n# A model\n"
        (output_dir / "README.md").write_bytes(card)
        with raises_naming(PushError, output_dir / "README.md", "YAML"):
            commit(hub_server, output_dir)
        api = HfApi(hub_server.url, token=TOKEN)
        with raises_naming(PushError, "me/faces", "Invalid metadata in README"):  # the Hub's own words
            commit_files(api, "me/faces", {"README.md": card}, private=False)

    def test_private_stays_private(self, hub_server, output_dir):
        commit(hub_server, output_dir, private=True)
        assert hub_server.repos["models", "me/faces"].private
        commit(hub_server, output_dir, "me/seen")
        with raises_naming(PushError, "me/seen", "private"):
            commit(hub_server, output_dir, "me/seen", private=True)
        assert hub_server.count("POST .*/me/seen/commit/main") == 1

    def test_a_space_learns_its_model(self, hub_server):
        files = hub.space_files()
        api = HfApi(hub_server.url, token=TOKEN)
        commit_files(api, "me/faces", files, private=False, kind="space", variables={"MODEL_ID": "me/faces"})
        repo = hub_server.repos["spaces", "me/faces"]
        assert repo.variables == {"MODEL_ID": "me/faces"}
        assert {"README.md", "app.py", "requirements.txt"} <= set(repo.files)
        assert "sdk: gradio" in repo.files["README.md"].content.decode()


PUSH = """
import sys
from logoformer_hf import LogoFormerForVideoClassification, LogoFormerVideoProcessor
from logoformer_hf.hub.push import push_folder

folder = sys.argv[1]
# The library's own, of each part.
LogoFormerForVideoClassification.from_pretrained(folder).push_to_hub("me/parts")
LogoFormerVideoProcessor.from_pretrained(folder).push_to_hub("me/parts")
print(push_folder(folder, "me/faces", private=True, space=True))
"""

LOAD = """
import json, sys
import torch
from transformers import AutoModel, AutoModelForVideoClassification, AutoVideoProcessor, pipeline

try:
    model = AutoModelForVideoClassification.from_pretrained("me/faces", trust_remote_code=True)
except OSError:  # huggingface_hub 1.5 leaves it to whoever calls to continue a download that broke; newer ones do it
    model = AutoModelForVideoClassification.from_pretrained("me/faces", trust_remote_code=True)
model.eval()
AutoModel.from_pretrained("me/faces", trust_remote_code=True)
classify = pipeline("video-classification", model="me/faces", trust_remote_code=True)
model.save_pretrained("saved")  # travels with its code, and with no reference to the repository
AutoVideoProcessor.from_pretrained("me/faces", trust_remote_code=True).save_pretrained("saved")
again = AutoModelForVideoClassification.from_pretrained("saved", trust_remote_code=True)
AutoVideoProcessor.from_pretrained("saved", trust_remote_code=True)
assert all(torch.equal(*pair) for pair in zip(model.state_dict().values(), again.state_dict().values()))
clip = torch.linspace(-1, 1, 16 * 3 * 64 * 64).reshape(1, 16, 3, 64, 64)
with torch.inference_mode():
    print(json.dumps([model(clip).logits[0].tolist(), classify(sys.argv[1])]))
"""


def test_pushed_from_one_process_and_loaded_without_the_package_in_another(output_dir, tmp_path, write_video):
    video = write_video(tmp_path / "clip.mp4", 40)
    with running_hub() as server:
        server.faults = [Fault("PUT", "/lfs/", None), Fault("POST", "/me/faces/commit/main", 502)]
        settings = server.environment(HF_HOME=str(tmp_path / "publisher"))
        pushed = run_python(PUSH, output_dir, cwd=tmp_path, **settings)
        repo = server.repos["models", "me/faces"]
        assert pushed.stdout.splitlines()[-1] == f"{server.url}/me/faces/commit/{repo.head}"
        assert "HF_TOKEN" in pushed.stdout  # what the Space of a private model needs
        assert repo.private
        assert server.repos["spaces", "me/faces"].private
        assert set(repo.files) == PUBLISHED | {WHEEL}
        wheel = build_wheel()[1]
        assert repo.files[WHEEL].content == server.repos["spaces", "me/faces"].files[WHEEL].content == wheel
        parts = set(server.repos["models", "me/parts"].files)
        assert parts >= {*hub.CODE, "config.json", "model.safetensors", "video_preprocessor_config.json"}
        assert not [name for name in parts if name.endswith((".bin", ".pt"))]

        server.faults = [Fault("GET", "/resolve/.*/model.safetensors", None)]
        del settings["HF_HOME"]
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        logits, guesses = json.loads(run_without_package(LOAD, video, cwd=elsewhere, **settings).splitlines()[-1])
        assert server.faults[0].times == 0
    for name in ("config.json", "video_preprocessor_config.json"):
        assert "--" not in (elsewhere / "saved" / name).read_text()

    model = LogoFormerForVideoClassification.from_pretrained(output_dir).eval()
    clip = torch.linspace(-1, 1, 16 * 3 * 64 * 64).reshape(1, 16, 3, 64, 64)
    with torch.inference_mode():
        assert logits == model(clip).logits[0].tolist()
    assert len(guesses) == 5

    said = pushed.stdout + pushed.stderr
    published = [file.content for each in server.repos.values() for file in each.files.values()]
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert TOKEN not in said
    assert not any(TOKEN.encode() in content for content in published + written)
