"""Clips as rows, from any source: labels, splits, data set, sampler, collator, transforms, shards."""
