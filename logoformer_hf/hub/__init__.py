"""Publishing on the Hub: cards, models, prepared data sets."""
