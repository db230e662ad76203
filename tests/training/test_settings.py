"""All settings of a training: the command line overrides a file, that a recipe, and that the defaults."""

import json

import pytest
from errors import check_named, raises_naming

from logoformer_hf.training.arguments import RECIPES
from logoformer_hf.training.settings import ModelArguments, ProtocolArguments, parse_arguments, parse_overrides


def test_recipes_are_defaults_that_a_file_and_the_command_line_override(tmp_path):
    settings = tmp_path / "run.yaml"
    settings.write_text("recipe: paper\nlearning_rate: 0.02\nnum_train_epochs: 7\n")
    arguments = parse_arguments([str(settings), "--num_train_epochs", "9"]).training
    assert (arguments.optim, arguments.lr_decay_epochs) == ("sgd", 40)
    assert (arguments.learning_rate, arguments.num_train_epochs) == (0.02, 9)
    assert parse_arguments([]).training.optim == "adamw_torch"
    assert parse_arguments([str(settings), "--recipe", "modern"]).training.optim == "adamw_torch"


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_value_of_a_recipe_arrives(recipe):
    arguments = parse_arguments(["--recipe", recipe])
    assert arguments.recipe.recipe == recipe
    for name, value in RECIPES[recipe].items():
        assert getattr(arguments.training, name) == value


@pytest.mark.parametrize("name", ["paper", "PAPER"])
def test_the_former_name_of_a_recipe_is_taken(name):
    """Runs of earlier versions resume with the same command."""
    arguments = parse_arguments(["--recipe", name])
    assert (arguments.recipe.recipe, arguments.training.lr_decay_epochs) == ("port", 40)


def test_without_arguments_it_is_the_demo():
    settings = parse_arguments([])
    assert (settings.source.dataset, settings.model.model, settings.protocol.select_on) == (
        "faces",
        "tiny",
        "validation",
    )
    assert settings.training.output_dir == "outputs/demo"


def test_a_file_has_overrides_as_a_table(tmp_path):
    settings = tmp_path / "run.yml"
    settings.write_text("config_overrides:\n  window_size: [4, 7, 7]\nlabels: [happy, sad]\nfreeze_batch_norm: true\n")
    parsed = parse_arguments([str(settings)])
    assert json.loads(parsed.model.config_overrides) == {"window_size": [4, 7, 7]}
    assert parsed.source.labels == ["happy", "sad"] and parsed.training.freeze_batch_norm is True


def test_an_empty_file_changes_nothing(tmp_path):
    (tmp_path / "run.yaml").write_text("# nothing yet\n")
    assert parse_arguments([str(tmp_path / "run.yaml")]).training.optim == "adamw_torch"


def test_an_unknown_setting_in_a_file_is_named(tmp_path):
    settings = tmp_path / "run.yaml"
    settings.write_text("learning_rat: 0.1\n")
    with raises_naming(ValueError, settings, "learning_rat"):
        parse_arguments([str(settings)])


def test_values_of_a_file_are_read_as_those_of_the_command_line(tmp_path):
    settings = tmp_path / "run.yaml"
    settings.write_text(
        "dataset: dfew\ndata_dir: DFEW\nfold: 1\nlabel_map: {0: angry, 1: happy}\nlearning_rate: 1e-4\nbeside: null\n"
    )
    parsed = parse_arguments([str(settings)])
    assert parsed.source.folds == [1] and parsed.source.label_map == ["0=angry", "1=happy"]
    assert parsed.training.learning_rate == 1e-4 and parsed.protocol.beside is None
    assert parse_arguments([str(settings), "--label_map", "2=sad"]).source.label_map == ["2=sad"]


def test_mappings_of_a_file_are_what_the_setting_takes(tmp_path):
    settings = tmp_path / "run.yaml"
    settings.write_text(
        "dataset: dfew\ndata_dir: DFEW\nfold: 1\nlabel_map: {1: happy}\noptim: sgd\n"
        "optim_args: {momentum: 0.9, nesterov: true}\nlr_scheduler_type: cosine_with_min_lr\n"
        "lr_scheduler_kwargs: {min_lr: 0.001}\n"
    )
    parsed = parse_arguments([str(settings)])
    assert parsed.source.label_map == ["1=happy"]
    assert parsed.training.optim_args == "momentum=0.9,nesterov=True"
    assert parsed.training.lr_scheduler_kwargs == {"min_lr": 0.001}


