"""
LOGO-Former video processor: samples the frames of a clip and converts them to `pixel_values`.
`video_reading_logoformer.py` reads them from files.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
from PIL import Image
from transformers import BatchFeature
from transformers.image_processing_utils import get_size_dict
from transformers.image_utils import (
    IMAGENET_DEFAULT_MEAN,
    IMAGENET_DEFAULT_STD,
    ChannelDimension,
    PILImageResampling,
    SizeDict,
    infer_channel_dimension_format,
)
from transformers.processing_utils import Unpack, VideosKwargs
from transformers.utils.type_validators import positive_int
from transformers.video_processing_utils import BaseVideoProcessor
from transformers.video_utils import VideoMetadata

from .image_reading_logoformer import is_frame
from .safe_reading_logoformer import read_clip_safely
from .saved_settings_logoformer import (
    PROCESSOR_FILES,
    check_are_settings,
    check_normalisation,
    check_settings,
    check_sizes,
    check_steps,
    drop_code_references,
    error_of_field,
    errors_of_file,
    shown,
)
from .video_reading_logoformer import are_embedded_videos, read_clip

if TYPE_CHECKING:  # saving the processor, too, copies all files of the model: the library follows such lines
    from .configuration_logoformer import LogoFormerConfig

# Of all frames that are resized together: 16 of 1280x720 are.
RESIZED_PIXELS = 16_000_000


def sample_frame_indices(
    total_num_frames: int,
    num_frames: int = 16,
    frames_per_segment: int = 2,
    generator: torch.Generator | None = None,
    place: float = 0.5,
) -> list[int]:
    """
    Indices of the frames that the model gets: the clip is divided into segments, with consecutive frames from each.

    16 frames by 2 are 8 segments. Where `frames_per_segment` does not divide `num_frames`, the last segment has the
    remaining frames and is shorter in proportion. In a clip with fewer than `num_frames` frames every frame is
    repeated about `num_frames / total_num_frames` times, in order.

    Where the frame rate varies, segments are of equal duration. A segment in which fewer frames begin repeats them;
    one in which none begins repeats the frame that is shown.

    Args:
        total_num_frames: frames of the clip; the `FrameCount` that readers give has their times if the rate varies.
        num_frames: frames to choose.
        frames_per_segment: consecutive frames of one segment.
        generator: draws the position inside each segment; None takes `place`.
        place: position inside each segment without a generator, more than 0 and less than 1; 0.5 is the middle.

    Returns:
        `num_frames` sorted indices in `0 .. total_num_frames - 1`; distinct where the clip has as many frames and a
        constant rate.

    Source: the segments of TSN (Wang et al., ECCV 2016) with two frames each, as in a public port (of unknown
    authorship).
    """
    for name, value in (
        ("total_num_frames", total_num_frames),
        ("num_frames", num_frames),
        ("frames_per_segment", frames_per_segment),
    ):
        if value < 1:
            raise ValueError(f"`{name}` is {value}; it must be at least 1.")
    if not 0 < place < 1:
        raise ValueError(f"`place` is {place}; it must be more than 0 and less than 1.")
    times_sec = getattr(total_num_frames, "times_sec", None)
    if times_sec is not None:
        return sample_by_time(times_sec, num_frames, frames_per_segment, generator, place)
    if total_num_frames < num_frames:
        return [(2 * position + 1) * total_num_frames // (2 * num_frames) for position in range(num_frames)]
    indices: list[int] = []
    for chosen in range(0, num_frames, frames_per_segment):
        count = min(frames_per_segment, num_frames - chosen)
        first = chosen * total_num_frames // num_frames
        last = (chosen + count) * total_num_frames // num_frames - count  # the last start inside this segment
        if generator is None:
            start = first + math.ceil(place * (last - first + 1)) - 1
        else:
            start = int(torch.randint(first, last + 1, (), generator=generator))
        indices += range(start, start + count)
    return indices


def sample_by_time(
    times_sec: Sequence[float],
    num_frames: int,
    frames_per_segment: int,
    generator: torch.Generator | None,
    place: float = 0.5,
) -> list[int]:
    """As `sample_frame_indices`, for frames that are shown at these times; the last is the end of the clip."""
    total, begin_sec, duration_sec = len(times_sec) - 1, times_sec[0], times_sec[-1] - times_sec[0]
    starts = times_sec[:-1]

    def shown_at(share: float) -> int:
        """The frame that is shown after this share of the duration."""
        return max(bisect_right(starts, begin_sec + share * duration_sec) - 1, 0)

    if total < num_frames:
        return [shown_at((2 * position + 1) / (2 * num_frames)) for position in range(num_frames)]
    indices: list[int] = []
    for chosen in range(0, num_frames, frames_per_segment):
        count = min(frames_per_segment, num_frames - chosen)
        begin, end = chosen / num_frames, (chosen + count) / num_frames
        first = bisect_left(starts, begin_sec + begin * duration_sec)
        stop = bisect_left(starts, begin_sec + end * duration_sec)  # the first frame of the next segment
        if stop - first < count:
            shown, number = (first, stop - first) if stop > first else (shown_at(begin), 1)
            indices += [shown + (2 * position + 1) * number // (2 * count) for position in range(count)]
            continue
        within = place if generator is None else float(torch.rand((), generator=generator))
        middle = shown_at(begin + within * (end - begin))
        start = min(max(middle - count // 2, first), stop - count)
        indices += range(start, start + count)
    return indices


class LogoFormerVideoProcessorKwargs(VideosKwargs, total=False):
    """
    frames_per_segment (`int`): consecutive frames taken from each segment of the clip.
    generator (`torch.Generator`): draws a random position in each segment (training) instead of its middle.
    safe_decode (`bool`): reads files in a child process with limits on memory and time, for files from strangers; see
        `safe_reading_logoformer.py`.
    """

    frames_per_segment: Annotated[int | None, positive_int()]
    generator: torch.Generator | None
    safe_decode: bool | None


class LogoFormerVideoProcessor(BaseVideoProcessor):
    """
    Converts clips to `pixel_values (batch, frames, channels, height, width)`.

    A clip is a path (`str` or `Path`) of a video file or of a folder of frames, the address of a file (`http://`,
    `https://`), the content of a video file as `bytes` or as `{"bytes": ..., "path": ...}`, which `datasets` gives
    with `Video(decode=False)`, a list of PIL images, frames as one array or tensor or a list of them, `(frames,
    height, width, channels)` or channels first, or a list of encoded images: `bytes`, or `{"bytes": ..., "path": ...}`
    as `datasets` gives with `Image(decode=False)`. A batch is a list of clips. Inside a batch, a list of paths is one
    clip given as its frame files. The shorter side is resized, the centre is cropped, and pixels are normalised as for
    ImageNet, which pretrained ResNets need. JPEG frames are decoded at a half, a quarter or an eighth of their size
    where that leaves enough pixels for resizing.
    """

    resample = PILImageResampling.BILINEAR
    image_mean = IMAGENET_DEFAULT_MEAN
    image_std = IMAGENET_DEFAULT_STD
    size = {"shortest_edge": 112}  # noqa: RUF012 (the library copies it per instance)
    default_to_square = False
    crop_size = {"height": 112, "width": 112}  # noqa: RUF012
    do_resize = True
    do_center_crop = True
    do_rescale = True
    rescale_factor = 1 / 255
    do_normalize = True
    do_convert_rgb = True
    do_sample_frames = True
    num_frames = 16
    frames_per_segment = 2
    safe_decode = False
    model_input_names = ["pixel_values"]  # noqa: RUF012
    valid_kwargs = LogoFormerVideoProcessorKwargs

    def __init__(self, **kwargs: Any) -> None:
        check_are_settings(type(self), kwargs)
        check_sizes(kwargs)
        super().__init__(**kwargs)
        drop_code_references(self)  # of whoever saved it; `save_pretrained` names this model's own code again
        check_settings(self)
        check_steps(self)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:
        """As in the library. Whatever is wrong with the file is a `ValueError` that names it and the field."""
        with errors_of_file(pretrained_model_name_or_path, PROCESSOR_FILES, **kwargs):
            return super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)

    @classmethod
    def from_dict(cls, video_processor_dict: dict[str, Any], **kwargs: Any) -> Any:
        """As in the library. Raises a `ValueError` that names the field by which no processor can be made."""
        if not isinstance(video_processor_dict, dict):
            raise ValueError(
                f"a processor is {shown(video_processor_dict)}; it must be an object, fields with values."
            )

        def build(values: dict[str, Any]) -> Any:
            return super(LogoFormerVideoProcessor, cls).from_dict(values, **kwargs)

        try:
            return build(video_processor_dict)
        except (ImportError, MemoryError, OSError):
            raise
        except Exception as error:  # of any kind: the library checks little
            raise error_of_field(error, video_processor_dict, build) from error

    @classmethod
    def from_config(cls, config: "LogoFormerConfig", **kwargs: Any) -> "LogoFormerVideoProcessor":
        """A processor that gives as many frames and the image size that this configuration has."""
        side_px = config.image_size
        defaults: dict[str, Any] = {
            "num_frames": config.num_frames,
            "size": {"shortest_edge": side_px},
            "crop_size": {"height": side_px, "width": side_px},
        }
        return cls(**defaults | kwargs)

    def sample_frames(
        self,
        metadata: VideoMetadata,
        num_frames: int | None = None,
        frames_per_segment: int | None = None,
        generator: torch.Generator | None = None,
        fps: float | None = None,
        **kwargs: Any,
    ) -> list[int]:
        """Indices of the frames to read, by `sample_frame_indices`."""
        if fps is not None:
            raise ValueError(f"`fps` is {fps}, but LOGO-Former samples clips by segments: give `num_frames` instead.")
        return sample_frame_indices(
            metadata.total_num_frames,
            num_frames=self.num_frames if num_frames is None else num_frames,
            frames_per_segment=self.frames_per_segment if frames_per_segment is None else frames_per_segment,
            generator=generator,
        )

    def _decode_and_sample_videos(
        self,
        videos: Any,
        video_metadata: Any = None,
        do_sample_frames: bool | None = None,
        sample_indices_fn: Callable[..., Sequence[int]] | None = None,
    ) -> tuple[list[Any], list[VideoMetadata]]:
        def choose_indices(num_frames: int) -> Sequence[int]:
            if not do_sample_frames or sample_indices_fn is None:
                return range(num_frames)
            return sample_indices_fn(metadata=VideoMetadata(total_num_frames=num_frames))

        clips, described = zip(*[read(choose_indices) for read in videos], strict=True)
        return list(clips), list(described)

    def _prepare_input_videos(
        self,
        videos: list[np.ndarray | torch.Tensor],
        input_data_format: str | ChannelDimension | None = None,
        device: str | torch.device | None = None,
        do_convert_rgb: bool = False,
    ) -> list[torch.Tensor]:
        prepared = []
        for video in videos:  # each with its own channel order; the library uses that of the first for all
            video = torch.as_tensor(video, device=device)
            if (input_data_format or infer_channel_dimension_format(video)) == ChannelDimension.LAST:
                # (frames, height, width, channels) to channels first as a view: the library's copy is resized slower.
                video = video.permute(0, 3, 1, 2)
            prepared.append(self.convert_to_rgb(video) if do_convert_rgb else video)
        return prepared

    def _preprocess(
        self,
        videos: list[torch.Tensor],
        do_resize: bool,
        size: SizeDict,
        resample: PILImageResampling,
        do_center_crop: bool,
        crop_size: SizeDict,
        do_rescale: bool,
        rescale_factor: float,
        do_normalize: bool,
        image_mean: float | list[float] | None,
        image_std: float | list[float] | None,
        do_convert_rgb: bool = False,  # early releases of the library do not convert before
        return_tensors: str | None = None,
        **kwargs: Any,
    ) -> BatchFeature:
        if do_normalize:
            check_normalisation(image_mean, image_std, rescale_factor)
        # One by one: the library stacks clips of one size before each step, which takes longer than the steps.
        pixel_values = []
        for video in videos:  # (frames, channels, height, width)
            if do_rescale and video.dtype != torch.uint8:
                raise ValueError(
                    f"the frames are {video.dtype}; they must be uint8 (0 to 255), or floating point (0 to 1) with "
                    "`do_rescale=False`."
                )
            if do_convert_rgb:
                video = self.convert_to_rgb(video)
            if do_resize:
                # A few large frames at a time, since resizing copies them.
                parts = video.split(max(1, RESIZED_PIXELS // (video.shape[-2] * video.shape[-1] or 1)))
                resized = [self.resize(part, size=size, resample=resample) for part in parts]
                video = resized[0] if len(resized) == 1 else torch.cat(resized)
            if do_center_crop:
                video = self.center_crop(video, crop_size)
            video = self.rescale_and_normalize(video, do_rescale, rescale_factor, do_normalize, image_mean, image_std)
            pixel_values.append(video)
        return BatchFeature({"pixel_values": pixel_values}, tensor_type=return_tensors)

    def preprocess(self, videos: Any, **kwargs: Unpack[LogoFormerVideoProcessorKwargs]) -> BatchFeature:
        """`videos` to `pixel_values (batch, frames, channels, height, width)`; for clips see the class."""
        read = read_clip_safely if kwargs.get("safe_decode", self.safe_decode) else read_clip
        return_tensors = kwargs.pop("return_tensors", getattr(self, "return_tensors", None))
        # The library calls `_decode_and_sample_videos` without the options of the call, so each reader stores it.
        readers = [ClipReader(partial(read, clip), self.min_decoded_side_px(**kwargs)) for clip in as_batch(videos)]
        features = super().preprocess(readers, **kwargs)
        clips = [reader.repeat(clip) for reader, clip in zip(readers, features.pop("pixel_values"), strict=True)]
        return BatchFeature(BatchFeature({"pixel_values": clips}, tensor_type=return_tensors) | features)

    def min_decoded_side_px(self, **kwargs: Any) -> int | None:
        """Smallest shorter side in pixels that is not enlarged with these options; None keeps the full size."""
        if not kwargs.get("do_resize", self.do_resize):
            return None
        size = get_size_dict(kwargs.get("size", self.size), default_to_square=False)
        return max((size[side] for side in ("shortest_edge", "height", "width") if size.get(side)), default=None)


class ClipReader:
    """
    Reads one clip. A frame that is chosen several times, as in short clips, is read and resized once.

    Args:
        read: `read_clip` or `read_clip_safely` of the clip.
        min_decoded_side_px: as there.
    """

    def __init__(self, read: Callable[..., tuple[Any, VideoMetadata]], min_decoded_side_px: int | None):
        self._read, self._min_side_px = read, min_decoded_side_px
        self._chosen: list[int] = []

    def __call__(self, choose_indices: Callable[..., Sequence[int]]) -> tuple[Any, VideoMetadata]:
        """Each chosen frame once, and the metadata with the indices as they were chosen."""

        def choose_distinct(*counts: Any) -> list[int]:
            self._chosen = list(choose_indices(*counts))
            return sorted(set(self._chosen))

        frames, metadata = self._read(choose_distinct, self._min_side_px)
        metadata.frames_indices = self._chosen
        return frames, metadata

    def repeat(self, frames: torch.Tensor) -> torch.Tensor:
        """The distinct frames that were read, processed, as often as they were chosen, `(chosen, ...)`."""
        if len(frames) == len(self._chosen):
            return frames
        position = {index: number for number, index in enumerate(sorted(set(self._chosen)))}
        return frames[[position[index] for index in self._chosen]]


def as_batch(videos: Any) -> list[Any]:
    """A list of clips from one clip or a batch; `LogoFormerVideoProcessor` describes the accepted clips."""
    if isinstance(videos, (str, Path, bytes, dict, Image.Image)):
        return [videos]
    if isinstance(videos, (np.ndarray, torch.Tensor)):
        if videos.ndim in (3, 4):  # one frame, one clip
            return [videos]
        if videos.ndim == 5:
            return list(videos)
        raise ValueError(
            f"`videos` has shape {tuple(videos.shape)}; it must be (frames, height, width, channels), (frames, "
            "channels, height, width) or a batch of one of them."
        )
    if not isinstance(videos, (list, tuple)):
        raise ValueError(
            f"`videos` is a {type(videos).__name__}; it must be a path, a folder, the bytes of a video, frames (PIL "
            "images, arrays or tensors), or a list of them."
        )
    if not videos:
        raise ValueError("`videos` is empty; it must have at least one clip, and a clip at least one frame.")
    if is_frame(videos[0]) and not are_embedded_videos(videos):
        return [videos]
    clips = []
    for item in videos:
        is_frames = (
            isinstance(item, (list, tuple)) and item and (is_frame(item[0]) or isinstance(item[0], (str, Path)))
        )
        clips += [item] if is_frames else as_batch(item)
    return clips


__all__ = ["LogoFormerVideoProcessor"]
