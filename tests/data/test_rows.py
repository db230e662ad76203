import datasets
from errors import raises_naming

from logoformer_hf import EXPRESSIONS
from logoformer_hf.data.rows import clip_features


def test_every_source_gives_the_same_columns_and_label_order():
    features = clip_features(scene=datasets.Value("string"))
    assert list(features) == ["clip_id", "video", "num_frames", "label", "scene"]
    assert features["label"].names == list(EXPRESSIONS)
    assert EXPRESSIONS == ("happy", "sad", "neutral", "angry", "surprise", "disgust", "fear")  # DFEW's 1 to 7


def test_unknown_labels_are_refused():
    row = {"clip_id": "a", "video": "a.mp4", "num_frames": 3, "label": "bored"}
    with raises_naming(ValueError, "bored"):
        datasets.Dataset.from_list([row], clip_features())
    assert datasets.Dataset.from_list([row | {"label": "fear"}], clip_features())[0]["label"] == 6
