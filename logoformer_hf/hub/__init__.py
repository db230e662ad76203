"""What goes to the Hub: cards, models, prepared data sets."""
