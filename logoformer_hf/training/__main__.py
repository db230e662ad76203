"""`python -m logoformer_hf.training`, and `accelerate launch -m logoformer_hf.training`: what `train_hf.py` does."""

if __name__ == "__main__":  # a data loader's worker that is spawned imports this file, and needs nothing of it
    from .train import main

    main()
