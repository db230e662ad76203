"""Sources of clips, one file each, and the table of them."""
