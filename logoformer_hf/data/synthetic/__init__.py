"""
Synthetic faces, from the plan of a clip to its mp4 file.

The modules that draw import only numpy, OpenCV, PyAV and one another. The program that writes clips (`writer.py`), of
which one process per core is started, therefore starts in a fraction of a second, without torch.
"""
