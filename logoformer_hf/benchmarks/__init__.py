"""What the numbers in the documentation come from: `python -m logoformer_hf.benchmarks.<name>`."""
