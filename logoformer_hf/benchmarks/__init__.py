"""Programs that measure the numbers in the documentation: `python -m logoformer_hf.benchmarks.<name>`."""
