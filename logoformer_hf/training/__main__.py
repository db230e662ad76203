"""`python -m logoformer_hf.training` and `accelerate launch -m logoformer_hf.training`: the same as `train_hf.py`."""

if __name__ == "__main__":  # a spawned worker of a data loader also imports this file
    from .program import run

    run()
