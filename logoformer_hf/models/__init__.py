"""Models to train and compare: loading, labels, inputs, pretrained frame encoders."""