def test_values_of_a_file_stay_as_they_are_written(tmp_path):
    """YAML reads `no` as False, `on` as True, 010 as 8, 1.50 as 1.5 and 12:30:00 as 45000."""
    settings = tmp_path / "run.yaml"
    settings.write_text(
        "dataset: dfew\ndata_dir: 010\nfold: 1\nlabel_map: {01: no, 2: 1.50}\nlabels: [on, off, 1.0]\n"
        "output_dir: 12:30:00\ncache-dir: -1.50\neval_strategy: no\nsave_strategy: 'no'\nload_best_model_at_end: off\n"
        "freeze_batch_norm: on\nclass_balanced_sampling: 1\nuse_cpu: Yes\nbeside: ~\nseed: 1_000\n"
        "resume_from_checkpoint: yes\nbackbone_checkpoint: für\n",
        encoding="utf-8",
    )
    parsed = parse_arguments([str(settings)])
    assert (parsed.source.data_dir, parsed.source.folds, parsed.source.cache_dir) == ("010", [1], "-1.50")
    assert parsed.source.label_map == ["01=no", "2=1.50"] and parsed.source.labels == ["on", "off", "1.0"]
    assert parsed.training.output_dir == "12:30:00" and parsed.training.seed == 1000
    assert parsed.training.eval_strategy == parsed.training.save_strategy == "no"
    assert not parsed.training.load_best_model_at_end and parsed.training.use_cpu
    assert parsed.training.freeze_batch_norm and parsed.training.class_balanced_sampling
    assert parsed.protocol.beside is None and parsed.model.backbone_checkpoint == "für"


def test_a_setting_that_stands_twice_in_a_file_is_named(tmp_path):
    settings = tmp_path / "run.yaml"
    for text, name in (("seed: 1\nmodel: tiny\nseed: 2\n", "seed"), ("label_map: {1: happy, 1: sad}\n", "1")):
        settings.write_text(text)
        with raises_naming(ValueError, settings, repr(name), "twice"):
            parse_arguments([str(settings)])


def test_one_mapping_of_a_file_may_take_over_another(tmp_path):
    settings = tmp_path / "run.yaml"
    settings.write_text("config_overrides: &common {window_size: [4, 7, 7]}\noptim_args: {<<: *common, a: 1}\n")
    parsed = parse_arguments([str(settings)])
    assert parsed.training.optim_args == "window_size=[4, 7, 7],a=1"


@pytest.mark.parametrize(
    ("name", "value", "group"),
    [
        ("dataset", "DFEW", "source"),
        ("on_problem", "Skip", "source"),
        ("check", "FULL", "source"),
        ("model", "Tiny", "model"),
        ("select_on", "TEST", "protocol"),
        ("recipe", "Port", "recipe"),
        ("compact_loss", "None", "training"),
        ("compact_loss", "Center", "training"),
        ("lr_scheduler_type", "CONSTANT", "training"),
    ],
)
def test_the_case_of_a_choice_does_not_matter(tmp_path, name, value, group):
    settings = tmp_path / "run.yaml"
    values = {"dataset": "dfew", "data_dir": "DFEW", "fold": "All"} | {name: value}
    settings.write_text("".join(f"{key}: {each}\n" for key, each in values.items()))
    source = ["--dataset", "dfew", "--data_dir", "DFEW", "--fold", "ALL"]
    for parsed in (parse_arguments([str(settings)]), parse_arguments([*source, f"--{name}", value])):
        assert getattr(getattr(parsed, group), name) == value.lower()
        assert list(parsed.source.folds) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("value", ["1", "true", "no", "0.5", "''"])
def test_a_choice_that_is_none_is_refused_with_the_choices(tmp_path, value, capsys):
    settings = tmp_path / "run.yaml"
    settings.write_text(f"dataset: {value}\n")
    with pytest.raises(SystemExit):
        parse_arguments([str(settings)])
    check_named(capsys.readouterr().err, "--dataset", "dfew", "ferv39k")


def test_a_list_where_one_value_is_taken_is_named(tmp_path):
    settings = tmp_path / "run.yaml"
    settings.write_text("dataset: [dfew, faces]\n")
    with raises_naming(ValueError, settings, "dataset", "one value"):
        parse_arguments([str(settings)])


@pytest.mark.parametrize("arguments", [["--num_train_epoch", "1"], ["--use", "True"], ["--label", "happy"]])
def test_abbreviations_are_refused(arguments):
    """Each may become another option when one is added, and `--label` is `--label_map` as well as `--labels`."""
    with raises_naming(ValueError, arguments[0]):
        parse_arguments(arguments)


