"""Faces in footage: found, followed over time, rated and cropped as the model sees them."""
