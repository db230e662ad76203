"""Methods whose results others published; the numbers are beside each data set's source, in `data/sources/`."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class HumanScores:
    """
    What people reach who label the clips of a data set.

    Attributes:
        about: who saw what, and how their answers were counted: one sentence or more.
        uar: in percent.
        recalls: by class, in percent.
    """

    about: str
    uar: float
    recalls: Mapping[str, float]


@dataclass(frozen=True)
class PublishedMethod:
    """
    A method with published results.

    Attributes:
        name: name of the method.
        year: year of publication, None for a model that others trained for comparison.
        paper: title and venue, or where the weights come from.
        params_m: millions of parameters, None where not published.
        gflops: GFLOPs for one clip, None where not published.
    """

    name: str
    year: int | None
    paper: str
    params_m: int | None = None
    gflops: int | None = None


METHODS = (
    PublishedMethod(
        "Former-DFER",
        2021,
        "Former-DFER: Dynamic Facial Expression Recognition Transformer, ACM Multimedia",
        params_m=18,
        gflops=9,
    ),
    PublishedMethod(
        "STT",
        2022,
        "Spatio-Temporal Transformer for Dynamic Facial Expression Recognition in the Wild, arXiv 2205.04749",
    ),
    PublishedMethod(
        "IAL",
        2023,
        "Intensity-Aware Loss for Dynamic Facial Expression Recognition in the Wild, AAAI",
        params_m=19,
        gflops=10,
    ),
    PublishedMethod(
        "M3DFEL",
        2023,
        "Rethinking the Learning Paradigm for Dynamic Facial Expression Recognition, CVPR",
        gflops=2,
    ),
    PublishedMethod(
        "LOGO-Former",
        2023,
        "LOGO-Former: Local-Global Spatio-Temporal Transformer for Dynamic Facial Expression Recognition, ICASSP",
    ),
    PublishedMethod(
        "DFER-CLIP",
        2023,
        "Prompting Visual-Language Models for Dynamic Facial Expression Recognition, BMVC",
    ),
    PublishedMethod(
        "VideoMAE-B, VoxCeleb2",
        None,
        "VideoMAE (Tong et al., NeurIPS 2022), pre-trained on VoxCeleb2",
        params_m=86,
        gflops=81,
    ),
    PublishedMethod(
        "MAE-DFER",
        2023,
        "MAE-DFER: Efficient Masked Autoencoder for Self-supervised Dynamic Facial Expression Recognition, "
        "ACM Multimedia",
        params_m=85,
        gflops=50,
    ),
    PublishedMethod(
        "S4D",
        2025,
        "Static for Dynamic: Towards a Deeper Understanding of Dynamic Facial Expressions Using Static Expression "
        "Data, IEEE Transactions on Affective Computing",
    ),
)
