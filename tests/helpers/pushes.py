"""What tests of pushes have in common: a token, texts of a folder, and the names of what leaves."""

from pathlib import Path

from hub_server import HubServer
from huggingface_hub import HfApi

from logoformer_hf.hub.push import commit_files, files_to_push

TOKEN = "hf_writes"
REPORT = "# DFEW, test\n\n## UAR and WAR in percent\n"
CARD = "---\npipeline_tag: video-classification\n---\n# A model\n"


def commit(server: HubServer, folder: Path, repo_id: str = "me/faces", token: str = TOKEN, private: bool = False):
    return commit_files(HfApi(server.url, token=token), repo_id, files_to_push(folder), private=private)


PUBLISHED = {
    "LICENSE",
    "README.md",
    "config.json",
    "configuration_logoformer.py",
    "confusion_matrix.png",
    "eval_results.json",
    "examples/happy.mp4",
    "examples/sad.mp4",
    "examples/surprise.mp4",
    "handler.py",
    "model.safetensors",
    "modeling_logoformer.py",
    "requirements.txt",
    "video_preprocessor_config.json",
    "video_processing_logoformer.py",
    "video_reading_logoformer.py",
    "video_container_logoformer.py",
    "image_reading_logoformer.py",
    "frame_times_logoformer.py",
    "downloading_logoformer.py",
    "reading_limits_logoformer.py",
    "safe_reading_logoformer.py",
    "saved_settings_logoformer.py",
    "saved_weights_logoformer.py",
    "token_windows_logoformer.py",
}


def with_unknown_field(parquet: bytes, text: bytes) -> bytes:
    """A Parquet file whose footer has one more field, with a text. Readers pass over fields that they don't know."""
    size = int.from_bytes(parquet[-8:-4], "little")
    footer = parquet[-8 - size : -8]
    assert footer[-1] == 0 and len(text) < 16_384  # the end of the fields, in Thrift's compact form
    length = bytes([len(text) & 127 | 128, len(text) >> 7])
    footer = footer[:-1] + b"\x08\xc8\x01" + length + text + b"\0"  # a text under the number 100
    return parquet[: -8 - size] + footer + len(footer).to_bytes(4, "little") + parquet[-4:]