@pytest.mark.parametrize("text", ["recipe: nix\n", "model: huge\n", "num_train_epochs: many\n"])
def test_values_of_a_file_are_checked(tmp_path, text, capsys):
    settings = tmp_path / "run.yaml"
    settings.write_text(text)
    with pytest.raises(SystemExit):
        parse_arguments([str(settings)])
    check_named(capsys.readouterr().err, *text.strip().split(": "))


@pytest.mark.parametrize("text", ["hello\n", "- a\n- b\n", "a: [1\n", b"dataset: f\xfc\n"])
def test_a_file_that_is_no_mapping_is_refused_by_name(tmp_path, text):
    settings = tmp_path / "run.yaml"
    settings.write_bytes(text if isinstance(text, bytes) else text.encode())
    with raises_naming(ValueError, settings):
        parse_arguments([str(settings)])


@pytest.mark.parametrize("arguments", [["--seeds", "many"], ["--compact_loss", "centre"]])
def test_values_of_a_wrong_type_are_named(arguments, capsys):
    with pytest.raises(SystemExit):
        parse_arguments(arguments)
    check_named(capsys.readouterr().err, *arguments)


def test_an_unknown_argument_is_named(capsys):
    with pytest.raises((SystemExit, ValueError)) as caught:
        parse_arguments(["--shoe_size", "42"])
    assert "--shoe_size" in str(caught.value) + capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seeds", "0"], ["seeds", "0"]),
        (["--fold", "1"], ["fold", "faces", "dfew"]),
        (["--compact_loss_weight", "-1"], ["compact_loss_weight", "-1"]),
        (["--model_name_or_path", "x", "--backbone_checkpoint", "y"], ["--model_name_or_path"]),
        (["--model_name_or_path", "x", "--config_overrides", "{}"], ["--model_name_or_path"]),
        (["--train_share", "0"], ["train_share", "0.0"]),
        (["--train_share", "10"], ["train_share", "10.0"]),
        (["--train_share", "nan"], ["train_share", "nan"]),
        (["--image_mean", "0", "--image_std", "1"], ["image_mean", "backbone_checkpoint"]),
        (["--backbone_checkpoint", "x", "--image_mean", "0"], ["image_std"]),
        (["--backbone_checkpoint", "x", "--image_mean", "0", "0", "--image_std", "1"], ["image_mean", "2 numbers"]),
        (["--backbone_checkpoint", "x", "--image_mean", "127.5", "--image_std", "127.5"], ["127.5", "255"]),
        (["--backbone_checkpoint", "x", "--image_mean", "0", "--image_std", "0"], ["image_std", "more than 0"]),
        (["--backbone_checkpoint", "x", "--image_mean", "nan", "--image_std", "1"], ["image_mean", "nan"]),
    ],
)
def test_values_that_do_not_go_together_are_named(arguments, words):
    with raises_naming(ValueError, *words):
        parse_arguments(arguments)


def test_a_normalisation_of_one_number_is_that_of_every_channel(tmp_path):
    arguments = ["--backbone_checkpoint", "x", "--image_mean", "0.5", "--image_std", "0.1", "0.2", "0.3"]
    model = parse_arguments(arguments).model
    assert (model.image_mean, model.image_std) == ([0.5] * 3, [0.1, 0.2, 0.3])
    (tmp_path / "run.yaml").write_text("backbone_checkpoint: x\nimage_mean: 0\nimage_std: [0.1, 0.2, 0.3]\n")
    model = parse_arguments([str(tmp_path / "run.yaml")]).model
    assert (model.image_mean, model.image_std) == ([0.0] * 3, [0.1, 0.2, 0.3])


def test_overrides():
    assert parse_overrides(None) == parse_overrides("{}") == {}
    assert parse_overrides('{"window_size": [4, 7, 7]}') == {"window_size": [4, 7, 7]}
    with raises_naming(ValueError, "--config_overrides", "hiden_size"):
        parse_overrides('{"hiden_size": 13}')
    with raises_naming(ValueError, "--config_overrides", "hidden_size=13", "JSON"):
        parse_overrides("hidden_size=13")


def test_the_model_in_words_has_no_path():
    assert ModelArguments("base").description == "LOGO-Former base"
    assert ModelArguments("tiny", '{"hidden_size": 32}').description == "LOGO-Former tiny, hidden_size 32"
    described = ModelArguments(model_name_or_path="/home/me/private/videomae").description
    assert "videomae" in described and "private" not in described
    assert ProtocolArguments().seeds == 1


def test_another_number_of_views_is_named():
    assert parse_arguments(["--test_views", "4"]).protocol.test_views == 4
    with raises_naming(ValueError, "test_views", "2", "1 or 4"):
        ProtocolArguments(test_views=2)
