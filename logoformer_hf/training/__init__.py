"""Training: arguments and recipes, losses, the Trainer, runs and their folders."""
