import av
import cv2
import numpy as np
import pytest
from errors import raises_naming

from logoformer_hf import VideoReadError
from logoformer_hf.faces.clip_faces import NoFaceError, crop_clip, main_track
from logoformer_hf.faces.detector import Face, YuNetDetector
from logoformer_hf.faces.follow import FaceFollower, TrackedFace, TrackedFrame
from logoformer_hf.faces.footage import Footage, FootageFrame
from logoformer_hf.faces.geometry import crop_face


@pytest.fixture(scope="module")
def detector(detector_file) -> YuNetDetector:
    return YuNetDetector(detector_file)


@pytest.mark.parametrize(
    ("name", "num_frames"), [("face_frontal.mp4", 72), ("face_far.mkv", 87), ("two_faces.gif", 56)]
)
def test_one_crop_a_frame_of_the_main_person(name, num_frames, media, detector):
    crops = list(crop_clip(media / name, detector, 112))
    assert len(crops) == num_frames and {crop.shape for crop in crops} == {(112, 112, 3)}
    for crop in crops[::20]:
        large = cv2.resize(crop, (320, 320), interpolation=cv2.INTER_CUBIC)
        best = max(detector.detect(large), key=lambda face: face.score)
        assert np.abs(best.landmarks.mean(axis=0) / 320 - (0.496, 0.579)).max() < 0.06  # where the crop has a face


def test_the_crops_are_those_of_the_follower(media, detector):
    crops = list(crop_clip(media / "face_frontal.mp4", detector, 96))
    follower, faces = FaceFollower(detector), []
    with Footage(media / "face_frontal.mp4") as footage:
        for frame in footage:
            faces += follower.push(frame, True)
    faces += follower.finish()
    for crop, tracked in zip(crops, faces, strict=True):
        assert np.array_equal(crop, crop_face(tracked.frame.pixels, tracked.faces[0].face.landmarks, 96))


def test_frames_before_and_after_the_face_are_cropped_where_it_is_nearest(media, detector, tmp_path):
    with Footage(media / "face_frontal.mp4") as footage:
        pictures = [frame.pixels for frame in footage][:30]
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, options={"qscale": "2"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for pixels in [*[np.zeros_like(pictures[0])] * 9, *pictures, *[np.zeros_like(pictures[0])] * 6]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    crops = list(crop_clip(path, detector, 64))
    assert len(crops) == 45
    means = np.array([crop.mean() for crop in crops])
    assert (means[:9] < 5).all() and (means[-6:] < 5).all() and (means[9:-6] > 50).all()


def test_nobody_is_an_error_that_names_the_clip(media, detector):
    with raises_naming(NoFaceError, media / "no_face.mp4") as caught:
        list(crop_clip(media / "no_face.mp4", detector, 112))
    assert isinstance(caught.value, VideoReadError)
    with raises_naming(VideoReadError, "gone.mp4"):
        list(crop_clip("gone.mp4", detector))


def test_clips_that_are_cropped_already(tmp_path, write_video):
    path = write_video(tmp_path / "clip.mkv", 7, codec="ffv1", size=(64, 48), pix_fmt="bgr0")
    crops = list(crop_clip(path, None, 48))
    with Footage(path) as footage:
        for crop, frame in zip(crops, footage, strict=True):
            assert np.array_equal(crop, frame.pixels[:, 8:56])


def test_who_is_there_longest_and_largest_is_the_main_person():
    def tracked(**sides: float) -> TrackedFrame:
        faces = [
            TrackedFace(int(name[1:]), Face(np.array([0, 0, side, side]), np.zeros((5, 2)), 1.0), 1.0, False)
            for name, side in sides.items()
        ]
        return TrackedFrame(FootageFrame(0, 0.0), tuple(faces), (), False)

    assert main_track([]) is None and main_track([tracked()]) is None
    assert main_track([tracked(p1=10, p2=20), tracked(p1=10)]) == 2
    assert main_track([tracked(p1=10, p2=20)] + [tracked(p1=10)] * 4) == 1
    assert main_track([tracked(p2=10, p1=10)]) == 1
