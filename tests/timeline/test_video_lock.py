"""One program at a time makes the outputs of a video."""

import subprocess
import sys

import pytest

from logoformer_hf.timeline.video_lock import InUseError, lock_file, video_lock

HOLD = """
import sys
from pathlib import Path
from logoformer_hf.timeline.video_lock import video_lock
with video_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_is_refused_until_the_first_one_is_killed(tmp_path):
    base = tmp_path / "new folder" / "a.mp4"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(base)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(InUseError, match="another program"), video_lock(base):
        pass
    holder.kill()
    holder.wait()
    with video_lock(base):
        assert lock_file(base).exists()
    assert list(base.parent.iterdir()) == []  # nothing is left


def test_outputs_of_other_videos_and_none_are_free(tmp_path):
    with video_lock(tmp_path / "a"), video_lock(tmp_path / "b"), video_lock(None):
        pass
