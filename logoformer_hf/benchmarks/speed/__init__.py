"""
`logoformer benchmark`: what LOGO-Former costs on this machine, beside other video classifiers.

models.py has what is compared, measuring.py how time is taken, parts.py and stages.py what is measured, memory.py the
peak memory in processes of their own, results.py the ratios, page.py the tables, pictures.py the pictures.
"""
