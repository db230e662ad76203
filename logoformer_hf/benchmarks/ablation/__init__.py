"""What does each part of LOGO-Former contribute? Trains variants and other models on synthetic clips.

Run it by `python -m logoformer_hf.benchmarks.ablation`.
"""
