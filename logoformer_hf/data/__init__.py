"""Sources of clips. Every source gives rows with the columns of `logoformer_hf.data.rows.clip_features`."""
