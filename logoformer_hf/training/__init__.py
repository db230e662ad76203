"""Training: arguments and recipes, losses, the Trainer, and runs with their folders."""
