"""Does each part of LOGO-Former earn its place? Variants, seeds and peers on drawn clips.

Run it by `python -m logoformer_hf.benchmarks.ablation`.
"""
