"""
Drawn faces: from a plan to pixels.

The files here import only numpy, OpenCV, PyAV and one another, so that the program that writes clips (`writer.py`),
which is started once per core, is there in a fraction of a second, without torch.
"""
