"""What others published on DFEW and FERV39K, to stand beside our own numbers."""

from dataclasses import dataclass

from ..configuration_logoformer import EXPRESSIONS
from .predictions import RunInfo

HOW_CHOSEN = (
    "Most published code picks the best epoch on the test set, so most of these numbers are higher than a choice on "
    "held-out clips would have made them."
)


@dataclass(frozen=True)
class PublishedResult:
    """One method's numbers as published, in percent.

    Attributes:
        name: of the method.
        year: of publication, None for a model that others trained for comparison.
        paper: title and venue, or where the weights come from.
        uar_war: UAR and WAR by data set, as `RunInfo.dataset` names it. DFEW's are means of five folds.
        params_m: millions of parameters, None where not published.
        gflops: for one clip, None where not published.
    """

    name: str
    year: int | None
    paper: str
    uar_war: dict[str, tuple[float, float]]
    params_m: int | None = None
    gflops: int | None = None


def _both(dfew: tuple[float, float], ferv39k: tuple[float, float]) -> dict[str, tuple[float, float]]:
    return {"dfew": dfew, "ferv39k": ferv39k}


PUBLISHED = (
    PublishedResult(
        "Former-DFER",
        2021,
        "Former-DFER: Dynamic Facial Expression Recognition Transformer, ACM Multimedia",
        _both((53.69, 65.70), (37.20, 46.85)),
        params_m=18,
        gflops=9,
    ),
    PublishedResult(
        "STT",
        2022,
        "Spatio-Temporal Transformer for Dynamic Facial Expression Recognition in the Wild, arXiv 2205.04749",
        _both((54.58, 66.65), (37.76, 48.11)),
    ),
    PublishedResult(
        "IAL",
        2023,
        "Intensity-Aware Loss for Dynamic Facial Expression Recognition in the Wild, AAAI",
        _both((55.71, 69.24), (35.82, 48.54)),
        params_m=19,
        gflops=10,
    ),
    PublishedResult(
        "M3DFEL",
        2023,
        "Rethinking the Learning Paradigm for Dynamic Facial Expression Recognition, CVPR",
        _both((56.10, 69.25), (35.94, 47.67)),
        gflops=2,
    ),
    PublishedResult(
        "LOGO-Former",
        2023,
        "LOGO-Former: Local-Global Spatio-Temporal Transformer for Dynamic Facial Expression Recognition, ICASSP",
        _both((54.21, 66.98), (38.22, 48.13)),
    ),
    PublishedResult(
        "DFER-CLIP",
        2023,
        "Prompting Visual-Language Models for Dynamic Facial Expression Recognition, BMVC",
        _both((59.61, 71.25), (41.27, 51.65)),
    ),
    PublishedResult(
        "VideoMAE-B, VoxCeleb2",
        None,
        "VideoMAE (Tong et al., NeurIPS 2022), pre-trained on VoxCeleb2",
        _both((63.60, 74.60), (43.33, 52.39)),
        params_m=86,
        gflops=81,
    ),
    PublishedResult(
        "MAE-DFER",
        2023,
        "MAE-DFER: Efficient Masked Autoencoder for Self-supervised Dynamic Facial Expression Recognition, "
        "ACM Multimedia",
        _both((63.41, 74.43), (43.12, 52.07)),
        params_m=85,
        gflops=50,
    ),
    PublishedResult(
        "S4D",
        2025,
        "Static for Dynamic: Towards a Deeper Understanding of Dynamic Facial Expressions Using Static Expression "
        "Data, IEEE Transactions on Affective Computing",
        _both((66.80, 76.68), (43.41, 53.65)),
    ),
)


def published_beside(run: RunInfo) -> tuple[PublishedResult, ...]:
    """
    The published results that the numbers of this run can stand beside: none for another data set or split, a part of
    one, other classes than the seven, or a model that was trained on something else.
    """
    comparable = (
        run.split == "test"
        and run.setup is None
        and run.trained_on is None
        and set(run.label_names) == set(EXPRESSIONS)
    )
    return tuple(result for result in PUBLISHED if comparable and run.dataset in result.uar_war)
